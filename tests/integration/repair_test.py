#!/usr/bin/env python3
"""What runs is verified to the last byte, and repaired with as few bytes as can be: the real programs."""

import json
import os
import subprocess

from base import WorldTest, big, main, noise, wait_until

SOURCES = ("site", "other", "origin_bt", "origin_http", "wasted")


class Repair(WorldTest):
    def files(self):
        return {**big("1.0.0"), "share/more": noise(5 << 20, 7), "lib/one/file": noise(20_000, 8), "share/exact": "not to be altered\n"}

    def running(self, machines=1, **settings):
        world = self.published(machines=0, **settings)
        world.release("1.0.0", world.tree("1.0.0", self.files()))
        world.await_taken_in()
        for number in range(machines):
            machine = world.machine(f"m{number + 1}", address=f"127.0.0.{number + 2}").start()
            machine.await_version("1.0.0")
        return world, world.machines

    def forget_package(self, machine):
        """As on a machine that came to its release by a delta: the full package is not in the agent's cache."""
        machine.agent.stop()
        for name in os.listdir(machine.folder / "agent"):
            if name.startswith("state.db") or name in ("packages", "cache"):
                path = machine.folder / "agent" / name
                subprocess.run(["rm", "-rf", path], check=True)
        machine.start_agent()

    def damage(self, machine):
        """In a few places of a large file, and in every other way."""
        tree = machine.installed / "app/versions/1.0.0"
        with (tree / "share/more").open("r+b") as file:
            for place in (1 << 20, 3 << 20):
                file.seek(place)
                file.write(b"somebody was here")
        (tree / "lib/one/file").unlink()
        (tree / "share/extra").write_text("not of the release")
        (tree / "bin/app").chmod(0o644)

    def expect_whole(self, machine):
        found = machine.command("verify", "app").json()
        self.assertTrue(found["whole"], found)
        for path, content in self.files().items():
            wanted = content if isinstance(content, bytes) else content.encode()
            self.assertEqual((machine.installed / "app/current" / path).read_bytes(), wanted, path)
        self.assertFalse((machine.installed / "app/current/share/extra").exists())
        self.assertEqual((machine.installed / "app/current/bin/app").stat().st_mode & 0o7777, 0o755)

    def test_what_is_damaged_is_named_and_mended_by_few_bytes(self):
        world, (machine,) = self.running()
        self.forget_package(machine)
        whole = machine.command("verify")
        self.assertEqual((whole.code, whole.json()["whole"]), (0, True))
        self.damage(machine)
        found = machine.command("verify", "app", check=False)
        self.assertEqual(found.code, 5, found.out + found.err)
        report = found.json()
        self.assertEqual((report["altered"], report["missing"], report["extra"], report["mode"]), (1, 1, 1, 1), report)
        self.assertEqual({one["path"]: one["kind"] for one in report["damage"]},
                         {"bin/app": "mode", "lib/one/file": "missing", "share/extra": "extra", "share/more": "altered"})
        self.assertEqual(report["to_fetch"], (5 << 20) + 20_000)
        self.assertEqual(machine.command("verify", check=False).code, 5, "it changed nothing")
        repaired = machine.command("repair", "app", check=False)
        self.assertEqual(repaired.code, 0, repaired.out + repaired.err + machine.agent.words()[-3000:] + machine.installer.words()[-3000:])
        answer = repaired.json()
        self.assertEqual((answer["result"], answer["outcome"]["kind"], answer["outcome"]["result"]), ("repaired", "repair", "completed"))
        self.assertSays(answer["outcome"]["reason"], "share/more", "lib/one/file", "share/extra", "bin/app")
        package = next(world.seeder_folder.rglob("*1.0.0.upk")).stat().st_size
        fetched = sum(answer["bytes"][source] for source in SOURCES if source in answer["bytes"])
        self.assertGreater(fetched, 20_000)
        self.assertLess(fetched, package / 8, f"of {package}: {answer['bytes']}")
        self.expect_whole(machine)
        self.assertEqual(machine.command("repair").json()["result"], "whole")
        self.assertEqual(machine.history()[0]["kind"], "repair")

    def test_neighbours_give_what_is_missing(self):
        world, (first, second) = self.running(machines=2, seeder={"bittorrent_port": 0, "bittorrent": False})
        self.forget_package(second)
        self.damage(second)
        answer = second.command("repair", "app").json()
        self.assertEqual(answer["result"], "repaired", answer)
        self.assertGreater(answer["bytes"]["site"], 0, answer["bytes"])
        self.expect_whole(second)

    def test_the_package_in_the_cache_mends_without_a_seeder(self):
        world, (machine,) = self.running()
        world.seeder.stop()
        self.damage(machine)
        answer = machine.command("repair", "app").json()
        self.assertEqual(answer["result"], "repaired", answer)
        self.expect_whole(machine)

    def test_the_installer_finds_damage_by_itself(self):
        world, (machine,) = self.running()
        machine.installer.stop()
        machine.installer_settings["verify_every"] = "3s"
        machine.write_configs()
        self.damage(machine)
        (machine.installed / "app/current").unlink()
        os.symlink("versions", machine.installed / "app/current")
        machine.start_installer()
        wait_until("the damage is found and mended", lambda: any(
            one["kind"] == "repair" and one["result"] == "completed" for one in machine.history()), seconds=60)
        extra = machine.installed / "app/versions/1.0.0/share/extra"
        self.assertEqual(extra.read_text(), "not of the release", "only told, as long as nobody asked")
        extra.unlink()
        wait_until("all of it is", lambda: machine.command("verify", check=False).code == 0, seconds=60)
        self.expect_whole(machine)

    def test_a_stranger_may_not_ask(self):
        world, (machine,) = self.running()
        if not world.agent_user:
            self.skipTest("needs root, to be somebody else")
        for word in ("verify", "repair"):
            asked = subprocess.run(["setpriv", "--reuid", world.agent_user, "--clear-groups", str(world.bin / "upswarm"), "--json",
                                    "--socket", str(machine.agent_settings["socket"]), "--installer-socket",
                                    str(machine.installer_settings["socket"]), word, "app"], capture_output=True, text=True)
            self.assertNotEqual(asked.returncode, 0)
            self.assertEqual(json.loads(asked.stdout)["error"]["kind"], "denied", asked.stdout)


if __name__ == "__main__":
    main()
