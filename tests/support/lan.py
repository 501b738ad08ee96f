"""Network namespaces, and a small local network of them: hosts on one bridge, without a way to anywhere else. Needs root."""

import os
import subprocess


def ip(*words, check=True):
    return subprocess.run(["ip", *[str(w) for w in words]], check=check, capture_output=True, text=True)


class Namespaces:
    """Network namespaces that carry this process's id in their names; they and all devices in them are gone after `close`."""

    def __init__(self, prefix="usw"):
        self.prefix = f"{prefix}{os.getpid()}-"
        self.names = []

    def add(self, short):
        """Makes the namespace of this short name, with its loopback up; its full name."""
        name = self.prefix + short
        ip("netns", "add", name)
        self.names.append(name)
        ip("-n", name, "link", "set", "lo", "up")
        return name

    def close(self):
        for name in self.names:
            ip("netns", "del", name, check=False)
        self.names = []


class Lan(Namespaces):
    """`hosts` namespaces with the addresses 10.77.0.1, 10.77.0.2 ..."""

    def __init__(self, hosts):
        super().__init__()
        try:
            self.switch = self.add("switch")
            ip("-n", self.switch, "link", "add", "bridge", "type", "bridge")
            ip("-n", self.switch, "link", "set", "bridge", "up")
            for number in range(1, hosts + 1):
                self._plug_in(number)
        except (OSError, subprocess.CalledProcessError):
            self.close()
            raise

    @staticmethod
    def possible():
        """Whether namespaces with devices may be made here: containers often forbid it."""
        if os.geteuid() != 0:
            return False
        try:
            Lan(1).close()
        except (OSError, subprocess.CalledProcessError):
            return False
        return True

    def host(self, number):
        return self.prefix + str(number)

    @staticmethod
    def address(number):
        return f"10.77.0.{number}"

    def _plug_in(self, number):
        host, port = self.add(str(number)), f"port{number}"
        ip("-n", self.switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", host)
        ip("-n", self.switch, "link", "set", port, "master", "bridge", "up")
        ip("-n", host, "address", "add", f"{self.address(number)}/24", "dev", "eth0")
        ip("-n", host, "link", "set", "eth0", "up")
