#!/usr/bin/env python3
"""What an update costs where little of a large product changes: bytes written and time, beside copying what changed.

  usage: tests/bench/install.py [--bin DIR] [--mib 400] [--files 200] [--changed-mib 5] [--fs xfs,btrfs,ext4] [--rounds 5]
         (root; the preset release; file systems are mounted from images, each of four times the product)

A product of --files files of one size, of which as many as make --changed-mib get other content, all at once; from a
seeded generator, so nothing compresses and nothing is alike. A real seeder, agent and installer take it as a delta. Bytes
are what the installer's process has the disk write (/proc/PID/io), and what the file system has less afterwards. Time is
the installer's own, from its first note in the journal to the commit; beside it, in the same rounds and on the same file
system, the changed files copied with an fsync each and a rename, and the old product read with SHA-256 (libsodium's: it is
what the installer takes), which an update must do, too. The ratio is (update - reading) / copying, of the medians.
"""

import argparse
import ctypes
import ctypes.util
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from world import PLATFORM, World  # noqa: E402

MAKE = {"ext4": ("mkfs.ext4", "-q", "-F"), "xfs": ("mkfs.xfs", "-q", "-f", "-m", "reflink=1"), "btrfs": ("mkfs.btrfs", "-q", "-f")}
SODIUM = ctypes.CDLL(ctypes.util.find_library("sodium"))


def digest(path):
    state, out = ctypes.create_string_buffer(SODIUM.crypto_hash_sha256_statebytes()), ctypes.create_string_buffer(32)
    SODIUM.crypto_hash_sha256_init(state)
    with open(path, "rb", buffering=0) as file:
        while part := file.read(1 << 20):
            SODIUM.crypto_hash_sha256_update(state, part, ctypes.c_ulonglong(len(part)))
    SODIUM.crypto_hash_sha256_final(state, out)
    return out.raw


def copy_synced(files, to):
    to.mkdir()
    for file in files:
        beside = to / (file.name + ".new")
        with open(file, "rb") as source, open(beside, "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
            target.flush()
            os.fsync(target.fileno())
        beside.rename(to / file.name)
    folder = os.open(to, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def timed(work, *arguments):
    began = time.monotonic()
    work(*arguments)
    return time.monotonic() - began


def written(pid):
    return int(next(line.split()[1] for line in open(f"/proc/{pid}/io") if line.startswith("write_bytes")))


def free(folder):
    subprocess.run(["sync", "-f", folder], check=True)
    about = os.statvfs(folder)
    return about.f_bfree * about.f_frsize


class Bench:
    def __init__(self, options, top):
        self.options, self.top = options, top
        self.world = World(options.bin).init()
        self.world.start_seeder()
        self.size = (options.mib << 20) // options.files
        self.many = max(1, round((options.changed_mib << 20) / self.size))
        extra = {"hard_links": True} if options.hard_links else {}
        self.machine = self.world.machine(installer={
            "state_folder": top / "state", "keep_releases": 1, "keep_for": "0s",
            "product": [{"product": "app", "channel": "stable", "platform": PLATFORM, "root": top / "installed/app", **extra}]})
        self.machine.installed = top / "installed"
        (top / "state").mkdir(mode=0o755)
        (top / "installed").mkdir(mode=0o755)
        self.source = random.Random(1)
        self.content = [self.source.randbytes(self.size) for _ in range(options.files)]

    def release(self, number):
        """Its tree, and the names of what is other than in the one before."""
        changed = [] if number == 0 else [(number * self.many + i) % self.options.files for i in range(self.many)]
        for one in changed:
            self.content[one] = self.source.randbytes(self.size)
        version = f"1.{number}.0"
        self.world.release(version, self.world.tree(version, {f"data/{i:05}": content for i, content in enumerate(self.content)}))
        self.world.await_taken_in(seconds=300)
        return version, [f"{one:05}" for one in changed]

    def update(self, number):
        version, changed = self.release(number)
        pid, before, room = self.machine.installer.process.pid, written(self.machine.installer.process.pid), free(self.top)
        self.machine.command("update", "--wait")
        self.machine.await_version(version, seconds=300)
        update = self.machine.history()[0]
        took = {"update": update["milliseconds"] / 1000, "written": written(pid) - before, "space": room - free(self.top), "kind": update["kind"]}
        data = self.machine.installed / "app/current/data"
        took["copy"] = timed(copy_synced, [data / name for name in changed], self.top / "copied")
        shutil.rmtree(self.top / "copied")
        took["read"] = timed(lambda: [digest(path) for path in data.iterdir()])
        return took

    def run(self):
        self.release(0)
        self.machine.start()
        self.machine.await_version("1.0.0", seconds=300)
        return [self.update(number + 1) for number in range(self.options.rounds)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=str(ROOT / "build/release/bin"))
    parser.add_argument("--mib", type=int, default=400)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--changed-mib", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--fs", default="xfs,btrfs,ext4")
    parser.add_argument("--hard-links", action="store_true", help="say so in installer.toml")
    parser.add_argument("--json")
    options = parser.parse_args()
    print("| file system | how | written MB | space MB | update s | reading s | copying s | ratio |\n|---|---|---|---|---|---|---|---|")
    all_of = {}
    for kind in options.fs.split(","):
        scratch = pathlib.Path(tempfile.mkdtemp(prefix="upswarm-install-"))
        scratch.chmod(0o755)
        try:
            with open(scratch / "image", "wb") as image:
                image.truncate(4 * options.mib << 20)
            subprocess.run([*MAKE[kind], scratch / "image"], check=True)
            (scratch / "disk").mkdir()
            subprocess.run(["mount", "-o", "loop", scratch / "image", scratch / "disk"], check=True)
            bench = Bench(options, scratch / "disk")
            try:
                rounds = bench.run()
            finally:
                bench.world.close()
        finally:
            subprocess.run(["umount", scratch / "disk"], check=False)
            shutil.rmtree(scratch, ignore_errors=True)
        all_of[kind] = rounds
        middle = {key: statistics.median(one[key] for one in rounds) for key in ("update", "read", "copy", "written", "space")}
        print(f"| {kind} | {rounds[0]['kind']} | {middle['written'] / 1e6:.1f} | {middle['space'] / 1e6:.1f} | {middle['update']:.2f} | {middle['read']:.2f} "
              f"| {middle['copy']:.3f} | {(middle['update'] - middle['read']) / middle['copy']:.2f} |", flush=True)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(all_of, indent=1))


if __name__ == "__main__":
    main()
