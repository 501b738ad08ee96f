#!/usr/bin/env python3
"""The real installer, interrupted while it works on a real product of hundreds of MB: always one whole release.

  usage: tests/campaign/interruptions.py --product OLD NEW [--bin DIR] [--rounds 200] [--images 0] [--fs ext4] [--seed 1]
         (root; the preset release; the trees as tests/bench/delta/pairs.py makes them, several joined by commas)

Each round begins with a machine as it was before, lets seeder, agent and installer do one piece of work, and interrupts
the installer at a moment by the dice: it is killed (SIGKILL), or, with --images, the disk that it works on is copied at
several moments of the work, as a power cut would leave it: the machine's files lie on a file system mounted from an image,
which an xfs under it copies at once (reflink). Then the copy is mounted and an installer started on it.

The work, by turns: a first installation, an update by delta, an administrator's rollback, a release that fails its health
check, and an update by parts of the full package. Checked each time: before the restart `current` leads to a tree that is
byte for byte one of the two releases; so it does after it; and every fifth round goes on to its end. The first that is
not so ends the campaign with 1. Prints one line for each way.
"""

import argparse
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from world import PLATFORM, Failure, Program, World, toml, wait_until  # noqa: E402

MAKE = {"ext4": ("mkfs.ext4", "-q", "-F"), "xfs": ("mkfs.xfs", "-q", "-f", "-m", "reflink=1"), "btrfs": ("mkfs.btrfs", "-q", "-f")}
IMAGE_GIB = 6
PATIENCE = 300


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))}: {done.stderr}")
    return done.stdout


def ask(path, *words):
    """The answers of an installer to these questions."""
    answers = []
    with socket.socket(socket.AF_UNIX) as talk:
        talk.settimeout(60)
        talk.connect(str(path))
        with talk.makefile("rb") as answer:
            for word in words:
                question = json.dumps({"ask": word}).encode()
                talk.sendall(struct.pack(">I", len(question)) + question)
                answers.append(json.loads(answer.read(struct.unpack(">I", answer.read(4))[0])))
    return answers


def is_busy(path):
    """Whether an installer is at work, what it found at its start included; nothing: it cannot be asked."""
    with contextlib.suppress(OSError, struct.error):
        progress, hello = ask(path, "progress", "hello")
        return bool(progress["products"]) or any(one["busy"] for one in hello["products"])
    return None


class Disk:
    """A file system in an image on an xfs that copies it at once."""

    def __init__(self, folder, kind):
        self.folder, self.copies, self.mounted = folder, 0, []
        with open(folder / "under", "wb") as file:
            file.truncate(20 * IMAGE_GIB << 30)  # sparse
        run(*MAKE["xfs"], folder / "under")
        self.under = self.mount(folder / "under", "xfs")
        with open(self.under / "image", "wb") as file:
            file.truncate(IMAGE_GIB << 30)
        run(*MAKE[kind], self.under / "image")
        self.top = self.mount(self.under / "image", "disk")

    def mount(self, image, name):
        place = self.folder / name
        place.mkdir(exist_ok=True)
        run("mount", "-o", "loop,nouuid" if name == "copy" and self.is_xfs(image) else "loop", image, place)
        self.mounted.append(place)
        return place

    @staticmethod
    def is_xfs(image):
        with open(image, "rb") as file:
            return file.read(4) == b"XFSB"

    def unmount(self, place):
        run("umount", place)
        self.mounted.remove(place)

    def copy(self):
        self.copies += 1
        place = self.under / f"copy-{self.copies}"
        run("cp", "--reflink=always", self.under / "image", place)
        return place

    def close(self):
        for place in reversed(self.mounted):
            subprocess.run(["umount", "--lazy", place], check=False)  # a loop device is let go of a moment later


