"""One run of the real programs: a seeder, and an agent and an installer on each host. Ends with times and bytes."""

import datetime
import hashlib
import os
import random
import re
import shutil
import signal
import time

from meter import Meter
from network import DATACENTER
from world import Failure, World, noise, wait_until

PRODUCT, VERSION = "app", "1.0.0"
SOURCES = ("disk", "delta", "site", "other", "origin_bt", "origin_http", "wasted")
LOOK = 0.1
IDLE = 3.0  # seconds that programs are watched while nothing happens


def time_of(line):
    return datetime.datetime.fromisoformat(line.split(" ", 1)[0]).timestamp()


class Watched:
    """A machine of the run, and what its agent's log said."""

    def __init__(self, machine, place, start_after, installs):
        self.machine, self.place, self.site, self.start_after, self.installs = machine, place, place[0], start_after, installs
        self.asked = self.known = self.done = None  # moments
        self.sources, self.faults = {}, []
        self.is_up = True  # its agent was neither killed nor put to sleep
        self.is_lost = False  # and will not be back: nobody waits for it
        self._read = 0

    @property
    def name(self):
        return self.machine.name

    def ask(self):
        self.asked = time.time()
        self.machine.ask("check")

    def look(self):
        """Reads what is new in the log."""
        with open(self.machine.agent.log, "rb") as log:
            log.seek(self._read)
            text, end, _ = log.read().rpartition(b"\n")
        self._read += len(text + end)
        for line in text.decode(errors="replace").splitlines():
            self._take(line)

    def _take(self, line):
        if re.match(r"\S+ info update product=", line):
            self.known = self.known or time_of(line)
        elif re.match(r"\S+ info plan product=", line) and not self.installs:
            # All that follows would be the installation, whose disk and CPU are each machine's own in real life.
            os.kill(self.machine.installer.process.pid, signal.SIGSTOP)
        elif re.match(r"\S+ info downloaded product=", line):
            self.done = self.done or time_of(line)
            self.sources = {key: int(value) for key, value in re.findall(r" (\w+)=(\d+)", line) if key in SOURCES}
        elif re.match(r"\S+ (warning|error) ", line) and self.asked:
            self.faults.append(line)

    def origin_bytes(self):
        """So many of its bytes came from the origin."""
        counted = next((p for p in self.machine.ask("status")["products"] if p["product"] == PRODUCT), {}).get("bytes", {})
        return counted.get("origin_bt", 0) + counted.get("origin_http", 0)


class Stage:
    """The world of a scenario: the seeder runs and has the release, machines do not run yet."""

    def __init__(self, scenario, network, options):
        self.scenario, self.network = scenario, network
        self.level = "debug" if options.debug else "info"
        self.cache = options.cache
        self.world = World(options.bin, tls=scenario.tls, address=DATACENTER, namespace=network.datacenter, keep=options.keep,
                           seeder={"announce_interval": "30s", "log": {"level": self.level}, **scenario.seeder})

    def __enter__(self):
        try:
            self._publish_or_copy()
        except BaseException:
            self.world.close()
            raise
        return self

    def __exit__(self, kind, value, trace):
        self.world.close()

    def files(self):
        """The package and its torrent, as the seeder has them."""
        return tuple(next((self.world.seeder_folder / "repository").rglob(end)) for end in ("*.upk", "*.upk.torrent"))

    def _publish(self):
        """The release is held until `roll_out`."""
        self.world.init(PRODUCT)
        self.world.start_seeder()
        tree = self.world.tree("release", {"share/data": noise(self.scenario.size, self.scenario.seed)})
        self.world.release(VERSION, tree, product=PRODUCT, rollout=None)
        self.world.await_taken_in(300)
        shutil.rmtree(tree)

    def _publish_or_copy(self):
        """To pack 512 MiB takes minutes, and the same programs make the same of it: one that lies in the cache will do."""
        if self.cache is None:
            self._publish()
            return
        parts = {"repository": self.world.repository, "seeder": self.world.seeder_folder}
        programs = b"".join((self.world.bin / name).read_bytes() for name in ("upswarm-publish", "upswarm-seeder"))
        words = f"{self.scenario.size} {self.scenario.seed} {time.strftime('%Y-%m-%d', time.gmtime())}"  # metadata expires
        kept = self.cache / hashlib.sha256(programs + words.encode()).hexdigest()[:20]
        if not kept.exists():
            self._publish()
            self.world.seeder.stop()
            half = kept.with_suffix(f".{os.getpid()}")
            for name, folder in parts.items():
                shutil.copytree(folder, half / name)
            half.rename(kept)
        else:
            for name, folder in parts.items():
                shutil.copytree(kept / name, folder)
        self.world.start_seeder()

    def start_machines(self):
        """Starts agents and installers and lets them poll once: like any machine whose software is up to date."""
        chance = random.Random(self.scenario.seed)
        watched = []
        for site, host in self.network.places():
            address = self.network.address(site, host)
            # What is not said is as a machine has it that was just installed.
            agent = {"poll_interval": "1h", "log": {"level": self.level},
                     "swarm": {"listen_address": address, "keep_free": "1 MiB"}, **self.scenario.agent}
            machine = self.world.machine(f"s{site}h{host}", products=(PRODUCT,), agent=agent, installer={"log": {"level": "info"}},
                                         address=address, namespace=self.network.host(site, host))
            start = chance.uniform(0, self.scenario.spread) if self.scenario.spread else 0.0
            watched.append(Watched(machine.start(), (site, host), start, self.scenario.install))
        for one in watched:
            wait_until(f"{one.name} has polled once", lambda m=one.machine: m.ask("status")["cycles_ended"] > 0, 60)
        return watched

    def roll_out(self):
        """From now on the next poll of each machine finds it."""
        self.world.roll_out(VERSION, PRODUCT)
        self.world.await_taken_in()


