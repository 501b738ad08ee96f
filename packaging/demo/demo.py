#!/usr/bin/env python3
"""The demo itself: five machines, three releases, one table. Called by packaging/demo.sh."""

import argparse
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tests/support"))
sys.dont_write_bytecode = True

from lan import Lan  # noqa: E402
from tables import table  # noqa: E402
from world import Failure, World, wait_until  # noqa: E402

PACKAGE, NATIVE, VERSIONS = "typescript", "@esbuild/linux-x64", (("5.9.2", "0.25.9"), ("5.9.3", "0.25.10"))
DEBIAN_PRODUCTS = (("git", "git-man"), ("php8.2-cli", "php8.2-common"), ("openssl", "libssl3"))
MACHINES = 5


def say(text):
    print(f"\n== {text}", flush=True)


def versions_on_offer(package):
    """The versions that apt can download, the newest first."""
    offers = subprocess.run(["apt-cache", "madison", package], capture_output=True, text=True, check=True).stdout
    return list(dict.fromkeys(line.split("|")[1].strip() for line in offers.splitlines() if "Packages" in line))


def from_apt(folder):
    """Two versions of one Debian product that are on offer: the archive's and its security update's."""
    for product in DEBIAN_PRODUCTS:
        versions = versions_on_offer(product[0])[:2]
        if len(versions) == 2:
            return [from_debs(folder, product, version) for version in reversed(versions)]
    raise Failure(f"apt offers no two versions of any of {', '.join(p[0] for p in DEBIAN_PRODUCTS)}; name two folders on the command line")


def from_debs(folder, product, version):
    work = folder / version.replace(":", "_")
    work.mkdir()
    for name in product:
        subprocess.run(["apt-get", "download", "-o", "APT::Sandbox::User=root", f"{name}={version}"], cwd=work, check=True, capture_output=True)
    for deb in work.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", deb, work / "tree"], check=True)
    return work / "tree", f"{product[0]} {version}"


def from_npm(folder):
    """A compiler of many files with a native program beside it, at pinned versions."""
    trees = []
    for text, native in VERSIONS:
        tree = folder / text / "tree"
        for name, version in ((PACKAGE, text), (NATIVE, native)):
            place = tree / name.split("/")[-1]
            place.mkdir(parents=True)
            packed = subprocess.run(["npm", "pack", "--silent", f"{name}@{version}"], cwd=place, capture_output=True, text=True, check=True)
            archive = place / packed.stdout.strip().splitlines()[-1]
            subprocess.run(["tar", "xzf", archive, "-C", place, "--strip-components=1"], check=True)
            archive.unlink()
        trees.append((tree, f"{PACKAGE} {text} with {NATIVE} {native}"))
    return trees


def real_releases(folder, given):
    if given:
        return [(pathlib.Path(g).resolve(), g) for g in given]
    if shutil.which("npm"):
        return from_npm(folder)
    return from_apt(folder)


def prepare(tree, to, healthy):
    """The release: the product's files, owners and modes aside, and a health check."""
    shutil.copytree(tree, to, symlinks=True)
    for link in [p for p in to.rglob("*") if p.is_symlink() and (os.path.isabs(os.readlink(p)) or not p.exists())]:
        link.unlink()  # links into the rest of a system are no part of a product's tree
    check = to / "upswarm-check"
    check.write_text(f"#!/bin/sh\n# Healthy when all is there.\n[ -d . ] && exit {0 if healthy else 1}\n")
    check.chmod(0o755)
    return to


def size_of(tree):
    files = [p for p in tree.rglob("*") if p.is_file() and not p.is_symlink()]
    return len(files), sum(p.stat().st_size for p in files)


def mebibytes(count):
    return f"{count / (1 << 20):.2f}"


