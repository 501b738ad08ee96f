#!/usr/bin/env python3
"""The swarm laboratory: runs scenarios (tests/lab/scenarios/, or files of your own) on a network of namespaces.

Each scenario ends with two tables and a line of JSON. Needs root and what `packaging/setup.sh --lab` installs; nothing is
left behind. README.md says what is measured and how to write a scenario.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.dont_write_bytecode = True

import peers  # noqa: E402
import report  # noqa: E402
import scenario as scenarios  # noqa: E402
from network import Network  # noqa: E402
from swarm import Stage, run_swarm  # noqa: E402
from user import User  # noqa: E402
from world import Failure  # noqa: E402


def say(text):
    print(f"lab: {text}", file=sys.stderr, flush=True)


@dataclasses.dataclass
class Options:
    bin: pathlib.Path
    peers: list = dataclasses.field(default_factory=lambda: ["raw"])
    only_peers: bool = False
    keep: bool = False
    debug: bool = False
    cache: pathlib.Path | None = None


def run_scenario(scenario, options):
    """The outcome: what goes into the line of JSON."""
    with contextlib.ExitStack() as stack:
        network = stack.enter_context(Network(scenario.network, scenario.sites, scenario.hosts, scenario.user.seconds > 0))
        stage = stack.enter_context(Stage(scenario, network, options))
        if options.keep:
            say(f"{scenario.name}: what the programs wrote stays in {stage.world.folder}")
        package, torrent = stage.files()
        size = package.stat().st_size
        outcome = {"scenario": dataclasses.asdict(scenario), "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "package": size,
                   "bound": scenario.bound(size), "load_before": os.getloadavg()[0], "raw": None, "user_alone": None, "programs": []}
        def with_user(run):
            """What `run` makes of the user who downloads beside it."""
            if not scenario.user.seconds:
                return run(None)
            with User(scenario.user, network, package) as user:
                return run(user) | {"user": user.rate()}

        if scenario.user.seconds:
            say(f"{scenario.name}: the user alone")
            with User(scenario.user, network, package) as user:
                outcome["user_alone"] = user.rate()
        for name in options.peers:
            say(f"{scenario.name}: {name}")
            with peers.PeerRun(name, scenario, network, package, torrent) as one:
                outcome["programs"].append(with_user(one.run))
        for one in outcome["programs"]:
            if one["program"] == "raw" and one["last"]:
                outcome["raw"] = one["last"] * outcome["bound"] / one["bound"]
        if not options.only_peers:
            say(f"{scenario.name}: upswarm")
            watched = stage.start_machines()
            stage.roll_out()
            outcome["programs"].append(with_user(lambda user: run_swarm(stage, package, watched, user)))
    return outcome


def parse_arguments():
    names = scenarios.all_names()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog=f"scenarios: {', '.join(names)}")
    parser.add_argument("scenarios", nargs="+", metavar="SCENARIO", help="a name of scenarios/, a path of a .toml file, or `all`")
    parser.add_argument("--bin", required=True, type=pathlib.Path, help="folder of the programs: build/release/bin")
    parser.add_argument("--peers", default="raw", help=f"who else runs, of {','.join(peers.NAMES)}, or none (default: %(default)s)")
    parser.add_argument("--only-peers", action="store_true", help="leave Upswarm itself out")
    parser.add_argument("--times", type=int, default=1, help="run each scenario so often")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="append the lines of JSON to FILE, not to the output")
    parser.add_argument("--cache", type=pathlib.Path, metavar="DIR", help="keep what was published, for the next run of the same programs on the same day")
    parser.add_argument("--keep", action="store_true", help="keep the programs' folders with their logs")
    parser.add_argument("--debug", action="store_true", help="with all that the programs can tell; costs them CPU")
    arguments = parser.parse_args()
    arguments.peers = [] if arguments.peers in ("", "none") else arguments.peers.split(",")
    if unknown := set(arguments.peers) - set(peers.NAMES):
        parser.error(f"--peers: {', '.join(sorted(unknown))} is none of {', '.join(peers.NAMES)}")
    if arguments.scenarios == ["all"]:
        arguments.scenarios = names
    return arguments


def run_all(arguments):
    """How many scenarios did not end with all machines done."""
    failed = 0
    options = Options(arguments.bin.resolve(), arguments.peers, arguments.only_peers, arguments.keep, arguments.debug, arguments.cache)
    wanted = [scenarios.read_scenario(name) for name in arguments.scenarios]
    for scenario in [one for one in wanted for _ in range(arguments.times)]:
        try:
            outcome = run_scenario(scenario, options)
        except Failure as failure:
            say(f"{scenario.name}: {failure}")
            failed += 1
            continue
        print(report.text(outcome), flush=True)
        failed += any(one["unfinished"] for one in outcome["programs"] if one["program"] == "upswarm")
        line = json.dumps(outcome, separators=(",", ":"))
        if arguments.json:
            with open(arguments.json, "a", encoding="utf-8") as out:
                out.write(line + "\n")
        else:
            print(line, flush=True)
    return failed


def main():
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all is taken down
    if os.geteuid() != 0:
        say("needs root")
        return 2
    os.nice(-10)  # each machine has a processor of its own in real life; what else runs here should not matter
    if why := Network.why_not() or next(filter(None, map(peers.why_not, arguments.peers)), ""):
        say(why)
        return 2
    try:
        return 1 if run_all(arguments) else 0
    except scenarios.Wrong as wrong:
        say(wrong)
        return 2
    except KeyboardInterrupt:
        say("ended by hand; nothing is left")
        return 130


if __name__ == "__main__":
    sys.exit(main())