class Breaker:
    """Does the events of a scenario when their moments have come."""

    def __init__(self, scenario, stage, watched, package):
        self.stage, self.watched, self.package = stage, watched, package
        self.waiting = [event for event in scenario.events if not event.is_from_start]
        self.comebacks = []  # (moment, what to say, what to do)
        self.words = []
        for event in scenario.events:
            if event.do == "block_tracker":
                stage.network.block_announces()
            elif event.do == "block_bittorrent":
                stage.network.block_bittorrent(stage.world.bittorrent_port)

    def look(self, seconds, into):
        """`into`: {site: payload that has entered it}."""
        for event in [one for one in self.waiting if self._has_come(one, seconds, into)]:
            self.waiting.remove(event)
            self._do(event, seconds)
        for comeback in [one for one in self.comebacks if one[0] <= seconds]:
            self.comebacks.remove(comeback)
            comeback[2]()
            self._say(seconds, comeback[1])

    def _has_come(self, event, seconds, into):
        sites = [event.site] if event.site else list(into)
        if event.at_seconds is not None:
            return seconds >= event.at_seconds
        if event.at_copy is not None:
            return min(into[site] for site in sites) >= event.at_copy * self.package
        done = {site: sum(one.site == site and one.done is not None for one in self.watched) for site in sites}
        return min(done.values()) >= event.at_machines

    def _do(self, event, seconds):
        if event.do == "kill_seeder":
            self.stage.world.seeder.kill()
            self._say(seconds, "the seeder is killed")
            self._come_back(event, seconds, "the seeder is started again", self.stage.world.seeder.start)
            return
        leader = max((one for one in self.watched if one.site == (event.site or 1) and one.is_up), key=Watched.origin_bytes)
        share = f"it had {leader.origin_bytes() / self.package:.2f} of the package from the origin"
        leader.is_up = False
        if event.do == "kill_leader":
            leader.machine.agent.kill()
            self._say(seconds, f"{leader.name} is killed; {share}")
        else:
            process = leader.machine.agent.process.pid
            os.kill(process, signal.SIGSTOP)
            self._say(seconds, f"{leader.name} sleeps; {share}")
            self._come_back(event, seconds, f"{leader.name} wakes up", lambda: self._wake(leader, process))
        leader.is_lost = event.back_after is None

    @staticmethod
    def _wake(leader, process):
        os.kill(process, signal.SIGCONT)
        leader.is_up = True

    def _come_back(self, event, seconds, text, start):
        if event.back_after is not None:
            self.comebacks.append((seconds + event.back_after, text, start))

    def _say(self, seconds, text):
        self.words.append(f"{seconds:.1f} s: {text}")


