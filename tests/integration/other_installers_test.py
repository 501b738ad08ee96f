#!/usr/bin/env python3
"""Releases that another installer installs (`layout = "foreign"`): Debian packages, by the real dpkg in a root of its own."""

import os
import shutil
import subprocess

from base import WorldTest, main, noise


class OtherInstallers(WorldTest):
    def setUp(self):
        if os.geteuid() != 0 or not shutil.which("dpkg-deb"):
            self.skipTest("dpkg and root are needed")

    def package(self, world, version, script="exit 0"):
        """The tree of a release: one Debian package, and the check of its health."""
        made = world.folder / "deb" / version
        (made / "DEBIAN").mkdir(parents=True)
        (made / "DEBIAN/control").write_text(f"Package: upswarm-example\nVersion: {version}\nArchitecture: all\nMaintainer: nobody\n"
                                             "Description: example\n")
        (made / "DEBIAN/preinst").write_text(f"#!/bin/sh\n{script}\n")
        (made / "DEBIAN/preinst").chmod(0o755)
        (made / "opt/example").mkdir(parents=True)
        (made / "opt/example/version").write_text(version)
        (made / "opt/example/data").write_bytes(noise(1 << 20, 5))
        file = world.folder / f"{version}.deb"
        subprocess.run(["dpkg-deb", "--build", "--root-owner-group", made, file], check=True, capture_output=True)
        return {"app.deb": file.read_bytes()}

    def recipe(self, world, **foreign):
        system = self.system
        return world.recipe(layout="foreign", foreign={
            "install": {"argv": ["/usr/bin/dpkg", f"--instdir={system}", f"--admindir={system}/var/lib/dpkg", "--force-script-chrootless",
                                 f"--log={system}/dpkg.log", "-i", "{release}/app.deb"], "timeout": "60s"},
            "exit_codes": [{"code": 75, "means": "retry"}],
            "detection": {"kind": "command", "output": "installed {version}", "command": {
                "argv": ["/usr/bin/dpkg-query", f"--admindir={system}/var/lib/dpkg", "-W", "-f=${db:Status-Status} ${Version}\n",
                         "upswarm-example"]}}, **foreign})

    def release(self, world, version, healthy=True, **more):
        world.release(version, world.tree(version, self.package(world, version, **more), healthy), recipe=self.recipe(world))
        world.await_taken_in()

    def on_one(self):
        world = self.world().init()
        self.system = world.folder / "system"
        for folder in ("info", "updates", "triggers"):
            (self.system / "var/lib/dpkg" / folder).mkdir(parents=True)
        (self.system / "var/lib/dpkg/status").touch()
        world.start_seeder()
        self.release(world, "1.0.0")
        machine = world.machine()
        machine.start().await_version("1.0.0")
        self.assertInstalled("1.0.0")
        return world, machine

    def assertInstalled(self, version):
        self.assertEqual((self.system / "opt/example/version").read_text(), version)
        said = subprocess.run(["dpkg-query", f"--admindir={self.system}/var/lib/dpkg", "-W", "-f=${Version}", "upswarm-example"],
                              capture_output=True, text=True, check=True)
        self.assertEqual(said.stdout, version)

    def test_an_upgrade_and_the_way_back(self):
        world, machine = self.on_one()
        self.release(world, "1.1.0")
        machine.await_version("1.1.0")
        self.assertInstalled("1.1.0")
        update = machine.history()[0]
        self.assertEqual((update["kind"], update["result"]), ("delta", "completed"))
        self.assertSays(update["reason"], "best effort")
        world.seeder.stop()
        machine.command("rollback", "app")
        machine.await_version("1.0.0")
        self.assertInstalled("1.0.0")

    def test_a_package_that_fails_leaves_the_old_one(self):
        world, machine = self.on_one()
        self.release(world, "2.0.0", script="echo no such machine; exit 3")
        update = machine.await_history("rolled_back")
        self.assertEqual((update["to"], update["running"]), ("2.0.0", "1.0.0"))
        self.assertSays(update["reason"], "no such machine", "exit code 1")
        self.assertInstalled("1.0.0")

    def test_a_release_that_is_not_healthy_is_put_back(self):
        world, machine = self.on_one()
        self.release(world, "2.0.0", healthy=False)
        update = machine.await_history("rolled_back")
        self.assertEqual((update["to"], update["running"]), ("2.0.0", "1.0.0"))
        self.assertInstalled("1.0.0")
        self.assertEqual(machine.version(), "1.0.0")

    def test_mistakes_in_a_recipe_are_named(self):
        world = self.world().init()
        self.system = world.folder / "system"
        tree = world.tree("1.0.0", self.package(world, "1.0.0"))
        for wrong, word in (({"detection": {"kind": "registry"}}, "command or file"),
                            ({"exit_codes": [{"code": 3010, "means": "fine"}]}, "done, reboot or retry"),
                            ({"install": {"argv": ["/usr/bin/dpkg", "-i", "{release}/nowhere.deb"]}}, "nowhere.deb")):
            answer = world.release("1.0.0", tree, recipe=self.recipe(world, **wrong), check=False)
            self.assertNotEqual(answer.code, 0)
            self.assertSays(answer.error(), word)
        answer = world.release("1.0.0", tree, recipe=world.recipe(layout="foreign"), check=False)
        self.assertNotEqual(answer.code, 0)
        self.assertSays(answer.error(), "foreign")


if __name__ == "__main__":
    main()
