"""Scenarios: what a run of the laboratory is made of, read strictly from small TOML files (README.md has the words)."""

import dataclasses
import pathlib
import re
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
MEGABIT = 1_000_000


class Wrong(Exception):
    """A scenario that makes no sense; the text says where and why."""


@dataclasses.dataclass
class NetworkShape:
    """Rates in Mbit/s of what a link carries with its headers, both ways."""

    wan_rate: float = 40.0
    datacenter_rate: float = 100.0
    lan_rate: float = 200.0
    wan_round_trip_ms: float = 0.0  # added, half of it each way
    wan_loss_percent: float = 0.0  # each way
    wan_queue_ms: float = 50.0  # of the link's rate, at each end
    lower_effort: bool = False  # packets that carry DSCP Lower Effort (RFC 8622) wait for all others at the link
    nat: bool = False  # each site is behind one address of its own
    congestion: str = ""  # "cubic", ...; empty: the kernel's own


@dataclasses.dataclass
class Event:
    """What happens on the way. Without `at_copy`, `at_machines` and `at_seconds` it is so from the start."""

    do: str
    site: int = 0  # 0: all sites, of ..._leader the first
    at_copy: float | None = None  # so much of a copy has entered the site (of all: each of them)
    at_machines: int | None = None  # so many machines of the site have the package (of all: of each)
    at_seconds: float | None = None
    back_after: float | None = None  # seconds; absent: never

    @property
    def is_from_start(self):
        return self.at_copy is None and self.at_machines is None and self.at_seconds is None


@dataclasses.dataclass
class User:
    """Somebody at the first site, at a computer that runs none of our programs, downloads by one plain TCP stream."""

    after: float = 4.0  # seconds, from the start of what runs beside
    seconds: float = 0.0  # so long; 0: there is nobody


EVENTS = ("kill_leader", "freeze_leader", "kill_seeder", "block_tracker", "block_bittorrent")


@dataclasses.dataclass
class Scenario:
    name: str
    title: str = ""
    size: int = 64 << 20  # of the release's content, which does not compress
    sites: int = 1
    hosts: int = 8  # at each site
    spread: float = 0.0  # machines start within so many seconds, not together
    seed: int = 1
    tls: bool = True
    install: bool = False  # machines also install what they got, which costs CPU and disk that they share here
    limit: float = 0.0  # seconds until those that are not done count as failed; 0: 20 times the bound and a minute
    network: NetworkShape = dataclasses.field(default_factory=NetworkShape)
    user: User = dataclasses.field(default_factory=User)
    events: list = dataclasses.field(default_factory=list)
    agent: dict = dataclasses.field(default_factory=dict)  # into each agent.toml
    seeder: dict = dataclasses.field(default_factory=dict)  # into seeder.toml

    def bound(self, package, sites=None):
        """Seconds that no program can beat: one copy over each link, headers not counted."""
        shape = self.network
        return 8 * package / MEGABIT * max(1 / shape.wan_rate, 1 / shape.lan_rate, (sites or self.sites) / shape.datacenter_rate)

    def time_limit(self, package):
        return self.limit or 60 + self.spread + 20 * self.bound(package)


def parse_size(text):
    """Bytes of "64 MiB"."""
    found = re.fullmatch(r"(\d+) (KiB|MiB|GiB)", text)
    if not found:
        raise Wrong(f'size "{text}": wanted is the like of "64 MiB"')
    return int(found[1]) * UNITS[found[2]]


def fill(kind, values, where):
    """The dataclass `kind` of these values; keys that it does not have are refused, and so are other types."""
    fields = {field.name: field.type for field in dataclasses.fields(kind)}
    for key, value in values.items():
        if key not in fields:
            raise Wrong(f"{where}: {key} is not known; known are {', '.join(fields)}")
        wanted = (int, float) if "float" in str(fields[key]) else fields[key]
        if isinstance(wanted, (type, tuple)) and (not isinstance(value, wanted) or isinstance(value, bool) != (wanted is bool)):
            raise Wrong(f"{where}: {key} = {value!r} is of the wrong type")
    return kind(**values)


def parse_event(values, scenario, where):
    if values.get("do") not in EVENTS:
        raise Wrong(f"{where}: do is one of {', '.join(EVENTS)}")
    event = fill(Event, values, where)
    if not 0 <= event.site <= scenario.sites:
        raise Wrong(f"{where}: there is no site {event.site}")
    if event.do.startswith("block") != event.is_from_start:
        raise Wrong(f"{where}: block_... is so from the start; all else has an at_...")
    if event.back_after is not None and event.do not in ("freeze_leader", "kill_seeder"):
        raise Wrong(f"{where}: of {event.do} nothing comes back")
    if sum(at is not None for at in (event.at_copy, event.at_machines, event.at_seconds)) > 1:
        raise Wrong(f"{where}: one at_... is enough")
    return event


def parse_scenario(name, values):
    """A scenario of what its file holds.   Raises Wrong."""
    values = dict(values)
    events = values.pop("event", [])
    shape = fill(NetworkShape, values.pop("network", {}), f"{name}: [network]")
    user = fill(User, values.pop("user", {}), f"{name}: [user]")
    if "size" in values:
        values["size"] = parse_size(values["size"])
    scenario = fill(Scenario, {"name": name, **values, "network": shape, "user": user}, name)
    scenario.events = [parse_event(one, scenario, f"{name}: event {number}") for number, one in enumerate(events, 1)]
    if not 1 <= scenario.sites <= 99 or not 1 <= scenario.hosts <= 200:
        raise Wrong(f"{name}: 1 to 99 sites of 1 to 200 hosts")
    if scenario.tls and any(event.do == "block_tracker" for event in scenario.events):
        raise Wrong(f"{name}: block_tracker needs tls = false: the router must see which request is an announce")
    return scenario


def read_scenario(named):
    """A scenario by its name in scenarios/, or by the path of its file."""
    file = pathlib.Path(named)
    if not file.suffix:
        file = HERE / "scenarios" / f"{named}.toml"
    try:
        return parse_scenario(file.stem, tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as problem:
        raise Wrong(f"{named}: {problem}") from problem


def all_names():
    return sorted(file.stem for file in (HERE / "scenarios").glob("*.toml"))
