#!/usr/bin/env python3
"""The installer updates itself: the real launcher, installer and agent, and a service manager that starts the installer again."""

import json
import os
import pathlib
import signal
import subprocess
import time

from base import BIN, WorldTest, big, main, wait_until
from supervisor import Supervisor

PRODUCT = "upswarm-installer"
# The installer, killed by a thing of its own a second after it is committed, or was found to be.
DIES_LATER = """#!/bin/sh
real=$(dirname "$0")/real
case "$*" in *--self-test* | *--probe*) exec "$real" "$@" ;; esac
(
  for _ in $(seq 600); do
    grep -q '"current": "VERSION"' RECORD && sleep 1 && exec kill -9 $$
    sleep 0.1
  done
) &
exec "$real" "$@"
"""
NOT_ITSELF = '#!/bin/sh\ncase "$*" in *--self-test*) exit 0;; esac\n'  # what only seems to be an installer


class SelfUpdate(WorldTest):
    def machine(self, patience=10.0, watch="2s"):
        """A world with a machine whose installer was placed by hand and is started by the launcher."""
        self.world = world = self.world().init("app", PRODUCT)
        world.start_seeder()
        root = world.folder / "self"
        (root / "versions/placed-1/bin").mkdir(parents=True)
        program = root / "versions/placed-1/bin" / PRODUCT
        subprocess.run(["strip", "-o", program, pathlib.Path(BIN) / PRODUCT], check=True)
        self.real = program.read_bytes()
        (root / "current").symlink_to("versions/placed-1")
        self.root = root
        installed = world.folder / "m1/installed"
        products = [{"product": "app", "root": installed / "app"}, {"product": PRODUCT, "root": root, "self": True}]
        machine = world.machine("m1", installer={"product": products, "self_watch": watch})
        self.installer = Supervisor([world.bin / "upswarm-launcher", root, machine.folder / "installer/trial", PRODUCT, "--config",
                                     machine.folder / "etc/installer.toml"], machine.folder, machine.folder / "installer.log", patience)
        self.addCleanup(self.installer.stop)
        self.installer.start()
        wait_until("the installer runs", lambda: self.runs() == "placed-1")
        machine.start_agent()
        return machine

    def runs(self):
        """The release that the installer which runs now is of."""
        program = self.installer.program()
        versions = self.root / "versions"
        return program.relative_to(versions).parts[0] if program and program.is_relative_to(versions) else None

    def release(self, version, program=None, files=None, **recipe):
        """A release of the installer: the real one, or a script in its place."""
        program = program or self.real
        tree = self.world.tree(f"self-{version}", {f"bin/{PRODUCT}": program, "share/version": version, **(files or {})})
        self.world.release(version, tree, product=PRODUCT, recipe=self.world.recipe(f"self-{version}", health={"kind": "none"}, **recipe))
        self.world.await_taken_in()

    def ended(self, machine, version):
        """How the update to `version` ended."""
        def told():
            with_it = [one for one in machine.history() if (one["product"], one["to"]) == (PRODUCT, version)]
            return with_it[0] if with_it else None
        return self.wait(f"the update to {version} ends", told, machine)

    def wait(self, what, condition, machine):
        try:
            return wait_until(what, condition, 90)
        except Exception as failure:
            raise AssertionError(f"{failure}\n--- installer\n{self.installer.words()[-4000:]}\n--- agent\n{machine.agent.words()[-2000:]}") from None

    def expect_runs(self, version):
        wait_until(f"{version} runs, not {self.runs()}", lambda: self.runs() == version)
        self.assertEqual(os.readlink(self.root / "current"), f"versions/{version}")
        wait_until("no trial is under way", lambda: not (self.world.machines[0].folder / "installer/trial").exists())

    def expect_it_works(self, machine, version="1.0.0"):
        """The installer that runs installs something else."""
        self.world.release(version, self.world.tree(f"app-{version}", big(version)))
        self.world.await_taken_in()
        machine.await_version(version)

    def test_from_one_release_to_the_next(self):
        machine = self.machine()
        self.expect_it_works(machine)
        for version in ("1.1.0", "1.2.0"):
            self.release(version)
            update = self.ended(machine, version)
            self.assertEqual((update["result"], update["running"]), ("completed", version), update)
            self.expect_runs(version)
        self.assertEqual(self.installer.starts, 3)
        machine.command("rollback", PRODUCT)
        self.expect_runs("1.1.0")
        self.expect_it_works(machine, "1.0.1")

    def expect_fallback(self, machine, version, starts):
        before = self.installer.starts
        update = self.ended(machine, version)
        self.assertEqual((update["result"], update["to"]), ("rolled_back", version), update)
        self.assertSays(update["reason"], f"did not stay up in 3 starts; {self.runs()} runs again")
        self.assertEqual(self.installer.starts - before, starts)

    def test_one_that_ends_at_once_is_given_up_after_three_starts(self):
        machine = self.machine()
        self.release("1.1.0")
        self.assertEqual(self.ended(machine, "1.1.0")["result"], "completed")
        self.expect_runs("1.1.0")
        self.release("1.2.0", NOT_ITSELF + "exit 1\n")
        self.expect_fallback(machine, "1.2.0", 4)
        self.expect_runs("1.1.0")
        self.assertSays(self.installer.words(), "upswarm-launcher: 1.2.0 did not stay up in 3 starts: 1.1.0 starts again")
        machine.command("check")
        wait_until("the machine says that it passes 1.2.0 over", lambda: "failed on this machine" in json.dumps(machine.status()))
        self.expect_it_works(machine)
        self.release("1.3.0")
        self.assertEqual(self.ended(machine, "1.3.0")["result"], "completed")
        self.expect_runs("1.3.0")

    def test_one_that_hangs_falls_back_to_what_was_placed_by_hand(self):
        machine = self.machine(patience=1.5)
        self.release("1.1.0", NOT_ITSELF + "exec sleep 600\n")
        self.expect_fallback(machine, "1.1.0", 4)
        self.expect_runs("placed-1")
        self.expect_it_works(machine)

    def trial(self):
        """What the launcher counts, or None."""
        file = self.world.machines[0].folder / "installer/trial"
        return file.read_text() if file.exists() else None

    def test_one_that_ends_after_its_commit_is_given_up_after_three_starts_more(self):
        machine = self.machine(watch="15s")
        record = machine.folder / f"installer/products/{PRODUCT}.json"
        self.release("1.1.0", DIES_LATER.replace("VERSION", "1.1.0").replace("RECORD", str(record)), {"bin/real": self.real})

        def results():
            return [one["result"] for one in machine.history() if (one["product"], one["to"]) == (PRODUCT, "1.1.0")]
        self.wait("it is committed, and taken back", lambda: results() == ["rolled_back", "completed"], machine)
        self.assertSays(self.ended(machine, "1.1.0")["reason"], "did not stay up in 3 starts; placed-1 runs again")
        self.assertEqual(self.installer.starts, 6, "placed-1, the start that commits, three more, and placed-1 again")
        self.expect_runs("placed-1")
        self.assertEqual([one["version"] for one in json.loads(record.read_text())["bad"]], ["1.1.0"])
        machine.command("check")
        wait_until("the machine says that it passes 1.1.0 over", lambda: "failed on this machine" in json.dumps(machine.status()))
        self.expect_it_works(machine)
        self.release("1.2.0")
        self.assertEqual(self.ended(machine, "1.2.0")["result"], "completed")
        self.assertSays(self.trial() or "the watch has ended already", "previous placed-1\ntrying 1.2.0\nstarts 0\n")
        self.expect_runs("1.2.0")

    def test_stops_while_it_is_watched_do_not_count(self):
        machine = self.machine(watch="1h")
        self.release("1.1.0")
        self.assertEqual(self.ended(machine, "1.1.0")["result"], "completed")
        for number in range(3, 8):
            os.kill(self.installer.process.pid, signal.SIGTERM)
            wait_until("it is started again", lambda number=number: self.installer.words().count("installer started") == number)
            self.assertSays(self.trial(), "trying 1.1.0\nstarts 1\n")
        self.assertEqual(self.runs(), "1.1.0")
        self.release("1.2.0")
        self.assertEqual(self.ended(machine, "1.2.0")["result"], "completed")
        self.assertSays(self.trial(), "previous 1.1.0\ntrying 1.2.0\n")
        machine.command("rollback", PRODUCT)
        self.expect_runs("1.1.0")

    def test_one_that_cannot_read_the_state_is_never_started(self):
        machine = self.machine()
        self.release("1.1.0", "#!/bin/sh\necho cannot read the records >&2\nexit 1\n")
        update = self.ended(machine, "1.1.0")
        self.assertEqual(update["result"], "failed")
        self.assertSays(update["reason"], "self-test", "cannot read the records")
        self.assertEqual(self.installer.starts, 1)
        self.expect_runs("placed-1")

    def test_an_agent_that_is_silent_cannot_veto(self):
        machine = self.machine()
        mark, gate = machine.folder / "before", machine.folder / "go-on"
        os.mkfifo(gate)
        self.release("1.1.0", hooks={"before": {"argv": ["/bin/sh", "-c", f"touch {mark}; read word < {gate}"]}})
        wait_until("the update has begun", mark.exists, 60)
        os.killpg(machine.agent.process.pid, signal.SIGSTOP)  # its account answers nothing, and lets nothing go
        gate.write_text("now\n")
        self.expect_runs("1.1.0")
        os.killpg(machine.agent.process.pid, signal.SIGCONT)
        self.assertEqual(self.ended(machine, "1.1.0")["result"], "completed")
        self.expect_it_works(machine)

    def test_a_new_installer_has_ten_minutes_and_an_old_one_all_the_time(self):
        folder = self.world().folder
        (folder / "versions/1.1.0/bin").mkdir(parents=True)
        program = folder / "versions/1.1.0/bin/clock"
        program.write_text("#!/usr/bin/python3\nimport signal, sys\nprint(signal.alarm(0), *sys.argv[1:])\n")
        program.chmod(0o755)
        (folder / "current").symlink_to("versions/1.1.0")

        def left():
            argv = [pathlib.Path(BIN) / "upswarm-launcher", folder, folder / "trial", "clock", "--config", "x"]
            return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
        self.assertEqual(left(), ["0", "--config", "x"])
        (folder / "trial").write_text("upswarm-trial 1\nprevious 1.0.0\ntrying 1.1.0\nstarts 0\n")
        seconds, *arguments = left()
        self.assertTrue(590 <= int(seconds) <= 600, seconds)
        self.assertEqual(arguments, ["--config", "x"])
        self.assertSays((folder / "trial").read_text(), "starts 1\n")

    def test_killed_at_any_moment_it_comes_up_again(self):
        machine = self.machine()
        for number, later in enumerate((0, 0.2, 1)):
            version = f"1.{number}.0"
            self.release(version)
            wait_until("the new installer is started", lambda version=version: self.runs() == version or os.readlink(self.root / "current").endswith(version), 60, 0.01)
            time.sleep(later)
            self.installer.kill()
            update = self.ended(machine, version)
            self.assertIn(update["result"], ("completed", "rolled_back"))
            self.expect_runs(update["running"] or "placed-1")
            machine.command("clear-bad", PRODUCT, check=False)  # there may be none
        self.expect_it_works(machine)


if __name__ == "__main__":
    main()
