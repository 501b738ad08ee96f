#!/usr/bin/env python3
"""Whether the way to the seeder is a tunnel says the kernel, however the tunnel's program leads everything into it."""

from base import WorldTest, main
from lan import Lan, Namespaces, ip

SEEDER, SEEDER_OF_V6 = "198.18.0.1", "2001:db8:5::1"  # nobody is there: what counts is the way


class Tunnel(WorldTest):
    def setUp(self):
        if not Lan.possible():
            self.skipTest("namespaces with devices cannot be made here")
        self.network = Namespaces()
        self.addCleanup(self.network.close)
        self.host = self.network.add("host")
        self.device("eth0", "veth", "10.77.0.1/24", "2001:db8:77::1/64")
        self.route("default", "via", "10.77.0.254")
        self.route("default", "via", "2001:db8:77::fe")

    def device(self, name, kind, *addresses):
        if kind == "veth":
            ip("-n", self.host, "link", "add", name, "type", "veth", "peer", "name", name + "-peer")
            ip("-n", self.host, "link", "set", name + "-peer", "up")
        else:
            ip("-n", self.host, "tuntap", "add", name, "mode", kind)
        ip("-n", self.host, "link", "set", name, "up")
        for one in addresses:
            ip("-n", self.host, "address", "add", one, "dev", name, *(["nodad"] if ":" in one else []))

    def route(self, *words):
        ip("-n", self.host, *(["-6"] if any(":" in word for word in words) else []), "route", "add", *words)

    def is_open(self, seeder=SEEDER):
        """Whether the gate for tunnels is open on a machine with this seeder."""
        world = self.world(tls=False, address=seeder if "." in seeder else f"[{seeder}]").init()
        machine = world.machine("m1", address="127.0.0.1", namespace=self.host).start()
        return next(one["open"] for one in machine.command("why").json()["gates"] if one["name"] == "upload_by_vpn")

    def test_a_tunnel_that_is_not_the_way_counts_for_nothing(self):
        self.device("tun0", "tun", "10.8.0.2/24", "2001:db8:8::2/64")
        self.assertEqual((self.is_open(), self.is_open(SEEDER_OF_V6)), (True, True))

    def test_two_halves_in_place_of_the_default_route(self):  # OpenVPN, redirect-gateway def1
        self.device("tun0", "tun", "10.8.0.2/24")
        for half in ("0.0.0.0/1", "128.0.0.0/1"):
            self.route(half, "via", "10.8.0.1")
        self.assertFalse(self.is_open())

    def test_a_table_of_its_own(self):  # wg-quick
        self.device("tun0", "tun", "10.8.0.2/32")
        self.route("default", "dev", "tun0", "table", "51820")
        ip("-n", self.host, "rule", "add", "not", "fwmark", "51820", "table", "51820")
        self.assertFalse(self.is_open())

    def test_ipv6(self):
        self.device("tun0", "tun", "2001:db8:8::2/64")
        self.route("2000::/3", "dev", "tun0")
        self.assertEqual((self.is_open(), self.is_open(SEEDER_OF_V6)), (True, False))


if __name__ == "__main__":
    main()
