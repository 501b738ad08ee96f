"""A small local network of network namespaces: hosts on one bridge, without a way to anywhere else. Needs root."""

import os
import subprocess


def ip(*words, check=True):
    return subprocess.run(["ip", *[str(w) for w in words]], check=check, capture_output=True, text=True)


class Lan:
    """`hosts` namespaces with the addresses 10.77.0.1, 10.77.0.2 ...; all of it is gone after `close`."""

    def __init__(self, hosts):
        self.names = []
        self.switch = f"usw{os.getpid()}-switch"
        try:
            self._add(self.switch)
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
        return f"usw{os.getpid()}-{number}"

    @staticmethod
    def address(number):
        return f"10.77.0.{number}"

    def close(self):
        for name in self.names:
            ip("netns", "del", name, check=False)
        self.names = []

    def _add(self, name):
        ip("netns", "add", name)
        self.names.append(name)
        ip("-n", name, "link", "set", "lo", "up")

    def _plug_in(self, number):
        host, port = self.host(number), f"port{number}"
        self._add(host)
        ip("-n", self.switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", host)
        ip("-n", self.switch, "link", "set", port, "master", "bridge", "up")
        ip("-n", host, "address", "add", f"{self.address(number)}/24", "dev", "eth0")
        ip("-n", host, "link", "set", "eth0", "up")
