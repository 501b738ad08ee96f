#!/usr/bin/env python3
"""A pair of trees with files of more than 4 GiB: a delta made in groups by --memory, applied, stopped and resumed.

  usage: tests/bench/delta/huge.py [--bin DIR] [--folder DIR] [--gib N]     (N GiB of CPU work, 2 N GB on disk; minutes)

The old tree has one file of N GiB (default 6) and programs of the system; the new one has the same file with marks at
places beyond 32 bits, moved by 4,097 bytes from its middle on, and the programs changed in places. Between marks the
file is zeros and repeats of a MiB of noise, so that little of it takes room. Prints what each step took, and ends with
1 when the result differs or applying took more than 64 MiB of anonymous memory.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

import measured

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
MOST_ANONYMOUS = 64 << 20
STEP = 96 << 20
MIB = 1 << 20


def write_large(file, length, seed, shift):
    """Noise of a MiB at every STEP, the rest a hole. From the middle on all lies `shift` bytes later; every fifth MiB
    of noise is changed a little in a tree that is shifted."""
    source = random.Random(seed)
    with open(file, "wb") as out:
        for number, at in enumerate(range(0, length - MIB, STEP)):
            noise = bytearray(source.randbytes(MIB))
            if shift and number % 5 == 0:
                for place in range(0, MIB, 5000):
                    noise[place] ^= 0x5A
            out.seek(at + (shift if at > length // 2 else 0))
            out.write(noise)
        out.truncate(length + shift)


def write_trees(scratch, gib):
    programs = [pathlib.Path("/usr/bin") / name for name in ("python3", "perl", "git", "cmake")]
    for side, shift in (("old", 0), ("new", 4097)):
        tree = scratch / side
        tree.mkdir()
        write_large(tree / "large", gib << 30, 1, shift)
        for program in programs:
            if not program.exists():
                continue
            content = bytearray(program.read_bytes())
            if shift:
                content[len(content) // 2:len(content) // 2] = b"inserted" * 16
            (tree / program.name).write_bytes(content)


def stop_and_resume(publish, scratch, delta):
    """Kills an application halfway by its wall time, and goes on: bytes that were kept, and what going on cost."""
    out = scratch / "resumed"
    command = [str(publish), "apply", str(scratch / "old"), str(delta), "-o", str(out), "--resume", "--json"]
    part = scratch / "resumed.part"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        while child.poll() is None and not ((part / "large").exists() and (part / "perl").exists()):
            time.sleep(0.05)
        child.kill()
    cost, said = measured.run(command)
    return cost, json.loads(said), out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--folder")
    parser.add_argument("--gib", type=int, default=6)
    parser.add_argument("--memory", default="2048", help="MiB for diff")
    options = parser.parse_args()
    publish = options.bin.resolve() / "upswarm-publish"
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="upd-", dir=options.folder))
    try:
        write_trees(scratch, options.gib)
        delta = scratch / "d.upd"
        making, _ = measured.run([publish, "diff", scratch / "old", scratch / "new", "-o", delta, "--level", "fast",
                                  "--memory", options.memory, "--json"])
        about = json.loads(measured.run([publish, "inspect", delta, "--json"])[1])
        applying, said = measured.run([publish, "apply", scratch / "old", delta, "-o", scratch / "out", "--json"])
        parts = json.loads(said)
        same = all(subprocess.run(["cmp", scratch / "new" / name, scratch / "out" / name], check=False).returncode == 0
                   for name in os.listdir(scratch / "new"))
        shutil.rmtree(scratch / "out")
        print(f"{about['unpacked']:,} bytes by a delta of {about['length']:,} in {len(about['groups'])} groups")
        print(f"made in {making.cpu_s:.0f} CPU s with {making.anonymous / 1e6:.0f} MB of anonymous memory")
        print(f"applied in {applying.cpu_s:.0f} CPU s: {parts['cpu_ms']} ms,"
              f" {about['unpacked'] / 1e3 / max(parts['cpu_ms']['rest'], 1):.0f} MB a CPU second of the rest,"
              f" {applying.anonymous / 1e6:.1f} MB of anonymous memory; {'the same' if same else 'NOT THE SAME'}")
        resumed, parts, out = stop_and_resume(publish, scratch, delta)
        again = all(subprocess.run(["cmp", scratch / "new" / name, out / name], check=False).returncode == 0
                    for name in os.listdir(scratch / "new"))
        print(f"killed and resumed: {parts.get('kept', {'files': 0, 'bytes': 0})} kept, {parts['cpu_ms']} ms,"
              f" {resumed.anonymous / 1e6:.1f} MB; {'the same' if again else 'NOT THE SAME'}")
        small = max(applying.anonymous, resumed.anonymous) <= MOST_ANONYMOUS
        sys.exit(0 if same and again and small else 1)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
