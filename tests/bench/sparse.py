#!/usr/bin/env python3
"""What crosses the network when a twentieth of a release's files changed and there is no delta: the real programs.

  usage: tests/bench/sparse.py [--bin DIR] FOLDER ...     (any unpacked trees; the preset release)

FOLDER is released as 1.1.0. 1.0.0 is the same but for a twentieth of the files, which have other content there: random ones ("scattered"), or some that
follow each other by path ("together"). The machine is alone. "needed": bytes of the frames that the installer lacks; "fetched": all that the agent fetched,
the index and what it had no use for (gaps between ranges) with it; all as the programs say.
"""

import argparse
import pathlib
import random
import re
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))

from world import World  # noqa: E402

SOURCES = ("disk", "site", "origin_bt", "origin_http", "wasted")


def add_check(tree):
    (tree / "bin").mkdir(exist_ok=True)
    check = tree / "bin/check"
    check.write_text("#!/bin/sh\n")
    check.chmod(0o755)


def alter(tree, change):
    """Gives a twentieth of the files other content of the same kind: its own lines, another way round."""
    files = sorted(p for p in tree.rglob("*") if p.is_file() and not p.is_symlink() and p.stat().st_size > 0)
    count = max(1, len(files) // 20)
    first = len(files) // 2
    for file in random.Random(1).sample(files, count) if change == "scattered" else files[first:first + count]:
        file.write_bytes(b"".join(reversed(file.read_bytes().splitlines(keepends=True))) + b"\nolder\n")


def measure(binaries, folder, change):
    with World(binaries) as world:
        world.init().start_seeder()
        old, new = world.folder / "old", world.folder / "new"
        for tree in (old, new):
            shutil.copytree(folder, tree, symlinks=True)
            add_check(tree)
        alter(old, change)
        machine = world.machine("m1")
        for version, tree in (("1.0.0", old), ("1.1.0", new)):
            world.release(version, tree, extra=("--deltas", 0))
            world.await_taken_in(120)
            if version == "1.0.0":
                machine.start()
            machine.await_version(version, seconds=300)
        update = machine.history()[0]
        said = machine.agent.words().rsplit("parts of the full package are on disk", 1)[1].splitlines()[0]
        about = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", said)}
        pieces = next(world.seeder_folder.rglob("*1.1.0.upk.torrent")).read_bytes()
        about["piece"] = int(re.search(rb"12:piece lengthi(\d+)e", pieces)[1])
        return update["kind"], sum(update["bytes"][s] for s in SOURCES), about


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=str(ROOT / "build/release/bin"))
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    print(f"{'tree':24} {'changed':9} {'way':7} {'package':>11} {'piece':>7} {'index':>9} {'needed':>10} {'fetched':>10} {'/ (needed + index)':>18} {'of package':>10}")
    for folder in options.folders:
        for change in ("scattered", "together"):
            kind, fetched, about = measure(options.bin, folder, change)
            print(f"{folder.name:24} {change:9} {kind:7} {about['package']:11} {about['piece']:7} {about['index']:9} {about['needed']:10} {fetched:10}"
                  f" {fetched / (about['needed'] + about['index']):18.2f} {fetched / about['package']:10.3f}")


if __name__ == "__main__":
    main()
