#!/usr/bin/env python3
"""Runs Upswarm under a real systemd: a Debian of its own in a container, its units as packaging/linux/install.sh lays them out.

usage: tests/lab/systemd/run.py [--bin FOLDER] [--root FOLDER]

--bin   the programs; default: build/release/bin
--root  a Debian 12 that debootstrap made; made there when missing (needs the network). Default: /var/tmp/upswarm-debian

Needs root, debootstrap and systemd-nspawn (packaging/setup.sh --lab). The Debian is read-only: what a run changes lies in a
layer above it that goes with the run. The container has no network but its own loopback, and no folder of this machine but
the programs and this tree, both read-only. What happens inside says inside.py. Ends with 0 when all of it passed.
"""

import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent.parent
PACKAGES = ("systemd,systemd-sysv,dbus,python3,openssl,iproute2,procps,ca-certificates,libcurl4,libsodium23,libsqlite3-0,libspdlog1.10,"
            "libfmt9,libtorrent-rasterbar2.0,libzstd1,libsystemd0,libssl3,libdivsufsort3,libutf8proc2")
UNIT = """[Unit]
Description=What is tried here
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/usr/bin/python3 /upswarm/tests/lab/systemd/inside.py {phase}
StandardOutput=append:/results/words
StandardError=inherit
ExecStopPost=/bin/sh -c 'echo $EXIT_STATUS > /results/status; journalctl --no-pager -o short-precise > /results/journal.{phase}; systemctl poweroff --force'
[Install]
WantedBy=graphical.target multi-user.target
"""
IN_A_NAMESPACE = """set -e
mount -t overlay overlay -o lowerdir="$1",upperdir="$2/changes",workdir="$2/work" "$2/root"
exec systemd-nspawn --quiet --boot --register=no --keep-unit --private-network --console=pipe --directory="$2/root" \\
  --bind-ro="$3":/upswarm --bind-ro="$4":/programs --bind="$2/results":/results
"""


def boot(debian, folder, binaries, phase, seconds):
    """One start of the machine, until it goes off by itself. With the phase "cut" it is killed when inside.py says so."""
    unit = folder / "changes/etc/systemd/system/tried.service"
    wants = unit.parent / "multi-user.target.wants/tried.service"
    wants.parent.mkdir(parents=True, exist_ok=True)
    unit.write_text(UNIT.format(phase=phase))
    wants.unlink(missing_ok=True)
    wants.symlink_to("/etc/systemd/system/tried.service")
    results = folder / "results"
    for name in ("status", "cut-me"):
        (results / name).unlink(missing_ok=True)
    with open(results / "console", "ab") as console:
        machine = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", IN_A_NAMESPACE, "sh", debian, folder, TOP, binaries],
                                   stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True)
    try:
        for _ in range(seconds * 10):
            if (results / "cut-me").exists():
                return "cut"
            try:
                machine.wait(0.1)
                break
            except subprocess.TimeoutExpired:
                continue
        status = results / "status"
        return status.read_text().strip() if status.exists() else "no end"
    finally:
        if machine.poll() is None:
            os.killpg(machine.pid, signal.SIGKILL)  # and with it all processes of its namespace, as the power would
            machine.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=TOP / "build/release/bin")
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path("/var/tmp/upswarm-debian"))
    parser.add_argument("--keep", action="store_true", help="leave the results where they are")
    wishes = parser.parse_args()
    for program in ("systemd-nspawn", "debootstrap"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is missing: packaging/setup.sh --lab")
    if not (wishes.root / "usr/bin/python3").exists():
        subprocess.run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", wishes.root], check=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="upswarm-systemd-", dir="/var/tmp"))
    for name in ("changes", "work", "root", "results"):
        (folder / name).mkdir()
    good = True
    try:
        for phase, wanted in (("first", "0"), ("cut", "cut"), ("after", "0")):
            ended = boot(wishes.root.resolve(), folder, wishes.bin.resolve(), phase, 240)
            words = folder / "results/words"
            print(f"--- {phase}: {'as wanted' if ended == wanted else 'ended with ' + ended}", flush=True)
            if ended != wanted:
                good = False
                print(words.read_text() if words.exists() else (folder / "results/console").read_text()[-3000:])
                break
        if good:
            print((folder / "results/words").read_text(), end="")
    finally:
        if wishes.keep:
            print(f"the results: {folder}/results")
        else:
            shutil.rmtree(folder)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
