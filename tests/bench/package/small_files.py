#!/usr/bin/env python3
"""What trees of many small files cost: `apply` and `unpack` against `cp -r` and `zstd -dc | tar x` on the same file system.

  usage: tests/bench/package/small_files.py [--bin DIR]... [--rounds N] --on FOLDER OLD NEW     (the preset release; OLD, NEW: unpacked trees)

CPU ms, user and system, the best and the median of all rounds: of our programs without the digests and the check of the base, which `--json` tells apart.
Two --bin compare two builds. Every run writes a new folder under FOLDER and nothing is removed before the end: ext4 without a journal looks long for
inodes that were not in use lately. `cp` and `tar` do not sync, ours do; of that, wall time shows more.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]


def cost(command, is_ours):
    """CPU ms less what is told apart, wall ms, resident MB."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{command} failed")
    wall = (time.monotonic() - start) * 1000
    apart = json.loads(output)["cpu_ms"] if is_ours else {"base": 0, "digests": 0}
    cpu = (usage.ru_utime + usage.ru_stime) * 1000 - apart["base"] - apart["digests"]
    return cpu, wall, usage.ru_maxrss / 1024


def commands(programs, old, new, made, out):
    """Name, command, whether it is ours; each writes the folder that `out` gives."""
    yield "cp -r", ["cp", "-r", new, out()], False
    yield "zstd, tar", ["sh", "-c", 'mkdir "$2" && zstd -dc "$1" | tar x -C "$2"', "sh", made / "tar.zst", out()], False
    for program in programs:
        yield f"apply {program}", [program, "apply", old, made / "delta.upd", "-o", out(), "--json"], True
        yield f"unpack {program}", [program, "unpack", made / "full.upk", "-o", out(), "--json"], True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, action="append")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--on", type=pathlib.Path, required=True)
    parser.add_argument("old", type=pathlib.Path)
    parser.add_argument("new", type=pathlib.Path)
    options = parser.parse_args()
    programs = [folder / "upswarm-publish" for folder in options.bin or [ROOT / "build/release/bin"]]
    made = pathlib.Path(tempfile.mkdtemp())
    top = pathlib.Path(tempfile.mkdtemp(dir=options.on))
    quiet = {"check": True, "stdout": subprocess.DEVNULL}
    costs = {}
    try:
        subprocess.run([programs[0], "diff", options.old, options.new, "-o", made / "delta.upd"], **quiet)
        subprocess.run([programs[0], "pack", options.new, "-o", made / "full.upk"], **quiet)
        subprocess.run(["sh", "-c", 'tar c -C "$1" . | zstd -q -19 --long=27 -T2 -o "$2"', "sh", options.new, made / "tar.zst"], **quiet)
        for number in range(options.rounds):
            folders = (top / f"{number}-{i}" for i in range(1000))
            for name, command, is_ours in commands(programs, options.old, options.new, made, folders.__next__):
                costs.setdefault(name, []).append(cost(command, is_ours))
    finally:
        shutil.rmtree(made)
        shutil.rmtree(top)
    print("| | CPU ms, best | median | wall ms | resident MB |\n|---|---|---|---|---|")
    for name, runs in costs.items():
        cpu, wall, resident = min(runs)
        print(f"| {name} | {cpu:.0f} | {statistics.median(run[0] for run in runs):.0f} | {wall:.0f} | {resident:.0f} |")


if __name__ == "__main__":
    main()
