"""What programs cost: CPU seconds, and peaks of memory, from /proc."""

import contextlib
import os
import pathlib
import threading

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(process):
    """User and system time so far of a process, all threads."""
    fields = pathlib.Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(process):
    """(anonymous memory now, most resident memory ever) in MB of 10^6 bytes."""
    found = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines())
    return tuple(int(found[key].split()[0]) * 1024 / 1e6 for key in ("RssAnon", "VmHWM"))


def system_busy():
    """(busy, all) CPU seconds of the whole machine so far."""
    fields = [int(f) for f in pathlib.Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS, sum(fields) / TICKS


class Meter:
    """Watches programs under names, on a thread of its own; a program that is started again goes on under its name."""

    def __init__(self, programs, every=0.2):
        self.programs, self.every = dict(programs), every
        self.costs = {name: {"cpu_seconds": 0.0, "anon_mb": 0.0, "rss_mb": 0.0} for name in self.programs}
        self.seen = {name: self._reading(program) for name, program in self.programs.items()}
        self.busy = system_busy()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.stop()

    def stop(self):
        """The costs of each program, and how busy the whole machine was, of 1."""
        if not self.over.is_set():
            self.over.set()
            self.thread.join()
            self._look()
            busy, passed = (now - before for now, before in zip(system_busy(), self.busy))
            self.busy_share = busy / passed if passed else 0.0
        return self.costs, self.busy_share

    @staticmethod
    def _reading(program):
        """(process, its CPU seconds) of a program that runs."""
        process = program.process
        with contextlib.suppress(OSError, ValueError, IndexError, AttributeError):
            return process.pid, cpu_seconds(process.pid)
        return None

    def _watch(self):
        while not self.over.wait(self.every):
            self._look()

    def _look(self):
        for name, program in self.programs.items():
            reading = self._reading(program)
            if reading is None:
                continue
            process, cpu = reading
            before = self.seen[name]
            costs = self.costs[name]
            costs["cpu_seconds"] += cpu - (before[1] if before and before[0] == process else 0.0)
            self.seen[name] = reading
            with contextlib.suppress(OSError, KeyError, ValueError):
                anon, rss = memory(process)
                costs["anon_mb"], costs["rss_mb"] = max(costs["anon_mb"], anon), max(costs["rss_mb"], rss)