class Campaign:
    def __init__(self, options, scratch):
        self.options, self.chance = options, random.Random(options.seed)
        self.world = World(options.bin).init()
        self.world.start_seeder()
        self.disk = Disk(scratch, options.fs) if options.images else None
        self.top = self.disk.top if self.disk else scratch / "disk"
        self.top.mkdir(exist_ok=True)
        self.machine = self.world.machine(installer={
            "state_folder": self.top / "state", "keep_for": "1d", "recovery_retry": "1s",
            "product": [{"product": "app", "channel": "stable", "platform": PLATFORM, "root": self.top / "installed/app"}]})
        self.machine.installed = self.top / "installed"
        self.socket = self.machine.installer_settings["socket"]
        self.trees, self.saved, self.counts, self.lasted = {}, {"": None}, {}, {}

    def assemble(self, version, parts, healthy=True):
        tree = self.world.tree(version, {"version": version}, healthy=healthy)
        for part in parts:
            run("cp", "-a", "--reflink=auto", part, tree / f"{part.parent.name}")
        self.trees[version] = tree
        return tree

    def publish(self, version, parts, healthy=True, deltas=None):
        extra = [] if deltas is None else ["--deltas", deltas]
        self.world.release(version, self.assemble(version, parts, healthy), extra=extra)
        self.world.await_taken_in(seconds=300)

    def await_rest(self):
        wait_until("the installer rests", lambda: is_busy(self.socket) is False, PATIENCE)

    def save(self, version):
        """Remembers the machine as it is, running `version`."""
        self.await_rest()
        self.machine.installer.stop()
        place = self.top / "saved" / version
        place.mkdir(parents=True)
        for name in ("state", "installed"):
            run("cp", "-a", "--reflink=auto", self.top / name, place / name)
        self.saved[version] = place
        self.machine.start_installer()

    def restore(self, version):
        self.machine.installer.kill()
        for name in ("state", "installed"):
            shutil.rmtree(self.top / name, ignore_errors=True)
            if version:
                run("cp", "-a", "--reflink=auto", self.saved[version] / name, self.top / name)
        (self.top / "state").mkdir(mode=0o755, exist_ok=True)
        (self.top / "installed").mkdir(mode=0o755, exist_ok=True)
        run("sync", "-f", self.top)

    def running_in(self, top):
        current = top / "installed/app/current"
        return os.readlink(current).removeprefix("versions/") if current.is_symlink() else ""

    def check(self, top, allowed, when):
        """`current` names one of the releases, and its tree is that one."""
        version = self.running_in(top)
        if version not in allowed:
            raise Failure(f"{when}: current names {version!r}, allowed are {allowed}")
        if version:
            different = subprocess.run(["diff", "-r", "--no-dereference", self.trees[version], (top / "installed/app/current").resolve()],
                                       capture_output=True, text=True)
            if different.returncode != 0:
                raise Failure(f"{when}: {version} is torn:\n{different.stdout[:2000]}{different.stderr[:500]}")
        return version

    def begin(self, way, start):
        """The work, begun as people or the agent begin it; returns when the installer is at it, with the last
        outcome before."""
        self.restore(start)
        before = self.outcomes()
        self.machine.start_installer()
        if way == "rollback":
            self.await_rest()
            self.machine.command("rollback", "app")
        else:
            wait_until("the agent heard", lambda: self.machine.command("check", check=False).code == 0)
        wait_until("the installer is at work", lambda: self.journal() or self.outcomes() > before, PATIENCE, every=0.002)
        return before

    def record(self):
        """What the installer has written down."""
        file = self.top / "state/products/app.json"
        return json.loads(file.read_text()) if file.exists() else {}

    def journal(self):
        return self.record().get("journal")

    def outcomes(self):
        return self.record().get("last_outcome", 0)

    def rehearse(self, way, start, end):
        before = self.begin(way, start)
        began = time.monotonic()
        wait_until("it ends", lambda: self.outcomes() > before, PATIENCE, every=0.002)
        self.lasted[way] = time.monotonic() - began
        version = self.check(self.top, [end], f"{way}, not interrupted")
        print(f"{way}: {start or 'nothing'} to {version}, {self.lasted[way]:.1f} s when not interrupted", flush=True)

    def wait_for(self, moment):
        wait_until("the moment", lambda: time.monotonic() >= moment, PATIENCE, every=0.002)

    def kill_once(self, way, start, end, number):
        self.begin(way, start)
        self.wait_for(time.monotonic() + self.chance.uniform(0, 1.05 * self.lasted[way]))
        self.machine.agent.process.send_signal(signal.SIGSTOP)
        try:
            self.machine.installer.kill()
            allowed = {start, end} | ({"3.0.0"} if way == "unhealthy" else set())
            before = self.check(self.top, allowed, f"{way}, killed")
            self.machine.start_installer()
            self.await_rest()
            after = self.check(self.top, {start, end}, f"{way}, recovered")
        finally:
            self.machine.agent.process.send_signal(signal.SIGCONT)
        self.count(way, before, after)
        if number % 5 == 0 and way in ("full", "delta", "sparse"):
            self.machine.command("clear-bad", "app", check=False)  # after an interruption a release is waited with for minutes
            self.machine.command("check", check=False)
            wait_until(f"{way} comes to its end", lambda: self.running_in(self.top) == end and is_busy(self.socket) is False, PATIENCE)
            self.check(self.top, {end}, f"{way}, gone on with")

    def copy_often(self, way, start, end, many):
        before = self.begin(way, start)
        began, copies = time.monotonic(), []
        for moment in sorted(self.chance.uniform(0, 1.05 * self.lasted[way]) for _ in range(many)):
            self.wait_for(began + moment)
            copies.append(self.disk.copy())
        wait_until("it ends", lambda: self.outcomes() > before, PATIENCE)
        for copy in copies:
            self.check_copy(copy, way, start, end)
            copy.unlink()

    def check_copy(self, copy, way, start, end):
        top = self.disk.mount(copy, "copy")
        settings = {**self.machine.installer_settings, "state_folder": top / "state", "socket": self.world.folder / "copy/installer.sock",
                    "product": [{**self.machine.installer_settings["product"][0], "root": top / "installed/app"}]}
        (self.world.folder / "copy").mkdir(mode=0o755, exist_ok=True)
        config = self.world.folder / "copy.toml"
        config.write_text(toml(settings))
        allowed = {start, end} | ({"3.0.0"} if way == "unhealthy" else set())
        try:
            before = self.check(top, allowed, f"{way}, after a power cut")
            installer = Program([self.world.bin / "upswarm-installer", "--config", config], self.world.folder / "copy.log")
            installer.start()
            wait_until("the installer rests", lambda: is_busy(settings["socket"]) is False, PATIENCE)
            after = self.check(top, {start, end}, f"{way}, recovered from a power cut")
            installer.stop()
        finally:
            self.disk.unmount(top)
        self.count(way, before, after)

    def count(self, way, before, after):
        counts = self.counts.setdefault(way, {})
        key = f"{before or 'nothing'} -> {after or 'nothing'}"
        counts[key] = counts.get(key, 0) + 1

    def rounds(self, way, start, end):
        self.rehearse(way, start, end)
        share = -(-(self.options.images or self.options.rounds) // 5)
        if self.disk:
            for done in range(0, share, 6):
                self.copy_often(way, start, end, min(6, share - done))
        else:
            for number in range(share):
                self.kill_once(way, start, end, number)
        print(f"{way}: {sum(self.counts[way].values())} interruptions, {self.counts[way]}", flush=True)

    def run(self):
        old, new = ([pathlib.Path(part).resolve() for part in side.split(",")] for side in self.options.product)
        self.publish("1.0.0", old)
        size = int(run("du", "-sb", self.trees["1.0.0"]).split()[0])
        files = sum(path.is_file() for path in self.trees["1.0.0"].rglob("*"))
        print(f"a product of {files} files, {size / 1e6:.0f} MB; {self.options.fs if self.disk else 'the file system of the scratch folder'}", flush=True)
        self.machine.start()
        self.machine.await_version("1.0.0", seconds=PATIENCE)
        self.save("1.0.0")
        self.publish("2.0.0", new)
        self.machine.await_version("2.0.0", seconds=PATIENCE)
        self.save("2.0.0")
        self.rounds("full", "", "2.0.0")
        self.rounds("delta", "1.0.0", "2.0.0")
        self.rounds("rollback", "2.0.0", "1.0.0")
        self.publish("3.0.0", new[:-1] + old[-1:], healthy=False)
        self.rounds("unhealthy", "2.0.0", "2.0.0")
        self.publish("4.0.0", old[:1] + new[1:], deltas=0)
        self.rounds("sparse", "2.0.0", "4.0.0")

    def close(self):
        self.world.close()
        if self.disk:
            self.disk.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--product", nargs=2, required=True, metavar=("OLD", "NEW"))
    parser.add_argument("--bin", default=str(ROOT / "build/release/bin"))
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--images", type=int, default=0)
    parser.add_argument("--fs", choices=sorted(MAKE), default="ext4")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder")
    options = parser.parse_args()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="upswarm-interrupted-", dir=options.folder))
    scratch.chmod(0o755)
    campaign = Campaign(options, scratch)
    try:
        campaign.run()
    except Failure as failure:
        print(f"{failure}\n--- installer\n{campaign.machine.installer.words()[-3000:]}", file=sys.stderr)
        sys.exit(1)
    finally:
        campaign.close()
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
