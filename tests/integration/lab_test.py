#!/usr/bin/env python3
"""The swarm laboratory (tests/lab/) works, and its counters agree with what agents say of themselves."""

import sys
import unittest

from base import BIN, HERE, main

sys.path.insert(0, str(HERE.parent / "lab"))

from network import Network  # noqa: E402
from run import Options, run_scenario  # noqa: E402
from scenario import Wrong, parse_scenario  # noqa: E402

TWO_MACHINES = {"size": "2 MiB", "hosts": 2}
METADATA = 100_000  # bytes; what else than the package crosses the link


class Lab(unittest.TestCase):
    def test_two_machines_get_what_crossed_the_link(self):
        if why := Network.why_not():
            self.skipTest(why)
        outcome = run_scenario(parse_scenario("two machines", TWO_MACHINES), Options(BIN))
        raw, swarm = outcome["programs"]
        self.assertEqual((raw["unfinished"], swarm["unfinished"]), ([], []))
        self.assertAlmostEqual(raw["out_copies"], 1.0, delta=0.02)
        self.assertGreater(raw["last"], outcome["bound"])
        package = outcome["package"]
        for machine in swarm["machines"]:
            self.assertEqual(sum(machine["sources"].values()) - machine["sources"]["wasted"], package, machine)
            self.assertGreater(machine["seconds"], machine["known"])
        self.assertGreaterEqual(swarm["out_copies"], 1.0)
        from_origin = swarm["sources"]["origin_bt"] + swarm["sources"]["origin_http"]
        crossed = swarm["out_copies"] * package
        self.assertLess(crossed, 1.03 * (from_origin + swarm["sources"]["wasted"]) + METADATA)
        self.assertGreater(crossed, 0.99 * from_origin)
        self.assertGreater(swarm["costs"]["seeder"]["anon_mb"], 1)

    def test_a_user_downloads_alone_and_beside(self):
        if why := Network.why_not():
            self.skipTest(why)
        scenario = parse_scenario("a user", {"size": "2 MiB", "hosts": 1, "network": {"lower_effort": True}, "user": {"after": 0, "seconds": 1}})
        outcome = run_scenario(scenario, Options(BIN, peers=[]))
        self.assertEqual(outcome["programs"][0]["unfinished"], [])
        line = scenario.network.wan_rate * 1_000_000 / 8
        self.assertGreater(outcome["user_alone"], line / 2)
        self.assertLess(outcome["user_alone"], line)
        self.assertGreater(outcome["programs"][0]["user"], line / 10)

    def test_a_scenario_is_read_strictly(self):
        for wrong in ({"hots": 2}, {"user": {"second": 1}}, {"size": "64 MB"}, {"network": {"wan_rate": "fast"}}, {"event": [{"do": "kill_seeder"}]},
                      {"event": [{"do": "block_tracker"}]}, {"event": [{"do": "kill_leader", "site": 2, "at_copy": 0.5}]}):
            with self.assertRaises(Wrong, msg=wrong):
                parse_scenario("wrong", wrong)


if __name__ == "__main__":
    main()
