"""The laboratory's network: a datacenter, a router, and sites behind links of their own. Needs root.

Every link has the same form in both directions: a token bucket at each end. Segmentation offload is off everywhere, so
that a device counts packets as a wire would.
"""

import dataclasses
import json
import pathlib
import re
import subprocess
import sys

from lan import Namespaces, ip
from world import Failure, Program, wait_until

HERE = pathlib.Path(__file__).resolve().parent
DATACENTER = "10.254.0.1"
ETHERNET, IP_AND_TCP = 14, 52  # bytes a packet: with time stamps, as Linux sends them
OFFLOADS = {"gso": "generic-segmentation-offload", "tso": "tcp-segmentation-offload", "gro": "generic-receive-offload"}


def inside(namespace, *words, check=True):
    """Runs a command in a namespace; what it wrote."""
    done = subprocess.run(["ip", "netns", "exec", namespace, *[str(w) for w in words]], capture_output=True, text=True)
    if check and done.returncode != 0:
        raise Failure(f"{' '.join(str(w) for w in words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


@dataclasses.dataclass
class Traffic:
    """What crossed a device in one direction."""

    bytes: int
    packets: int
    header: int

    @property
    def payload(self):
        return max(0, self.bytes - self.header * self.packets)

    def since(self, before):
        return Traffic(self.bytes - before.bytes, self.packets - before.packets, self.header)


class Network(Namespaces):
    """Namespaces `datacenter`, `core` (the router), `site(i)` (a site's switch and gateway) and `host(i, j)`; from 1.

      datacenter 10.254.0.1 --- core --- site 1, bridge 10.1.0.0/24 --- host(1, 1) 10.1.0.1, host(1, 2) 10.1.0.2 ...
                                     --- site 2, bridge 10.2.0.0/24 --- ...
    """

    def __init__(self, shape, sites, hosts, has_user=False):
        super().__init__("uswlab")
        self.shape, self.sites, self.hosts = shape, sites, hosts
        self.user = (1, hosts + 1) if has_user else None  # a host at the first site that is no machine of ours
        self.lines = []
        self.wan_is_tun = shape.wan_round_trip_ms > 0 or shape.wan_loss_percent > 0
        try:
            self.core = self._namespace("core")
            self.datacenter = self._namespace("dc")
            self._connect_datacenter()
            for site in range(1, sites + 1):
                self._build_site(site)
            inside(self.core, "nft", "add table ip lab; add chain ip lab forward { type filter hook forward priority 0; }")
            if shape.lower_effort:
                inside(self.core, "nft", "add rule ip lab forward ip dscp 1 meta priority set 1:20")
        except BaseException:
            self.close()
            raise

    @staticmethod
    def why_not():
        """Why there can be no laboratory here; empty: there can."""
        from shutil import which
        missing = [tool for tool in ("ip", "tc", "ethtool", "nft") if not which(tool)]
        if missing:
            return f"not installed: {', '.join(missing)} (packaging/setup.sh --lab)"
        from scenario import NetworkShape
        try:
            Network(NetworkShape(), 1, 1).close()
        except (Failure, OSError, subprocess.CalledProcessError) as problem:
            return f"{problem} {getattr(problem, 'stderr', '') or ''}".strip()
        return ""

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()

    def close(self):
        for line in self.lines:
            line.kill()
        super().close()

    def site(self, site):
        return f"{self.prefix}s{site}"

    def host(self, site, host):
        return f"{self.prefix}s{site}h{host}"

    @staticmethod
    def address(site, host):
        return f"10.{site}.0.{host}"

    def places(self):
        """(site, host) of all machines."""
        return [(site, host) for site in range(1, self.sites + 1) for host in range(1, self.hosts + 1)]

    # ---- building ----

    def _namespace(self, short):
        name = self.add(short)
        settings = ["net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1", "net.ipv4.ip_forward=1"]
        if self.shape.congestion:
            settings.append(f"net.ipv4.tcp_congestion_control={self.shape.congestion}")
        inside(name, "sysctl", "-q", "-w", *settings)
        return name

    def _cable(self, one, one_device, other, other_device, rate, latency_ms):
        ip("-n", one, "link", "add", "name", one_device, "type", "veth", "peer", "name", other_device, "netns", other)
        for namespace, device in ((one, one_device), (other, other_device)):
            self._set_up(namespace, device, rate, latency_ms)

    def _set_up(self, namespace, device, rate, latency_ms):
        self._offload_off(namespace, device)
        ip("-n", namespace, "link", "set", device, "up")
        burst = max(16_000, int(rate * 1_000_000 / 8 * 0.002))  # two milliseconds
        inside(namespace, "tc", "qdisc", "replace", "dev", device, "root", "tbf", "rate", f"{rate}mbit", "burst", burst,
               "latency", f"{latency_ms}ms")

    @staticmethod
    def _offload_off(namespace, device):
        inside(namespace, "ethtool", "-K", device, *[word for short in OFFLOADS for word in (short, "off")], check=False)
        features = inside(namespace, "ethtool", "-k", device)
        for long in OFFLOADS.values():
            if not re.search(rf"^{long}: off", features, re.MULTILINE):
                raise Failure(f"{device} of {namespace}: {long} cannot be switched off, so its counters would miss headers")

    def _connect_datacenter(self):
        self._cable(self.core, "dc", self.datacenter, "eth0", self.shape.datacenter_rate, 50)
        ip("-n", self.core, "address", "add", "10.254.0.254/24", "dev", "dc")
        ip("-n", self.datacenter, "address", "add", f"{DATACENTER}/24", "dev", "eth0")
        ip("-n", self.datacenter, "route", "add", "default", "via", "10.254.0.254")

    def _build_site(self, site):
        gateway = self._namespace(f"s{site}")
        wan = f"wan{site}"
        if self.wan_is_tun:
            self._delay_line(wan, gateway)
        else:
            self._cable(self.core, wan, gateway, "wan", self.shape.wan_rate, self.shape.wan_queue_ms)
        if self.shape.lower_effort:
            self._let_lower_effort_wait(wan)
        ip("-n", self.core, "address", "add", f"10.253.{site}.1/30", "dev", wan)
        ip("-n", gateway, "address", "add", f"10.253.{site}.2/30", "dev", "wan")
        ip("-n", self.core, "route", "add", f"10.{site}.0.0/24", "via", f"10.253.{site}.2")
        ip("-n", gateway, "route", "add", "default", "via", f"10.253.{site}.1")
        ip("-n", gateway, "link", "add", "bridge", "type", "bridge", "mcast_snooping", "0")
        ip("-n", gateway, "address", "add", f"10.{site}.0.254/24", "dev", "bridge")
        ip("-n", gateway, "link", "set", "bridge", "up")
        if self.shape.nat:
            inside(gateway, "nft", "add table ip lab; add chain ip lab out { type nat hook postrouting priority 100; }; "
                   "add rule ip lab out oifname wan masquerade")
        for host in range(1, self.hosts + 1):
            self._plug_in(site, host)
        if self.user and self.user[0] == site:
            self._plug_in(*self.user)

    def _plug_in(self, site, host):
        name, port = self._namespace(f"s{site}h{host}"), f"port{host}"
        self._cable(self.site(site), port, name, "eth0", self.shape.lan_rate, 20)
        ip("-n", self.site(site), "link", "set", port, "master", "bridge")
        ip("-n", name, "address", "add", f"{self.address(site, host)}/24", "dev", "eth0")
        ip("-n", name, "route", "add", "default", "via", f"10.{site}.0.254")

    def _let_lower_effort_wait(self, wan):
        """Towards the site: two classes, the second (1:20) for what is marked, with 1/16 of the rate while the first wants all,
        as in the lowest tin of cake's diffserv4. Each has the queue that the link would have."""
        rate = self.shape.wan_rate
        burst, queue = ["burst", 16_000, "cburst", 16_000], int(rate * 1_000_000 / 8 * self.shape.wan_queue_ms / 1000)
        device = ("dev", wan)
        inside(self.core, "tc", "qdisc", "replace", *device, "root", "handle", "1:", "htb", "default", 10)
        inside(self.core, "tc", "class", "add", *device, "parent", "1:", "classid", "1:1", "htb", "rate", f"{rate}mbit", *burst)
        for number, share, order in ((10, 15 / 16, 0), (20, 1 / 16, 1)):
            inside(self.core, "tc", "class", "add", *device, "parent", "1:1", "classid", f"1:{number}", "htb", "rate", f"{rate * share}mbit",
                   "ceil", f"{rate}mbit", "prio", order, "quantum", 3000, *burst)
            inside(self.core, "tc", "qdisc", "add", *device, "parent", f"1:{number}", "bfifo", "limit", queue)

    def _delay_line(self, wan, gateway):
        """Not every kernel has netem: packets wait, and get lost, in a small program between two tun devices."""
        line = Program([sys.executable, HERE / "programs/delay_line.py", self.core, wan, gateway, "wan",
                        self.shape.wan_round_trip_ms / 2, self.shape.wan_loss_percent], "/dev/null")
        self.lines.append(line.start())
        for namespace, device in ((self.core, wan), (gateway, "wan")):
            wait_until(f"{device} is there", lambda n=namespace, d=device: ip("-n", n, "link", "show", d, check=False).returncode == 0, 10)
            self._set_up(namespace, device, self.shape.wan_rate, self.shape.wan_queue_ms)

    # ---- counting ----

    def _devices(self, namespace):
        return {one["ifname"]: one["stats64"] for one in json.loads(ip("-n", namespace, "-s", "-j", "link", "show").stdout)}

    def _traffic(self, stats, direction, is_tun=False):
        return Traffic(stats[direction]["bytes"], stats[direction]["packets"], IP_AND_TCP + (0 if is_tun else ETHERNET))

    def at_router(self):
        """What the router's devices counted so far: {"out": out of the datacenter, "back": into it, "into": {site: ...}, "from": ...}."""
        stats = self._devices(self.core)
        wans = {site: stats[f"wan{site}"] for site in range(1, self.sites + 1)}
        return {"out": self._traffic(stats["dc"], "rx"), "back": self._traffic(stats["dc"], "tx"),
                "into": {site: self._traffic(one, "tx", self.wan_is_tun) for site, one in wans.items()},
                "from": {site: self._traffic(one, "rx", self.wan_is_tun) for site, one in wans.items()}}

    def at_ports(self):
        """What the ports of the sites' switches counted so far: {(site, host): {"got": to the host, "sent": from it}}."""
        switches = {site: self._devices(self.site(site)) for site in range(1, self.sites + 1)}
        ports = {(site, host): switches[site][f"port{host}"] for site, host in self.places()}
        return {place: {"got": self._traffic(stats, "tx"), "sent": self._traffic(stats, "rx")} for place, stats in ports.items()}

    # ---- breaking ----

    def block_bittorrent(self, port):
        """The datacenter's BitTorrent port is closed by a firewall that does not say so."""
        inside(self.core, "nft", f"add rule ip lab forward ip daddr {DATACENTER} tcp dport {port} drop")

    def block_announces(self):
        """A firewall cuts every connection to the datacenter that asks for /announce; all else passes. Plain HTTP alone.

        The request begins where the TCP header ends: after 20 bytes, or 32 with time stamps.
        """
        for header in (20, 32):
            words = f"@th,{header * 8},32 0x47455420 @th,{header * 8 + 32},72 0x2f616e6e6f756e6365"  # "GET " and "/announce"
            inside(self.core, "nft", f"add rule ip lab forward ip daddr {DATACENTER} tcp doff {header // 4} {words} reject with tcp reset")
