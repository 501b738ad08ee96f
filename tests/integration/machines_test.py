#!/usr/bin/env python3
"""Machines enrol by token, and what they report counts: the real programs."""

import os
import shutil

from base import WorldTest, big, wait_until, main
from world import group_of


class Machines(WorldTest):
    def seeder(self, world, *words):
        return world.run("upswarm-seeder", "--config", world.folder / "seeder.toml", "--json", *words).json()

    def make_token(self, world, name="desk", uses=10):
        return self.seeder(world, "enrolment-tokens", "make", name, "--uses", uses)["token"]

    def give_token(self, machine, token):
        """As an administrator would: for the agent's account alone."""
        file = machine.folder / "etc/enrolment-token"
        file.write_text(token + "\n")
        file.chmod(0o600)
        if os.geteuid() == 0 and machine.world.agent_user:
            shutil.chown(file, machine.world.agent_user, group_of(machine.world.agent_user))
        machine.agent_settings["enrolment_token_file"] = file
        machine.write_configs()
        return machine

    def reports(self, world, count=1):
        return wait_until(f"the seeder has {count} reports", lambda: (lambda all: all if len(all) >= count else None)(
            self.seeder(world, "reports")["reports"]))

    def outcomes(self, world):
        return [(one["version"], one["result"], one["machines"]) for one in self.seeder(world, "outcomes", "app")["outcomes"]]

    def test_a_machine_enrols_updates_and_its_report_counts(self):
        world = self.published("1.0.0")
        token = self.make_token(world)
        machine = self.give_token(world.machines[0], token).start()
        machine.await_version("1.0.0")
        report = self.reports(world)[0]
        self.assertTrue(report["trusted"], report)
        status = machine.status()
        self.assertTrue(status["enrolled"], status)
        known = self.seeder(world, "machines", "list")["machines"]
        self.assertEqual([(one["machine"], one["public_key"], one["token"]) for one in known],
                         [(status["machine_id"], status["machine_key"], "desk")])
        self.assertEqual(report["machine"], status["machine_id"])
        self.assertEqual(self.outcomes(world), [("1.0.0", "completed", 1)])
        self.assertEqual((machine.folder / "agent/machine.key").stat().st_mode & 0o777, 0o600)
        for words in (machine.agent.words(), world.seeder.words(), machine.command("status").out):
            self.assertNotIn(token, words)

    def test_a_machine_without_a_token_updates_and_does_not_count(self):
        world = self.published("1.0.0", machines=2)
        self.give_token(world.machines[0], self.make_token(world))
        for machine in world.machines:
            machine.start()
        for machine in world.machines:
            machine.await_version("1.0.0")
        trusted = {one["machine"]: one["trusted"] for one in self.reports(world, 2)}
        first, second = (machine.status() for machine in world.machines)
        self.assertEqual(trusted, {first["machine_id"]: True, second["machine_id"]: False})
        self.assertFalse(second["enrolled"])
        self.assertSays(second["enrolment"], "enrolment_token_file")
        self.assertEqual(self.outcomes(world), [("1.0.0", "completed", 1)])

    def test_a_wrong_token_is_said_and_a_right_one_mends_it(self):
        world = self.published("1.0.0")
        machine = self.give_token(world.machines[0], "upswarm_enrol_" + "0" * 64).start()
        machine.await_version("1.0.0")
        wait_until("the status says why", lambda: "token_unknown" in machine.status()["enrolment"])
        self.assertFalse(self.reports(world)[0]["trusted"])
        shown = world.run("upswarm", "--socket", machine.agent_settings["socket"], "status").out
        self.assertSays(shown, "enrolled  no: the seeder refuses: this seeder did not make it")
        self.give_token(machine, self.make_token(world))
        wait_until("the machine has enrolled", lambda: machine.status()["enrolled"])

    def test_a_revoked_machine_does_not_count_any_more(self):
        world = self.published("1.0.0")
        machine = self.give_token(world.machines[0], self.make_token(world)).start()
        machine.await_version("1.0.0")
        self.reports(world)
        self.assertEqual(self.outcomes(world), [("1.0.0", "completed", 1)])
        self.seeder(world, "machines", "revoke", machine.status()["machine_id"])
        self.assertEqual(self.outcomes(world), [])
        world.release("1.1.0", world.tree("1.1.0", big("1.1.0", changed=True)))
        world.await_taken_in()
        machine.await_version("1.1.0")
        self.assertFalse(self.reports(world, 2)[0]["trusted"])
        self.assertEqual(self.outcomes(world), [])
        wait_until("the status says why", lambda: "revoked" in machine.status()["enrolment"])

    def test_a_seeder_that_forgot_a_machine_gets_it_back(self):
        world = self.published("1.0.0")
        machine = self.give_token(world.machines[0], self.make_token(world)).start()
        machine.await_version("1.0.0")
        self.reports(world)
        self.seeder(world, "machines", "forget", machine.status()["machine_id"])
        world.release("1.1.0", world.tree("1.1.0", big("1.1.0", changed=True)))
        world.await_taken_in()
        machine.await_version("1.1.0")
        wait_until("its report counts", lambda: self.outcomes(world) == [("1.0.0", "completed", 1), ("1.1.0", "completed", 1)])


if __name__ == "__main__":
    main()
