#!/usr/bin/env python3
"""A tree of very many small files: what packing, unpacking, making a delta and applying it take of memory.

  usage: tests/bench/package/many_files.py [--bin DIR]... [--folder DIR] [--files N] [--level default]     (the preset release; 15 KB on disk a file)

The tree is made by a seeded generator, as a JavaScript product is: N files of 1 to 3 KB, 20 to a folder, of words that
come again. Of the new one every twentieth file has another line. Prints the peak of resident and of anonymous memory
and CPU seconds of each step, for each --bin; ends with 1 when the result differs or a step takes more than is promised.
"""

import argparse
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/bench/delta"))
import measured  # noqa: E402

PER_FOLDER = 20
FOLDERS_PER_PART = 50
CHANGED_EVERY = 20
MOST_ANONYMOUS = {"pack": 256_000_000, "unpack": 64_000_000, "apply": 64_000_000}


def write_trees(old, new, count):
    source = random.Random(4711)
    letters = "etaoinshrdlucmfwypvbgk"
    words = ["".join(source.choices(letters, k=source.randint(3, 11))) for _ in range(20_000)]
    for number in range(count):
        folder_number = number // PER_FOLDER
        place = pathlib.Path(f"modules/part-{folder_number // FOLDERS_PER_PART:04}/{words[folder_number % len(words)]}-{folder_number:05}/dist")
        name = f"{source.choice(words)}-{number:06}.js"
        # Skewed, as words in sources are.
        lines = [" ".join(words[int(len(words) * source.random()**3)] for _ in range(8)) for _ in range(source.randint(15, 45))]
        for tree in (old, new):
            if tree is new and number % CHANGED_EVERY == 0:
                lines.insert(len(lines) // 2, f"a line that is new in file {number}")
            (tree / place).mkdir(parents=True, exist_ok=True)
            (tree / place / name).write_text("\n".join(lines) + "\n", encoding="ascii")


def steps(publish, scratch, old, new, level):
    """Name and arguments of each."""
    yield "pack", [publish, "pack", new, "-o", scratch / "p.upk", "--level", level]
    yield "unpack", [publish, "unpack", scratch / "p.upk", "-o", scratch / "unpacked"]
    yield "diff", [publish, "diff", old, new, "-o", scratch / "d.upd", "--level", level]
    yield "apply", [publish, "apply", old, scratch / "d.upd", "-o", scratch / "applied"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, action="append")
    parser.add_argument("--folder")
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--level", default="default")
    options = parser.parse_args()
    top = pathlib.Path(tempfile.mkdtemp(prefix="many-", dir=options.folder))
    is_good = True
    try:
        old, new = top / "old", top / "new"
        write_trees(old, new, options.files)
        print("| | step | resident MB | anonymous MB | CPU s |\n|---|---|---|---|---|")
        for number, folder in enumerate(options.bin or [ROOT / "build/release/bin"]):
            scratch = top / str(number)
            scratch.mkdir()
            for step, command in steps(folder.resolve() / "upswarm-publish", scratch, old, new, options.level):
                cost, _ = measured.run(command)
                print(f"| {folder} | {step} | {cost.rss / 1e6:.1f} | {cost.anonymous / 1e6:.1f} | {cost.cpu_s:.2f} |", flush=True)
                is_good = is_good and cost.anonymous <= MOST_ANONYMOUS.get(step, cost.anonymous)
            for made in ("unpacked", "applied"):
                is_good = is_good and subprocess.run(["diff", "-rq", new, scratch / made], check=False).returncode == 0
            shutil.rmtree(scratch)
        sys.exit(0 if is_good else 1)
    finally:
        shutil.rmtree(top, ignore_errors=True)


if __name__ == "__main__":
    main()
