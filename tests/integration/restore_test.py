#!/usr/bin/env python3
"""A seeder that was lost and put back from a backup: docs/operations.md, "Restoring the seeder", step by step."""

import json
import shutil
import time

from base import Failure, WorldTest, big, wait_until, main


class Restore(WorldTest):
    def await_error(self, machine, *words):
        machine.command("check")

        def said():
            error = machine.status().get("last_error") or {}
            text = f'{error.get("what", "")} {error.get("advice", "")}'
            return all(word in text for word in words)
        try:
            wait_until(f"the machine says {words}", said, 40)
        except Failure as failure:
            raise Failure(f"{failure}\n{machine.agent.words()[-3000:]}") from None

    def restore(self, world, backup):
        """Versions are seconds since 1970, and run ahead where more than one is signed in a second: nobody puts a backup back
        faster than that, so neither does this (docs/decisions/0006-versions-by-the-clock.md)."""
        world.seeder.stop()
        served = json.loads((world.seeder_folder / "repository/metadata/timestamp.json").read_text())["signed"]["version"]
        wait_until("the clock is past what was signed", lambda: time.time() > served + 1, 30)
        shutil.rmtree(world.seeder_folder)
        shutil.copytree(backup, world.seeder_folder)
        world.start_seeder()

    def test_a_backup_of_the_same_releases_goes_on_by_itself(self):
        world = self.published("1.0.0")
        machine = world.machines[0].start()
        machine.await_version("1.0.0")
        backup = world.folder / "backup"
        world.seeder.stop()
        shutil.copytree(world.seeder_folder, backup)
        world.start_seeder()
        for permille in (500, 700, 1000):  # snapshots that the backup does not know
            world.run("upswarm-seeder", "--config", world.folder / "seeder.toml", "rollout", "app", "stable", "linux-x64", "1.0.0",
                      "--permille", permille)
        machine.command("check")
        self.restore(world, backup)
        world.release("1.1.0", world.tree("1.1.0", big("1.1.0", changed=True)))
        world.await_taken_in()
        machine.await_version("1.1.0")

    def test_a_backup_from_before_a_release_serves_again_after_everything_was_handed_over(self):
        world = self.published("1.0.0")
        machine = world.machines[0].start()
        machine.await_version("1.0.0")
        backup = world.folder / "backup"
        world.seeder.stop()
        shutil.copytree(world.seeder_folder, backup)
        world.start_seeder()
        world.release("1.1.0", world.tree("1.1.0", big("1.1.0", changed=True)))
        world.await_taken_in()
        machine.await_version("1.1.0")

        self.restore(world, backup)
        self.await_error(machine, "rel-app")
        self.assertEqual(machine.version(), "1.1.0")

        incoming = world.seeder_folder / "incoming"
        sent = world.run("upswarm-publish", "--repository", world.repository, "--json", "hand-over", "--all", "--to", incoming).json()["sent"]
        self.assertEqual(len(sent), 1)
        world.await_taken_in()
        status = world.run("upswarm-seeder", "--config", world.folder / "seeder.toml", "--json", "status").json()
        held = {one["version"]: one["permille"] for one in status["rollouts"][0]["releases"]}
        self.assertEqual(held, {"1.0.0": 1000, "1.1.0": None}, "a filter that was lost holds")
        world.run("upswarm-publish", "--repository", world.repository, "rollout", "app", "stable", "linux-x64", "1.1.0", "--permille", "1000",
                  "--to", incoming)
        world.await_taken_in()
        world.machine("m2").start().await_version("1.1.0")
        world.release("1.2.0", world.tree("1.2.0", big("1.2.0")))
        world.await_taken_in()
        machine.await_version("1.2.0")


if __name__ == "__main__":
    main()
