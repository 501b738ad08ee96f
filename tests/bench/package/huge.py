#!/usr/bin/env python3
"""A file of more than 4 GiB and a tree of more than 8 GB, sparse: packed, unpacked, compared; memory stays where it is promised.

  usage: tests/bench/package/huge.py [--bin DIR] [--folder DIR]     (some GB free there; minutes)
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import size as bench

MOST_PACKING = 256 << 20
MOST_UNPACKING = 64 << 20


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=str(bench.ROOT / "build/release/bin"))
    parser.add_argument("--folder")
    options = parser.parse_args()
    publish = pathlib.Path(options.bin) / "upswarm-publish"
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="upk-", dir=options.folder))
    try:
        tree = scratch / "tree"
        tree.mkdir()
        for name, length, marks in [("large", (4 << 30) + 4097, 9), ("larger", 5 << 30, 7)]:
            with open(tree / name, "wb") as out:
                out.truncate(length)
                for i in range(marks):  # something at places beyond 32 bits, too
                    out.seek(length * i // marks)
                    out.write(f"{name} {i}".encode() * 1000)
        packing = bench.run(f"'{publish}' pack '{tree}' -o '{scratch}/p.upk' --level fast")
        unpacking = bench.run(f"'{publish}' unpack '{scratch}/p.upk' -o '{scratch}/out'")
        about = json.loads(subprocess.run([publish, "--json", "inspect", scratch / "p.upk"], check=True, capture_output=True, text=True).stdout)
        same = subprocess.run(["cmp", tree / "large", scratch / "out/large"]).returncode == 0 and \
            subprocess.run(["cmp", tree / "larger", scratch / "out/larger"]).returncode == 0
        print(f"{about['unpacked']} bytes in a package of {about['length']}, index {about['index_length']}; "
              f"packed in {packing['wall']:.0f} s and {packing['memory'] >> 20} MiB, unpacked in {unpacking['wall']:.0f} s and {unpacking['memory'] >> 20} MiB; "
              f"{'the same' if same else 'NOT THE SAME'}")
        sys.exit(0 if same and packing["memory"] <= MOST_PACKING and unpacking["memory"] <= MOST_UNPACKING else 1)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
