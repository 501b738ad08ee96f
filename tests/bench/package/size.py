#!/usr/bin/env python3
"""Full packages beside `tar | zstd -19 --long=27 -T2` and `zstd -d | tar x` in the same run: size, index, time, memory.

  usage: tests/bench/package/size.py [--bin DIR] [--level default] [--rounds 1] FOLDER ...     (the preset release; any unpacked trees)

Ratios are Upswarm to the peer, less is better. CPU: user and system seconds of all processes, the least of the rounds, in which the two take turns: the
machine may have other work. Unpacking: "less digests" is without the SHA-256 of every file and frame, which the peer does not compute; their time is taken by
hashing the same bytes in memory with the same libsodium. Memory is the peak of resident bytes, code and all. Folders come from `apt-get download`, `dpkg-deb -x` and `npm pack`.
"""

import argparse
import ctypes
import ctypes.util
import json
import math
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]


def run(command):
    """Wall and CPU seconds, and the peak of memory in bytes, of a shell command with all it starts."""
    start = time.monotonic()
    child = subprocess.Popen(["sh", "-c", command], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    if status != 0:
        raise SystemExit(f"it failed: {command}")
    return {"wall": time.monotonic() - start, "cpu": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss * 1024}


def least(runs):
    return {"wall": min(r["wall"] for r in runs), "cpu": min(r["cpu"] for r in runs), "memory": max(r["memory"] for r in runs)}


def digest_seconds(folder, package):
    """CPU seconds for what unpacking hashes: every file, every frame."""
    sha256 = ctypes.CDLL(ctypes.util.find_library("sodium")).crypto_hash_sha256
    digest = ctypes.create_string_buffer(32)
    spent = 0.0
    for path in [package, *(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())]:
        content = path.read_bytes()
        start = time.process_time()
        sha256(digest, content, ctypes.c_ulonglong(len(content)))
        spent += time.process_time() - start
    return spent


def measure(publish, folder, level, rounds, scratch):
    tar, upk = scratch / "tree.zst", scratch / "tree.upk"
    times = {"pack": [], "peer_pack": [], "unpack": [], "peer_unpack": []}
    for _ in range(rounds):
        upk.unlink(missing_ok=True)
        times["peer_pack"].append(run(f"tar -C '{folder}' --sort=name -cf - . | zstd -q -19 --long=27 -T2 -f -o '{tar}'"))
        times["pack"].append(run(f"'{publish}' pack '{folder}' -o '{upk}' --threads 2 --level {level}"))
    for _ in range(3 * rounds):
        for name in ("peer", "ours"):
            shutil.rmtree(scratch / name, ignore_errors=True)
        (scratch / "peer").mkdir()
        times["peer_unpack"].append(run(f"zstd -q -d --long=27 -c '{tar}' | tar -C '{scratch}/peer' -x"))
        times["unpack"].append(run(f"'{publish}' unpack '{upk}' -o '{scratch}/ours'"))
    subprocess.run(["diff", "-r", "--no-dereference", folder, scratch / "ours"], check=True)
    about = json.loads(subprocess.run([publish, "--json", "inspect", upk], check=True, capture_output=True, text=True).stdout)
    size = os.path.getsize(upk)
    return {
        "tree": folder.parent.name if folder.name in ("new", "old") else folder.name,
        "files": about["files"], "frames": about["frames"], "index": about["index_length"], "size": size, "peer_size": os.path.getsize(tar),
        "index_allowed": size // 200 + 80 * about["files"] + 48 * about["frames"], "digests": digest_seconds(folder, upk),
        **{name: least(runs) for name, runs in times.items()},
    }


COLUMNS = [("files", 6), ("tar|zstd", 11), ("upk", 11), ("ratio", 6), ("index", 8), ("allowed", 8), ("pack: CPU", 9), ("wall", 6), ("MB", 4),
           ("unpack: CPU", 11), ("less digests", 12), ("wall", 6), ("MB", 4)]


def ratios(one):
    """As in COLUMNS; time may be too little to be measured."""
    def over(ours, peer):
        return ours / max(peer, 0.01)
    pack, unpack, peer_pack, peer_unpack = one["pack"], one["unpack"], one["peer_pack"], one["peer_unpack"]
    return [one["size"] / one["peer_size"], over(pack["cpu"], peer_pack["cpu"]), over(pack["wall"], peer_pack["wall"]),
            over(unpack["cpu"], peer_unpack["cpu"]), over(max(unpack["cpu"] - one["digests"], 0.01), peer_unpack["cpu"]),
            over(unpack["wall"], peer_unpack["wall"])]


def line_of(one):
    size, pack_cpu, pack_wall, unpack_cpu, bare_cpu, unpack_wall = ratios(one)
    cells = [one["files"], one["peer_size"], one["size"], f"{size:.3f}", one["index"], one["index_allowed"], f"{pack_cpu:.2f}", f"{pack_wall:.2f}",
             one["pack"]["memory"] // 1_000_000, f"{unpack_cpu:.2f}", f"{bare_cpu:.2f}", f"{unpack_wall:.2f}", one["unpack"]["memory"] // 1_000_000]
    return f"{one['tree']:20} " + " ".join(f"{cell:>{width}}" for cell, (_, width) in zip(cells, COLUMNS))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=str(ROOT / "build/release/bin"))
    parser.add_argument("--level", default="default")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    results = []
    if not options.json:
        print(f"{'tree':20} " + " ".join(f"{name:>{width}}" for name, width in COLUMNS), flush=True)
    for folder in options.folders:
        scratch = pathlib.Path(tempfile.mkdtemp(prefix="upk-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
        try:
            results.append(measure(pathlib.Path(options.bin) / "upswarm-publish", folder.resolve(), options.level, options.rounds, scratch))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        if not options.json:
            print(line_of(results[-1]), flush=True)
    if options.json:
        print(json.dumps(results))
        return
    means = [math.exp(sum(math.log(values) for values in column) / len(results)) for column in zip(*map(ratios, results))]
    print("geometric means: size {:.3f}; packing CPU {:.2f}, wall {:.2f}; unpacking CPU {:.2f}, less digests {:.2f}, wall {:.2f}".format(*means))


if __name__ == "__main__":
    main()
