"""The same package over the same network by other programs, so that a run's figures can be set against each other."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from meter import Meter
from network import DATACENTER
from swarm import LOOK, payloads
from world import Failure, Program, wait_until

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"
STREAM_PORT, TRACKER_PORT = 8000, 6969
TRACKER = f"http://{DATACENTER}:{TRACKER_PORT}/announce"
RAW_BYTES = 64 << 20  # enough for a rate; a longer transfer is reckoned from it
TUNED = ("super", "leader1", "leader2", "leader4")  # what was tried: super seeding, and leaders with pieces of their own
NAMES = ("raw", "http", "aria2", "libtorrent", *TUNED)


def python_with_libtorrent():
    """Debian's own interpreter has it, others seldom."""
    for python in (sys.executable, "/usr/bin/python3"):
        if shutil.which(python) and subprocess.run([python, "-c", "import libtorrent"], capture_output=True).returncode == 0:
            return python
    return None


def moment(word, program):
    """The time that the program printed after this word, or nothing."""
    found = re.search(rf"^{word} ([\d.]+)", program.words(), re.MULTILINE)
    return float(found[1]) if found else None


def why_not(name):
    """Why this peer cannot take part; empty: it can."""
    if name == "aria2" and not shutil.which("aria2c"):
        return "aria2c is not installed (packaging/setup.sh --lab)"
    if name in ("libtorrent", *TUNED) and not python_with_libtorrent():
        return "python3-libtorrent is not installed (packaging/setup.sh --lab)"
    return ""


class PeerRun:
    """One program as the server and on each host. Its clients print "done TIME" when they have it all, and may have
    printed "began TIME" once they were loaded."""

    def __init__(self, name, scenario, network, package, torrent):
        self.name, self.scenario, self.network = name, scenario, network
        self.package, self.torrent = package, torrent
        self.size = package.stat().st_size
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="uswlab-"))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        shutil.rmtree(self.folder, ignore_errors=True)

    def program(self, label, namespace, *argv):
        return Program(argv, self.folder / f"{label}.log", namespace=namespace)

    def stream(self, places, size):
        server = self.program("server", self.network.datacenter, sys.executable, PROGRAMS / "stream.py", "serve", DATACENTER, STREAM_PORT,
                              self.package, size)
        return [(server, server, "ready")], {place: self.program(f"client{place}", self.network.host(*place), sys.executable, PROGRAMS / "stream.py", "fetch",
                                              DATACENTER, STREAM_PORT) for place in places}

    def folder_of(self, label, whole=False):
        """Where a client keeps its file; with `whole` the package lies there already."""
        folder = self.folder / label
        folder.mkdir()
        if whole:
            name = re.search(rb"4:name\d+:([^:]*?)12:piece length", self.torrent.read_bytes())[1].decode()
            os.link(self.package, folder / name)
        return folder

    def bittorrent(self, client):
        """`client(label, namespace, address, is_seed)` makes one. The seed is ready when the tracker knows it."""
        tracker = self.program("tracker", self.network.datacenter, sys.executable, PROGRAMS / "tracker.py", DATACENTER, TRACKER_PORT)
        seed = client("seed", self.network.datacenter, DATACENTER, True)
        return [(tracker, tracker, "ready"), (seed, tracker, "announced")], {
            place: client(f"s{place[0]}h{place[1]}", self.network.host(*place), self.network.address(*place), False)
            for place in self.network.places()}

    def aria2(self, label, namespace, address, is_seed):
        words = ["aria2c", f"--dir={self.folder_of(label, is_seed)}", f"--bt-tracker={TRACKER}", f"--interface={address}",
                 "--enable-dht=false", "--disable-ipv6=true", "--seed-ratio=0.0", "--no-conf", "--summary-interval=0", "--show-console-readout=false",
                 f"--on-bt-download-complete={PROGRAMS / 'aria2_done.sh'}"]
        words += ["--bt-seed-unverified=true"] if is_seed else []
        return self.program(label, namespace, *words, self.torrent)

    def libtorrent(self, label, namespace, address, is_seed):
        return self.program(label, namespace, python_with_libtorrent(), PROGRAMS / "plain_libtorrent.py", address, self.torrent, TRACKER,
                            self.folder_of(label, is_seed), *(["seed"] if is_seed else []))

    def tuned(self, label, namespace, address, is_seed):
        """The first hosts of a site lead, of each as many as the name says; with super seeding nobody does."""
        leads = int(self.name.removeprefix("leader")) if self.name != "super" else 0
        host = 0 if is_seed else int(label.split("h")[1])
        if is_seed:
            role = "seed" if leads else "super"
        elif not leads:
            role = "open"
        else:
            role = f"leader:{host - 1}/{leads}" if host <= leads else "follower"
        return self.program(label, namespace, python_with_libtorrent(), PROGRAMS / "tuned_libtorrent.py", address, self.torrent, TRACKER,
                            self.folder_of(label, is_seed), role)

    def run(self, user=None):
        """Runs it, with the user beside it. The result: as swarm.py has it, but for sources and costs.

        `servers`: (program, whose words say that it is ready, the word); `clients`: {(site, host): program}.
        """
        size = self.size
        if self.name == "raw":
            size = min(size, RAW_BYTES)
            servers, clients = self.stream([(1, 1)], size)  # several would not share a link evenly
        elif self.name == "http":
            servers, clients = self.stream(self.network.places(), size)
        else:
            servers, clients = self.bittorrent(self.tuned if self.name in TUNED else getattr(self, self.name))
        try:
            for server, witness, word in servers:
                server.start()
                wait_until(f"{witness.log.name} has \"{word}\"", lambda w=witness, t=word: t in w.words(), 60)
            return self._measure([server for server, _, _ in servers], clients, size, user)
        finally:
            for one in [server for server, _, _ in servers] + list(clients.values()):
                one.kill()

    def _measure(self, servers, clients, size, user):
        limit = self.scenario.bound(self.size) * max(20, 2 * len(clients)) + 30
        before = self.network.at_router()
        with Meter([("server", servers[-1])]) as meter:
            start = time.time()
            for one in clients.values():
                one.start()
            times = {}
            while len(times) < len(clients) and time.time() - start < limit:
                if user:
                    user.look(time.time() - start)
                for place, one in clients.items():
                    if place not in times and (done := moment("done", one)):
                        times[place] = (done - (moment("began", one) or start)) * self.size / size
                for server in servers:
                    if not server.alive():
                        raise Failure(f"{self.name}: {server.argv[0]} ended:\n{server.words()[-2000:]}")
                time.sleep(LOOK)
            crossed = payloads(self.network.at_router(), before)
            _, busy = meter.stop()
        ends = sorted(times.values())
        return {"program": self.name, "bound": self.scenario.bound(self.size, 1 if self.name == "raw" else None), "seconds": {f"s{s}h{h}": round(t, 3) for (s, h), t in times.items()},
                "unfinished": [f"s{s}h{h}" for s, h in clients if (s, h) not in times],
                "last": ends[-1] if len(ends) == len(clients) else None, "median": ends[len(ends) // 2] if ends else None,
                "out_copies": crossed["out"] / size, "into_copies": {site: one / size for site, one in crossed["into"].items()},
                "between_copies": crossed["between"] / size, "busy": round(busy, 3)}
