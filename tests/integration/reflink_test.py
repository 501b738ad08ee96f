#!/usr/bin/env python3
"""What an update does not change costs no space where the file system can share it: xfs and btrfs, mounted from an image."""

import filecmp
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import unittest

from base import BIN, main

PROGRAM = pathlib.Path(BIN) / "upswarm-publish"
MIB = 1 << 20


def run(*command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True)


class Reflink(unittest.TestCase):
    def mounted(self, *make):
        """The folder of a new file system of 512 MiB."""
        if os.geteuid() != 0:
            self.skipTest("mounting takes root")
        top = pathlib.Path(tempfile.mkdtemp(prefix="upswarm-reflink-"))
        self.addCleanup(shutil.rmtree, top)
        image, folder = top / "image", top / "mounted"
        with open(image, "wb") as file:
            file.truncate(512 * MIB)
        made = run(*make, image)
        self.assertEqual(made.returncode, 0, made.stderr)
        folder.mkdir()
        mounted = run("mount", "-o", "loop", image, folder)
        if mounted.returncode != 0:
            self.skipTest(f"this machine mounts no image: {mounted.stderr.strip()}")
        self.addCleanup(run, "umount", folder)
        return folder

    def free(self, folder):
        run("sync", "-f", folder)
        about = os.statvfs(folder)
        return about.f_bavail * about.f_frsize

    def expect_shared(self, folder):
        old, new, made = folder / "old", folder / "new", folder / "made"
        source = random.Random(1)
        old.mkdir()
        (old / "large").write_bytes(source.randbytes(96 * MIB))
        (old / "small").write_bytes(source.randbytes(MIB))
        for number in range(70):
            (old / f"many-{number}").write_bytes(source.randbytes(8192))
        shutil.copytree(old, new)
        (new / "small").write_bytes(source.randbytes(MIB))
        delta = folder / "delta.upd"
        done = run(PROGRAM, "diff", old, new, "-o", delta)
        self.assertEqual(done.returncode, 0, done.stderr)
        shutil.rmtree(new)
        before = self.free(folder)
        done = run(PROGRAM, "apply", old, delta, "-o", made)
        self.assertEqual(done.returncode, 0, done.stderr)
        taken = before - self.free(folder)
        self.assertLess(taken, 8 * MIB, f"{taken} bytes for 1 MiB that changed of 98")
        same, _, _ = filecmp.cmpfiles(old, made, [path.name for path in old.iterdir()], shallow=False)
        self.assertEqual(sorted(set(path.name for path in old.iterdir()) - set(same)), ["small"])
        with open(made / "large", "r+b") as file:
            file.write(b"changed")
        self.assertNotEqual((old / "large").read_bytes()[:7], b"changed", "they share nothing that is written to")

    def test_on_xfs(self):
        self.expect_shared(self.mounted("mkfs.xfs", "-q", "-m", "reflink=1"))

    def test_on_btrfs(self):
        self.expect_shared(self.mounted("mkfs.btrfs", "-q"))


if __name__ == "__main__":
    main()
