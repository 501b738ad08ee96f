#!/usr/bin/env python3
"""Neighbours that mean no good: the update comes all the same, and the log says who they were."""

import hashlib
import json
import re
import subprocess
import sys

from base import HERE, WorldTest, big, main, wait_until
from lan import Lan
from watch import Watch
from world import Program

SEEDER, HOSTILE, FIRST = 1, 2, 3
MACHINES = 2
PORT = 6999
MEMORY = 25 << 20  # of an agent's own, whatever neighbours do
LOCAL_DISCOVERY = 6771
BITTORRENT = 6881


class Hostile(WorldTest):
    def setUp(self):
        if not Lan.possible():
            self.skipTest("namespaces with devices cannot be made here")
        self.lan = Lan(2 + MACHINES)
        self.addCleanup(self.lan.close)

    def released(self, files=None, seeder=None, **more):
        """A world with a release, by default of 3 MiB, and the info-hash of its package."""
        world = self.world(tls=False, seeder=seeder, address=self.lan.address(SEEDER), namespace=self.lan.host(SEEDER)).init()
        world.start_seeder()
        world.release("1.0.0", world.tree("1.0.0", files or big("1.0.0")), **more)
        world.await_taken_in()
        return world, self.info_hash(world)

    def info_hash(self, world):
        published = next((world.seeder_folder / "repository/targets").rglob("*.upk.torrent")).read_bytes()
        return hashlib.sha1(published[published.index(b"4:info") + 6:-1]).hexdigest()

    def said_to(self, number, hello=b""):
        """The first byte that a machine answers the hostile neighbour, who connects and says hello; empty where it is cut off."""
        script = (f"import socket; link = socket.create_connection(({self.lan.address(FIRST + number)!r}, {BITTORRENT}), 10); "
                  f"link.sendall({hello!r}); import sys; sys.stdout.buffer.write(link.recv(1))")
        call = ["ip", "netns", "exec", self.lan.host(HOSTILE), sys.executable, "-c", script]
        return subprocess.run(call, capture_output=True, timeout=30).stdout

    def started(self, world, **swarm):
        """Machines on the network, with these settings of their swarm."""
        machines = [world.machine(f"m{n}", address=self.lan.address(FIRST + n), namespace=self.lan.host(FIRST + n)) for n in range(MACHINES)]
        for machine in machines:
            machine.agent_settings["swarm"].update(swarm)
            machine.write_configs()
            machine.start()
        return machines

    def beset(self, manner, **swarm):
        """A world whose machines have a neighbour of this manner, and none of them the release yet."""
        world, info_hash = self.released()
        here = self.lan.address(HOSTILE)
        targets = world.seeder_folder / "repository/targets"
        piece_length = re.search(rb"12:piece lengthi(\d+)e", next(targets.rglob("*.upk.torrent")).read_bytes()).group(1).decode()
        peer = Program([sys.executable, HERE.parent / "support/bad_peer.py", manner, "--listen", f"{here}:{PORT}", "--tracker", world.seeder_url,
                        "--info-hash", info_hash, "--package", next(targets.rglob("*.upk")), "--piece-length", piece_length],
                       world.folder / "hostile.log", namespace=self.lan.host(HOSTILE)).start()
        self.addCleanup(peer.kill)
        self.await_known(world, info_hash)
        machines = self.started(world, **swarm)
        for machine in machines:
            machine.await_version("1.0.0", seconds=90)
        return world, machines

    def await_known(self, world, info_hash):
        """Waits until the tracker names the hostile neighbour."""
        escaped = "".join(f"%{info_hash[n:n + 2]}" for n in range(0, 40, 2))
        query = f"{world.seeder_url}/announce?info_hash={escaped}&peer_id={'x' * 20}&port=1&left=1&upswarm=1&lead=0"
        compact = bytes(map(int, self.lan.address(HOSTILE).split("."))) + PORT.to_bytes(2, "big")

        def is_named():
            script = f"import urllib.request, sys; sys.stdout.buffer.write(urllib.request.urlopen({query!r}, timeout=5).read())"
            return compact in world.inside(sys.executable, "-c", script)
        wait_until("the tracker knows the hostile neighbour", is_named)

    def sums_agree(self, machines):
        for machine in machines:
            done = machine.history()[0]["bytes"]
            self.assertEqual(sum(done.get(source, 0) for source in ("disk", "site", "other", "origin_bt", "origin_http")), self.size(machine))

    def fetched_once(self, machines):
        """One of them fetched for all what each now has."""
        came = [machine.history()[0]["bytes"] for machine in machines]
        each = sum(came[0][source] for source in ("site", "origin_bt", "origin_http"))
        self.assertLess(sum(one["origin_bt"] + one["origin_http"] for one in came), 1.5 * each, came)

    def size(self, machine):
        return next((machine.world.seeder_folder / "repository/targets").rglob("*.upk")).stat().st_size

    def test_one_that_sends_garbage_is_banned_by_name(self):
        _, machines = self.beset("garbage")
        self.sums_agree(machines)
        words = "".join(machine.agent.words() for machine in machines)
        self.assertIn(f"a neighbour is banned: it sent bytes that fail their check neighbour={self.lan.address(HOSTILE)}", words)

    def test_one_that_accepts_and_sends_nothing_is_shut_out_by_name(self):
        world, machines = self.beset("silent", may_lead=False, http_after="25s", listen_port=BITTORRENT)  # it is asked until then, and it alone
        self.sums_agree(machines)
        self.all_say(machines, "a neighbour is shut out: it takes requests and sends nothing")
        hello = b"\x13BitTorrent protocol" + bytes(8) + bytes.fromhex(self.info_hash(world)) + b"-BAD000-" + b"1" * 12
        for number in range(MACHINES):  # it may have been asleep
            wait_until("it is let in when it comes", lambda number=number: b"\x13" in self.said_to(number, hello), 20)

    def test_one_that_lies_about_what_it_has_is_shut_out_by_name(self):
        _, machines = self.beset("liar")
        self.sums_agree(machines)
        self.all_say(machines, "a neighbour is shut out: it refuses what it says it has")

    def all_say(self, machines, what):
        """Each says it of the hostile neighbour, and of nobody else."""
        for machine in machines:
            of_whom = re.findall(re.escape(what) + r" neighbour=(\S+)", machine.agent.words())
            self.assertEqual(set(of_whom), {self.lan.address(HOSTILE)}, machine.agent.words()[-3000:])

    def test_one_from_outside_the_site_is_refused_by_name(self):
        networks = [f"{self.lan.address(FIRST + n)}/32" for n in range(MACHINES)]
        world, _ = self.released(seeder={"sites": [{"name": "here", "networks": networks}]})
        machines = self.started(world, listen_port=BITTORRENT)
        for number, machine in enumerate(machines):
            machine.await_version("1.0.0")
            for _ in range(3):
                self.assertEqual(self.said_to(number), b"")
            said = f"a peer is refused: it is not of this site peer={self.lan.address(HOSTILE)}"
            wait_until(f"{machine.name} names the outsider", lambda machine=machine, said=said: said in machine.agent.words())
            self.assertEqual(machine.agent.words().count(said), 1)

    def test_one_that_leads_and_does_nothing_is_replaced(self):
        world, machines = self.beset("leader", http_after="60s")
        self.sums_agree(machines)
        self.assertIn("a lease is passed on", world.seeder.words())
        self.fetched_once(machines)

    def test_one_that_leads_and_drips_sends_nobody_to_the_origin(self):
        world, machines = self.beset("drip", http_after="10s")
        self.sums_agree(machines)
        self.assertIn("a lease is passed on", world.seeder.words())
        self.fetched_once(machines)
        came = [machine.history()[0]["bytes"] for machine in machines]
        self.assertEqual(min(one["origin_bt"] + one["origin_http"] for one in came), 0, came)

    def test_one_that_floods_local_discovery(self):
        world, info_hash = self.released(rollout=None)
        machines = self.started(world, http_after="60s", local_discovery=True)
        flood = Program([sys.executable, HERE.parent / "support/lsd_flood.py", "--info-hash", info_hash, "--interface", self.lan.address(HOSTILE),
                         "--sources", f"{self.lan.address(0)}/24"], world.folder / "flood.log", namespace=self.lan.host(HOSTILE)).start()
        self.addCleanup(flood.kill)
        watches = [Watch(machine.agent.process.pid) for machine in machines]
        for watch in watches:
            self.addCleanup(watch.close)
            wait_until("the flood is more than a machine reads", lambda watch=watch: watch.datagrams_dropped(LOCAL_DISCOVERY) > 0)
        world.roll_out("1.0.0")
        for machine in machines:
            machine.await_version("1.0.0")
        self.sums_agree(machines)
        self.fetched_once(machines)

        def sent():
            return json.loads(flood.words().splitlines()[-1])
        self.assertTrue(flood.alive())
        print(f"updated after {sent()}")
        wait_until("a million announces were sent", lambda: sent()["sent"] >= 1_000_000, 150)
        for machine, watch in zip(machines, watches):
            seen = watch.close()
            print(f"{machine.name}: {seen} while {sent()} announces were sent")
            self.assertLess(seen.memory, MEMORY)
            self.assertLess(seen.being_tried, 50, "connections at once")
            self.assertLess(seen.tried, 50 + 10 * sent()["seconds"], "connections in all")
            machine.must_live()

    def test_one_that_takes_up_connections(self):
        world, info_hash = self.released({"share/version": "1.0.0"})
        machines = self.started(world, http_after="60s", listen_port=BITTORRENT)
        for machine in machines:
            machine.await_version("1.0.0")
        world.release("1.1.0", world.tree("1.1.0", big("1.1.0")), rollout=None)
        world.await_taken_in()
        peers = [f"{self.lan.address(FIRST + n)}:{BITTORRENT}" for n in range(MACHINES)]
        flood = Program([sys.executable, HERE.parent / "support/connection_flood.py", "--info-hash", info_hash, *peers],
                        world.folder / "flood.log", namespace=self.lan.host(HOSTILE)).start()
        self.addCleanup(flood.kill)

        def opened():
            return json.loads((flood.words().splitlines() or ["{}"])[-1]).get("opened", 0)
        wait_until("all connections were opened, and some anew", lambda: opened() > 1.5 * 2000 * MACHINES)
        watches = [Watch(machine.agent.process.pid) for machine in machines]
        for watch in watches:
            self.addCleanup(watch.close)
        world.roll_out("1.1.0")
        for machine in machines:
            machine.await_version("1.1.0")
        self.assertTrue(flood.alive())
        for machine, watch in zip(machines, watches):
            seen = watch.close()
            print(f"{machine.name}: {seen} while {opened()} connections were opened; {machine.history()[0]['bytes']}")
            self.assertLess(seen.memory, MEMORY)
        self.fetched_once(machines)


if __name__ == "__main__":
    main()
