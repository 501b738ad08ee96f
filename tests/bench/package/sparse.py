#!/usr/bin/env python3
"""What a machine fetches when a twentieth of a release's files changed: the curve from the size of frames to the package and to the bytes fetched.

  usage: tests/bench/package/sparse.py [--bin DIR] [--frames 4,8,16,32,64] FOLDER ...     (the preset release; any unpacked trees)

For every frame size (`upswarm-publish pack --frame`, KiB) the tree is packed; then a copy of it, in which 5 % of the files were edited (a line at one place),
is what the machine has, and `upswarm-publish plan` says what it would fetch. `clustered`: the files are neighbours; `random`: anywhere; the same choice in each run.
"changed": the chunks that the machine lacks, each compressed by itself at level 19. "ratio": fetched frames to changed; wanted: 1.1. "share": what of the
content that is fetched was lacking. Size: of the package to tar and zstd.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
SHARE = 20


def files_of(tree):
    return sorted(p for p in tree.rglob("*") if p.is_file() and not p.is_symlink() and p.stat().st_size > 0)


def chosen(files, kind):
    count = max(1, len(files) // SHARE)
    choice = random.Random(4711)
    if kind == "random":
        return choice.sample(files, count)
    first = choice.randrange(len(files) - count + 1)
    return files[first:first + count]


def edit(path, number):
    """One line more, somewhere."""
    content = path.read_bytes()
    at = random.Random(number).randrange(len(content))
    path.write_bytes(content[:at] + f"\nedited {number}\n".encode() + content[at:])


def alone(tree, chunks, scratch):
    """Bytes of the chunks, each compressed by itself."""
    folder = scratch / "chunks"
    folder.mkdir()
    for number, chunk in enumerate(chunks):
        with open(tree / chunk["path"], "rb") as content:
            content.seek(chunk["offset"])
            (folder / str(number)).write_bytes(content.read(chunk["size"]))
    if chunks:
        subprocess.run(["zstd", "-q", "-19", "--no-check", "--rm", "-r", folder], check=True)
    total = sum(p.stat().st_size for p in folder.iterdir())
    shutil.rmtree(folder)
    return total


def measure(publish, tree, frame, peer, scratch):
    upk = scratch / "tree.upk"
    upk.unlink(missing_ok=True)
    subprocess.run([publish, "pack", tree, "-o", upk, "--frame", str(frame)], check=True, stdout=subprocess.DEVNULL)
    one = {"frame": frame, "size": os.path.getsize(upk) / peer}
    for kind in ("clustered", "random"):
        old = scratch / "old"
        shutil.copytree(tree, old, symlinks=True)
        for number, path in enumerate(chosen(files_of(old), kind)):
            edit(path, number)
        plan = json.loads(subprocess.run([publish, "--json", "plan", old, upk, "--chunks"], check=True, capture_output=True, text=True).stdout)
        shutil.rmtree(old)
        one[kind] = {"fetched": plan["fetched"], "changed": alone(tree, plan["lacking_chunks"], scratch),
                     "share": plan["lacking"] / max(plan["fetched_content"], 1)}
        one["index"], one["frames"] = plan["index_length"], plan["of_frames"]
    return one


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=str(ROOT / "build/release/bin"))
    parser.add_argument("--frames", default="4,8,16,32,64")
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    print("| tree | frame KiB | frames | size | index | clustered: fetched | changed | ratio | share | random: fetched | changed | ratio | share |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    for folder in options.folders:
        scratch = pathlib.Path(tempfile.mkdtemp(prefix="upk-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
        try:
            command = f"tar -C '{folder.resolve()}' --sort=name -cf - . | zstd -q -19 --long=27 -T2 | wc -c"
            peer = int(subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True).stdout)
            name = folder.resolve().parent.name if folder.name in ("new", "old") else folder.name
            for frame in options.frames.split(","):
                one = measure(pathlib.Path(options.bin) / "upswarm-publish", folder.resolve(), int(frame), peer, scratch)
                cells = [name, frame, one["frames"], f"{one['size']:.3f}", one["index"]]
                for kind in ("clustered", "random"):
                    cells += [one[kind]["fetched"], one[kind]["changed"], f"{one[kind]['fetched'] / max(one[kind]['changed'], 1):.2f}", f"{one[kind]['share']:.2f}"]
                print("| " + " | ".join(map(str, cells)) + " |", flush=True)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
