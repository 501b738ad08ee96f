#!/usr/bin/env python3
"""A product at fixed paths (`layout = "in_place"`): the real programs, start to end."""

import os
import pathlib
import random
import shutil
import subprocess
import time

from base import WorldTest, big, main, noise, wait_until


class InPlace(WorldTest):
    def installed(self, **more):
        """A world with one machine that runs 1.0.0 in place, and data of its own beside."""
        world = self.world().init()
        world.start_seeder()
        self.release(world, "1.0.0", {**big("1.0.0"), **more})
        machine = world.machine()
        machine.start().await_version("1.0.0")
        self.root = machine.installed / "app"
        (self.root / "data").mkdir()
        (self.root / "data/state").write_text("the product's own")
        if os.geteuid() == 0:
            shutil.chown(self.root / "data", "nobody")
        return world, machine

    def release(self, world, version, files, healthy=True, **recipe):
        world.release(version, world.tree(version, files, healthy), recipe=world.recipe(layout="in_place", **recipe))
        world.await_taken_in()

    def is_whole(self, world, version, *others):
        """Whether ROOT shows this release, and besides it the names `others` alone."""
        excluded = [f"--exclude={name}" for name in (".upswarm", "data", *others)]
        done = subprocess.run(["diff", "-r", "--no-dereference", *excluded, world.folder / "trees" / version, self.root],
                              capture_output=True, text=True)
        return done.returncode == 0

    def assertWhole(self, world, version, *others):
        self.assertTrue(self.is_whole(world, version, *others), f"{version} is not whole in {sorted(self.root.rglob('*'))}")
        self.assertEqual((self.root / "data/state").read_text(), "the product's own")

    def test_a_delta_changes_what_differs_and_leaves_the_rest(self):
        world, machine = self.installed()
        before = (self.root / "share/data").stat().st_ino
        self.release(world, "1.1.0", {**big("1.1.0"), "share/more": "came along"})
        machine.await_version("1.1.0")
        self.assertEqual(machine.history()[0]["kind"], "delta")
        self.assertWhole(world, "1.1.0")
        machine.command("rollback", "app")
        machine.await_version("1.0.0")
        self.assertWhole(world, "1.0.0")
        self.assertEqual((self.root / "share/data").stat().st_ino, before, "the very files come back")

    def test_a_bad_release_gives_back_what_was_in_its_way(self):
        world, machine = self.installed()
        (self.root / "share/more").write_text("somebody's own")
        self.release(world, "2.0.0", {**big("2.0.0", changed=True), "share/more": "in the way"}, healthy=False)
        update = machine.await_history("rolled_back")
        self.assertEqual((update["to"], update["running"]), ("2.0.0", "1.0.0"))
        self.assertEqual((self.root / "share/more").read_text(), "somebody's own")
        self.assertWhole(world, "1.0.0", "more")

    def test_a_folder_that_a_user_may_write_to_is_not_written_through(self):
        world, machine = self.installed()
        elsewhere = world.folder / "elsewhere"
        elsewhere.mkdir()
        (self.root / "share").chmod(0o777)
        self.release(world, "1.1.0", big("1.1.0", changed=True))
        update = machine.await_history("failed")
        self.assertSays(update["reason"], "share", "others may write to it")
        self.assertWhole(world, "1.0.0")
        (self.root / "share").chmod(0o755)
        machine.command("clear-bad", "app")
        machine.command("check")
        machine.await_version("1.1.0")
        self.assertWhole(world, "1.1.0")

    def test_killed_at_random_moments(self):
        world, machine = self.installed(**{f"share/many/{n}": f"first {n}" for n in range(300)})
        chance = random.Random(11)
        for number in range(3):
            version = f"1.{number + 1}.0"
            self.release(world, version, {**big(version), **{f"share/many/{n}": f"{version} {n}" for n in range(number, 300 + number)},
                                          "share/extra": noise(1 << 20, number)})
            machine.command("check")
            deadline = time.monotonic() + chance.uniform(0.2, 2.0)
            wait_until("a moment", lambda at=deadline: time.monotonic() > at, every=0.01)
            machine.installer.kill()
            machine.start_installer()
            wait_until("one whole release is there", lambda: self.is_whole(world, machine.version()))
            machine.command("clear-bad", "app", check=False)  # after some interruptions a release is waited with for minutes
            machine.command("check")
            machine.await_version(version, seconds=90)
            self.assertWhole(world, version)

    def test_a_product_keeps_its_layout(self):
        world, machine = self.installed()
        answer = world.release("2.0.0", world.tree("2.0.0", big("2.0.0")), check=False)
        self.assertNotEqual(answer.code, 0)
        self.assertSays(answer.error(), "layout", "in_place", "another product")
        planted = world.tree("3.0.0", {**big("3.0.0"), ".upswarm/x": "planted"})
        answer = world.release("3.0.0", planted, recipe=world.recipe(layout="in_place"), check=False)
        self.assertNotEqual(answer.code, 0)
        self.assertSays(answer.error(), ".upswarm")
        self.assertEqual(pathlib.Path(os.path.realpath(self.root / ".upswarm/current")).name, machine.version())


if __name__ == "__main__":
    main()