def payloads(traffic, before):
    """Bytes less headers since `before`: out of the datacenter, into each site, between sites."""
    into = {site: one.since(before["into"][site]).payload for site, one in traffic["into"].items()}
    from_sites = sum(one.since(before["from"][site]).payload for site, one in traffic["from"].items())
    return {"out": traffic["out"].since(before["out"]).payload, "into": into,
            "between": max(0, from_sites - traffic["back"].since(before["back"]).payload) if len(into) > 1 else 0}


def follow(scenario, network, watched, breaker, package, user=None):
    """Waits until all machines are done, or the scenario's limit has passed.

    Returns the start, the payloads, and how it went: (seconds, bytes out of the datacenter so far), twice a second.
    """
    before, ports_before, progress = network.at_router(), network.at_ports(), []
    start = time.time()
    limit = scenario.time_limit(package)
    waiting = sorted(watched, key=lambda one: one.start_after)
    while True:
        seconds = time.time() - start
        while waiting and waiting[0].start_after <= seconds:
            one = waiting.pop(0)
            if one.is_up:
                one.ask()
        crossed = payloads(network.at_router(), before)
        if not progress or seconds - progress[-1][0] >= 0.5:
            progress.append((round(seconds, 2), crossed["out"]))
        for one in watched:
            one.look()
            if not one.is_lost:
                one.machine.must_live()
        breaker.look(seconds, crossed["into"])
        if user:
            user.look(seconds)
        if all(one.done or one.is_lost for one in watched) or seconds > limit:
            crossed = payloads(network.at_router(), before)
            crossed["ports"] = {place: {way: one.since(ports_before[place][way]).payload for way, one in port.items()}
                                for place, port in network.at_ports().items()}
            return start, crossed, progress
        time.sleep(LOOK)


def result_of(scenario, watched, crossed, package, start):
    """Of the machines that were not lost."""
    rows, sums = [], dict.fromkeys(SOURCES, 0)
    for one in watched:
        row = {"machine": one.name, "site": one.site, "lost": one.is_lost, "started": round(one.asked - start, 3) if one.asked else None}
        row["known"] = round(one.known - one.asked, 3) if one.known else None
        row["seconds"] = round(one.done - one.asked, 3) if one.done else None
        row["sources"], row["faults"] = one.sources, one.faults[-5:]
        row["device_bytes"] = crossed["ports"][one.place]
        rows.append(row)
        for key, value in one.sources.items():
            sums[key] += value
    expected = [one for one in watched if not one.is_lost]
    unfinished = [one.name for one in expected if one.done is None]
    times = sorted(row["seconds"] for row in rows if row["seconds"] is not None and not row["lost"])
    return {"program": "upswarm", "machines": rows, "unfinished": unfinished, "last": times[-1] if times and not unfinished else None,
            "median": times[len(times) // 2] if times else None,
            "known_last": max((row["known"] for row in rows if row["known"]), default=None),
            "out_copies": crossed["out"] / package, "into_copies": {site: bytes_ / package for site, bytes_ in crossed["into"].items()},
            "between_copies": crossed["between"] / package, "sources": sums}


def run_swarm(stage, package_file, watched, user=None):
    """Everything is ready: tells the machines to look, and follows them, with the user beside them."""
    package = package_file.stat().st_size
    early = [one.name for one in watched if one.look() or one.known]
    if early:
        raise Failure(f"{', '.join(early)} knew the release before they were told to look")
    world = stage.world
    breaker = Breaker(stage.scenario, stage, watched, package)
    programs = [("seeder", world.seeder)] + [(one.name, one.machine.agent) for one in watched]
    with Meter(programs) as meter:
        time.sleep(IDLE)
        idle, _ = meter.stop()
    with Meter(programs) as meter:
        start, crossed, progress = follow(stage.scenario, stage.network, watched, breaker, package, user)
        costs, busy = meter.stop()
    result = result_of(stage.scenario, watched, crossed, package, start)
    return result | {"events": breaker.words, "progress": progress, "costs": costs, "idle": idle, "busy": round(busy, 3)}
