"""One command with what it cost, and trees as files that peers can read. For run.py."""

import hashlib
import os
import pathlib
import resource
import select
import stat
import subprocess
import tarfile
import tempfile
import time
from dataclasses import asdict, dataclass

# Between two looks at a child's memory: a shorter peak can be missed. Most appliers end while they are young.
LOOK_EVERY_S = 0.002
LOOK_LATER_EVERY_S = 0.02
YOUNG_S = 10.0


class Failed(Exception):
    """A command that did not do what it should: its last words."""


@dataclass
class Cost:
    """CPU is user and system of the process with all its threads. Memory is the most there was at one time.

    `rss` is the kernel's own record and exact, but includes pages of mapped files; `anonymous` (heap, stacks) is
    sampled.
    """

    cpu_s: float
    wall_s: float
    rss: int
    anonymous: int

    def as_json(self):
        return asdict(self)


def run(arguments, expect=(0,)):
    """Runs a command to its end: (cost, standard output). Raises Failed at an exit code that is not expected."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        from_s = time.monotonic()
        child = subprocess.Popen([str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        seen = watch(child.pid, from_s)
        _, status, used = os.wait4(child.pid, 0)
        wall_s = time.monotonic() - from_s
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        said = out.read().decode(errors="replace")
        if child.returncode not in expect:
            raise Failed((said + err.read().decode(errors="replace")).strip()[-500:] or f"exit code {child.returncode}")
    # A child inherits the record of its parent until it has grown past it; below that, samples know, if there are any.
    record = used.ru_maxrss * 1024
    inherited = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    rss = record if record > inherited else seen["VmHWM"] or record
    return Cost(used.ru_utime + used.ru_stime, wall_s, rss, seen["RssAnon"]), said


def watch(pid, from_s):
    """Samples the memory of a child until it ends, and leaves it to be waited for."""
    most = {"VmHWM": 0, "RssAnon": 0}
    ended = select.poll()
    handle = os.pidfd_open(pid)
    try:
        ended.register(handle, select.POLLIN)
        while True:
            young = time.monotonic() - from_s < YOUNG_S
            if ended.poll((LOOK_EVERY_S if young else LOOK_LATER_EVERY_S) * 1000):
                return most
            with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
                for line in file:
                    name, _, value = line.partition(":")
                    if name in most:
                        most[name] = max(most[name], int(value.split()[0]) * 1024)
    finally:
        os.close(handle)


def sha256(file):
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hashing_rate(size=64 << 20):
    """Bytes a CPU second that SHA-256 of Python's OpenSSL takes here."""
    block = bytes(1 << 20)
    from_s = time.process_time()
    digest = hashlib.sha256()
    for _ in range(size >> 20):
        digest.update(block)
    return size / (time.process_time() - from_s)


def write_tar(folder, file):
    """A tree as bytes that depend on nothing but names, content, links and the executable bit."""

    def normal(entry):
        executable = entry.isdir() or entry.mode & 0o100
        entry.mode = 0o777 if entry.issym() else 0o755 if executable else 0o644
        entry.mtime = entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    with tarfile.open(file, "w", format=tarfile.GNU_FORMAT, dereference=False) as tar:
        # Two names of one file are two files: a tar would make the second a link.
        tar.inodes = Nothing()
        for path in sorted(pathlib.Path(folder).rglob("*"), key=lambda p: p.relative_to(folder).as_posix().encode()):
            tar.add(path, path.relative_to(folder).as_posix(), recursive=False, filter=normal)
            # It keeps every header for a reader that never comes.
            tar.members.clear()


class Nothing(dict):
    """Remembers nothing."""

    def __setitem__(self, key, value):
        pass


def content_bytes(folder):
    """Bytes in the regular files of a tree."""
    total = 0
    for path in pathlib.Path(folder).rglob("*"):
        found = path.lstat()
        if stat.S_ISREG(found.st_mode):
            total += found.st_size
    return total
