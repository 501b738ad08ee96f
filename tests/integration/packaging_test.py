#!/usr/bin/env python3
"""packaging/linux: what install.sh lays out, and what systemd says of the units."""

import json
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
        self.assertEqual(len(self.placed("agent")), 2, "what ran before may run still")
        current = self.root / "opt/upswarm/agent/current"
        newer = [name for name in self.placed("agent") if name not in before]
        self.assertEqual([str(current.readlink())], [f"versions/{name}" for name in newer])
        self.assertEqual(config.read_text(), "# mine\n")

    def update(self, part, version, program):
        """As if `version` had come by an update; its program says so, too."""
        root = self.root / "opt/upswarm" / part
        (root / "versions" / version / "bin").mkdir(parents=True)
        path = root / "versions" / version / "bin" / program
        path.write_text(f"#!/bin/sh\necho {program} {version}\n")
        path.chmod(0o755)
        (root / "current").unlink()
        (root / "current").symlink_to(f"versions/{version}")

    def keep_records(self):
        """What the installer writes of itself and of others."""
        (self.root / "etc/upswarm/installer.toml").write_text(
            '[[product]]\nproduct = "us"\nroot = "/opt/upswarm/installer"\nself = true\n'
            '[[product]]\nroot = "/opt/upswarm/agent"\nproduct = "upswarm-agent"\n[[product]]\nproduct = "app"\nroot = "/srv/app"\n')
        self.state = self.root / "var/lib/upswarm-installer"
        (self.state / "products").mkdir(parents=True)
        for name in ("trial", "trial.1", "products/us.json", "products/upswarm-agent.json", "products/app.json"):
            (self.state / name).write_text("{}")

    def records(self):
        return sorted(str(path.relative_to(self.state)) for path in self.state.rglob("*") if path.is_file())

    def laid_out(self):
        return {str(path): path.readlink() if path.is_symlink() else path.read_bytes()
                for path in self.root.rglob("*") if path.is_symlink() or path.is_file()}

    def test_programs_of_the_same_version_that_came_by_an_update_stay(self):
        self.install("machine")
        version = subprocess.run([self.bin / "upswarm-agent", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
        self.update("agent", version, "upswarm-agent")
        self.assertIn(f"versions/{version} came by an update and stays", self.install("machine").stderr)
        self.assertEqual(str((self.root / "opt/upswarm/agent/current").readlink()), f"versions/{version}")

    def test_units_and_programs_of_two_versions_are_not_mixed(self):
        for part, version, words in (("agent", "999.0.0", "is newer"), ("installer", "999.0.0", "is newer"), ("agent", "0.0.1", "came by an update")):
            with self.subTest(part=part, version=version):
                shutil.rmtree(self.root, ignore_errors=True)
                self.install("machine")
                self.update(part, version, f"upswarm-{part}")
                self.keep_records()
                (self.root / "usr/lib/systemd/system/upswarm-agent.service").write_text("# of that version\n")
                before = self.laid_out()
                done = self.install("machine", check=False)
                self.assertEqual(done.returncode, 5, done.stderr)
                self.assertIn(words, done.stderr)
                self.assertEqual(self.laid_out(), before)
                self.install("--force", "machine")
                self.assertRegex(str((self.root / "opt/upswarm" / part / "current").readlink()), "^versions/placed-")
                self.assertNotIn("# of that", (self.root / "usr/lib/systemd/system/upswarm-agent.service").read_text())
                self.assertEqual(self.records(), ["products/app.json"], "else the installer would put back what it installed")

    def test_the_floor_of_what_updates_itself_is_never_forgotten(self):
        self.install("machine")
        self.keep_records()
        # As the installer writes it: a reason may hold anything, but no line break.
        known = {"bad": [{"reason": '"floor": {'}], "current": "3.0.0", "damage": {"floor": {"epoch": 1, "n": 1}},
                 "floor": {"epoch": 2, "n": 7}, "highest": {"epoch": 2, "n": 9}, "product": "us", "releases": [{"entry": {}}]}
        us = self.state / "products/us.json"
        us.write_text(json.dumps(known, indent=1))
        for words in (("--force", "machine"), ("--force", "machine"), ("uninstall",)):
            with self.subTest(words=words):
                self.install(*words)
                self.assertEqual(self.records(), ["products/app.json", "products/us.json"])
                self.assertEqual(json.loads(us.read_text()),
                                 {"format": 1, "product": "us", "current": "", "releases": [], "highest": {"epoch": 1, "n": 0},
                                  "floor": {"epoch": 2, "n": 7}, "bad": [], "outcomes": [], "last_outcome": 0})
                self.assertEqual(us.stat().st_mode & 0o777, 0o600)

    def test_a_floor_that_cannot_be_read_is_not_forgotten(self):
        self.install("machine")
        self.keep_records()
        (self.state / "products/us.json").write_text('{"floor": {"epoch": 2, "n": 7}}')
        before = self.laid_out()
        done = self.install("--force", "machine", check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("products/us.json", done.stderr)
        self.assertEqual(self.laid_out(), before)

    def test_uninstall_forgets_what_updated_itself(self):
        self.install("machine")
        self.keep_records()
        self.install("uninstall")
        self.assertEqual(self.records(), ["products/app.json"])

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
