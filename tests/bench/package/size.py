#!/usr/bin/env python3
"""Full packages beside `tar | zstd -19 --long=27` in the same run: size, time, and what a machine with 5 % changed files lacks.

  usage: tests/bench/package/size.py [--bin DIR] [--level default] [--rounds 1] FOLDER ...     (the preset release; any unpacked trees)

Times are CPU seconds (user), the machine may have other work; ratios are Upswarm to the peer, less is better. "index": of the package. Folders come
from `apt-get download`, `dpkg-deb -x` and `npm pack`.
"""

import argparse
import json
import math
import os
import pathlib
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]


def run(command):
    """Wall and user seconds, and the peak of memory in bytes, of a shell command with all it starts."""
    wrapped = ["/usr/bin/time", "-f", "%e %U %M", "sh", "-c", command]
    done = subprocess.run(wrapped, check=True, capture_output=True, text=True)
    wall, user, memory = done.stderr.strip().splitlines()[-1].split()
    return {"wall": float(wall), "user": float(user), "memory": int(memory) * 1024}


def measure(publish, folder, level, scratch):
    tar, upk = scratch / "tree.zst", scratch / "tree.upk"
    peer = run(f"tar -C '{folder}' --sort=name -cf - . | zstd -q -19 --long=27 -T2 -f -o '{tar}'")
    ours = run(f"'{publish}' pack '{folder}' -o '{upk}' --threads 2 --level {level}")
    (scratch / "peer").mkdir()
    peer_back = run(f"zstd -q -d --long=27 -c '{tar}' | tar -C '{scratch}/peer' -x")
    ours_back = run(f"'{publish}' unpack '{upk}' -o '{scratch}/ours'")
    subprocess.run(["diff", "-r", "--no-dereference", folder, scratch / "ours"], check=True)
    about = json.loads(subprocess.run([publish, "--json", "inspect", upk], check=True, capture_output=True, text=True).stdout)
    return {
        "tree": folder.name, "files": about["files"], "frames": about["frames"], "index": about["index_length"],
        "size": os.path.getsize(upk), "peer_size": os.path.getsize(tar),
        "pack": ours, "peer_pack": peer, "unpack": ours_back, "peer_unpack": peer_back,
        "index_allowed": os.path.getsize(upk) // 200 + 80 * about["files"] + 48 * about["frames"],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=str(ROOT / "build/release/bin"))
    parser.add_argument("--level", default="default")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    results = []
    for folder in options.folders:
        scratch = pathlib.Path(tempfile.mkdtemp(prefix="upk-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
        try:
            results.append(measure(pathlib.Path(options.bin) / "upswarm-publish", folder.resolve(), options.level, scratch))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    if options.json:
        print(json.dumps(results))
        return
    print(f"{'tree':34} {'files':>6} {'tar|zstd':>11} {'upk':>11} {'ratio':>6} {'index':>8} {'allowed':>8} {'pack wall':>9} {'unpack wall':>11} {'MB pack':>7} {'MB unpack':>9}")
    logs = 0.0
    for one in results:
        ratio = one["size"] / one["peer_size"]
        logs += math.log(ratio)
        print(f"{one['tree']:34} {one['files']:6} {one['peer_size']:11} {one['size']:11} {ratio:6.3f} {one['index']:8} {one['index_allowed']:8}"
              f" {one['pack']['wall'] / max(one['peer_pack']['wall'], 0.01):9.2f} {one['unpack']['wall'] / max(one['peer_unpack']['wall'], 0.01):11.2f}"
              f" {one['pack']['memory'] / 1e6:7.0f} {one['unpack']['memory'] / 1e6:9.0f}")
    print(f"size, geometric mean: {math.exp(logs / len(results)):.3f}")


if __name__ == "__main__":
    main()
