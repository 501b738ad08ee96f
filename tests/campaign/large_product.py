#!/usr/bin/env python3
"""The largest and strangest product there is, by the real programs: installed, updated by delta, rolled back, compared.

  usage: tests/campaign/large_product.py [--bin DIR] [--files 100000] [--gib 4] [--folder DIR]
         (root; the preset release; 12 GB of disk, as the large file is copied where the file system cannot share it)

Its tree: a file of more than --gib GiB that is mostly holes, --files small files, names in many scripts and of 255
bytes, a path of 3,000 bytes, empty folders and files, links inside of the tree. Prints of each step its seconds, the
most memory that the installer ever had (VmHWM, with code and mapped files), and the blocks that the large file takes on
disk. Ends with 1 where a tree is not as it was published, or the installer had more than 64 MiB of anonymous memory
(sampled).
"""

import argparse
import pathlib
import random
import re
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from world import Failure, World, noise  # noqa: E402

MOST_ANONYMOUS = 64 << 20
PATIENCE = 1800
SCRIPTS = ["中文文件", "русский", "العربية", "हिन्दी", "ไทย", "日本語のファイル", "한국어", "ελληνικά", "עברית", "emoji-🚀", "e\u0301tude", "naïve", "ﬁ-ligature"]


def strange_names():
    """{path: content}"""
    files = {f"names/{name}/{name}.txt": name for name in SCRIPTS}
    files["names/" + "n" * 255] = "255 bytes"
    files["/".join(["deep", *["d" * 58] * 50, "file"])] = "a long path"
    files["empty/file"] = b""
    return files


def write(tree, options, version):
    source = random.Random(4711)
    for number in range(options.files):
        place = tree / f"small/{number // 1000:03}/{number // 50:05}"
        if number % 50 == 0:
            place.mkdir(parents=True)
        line = f"{version if number % 100 == 0 else 'the same'} {number} "
        (place / f"file-{number:06}.txt").write_text(line * source.randint(5, 40))
    (tree / "empty/folder/inside").mkdir(parents=True)
    (tree / "links").mkdir()
    (tree / "links/to-version").symlink_to("../version")
    (tree / "links/to-folder").symlink_to("../names")
    with open(tree / "large", "wb") as file:
        file.truncate((options.gib << 30) + 4097)
        for mark in range(9):
            file.seek((options.gib << 30) * mark // 8)
            file.write(f"mark {mark} of {version if mark == 5 else 'all'}\n".encode() * 1000)


class Watch:
    """The installer's memory while it works."""

    def __init__(self, pid):
        self.pid, self.most, self.ended = pid, 0, threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def of(self, what):
        return int(re.search(rf"{what}:\s*(\d+) kB", pathlib.Path(f"/proc/{self.pid}/status").read_text()).group(1)) << 10

    def look(self):
        while not self.ended.wait(0.01):
            self.most = max(self.most, self.of("RssAnon"))

    def end(self):
        self.ended.set()
        self.thread.join()
        return self.most


def compare(tree, installed):
    done = subprocess.run(["diff", "-r", "--no-dereference", tree, installed.resolve()], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure("the tree is not as it was published:\n" + done.stdout[:2000])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=str(ROOT / "build/release/bin"))
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--gib", type=int, default=4)
    options = parser.parse_args()
    with World(options.bin) as world:
        world.init().start_seeder()
        machine = world.machine("m1", installer={"log": {"level": "info"}})
        most = 0

        def step(name, work):
            nonlocal most
            watch, began = Watch(machine.installer.process.pid), time.monotonic()
            version = work()
            took, anonymous = time.monotonic() - began, watch.end()
            most = max(most, anonymous)
            compare(world.folder / "trees" / version, machine.installed / "app/current")
            blocks = (machine.installed / "app/current/large").stat().st_blocks * 512
            print(f"| {name} | {took:.0f} | {machine.history()[0]['milliseconds'] / 1000:.0f} | {anonymous / 1e6:.1f} | {watch.of('VmHWM') / 1e6:.1f} "
                  f"| {blocks / 1e6:.1f} |", flush=True)

        def publish(version):
            tree = world.tree(version, {"version": version, "noise": noise(1 << 20, 1), **strange_names()})
            write(tree, options, version)
            world.release(version, tree)
            world.await_taken_in(seconds=PATIENCE)

        def come_to(version):
            machine.command("check", check=False)
            machine.await_version(version, seconds=PATIENCE)
            return version

        publish("1.0.0")
        print("| step | seconds | of the installer | anonymous MB | VmHWM MB | large file MB on disk |\n|---|---|---|---|---|---|")
        machine.start_installer()
        machine.start_agent()
        step("first installation", lambda: come_to("1.0.0"))
        publish("1.1.0")
        step("update", lambda: come_to("1.1.0"))
        kind = machine.history()[0]["kind"]

        def roll_back():
            machine.command("rollback", "app")
            machine.await_version("1.0.0", seconds=PATIENCE)
            return "1.0.0"

        step("rollback", roll_back)
        print(f"the update came as {kind}")
        sys.exit(0 if most <= MOST_ANONYMOUS else 1)


if __name__ == "__main__":
    main()
