#!/usr/bin/env python3
"""A release of which most is on disk already comes by its missing parts: the real programs."""

import re

from base import WorldTest, big, main, noise, wait_until

SOURCES = ("disk", "site", "origin_bt", "origin_http", "wasted")


def scattered(changed=()):
    """400 files of 8 KiB, of which some have other content."""
    return {f"share/many/{number:03}": noise(8192, 1000 + number + (5000 if number in changed else 0)) for number in range(400)}


class Sparse(WorldTest):
    def left_behind(self, files, machines=1, before=None, **settings):
        """Machines on 1.0.0, with the files `before`, whose agents stand still while 1.1.0 with `files` comes, without a delta."""
        world = self.published(machines=0, **settings)
        world.release("1.0.0", world.tree("1.0.0", {**big("1.0.0"), **(before or {})}))
        world.await_taken_in()
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
        self.assertEqual(self.fetched(update) - update["bytes"]["wasted"] + update["bytes"]["delta"], package, update["bytes"])
        ways = self.ways(machine)
        self.assertTrue(ways["sparse"]["chosen"])
        self.assertSays(ways["sparse"]["verdict"], "it costs least", "missing parts of the full package")
        self.assertEqual(self.fetched(update), sum(ways["sparse"][source] for source in ("disk", "site", "origin")))
        self.assertSays(ways["full"]["verdict"], "costs more")
        self.assertSays(world.run("upswarm", "--socket", machine.agent_settings["socket"], "why").out, "missing parts of the full package")

    def by_http(self, world, version):
        """Bytes of the package that the seeder was asked for by HTTP."""
        packages = world.run("upswarm-seeder", "--config", world.folder / "seeder.toml", "--json", "status").json()["packages"]
        return next(one["http_bytes"] for one in packages if one["path"].endswith(f"{version}.upk"))

    def said(self, machine):
        """What the agent said of the parts that it lacks."""
        line = machine.agent.words().rsplit("parts of the full package are on disk", 1)[1].splitlines()[0]
        return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", line)}

    def test_scattered_changes_cost_a_lone_machine_at_most_a_tenth_more(self):
        files = scattered(range(7, 400, 20))
        world, (machine,) = self.left_behind(files, before=scattered(), seeder={"bittorrent_port": 0, "bittorrent": False})
        machine.start_agent()
        machine.await_version("1.1.0")
        update = machine.history()[0]
        self.assertEqual(update["kind"], "sparse")
        self.expect_new_tree(machine, files)
        about = self.said(machine)
        self.assertGreater(about["needed"], 20 * 8192)
        wait_until("the seeder counted as many bytes as the agent", lambda: self.by_http(world, "1.1.0") >= self.fetched(update), seconds=60)
        self.assertEqual(self.by_http(world, "1.1.0"), self.fetched(update))
        self.assertLessEqual(self.by_http(world, "1.1.0"), 1.1 * (about["needed"] + about["index"]), about)
        sparse = self.ways(machine)["sparse"]
        self.assertEqual(self.fetched(update), sum(sparse[source] for source in ("disk", "site", "origin")))
        self.assertSays(sparse["verdict"], "by HTTP ranges")

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

    def test_what_neighbours_have_is_taken_from_them_where_the_delta_is_large(self):
        files = {"share/new": noise(4_000_000, 5)}  # more than half of the package
        world = self.published(machines=0)
        world.release("1.0.0", world.tree("1.0.0", big("1.0.0")))
        world.await_taken_in()
        late = world.machine("m1", address="127.0.0.2").start()
        late.await_version("1.0.0")
        late.agent.stop()
        late.agent_settings["swarm"]["http_after"] = "120s"  # however slowly the neighbour gives
        late.write_configs()
        world.release("1.1.0", world.tree("1.1.0", {**big("1.1.0"), **files}))
        world.await_taken_in()
        first = world.machine("m2", address="127.0.0.3").start()
        first.await_version("1.1.0")
        wait_until("the tracker knows that a machine has the package", lambda: self.whole(world, "1.1.0") > 0, seconds=60)
        late.start_agent()
        late.await_version("1.1.0")
        update = late.history()[0]
        self.assertEqual((update["bytes"]["origin_bt"], update["bytes"]["origin_http"]), (0, 0), update)
        self.assertGreater(update["bytes"]["site"], 4_000_000, update)
        self.expect_new_tree(late, files)
        ways = self.ways(late)
        self.assertSays(ways["delta"]["verdict"], "costs more; no neighbour has it")
        self.assertSays(ways["full"]["verdict"], "1 neighbour has it")

    def whole(self, world, version):
        """On how many machines the full package is, as the seeder counts."""
        packages = world.run("upswarm-seeder", "--config", world.folder / "seeder.toml", "--json", "status").json()["packages"]
        return next(one["machines"] for one in packages if one["path"].endswith(f"{version}.upk"))

    def test_a_delta_spares_the_index(self):
        _, machine = self.updated()
        self.assertEqual(machine.history()[0]["kind"], "delta")
        self.assertSays(self.ways(machine)["sparse"]["verdict"], "not looked through")
        self.assertNotIn("parts of the full package are on disk", machine.agent.words())


if __name__ == "__main__":
    main()
