#!/usr/bin/env python3
"""A release of which most is on disk already comes by its missing parts: the real programs."""

from base import WorldTest, big, main, noise, wait_until

SOURCES = ("disk", "site", "origin_bt", "origin_http")


class Sparse(WorldTest):
    def left_behind(self, files, machines=1, **settings):
        """Machines on 1.0.0 whose agents stand still while 1.1.0 with `files` comes, without a delta."""
        world = self.published("1.0.0", machines=0, **settings)
        for number in range(machines):
            machine = world.machine(f"m{number + 1}", address=f"127.0.0.{number + 2}").start()
            machine.await_version("1.0.0")
            machine.agent.stop()
        world.release("1.1.0", world.tree("1.1.0", {**big("1.1.0"), **files}), extra=("--deltas", 0))
        world.await_taken_in()
        return world, world.machines

    def ways(self, machine):
        plan = machine.command("why", "app").json()["products"][0]["plan"]
        return {way["kind"]: way for way in plan["ways"]}

    def package(self, world, version):
        return next(world.seeder_folder.rglob(f"*{version}.upk")).stat().st_size

    def fetched(self, update):
        return sum(update["bytes"][source] for source in SOURCES)

    def expect_new_tree(self, machine, files):
        for path, content in {**big("1.1.0"), **files}.items():
            wanted = content if isinstance(content, bytes) else content.encode()
            self.assertEqual((machine.installed / "app/current" / path).read_bytes(), wanted, path)

    def test_without_a_delta_only_the_missing_parts_cross_the_network(self):
        files = {"share/new": noise(100_000, 5)}
        world, (machine,) = self.left_behind(files)
        machine.start_agent()
        machine.await_version("1.1.0")
        update = machine.history()[0]
        self.assertEqual((update["from"], update["to"], update["kind"]), ("1.0.0", "1.1.0", "sparse"))
        self.expect_new_tree(machine, files)
        package = self.package(world, "1.1.0")
        self.assertLess(self.fetched(update), package / 10, f"of {package} bytes: {update['bytes']}")
        ways = self.ways(machine)
        self.assertTrue(ways["sparse"]["chosen"])
        self.assertSays(ways["sparse"]["verdict"], "it costs least", "missing parts of the full package")
        self.assertEqual(self.fetched(update), sum(ways["sparse"][source] for source in ("disk", "site", "origin")))
        self.assertSays(ways["full"]["verdict"], "costs more")
        self.assertSays(world.run("upswarm", "--socket", machine.agent_settings["socket"], "why").out, "missing parts of the full package")

    def test_neighbours_share_the_missing_parts(self):
        files = {"share/new": noise(400_000, 5)}
        world, (first, second) = self.left_behind(files, machines=2, seeder={"bittorrent_port": 0, "bittorrent": False})
        first.start_agent()
        first.await_version("1.1.0")
        self.assertGreater(first.history()[0]["bytes"]["origin_http"], 0)
        second.start_agent()
        second.await_version("1.1.0")
        for machine in (first, second):
            self.assertEqual(machine.history()[0]["kind"], "sparse")
            self.expect_new_tree(machine, files)
        self.assertGreater(second.history()[0]["bytes"]["site"], 0, second.history()[0]["bytes"])

    def test_a_file_that_is_altered_meanwhile_is_noticed_and_the_full_package_taken(self):
        files = {"share/new": noise(3 << 20, 5)}
        world, (machine,) = self.left_behind(files, seeder={"upload_limit": 1_000_000})
        machine.start_agent()
        wait_until("the installer said what is missing", lambda: "parts of the full package are on disk" in machine.agent.words(), every=0.01)
        self.assertEqual(machine.version(), "1.0.0")
        (machine.installed / "app/versions/1.0.0/share/data").write_bytes(b"somebody was here")
        machine.await_version("1.1.0")
        full, sparse = machine.history()[:2]
        self.assertEqual((sparse["kind"], sparse["result"]), ("sparse", "failed"))
        self.assertSays(sparse["reason"], "frame")
        self.assertEqual((full["kind"], full["result"]), ("full", "completed"))
        self.assertSays(self.ways(machine)["sparse"]["verdict"], "failed just now")
        self.expect_new_tree(machine, files)
        self.assertFalse(machine.status()["products"][0].get("quarantine"), "no package is to blame")

    def test_a_delta_spares_the_index(self):
        _, machine = self.updated()
        self.assertEqual(machine.history()[0]["kind"], "delta")
        self.assertSays(self.ways(machine)["sparse"]["verdict"], "not looked through")
        self.assertNotIn("parts of the full package are on disk", machine.agent.words())


if __name__ == "__main__":
    main()
