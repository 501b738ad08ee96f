#!/usr/bin/env python3
"""A file of more than 4 GiB, a tree of more than 8 GB, a package file of more than 8 GiB: packed, unpacked, compared; memory stays where it is promised.

  usage: tests/bench/package/huge.py [--bin DIR] [--folder DIR] [--noise GIB]

Without --noise the tree is sparse (some GB free in the folder, minutes). With --noise it is that much of what does not compress, from a seeded generator, so
that the package is as large: three times that much must be free, and is freed at the end.
"""

import argparse
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/bench/delta"))
import measured  # noqa: E402

MOST_PACKING = 256_000_000
MOST_UNPACKING = 64_000_000


def make_sparse(tree):
    for name, length, marks in [("large", (4 << 30) + 4097, 9), ("larger", 5 << 30, 7)]:
        with open(tree / name, "wb") as out:
            out.truncate(length)
            for i in range(marks):  # something at places beyond 32 bits, too
                out.seek(length * i // marks)
                out.write(f"{name} {i}".encode() * 1000)


def make_noise(tree, gib):
    source = random.Random(4711)
    sizes = [("large", 5 << 10)] if gib > 5 else []  # in MiB
    sizes.append(("rest", (gib << 10) - sum(size for _, size in sizes)))
    for name, size in sizes:
        with open(tree / name, "wb") as out:
            for _ in range(size):
                out.write(source.randbytes(1 << 20))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=str(ROOT / "build/release/bin"))
    parser.add_argument("--folder")
    parser.add_argument("--noise", type=int, default=0)
    options = parser.parse_args()
    publish = pathlib.Path(options.bin) / "upswarm-publish"
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="upk-", dir=options.folder))
    try:
        tree = scratch / "tree"
        tree.mkdir()
        if options.noise:
            make_noise(tree, options.noise)
        else:
            make_sparse(tree)
        packing, _ = measured.run([publish, "pack", tree, "-o", scratch / "p.upk", "--level", "fast"])
        unpacking, _ = measured.run([publish, "unpack", scratch / "p.upk", "-o", scratch / "out"])
        about = json.loads(subprocess.run([publish, "--json", "inspect", scratch / "p.upk"], check=True, capture_output=True, text=True).stdout)
        same = all(subprocess.run(["cmp", path, scratch / "out" / path.name]).returncode == 0 for path in tree.iterdir())
        print(f"{about['unpacked']} bytes in a package of {about['length']}, index {about['index_length']}; "
              f"packed in {packing.cpu_s:.0f} CPU s, {packing.rss / 1e6:.1f} MB resident and {packing.anonymous / 1e6:.1f} anonymous, "
              f"unpacked in {unpacking.cpu_s:.0f} CPU s, {unpacking.rss / 1e6:.1f} MB and {unpacking.anonymous / 1e6:.1f}; "
              f"{'the same' if same else 'NOT THE SAME'}")
        sys.exit(0 if same and packing.anonymous <= MOST_PACKING and unpacking.anonymous <= MOST_UNPACKING else 1)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
