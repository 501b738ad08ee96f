#!/usr/bin/env python3
"""Programs that run while their release is left (`running = ...` of installer.toml): the real programs, start to end."""

import shutil
import subprocess

from base import WorldTest, main, wait_until

DEAF = "trap '' TERM; exec \"$0\" 300"  # what is ignored stays so in the program that takes the shell's place


class Closing(WorldTest):
    def installed(self, running, layout="versioned", wait="1s"):
        """A world with one machine that runs 1.0.0, whose programs are real ones, and the folder they run from."""
        world = self.world().init()
        world.start_seeder()
        self.layout = layout
        self.release(world, "1.0.0")
        machine = world.machine()
        machine.installer_settings["product"][0].update(running=running, close_wait=wait)
        machine.write_configs()
        machine.start().await_version("1.0.0")
        top = machine.installed / "app"
        return world, machine, top if layout == "in_place" else top / "current"

    def release(self, world, version):
        with open(shutil.which("sleep"), "rb") as file:
            program = file.read()
        files = {"bin/app": program + version.encode(), "share/version": version}
        world.release(version, world.tree(version, files), recipe=world.recipe(layout=self.layout))
        world.await_taken_in()

    def run_program(self, *argv):
        program = subprocess.Popen([str(word) for word in argv])
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        return program

    def await_program(self, program, path):
        """Until the shell that was started is that program."""
        wait_until("the program runs", lambda: path.resolve().samefile(f"/proc/{program.pid}/exe"))

    def test_left_alone_unless_an_administrator_says_otherwise(self):
        world, machine, top = self.installed("leave")
        program = self.run_program(top / "bin/app", "300")
        self.release(world, "1.1.0")
        machine.await_version("1.1.0")
        self.assertIsNone(program.poll())

    def test_asked_it_ends_before_the_switch(self):
        world, machine, top = self.installed("ask", wait="20s")
        program = self.run_program(top / "bin/app", "300")
        other = self.run_program(shutil.which("sleep"), "300")
        self.release(world, "1.1.0")
        machine.await_version("1.1.0")
        self.assertEqual(program.wait(5), -15)
        self.assertIsNone(other.poll(), "of no release")
        self.assertSays(machine.installer.words(), "asking a program of the release that is left to end", f"process {program.pid}, account")

    def test_deaf_it_goes_on_with_the_old_files(self):
        world, machine, top = self.installed("ask")
        program = self.run_program("/bin/sh", "-c", DEAF, top / "bin/app")
        self.await_program(program, top / "bin/app")
        self.release(world, "1.1.0")
        machine.await_version("1.1.0")
        self.assertIsNone(program.poll())
        self.assertSays(machine.installer.words(), "programs go on with the files of the release that is left")

    def test_deaf_it_is_ended_where_that_is_wanted(self):
        world, machine, top = self.installed("end")
        program = self.run_program("/bin/sh", "-c", DEAF, top / "bin/app")
        self.await_program(program, top / "bin/app")
        self.release(world, "1.1.0")
        machine.await_version("1.1.0")
        self.assertEqual(program.wait(5), -9)

    def test_in_place_a_deaf_one_puts_the_update_off(self):
        world, machine, top = self.installed("ask", "in_place")
        program = self.run_program("/bin/sh", "-c", DEAF, top / "bin/app")
        self.await_program(program, top / "bin/app")
        self.release(world, "1.1.0")
        update = machine.await_history("rolled_back")
        self.assertEqual((update["to"], update["running"]), ("1.1.0", "1.0.0"))
        self.assertSays(update["reason"], "still running", f"process {program.pid}")
        self.assertEqual((top / "share/version").read_text(), "1.0.0")
        self.assertIsNone(program.poll())
        program.kill()
        program.wait()
        machine.command("clear-bad", "app")
        machine.command("check")
        machine.await_version("1.1.0")


if __name__ == "__main__":
    main()
