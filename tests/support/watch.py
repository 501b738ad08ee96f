"""What a running program takes of its machine. Linux."""

import dataclasses
import os
import pathlib
import threading

SYN_SENT = "02"


@dataclasses.dataclass
class Seen:
    memory: int = 0  # bytes of its own (RssAnon), the most at a time
    cpu: float = 0.0  # seconds
    being_tried: int = 0  # TCP connections in its network namespace that nobody answered yet, the most at a time
    tried: int = 0  # TCP connections in all that were opened there


class Watch:
    """Looks at a process ten times a second, from its making until `close`."""

    def __init__(self, pid):
        self.proc = pathlib.Path(f"/proc/{pid}")
        self.seen = Seen()
        self.start = self._cpu(), self._opened()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def close(self):
        """Ends it; what was seen."""
        self.ended.set()
        self.thread.join()
        return self.seen

    def sleeps(self):
        """How often its threads that live went to sleep by themselves: what they were woken for before."""
        states = [dict(line.split(":", 1) for line in (task / "status").read_text().splitlines()) for task in (self.proc / "task").iterdir()]
        return sum(int(state["voluntary_ctxt_switches"]) for state in states)

    def datagrams_dropped(self, port):
        """How many came to the process's network for this UDP port and were not read in time."""
        lines = [line.split() for line in (self.proc / "net/udp").read_text().splitlines()[1:]]
        return sum(int(line[-1]) for line in lines if line[1].endswith(f":{port:04X}"))

    def _run(self):
        try:
            while not self.ended.wait(0.1):
                self._look()
        except (OSError, ValueError):  # the process is gone
            return

    def _look(self):
        status = dict(line.split(":", 1) for line in (self.proc / "status").read_text().splitlines())
        states = [line.split()[3] for line in (self.proc / "net/tcp").read_text().splitlines()[1:]]
        self.seen.memory = max(self.seen.memory, int(status["RssAnon"].split()[0]) << 10)
        self.seen.being_tried = max(self.seen.being_tried, states.count(SYN_SENT))
        self.seen.cpu = round(self._cpu() - self.start[0], 2)
        self.seen.tried = self._opened() - self.start[1]

    def _cpu(self):
        fields = (self.proc / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _opened(self):
        names, values = [line.split() for line in (self.proc / "net/snmp").read_text().splitlines() if line.startswith("Tcp:")]
        return int(values[names.index("ActiveOpens")])
