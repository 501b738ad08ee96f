#!/usr/bin/env python3
"""packaging/linux: what install.sh lays out, and what systemd says of the units."""

import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from base import BIN, HERE, main

LINUX = HERE.parent.parent / "packaging/linux"
# What `systemd-analyze security` says at most, times ten (0: sealed, 100: open). Lower them when a unit gets stricter.
EXPOSURE = {"upswarm-installer": 26, "upswarm-agent": 15, "upswarm-seeder": 13}


class Packaging(unittest.TestCase):
    def setUp(self):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="usw-"))
        self.addCleanup(shutil.rmtree, self.top)
        self.bin = self.top / "bin"
        self.bin.mkdir()
        for name in ("upswarm", "upswarm-agent", "upswarm-installer", "upswarm-launcher", "upswarm-seeder", "upswarm-publish"):
            shutil.copy(pathlib.Path(BIN) / name, self.bin)
        self.root = self.top / "root"

    def install(self, *words, check=True):
        argv = [LINUX / "install.sh", "--bin", self.bin, "--destdir", self.root, *words]
        return subprocess.run(argv, capture_output=True, text=True, check=check)

    def analyze(self, *words):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("systemd-analyze is not installed")
        return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)

    def placed(self, part):
        return sorted(path.name for path in (self.root / "opt/upswarm" / part / "versions").iterdir())

    def test_lays_out_what_the_units_start(self):
        self.install("machine", "seeder")
        for unit in EXPOSURE:
            text = (self.root / f"usr/lib/systemd/system/{unit}.service").read_text()
            for program in re.findall(r"^ExecStart=(\S+)", text, re.M) + ["/opt/upswarm/installer/current/bin/upswarm-installer"]:
                found = self.root / program.lstrip("/")
                self.assertTrue(found.is_file() and found.stat().st_mode & 0o111, program)
        for unit in ("upswarm-installer", "upswarm-agent"):
            config = self.root / f"etc/upswarm/{unit.removeprefix('upswarm-')}.toml"
            subprocess.run([self.bin / unit, "--config", config, "--check-config"], check=True, capture_output=True)
        self.assertEqual((self.root / "usr/bin/upswarm").readlink(), pathlib.Path("/opt/upswarm/agent/current/bin/upswarm"))

    def test_again_puts_newer_programs_in_place_and_leaves_configuration(self):
        self.install("machine")
        before = self.placed("agent")
        config = self.root / "etc/upswarm/agent.toml"
        config.write_text("# mine\n")
        self.install("machine")
        self.assertEqual(self.placed("agent"), before)
        with open(self.bin / "upswarm-agent", "ab") as program:
            program.write(b"newer")
        self.install("machine")
        self.assertNotEqual(self.placed("agent"), before)
        self.assertEqual(len(self.placed("agent")), 1)
        current = self.root / "opt/upswarm/agent/current"
        self.assertEqual(str(current.readlink()), f"versions/{self.placed('agent')[0]}")
        self.assertEqual(config.read_text(), "# mine\n")

    def test_what_came_by_an_update_stays(self):
        self.install("machine")
        root = self.root / "opt/upswarm/agent"
        (root / "versions/2.0.0").mkdir()
        (root / "current").unlink()
        (root / "current").symlink_to("versions/2.0.0")
        said = self.install("machine").stderr
        self.assertIn("versions/2.0.0 came by an update and stays", said)
        self.assertEqual(str((root / "current").readlink()), "versions/2.0.0")

    def test_uninstall_leaves_configuration_and_state(self):
        self.install("machine", "seeder")
        state = self.root / "var/lib/upswarm-installer"
        state.mkdir(parents=True)
        self.install("uninstall")
        left = sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if not path.is_dir())
        self.assertEqual(left, [f"etc/upswarm/{name}.toml" for name in ("agent", "installer", "seeder")])
        self.assertTrue(state.is_dir())
        self.install("--purge", "uninstall")
        self.assertEqual([path for path in self.root.rglob("*") if not path.is_dir()], [])
        self.assertFalse(state.exists())

    def test_systemd_finds_nothing_wrong_with_the_units(self):
        self.install("machine", "seeder")
        units = self.root / "usr/lib/systemd/system"
        ours = [units / f"{unit}.service" for unit in EXPOSURE]
        shutil.copytree("/usr/lib/systemd/system", units, symlinks=True, dirs_exist_ok=True)  # the targets that they name
        done = self.analyze("verify", "--man=no", f"--root={self.root}", *ours)
        about_ours = [line for line in done.stderr.splitlines() if "upswarm" in line]
        self.assertEqual((about_ours, done.returncode), ([], 0), done.stderr)

    def test_the_sandboxes_are_as_tight_as_they_were(self):
        self.install("machine", "seeder")
        for unit, most in EXPOSURE.items():
            done = self.analyze("security", "--offline=yes", f"--root={self.root}", f"--threshold={most}", f"{unit}.service")
            self.assertEqual(done.returncode, 0, done.stdout[-500:] + done.stderr)
            done = self.analyze("security", "--offline=yes", f"--root={self.root}", f"--threshold={most - 1}", f"{unit}.service")
            self.assertNotEqual(done.returncode, 0, f"{unit} is tighter than EXPOSURE says: lower it")


if __name__ == "__main__":
    main()
