#!/usr/bin/env python3
"""Whether the line is metered comes from the machine's own system bus, or from its administrator: the real programs."""

import socket

from base import BIN, WorldTest, main, wait_until
from world import Program

YES = 1


class Metered(WorldTest):
    def on_a_line(self, machine, metered):
        """Gives the machine a system bus on which a stand-in for NetworkManager says so."""
        for name, argv in (("bus", ["dbus-daemon", "--session", "--nofork", "--nosyslog", f"--address=unix:path={machine.system_bus}"]),
                           ("networkmanager", [f"{BIN}/upswarm-fake-networkmanager", f"unix:path={machine.system_bus}", metered])):
            program = Program(argv, machine.folder / f"{name}.log", user=machine.world.agent_user).start()
            self.addCleanup(program.kill)
            if name == "bus":
                machine.await_socket(program, machine.system_bus)
            else:
                wait_until("the stand-in for NetworkManager is there", lambda: "ready" in program.words())
        return machine

    def gate(self, machine):
        """(is it open, what does it say) of the gate for metered lines."""
        return next((one["open"], one["says"]) for one in machine.command("why").json()["gates"] if one["name"] == "upload_when_metered")

    def test_a_metered_line_is_noticed(self):
        machine = self.on_a_line(self.published("1.0.0").machines[0], YES).start()
        self.assertEqual(self.gate(machine), (False, "the connection is metered (NetworkManager says so)"))
        why = machine.command("why").json()
        self.assertEqual((why["may_upload"], why["may_lead"]), (False, False))
        machine.await_version("1.0.0")
        self.assertEqual(machine.command("why").json()["products"][0]["plan"]["link"], "metered")

    def test_the_administrators_word_is_the_last(self):
        machine = self.on_a_line(self.published("1.0.0", agent={"link": "normal"}).machines[0], YES).start()
        self.assertEqual(self.gate(machine), (True, "the connection is not metered (set by the administrator)"))
        machine.await_version("1.0.0")
        self.assertEqual(machine.command("why").json()["products"][0]["plan"]["link"], "normal")

    def test_a_bus_that_does_not_answer_holds_nothing_up(self):
        machine = self.published("1.0.0").machines[0]
        with socket.socket(socket.AF_UNIX) as mute:
            mute.bind(str(machine.system_bus))
            mute.listen(8)
            machine.system_bus.chmod(0o666)
            machine.start().await_version("1.0.0")
            self.assertEqual(self.gate(machine), (True, "nobody says that the connection is metered"))
            self.assertEqual(machine.agent.stop(seconds=10), 0)
        self.assertEqual(machine.agent.words().count("whether the line is metered is not known"), 1)


if __name__ == "__main__":
    main()