def roll_out(world, version, tree, recipe, expect):
    say(f"publish {version}")
    started = time.monotonic()
    world.release(version, tree, recipe=recipe)
    world.await_taken_in(90)
    for machine in world.machines:
        machine.command("check", check=False)
    times = {}

    def all_done():
        for machine in world.machines:
            machine.must_live()
            if machine.name not in times and any(o["to"] == version and o["result"] == expect for o in machine.history()):
                times[machine.name] = time.monotonic() - started
        return len(times) == len(world.machines)
    wait_until(f"all machines have {version} {expect}", all_done, 120, 0.1)
    print(f"   published in the datacenter and {expect.replace('_', ' ')} on all {len(times)} machines after {max(times.values()):.1f} s")
    return times


def show(world, versions):
    rows = []
    for machine in world.machines:
        history = {one["to"]: one for one in machine.history()}
        for version, times in versions:
            one = history[version]
            b = one["bytes"]
            way = f'{one["kind"]}: {one["result"].replace("_", " ")}'
            rows.append([machine.name, version, way, machine.version(), f"{times[machine.name]:.1f}", mebibytes(b["site"] + b.get("other", 0)),
                         mebibytes(b["origin_bt"] + b["origin_http"])])
    print(table(rows, ["machine", "release", "how", "runs now", "seconds", "MiB from peers", "MiB from origin"]))


def five_machines(stack, binaries):
    """The world, its seeder and its machines: each on a host of its own where namespaces may be made."""
    if Lan.possible():
        lan = Lan(MACHINES + 1)
        stack.callback(lan.close)
        world = stack.enter_context(World(binaries, address=lan.address(1), namespace=lan.host(1)))
        places = [{"address": lan.address(n), "namespace": lan.host(n)} for n in range(2, MACHINES + 2)]
        print("   the datacenter and each machine are a network namespace of their own, on one bridge")
    else:
        world = stack.enter_context(World(binaries))
        places = [{"address": f"127.0.0.{n}"} for n in range(2, MACHINES + 2)]
        print("   the datacenter and each machine are a loopback address (network namespaces may not be made here)")
    world.init()
    world.start_seeder()
    for number, place in enumerate(places):
        world.machine(f"m{number + 1}", **place).start()
    return world


def travel(stack, binaries, trees):
    world = five_machines(stack, binaries)
    recipe = world.recipe(health={"kind": "command", "command": {"argv": ["upswarm-check"], "timeout": "5s"}, "within": "1s", "every": "200ms"})
    results = [(version, roll_out(world, version, trees[version], recipe, end))
               for version, end in (("1.0.0", "completed"), ("1.1.0", "completed"), ("1.2.0", "rolled_back"))]
    say("what came from where (the third release was broken on purpose)")
    show(world, results)
    if any(machine.version() != "1.1.0" for machine in world.machines):
        raise Failure("not all machines are back on 1.1.0")
    say(f"all {MACHINES} machines are back on 1.1.0 by themselves; nothing is left running")


def run(arguments):
    work = pathlib.Path(tempfile.mkdtemp(prefix="upswarm-demo-"))
    try:
        (old, old_name), (new, new_name) = real_releases(work, arguments.folders)
        releases = work / "releases"
        trees = {"1.0.0": prepare(old, releases / "1", True), "1.1.0": prepare(new, releases / "2", True), "1.2.0": prepare(new, releases / "3", False)}
        say(f"from {old_name} to {new_name}")
        for version in ("1.0.0", "1.1.0"):
            print("   {}: {} files, {} MiB".format(version, *(lambda n, s: (n, mebibytes(s)))(*size_of(trees[version]))))
        with contextlib.ExitStack() as stack:
            travel(stack, arguments.binaries, trees)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", required=True)
    parser.add_argument("folders", nargs="*", help="two folders: an old and a new release")
    arguments = parser.parse_args()
    if len(arguments.folders) not in (0, 2):
        parser.error("name two folders, or none")
    try:
        run(arguments)
    except (Failure, subprocess.CalledProcessError) as failure:
        print(f"demo: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
