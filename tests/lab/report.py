"""The tables that people read."""

from swarm import IDLE
from tables import table

MIB = 1 << 20


def number(value, digits=2):
    return "-" if value is None else f"{value:.{digits}f}"


def ratio(value, to):
    return number(value / to if value is not None and to else None)


def programs_table(outcome):
    """One row a program: the same network, one after the other."""
    rows = []
    raw = outcome["raw"]
    for one in outcome["programs"]:
        into = list(one["into_copies"].values())
        bound = one.get("bound", outcome["bound"])
        unfinished = f"{len(one['unfinished'])} not done" if one["unfinished"] else ""
        rows.append([one["program"], unfinished or number(one["last"]), number(one["median"]), ratio(one["last"], bound),
                     ratio(one["last"], raw and raw * bound / outcome["bound"]), number(one["out_copies"], 3), number(max(into), 3), number(one["between_copies"], 3),
                     number(one["busy"])] + ([ratio(one["user"], outcome["user_alone"])] if outcome["user_alone"] else []))
    return table(rows, ["program", "last, s", "median", "/bound", "/raw", "out, copies", "most into a site", "between", "CPU busy"] + (["user/alone"] if outcome["user_alone"] else []))


def machines_table(swarm):
    rows = []
    for one in swarm["machines"]:
        costs = swarm["costs"][one["machine"]]
        sources = one["sources"]
        rows.append([one["machine"], "lost" if one["lost"] else number(one["seconds"]), number(one["known"])]
                    + [number(sources[key] / MIB if key in sources else None) for key in ("site", "origin_bt", "origin_http", "wasted")]
                    + [number(one["device_bytes"]["sent"] / MIB), number(costs["cpu_seconds"]), number(costs["anon_mb"], 1), number(costs["rss_mb"], 1)])
    costs = swarm["costs"]["seeder"]
    rows.append(["seeder"] + ["-"] * 7 + [number(costs["cpu_seconds"]), number(costs["anon_mb"], 1), number(costs["rss_mb"], 1)])
    return table(rows, ["machine", "done, s", "known", "site MiB", "origin BT", "origin HTTP", "wasted", "sent MiB", "CPU s", "anon MB", "RSS MB"])


def idle_line(swarm):
    costs = [cost for name, cost in swarm["idle"].items() if name != "seeder"]
    return (f"idle: agents at most {max(one['anon_mb'] for one in costs):.1f} MB anonymous, {max(one['rss_mb'] for one in costs):.1f} MB resident, "
            f"{max(one['cpu_seconds'] for one in costs):.2f} s CPU in {IDLE:.0f} s; seeder {swarm['idle']['seeder']['anon_mb']:.1f} MB anonymous")


def text(outcome):
    """All of a scenario's outcome."""
    shape = outcome["scenario"]
    head = (f"{shape['name']}: {shape['title']}\n{outcome['package'] / MIB:.1f} MiB, {shape['sites']} sites of {shape['hosts']}, "
            f"bound {outcome['bound']:.2f} s" + (f", raw TCP {outcome['raw']:.2f} s" if outcome["raw"] else ""))
    if outcome["user_alone"]:
        head += f"; the user alone {outcome['user_alone'] * 8 / 1e6:.1f} Mbit/s"
    parts = [head, programs_table(outcome)]
    for one in outcome["programs"]:
        if one["program"] == "upswarm":
            parts += ["\n".join(one["events"])] if one["events"] else []
            parts += [machines_table(one), idle_line(one)]
            parts += [f"{m['machine']}: {fault}" for m in one["machines"] for fault in m["faults"][-2:]]
    return "\n\n".join(parts) + "\n"
