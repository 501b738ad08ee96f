#!/usr/bin/env python3
"""Deltas and packages beside those of other programs, over real pairs of releases (pairs.py).

  usage: tests/bench/delta/run.py --to OUT [--bin DIR] [--pairs A,B] [--peers A,B] [--levels fast,best] [--json FILE]
         (build the preset release; apt-get install bsdiff xdelta3 zstd)

HDiffPatch is in no Debian: it takes part when `hdiffz` and `hpatchz` are on PATH or --hdiffz names the first, with
zstd built in (`make LDEF=0 LZMA=0 ZSTD=2 MD5=0 XXH=0 VCD=0` in its source). A peer that is not installed is left out
and named.

Peers read and write one tar of the tree, sorted and without times and owners; Upswarm reads and writes trees, so its
CPU includes opening files and the digests of everything. Every result is applied and compared with the new tree.

CPU is user and system, all threads. "rss" is the peak with mapped files, "anon" the sampled peak of anonymous memory
(heap and stacks). MB is 10^6 bytes. Of applying, "/s" is MB of output a CPU second. Peers neither check what they start
from nor take digests of what they make: ours says what these took ("base s", "sha s"), and "work/s" is without them.

Peers are slow and never change: what they gave is kept in OUT/.peers by digest of inputs, programs and options, marked
"c" in the table. Sizes from there are as good as new; compare costs only with --fresh, on a machine that does nothing
else.

A pair has "something to win" when the best peer needs 0.5 to 90 % of the full package: means are over these, and all.
"""

import argparse
import hashlib
import json
import math
import os
import pathlib
import shlex
import shutil
import sys

import measured
import pairs
import tools

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
FULL = "full zstd-19"


def measure_pair(pair, tool_list, options):
    """Every tool over one pair: a row a tool."""
    work = options.to / f".work-{os.getpid()}"
    work.mkdir(parents=True)
    try:
        old, new = options.to / pair.name / "old", options.to / pair.name / "new"
        measured.write_tar(old, work / "old.tar")
        measured.write_tar(new, work / "new.tar")
        job = tools.Job(pair.name, old, new, work / "old.tar", work / "new.tar",
                        measured.sha256(work / "old.tar"), measured.sha256(work / "new.tar"), work)
        rows = {}
        for tool in tool_list:
            print(f"{pair.name}: {tool.name}", file=sys.stderr, flush=True)
            rows[tool.name] = measure_tool(tool, job, options)
        return {"pair": pair.name, "kind": pair.kind, "versions": [pair.old.version, pair.new.version],
                "old_bytes": measured.content_bytes(old), "new_bytes": measured.content_bytes(new), "rows": rows}
    finally:
        shutil.rmtree(work)


def measure_tool(tool, job, options):
    """One row, or why there is none. Only peers are kept: ours is what changes."""
    kept = None
    if isinstance(tool, tools.Peer):
        name = hashlib.sha256(json.dumps(tool.identity(job)).encode()).hexdigest()
        kept = options.to / ".peers" / f"{name}.json"
        if kept.exists() and not options.fresh:
            return json.loads(kept.read_text(encoding="utf-8")) | {"cached": True}
    try:
        row = tool.measure(job)
    except measured.Failed as error:
        return {"error": str(error)}
    if kept is not None:
        kept.parent.mkdir(exist_ok=True)
        beside = kept.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps(row), encoding="utf-8")
        beside.rename(kept)
    return row | {"cached": False}


def sizes(result):
    return {name: row["bytes"] for name, row in result["rows"].items() if "bytes" in row}


def best_peer(result, names):
    found = sizes(result)
    return min((found[name] for name in names if name in found), default=None)


def has_something_to_win(result, names):
    """True too when it cannot be told."""
    best, full = best_peer(result, names), sizes(result).get(FULL)
    return best is None or full is None or 0.005 * full <= best <= 0.9 * full


def geometric_mean(values):
    return math.exp(sum(math.log(value) for value in values) / len(values)) if values else None


def means(results, tool_list, base, of):
    """Of each tool relative to `base`, over the pairs that have both: name -> (mean, number of pairs)."""
    out = {}
    for tool in tool_list:
        both = [result["rows"] for result in results
                if all("bytes" in result["rows"].get(name, {}) for name in (tool.name, base))]
        out[tool.name] = (geometric_mean([of(rows[tool.name]) / of(rows[base]) for rows in both]), len(both))
    return out


def number(value, form):
    return "-" if value is None else format(value, form)


def print_pair(result, out):
    old, new = result["old_bytes"], result["new_bytes"]
    found = sizes(result)
    print(f"\n{result['pair']}  ({result['kind']})  {' -> '.join(result['versions'])}  "
          f"old {old / 1e6:.1f} MB, new {new / 1e6:.1f} MB", file=out)
    print(f"  {'':22}{'bytes':>12} {'/bsdiff':>8} {'/hdiffz':>8} | {'cpu s':>7} {'rss MB':>7} {'/old':>5} {'anon':>6}"
          f" | {'cpu s':>6} {'/s':>5} {'base s':>6} {'sha s':>6} {'work/s':>6} {'rss':>5} {'anon':>5}", file=out)
    for name, row in result["rows"].items():
        if "error" in row:
            print(f"  {name:22}  not made: {row['error']}", file=out)
            continue
        make, apply = row["make"], row["apply"]
        relative = [number(row["bytes"] / found[base] if base in found else None, ".3f")
                    for base in ("bsdiff", "hdiffz")]
        apart = {part: ms / 1000 for part, ms in row.get("apply_cpu_ms", {}).items()}
        work = apart.get("rest", apply["cpu_s"])
        print(f"{'c' if row['cached'] else ' '} {name:22}{row['bytes']:12,} {relative[0]:>8} {relative[1]:>8}"
              f" | {make['cpu_s']:7.1f} {make['rss'] / 1e6:7.0f} {make['rss'] / old:5.1f}"
              f" {make['anonymous'] / 1e6:6.0f}"
              f" | {apply['cpu_s']:6.2f} {new / 1e6 / max(apply['cpu_s'], 0.001):5.0f}"
              f" {number(apart.get('base'), '.2f'):>6} {number(apart.get('digests'), '.2f'):>6}"
              f" {new / 1e6 / max(work, 0.001):6.0f} {apply['rss'] / 1e6:5.0f} {apply['anonymous'] / 1e6:5.0f}",
              file=out)


def print_means(results, tool_list, title, out):
    print(f"\ngeometric means over {title}: {', '.join(r['pair'] for r in results) or 'none'}", file=out)
    print(f"  {'':22}{'bytes /bsdiff':>14} {'bytes /hdiffz':>14} {'generation CPU /bsdiff':>23} {'pairs':>6}", file=out)
    by_bsdiff = means(results, tool_list, "bsdiff", lambda row: row["bytes"])
    by_hdiffz = means(results, tool_list, "hdiffz", lambda row: row["bytes"])
    cpu = means(results, tool_list, "bsdiff", lambda row: max(row["make"]["cpu_s"], 0.001))
    for tool in tool_list:
        print(f"  {tool.name:22}{number(by_bsdiff[tool.name][0], '.3f'):>14}"
              f" {number(by_hdiffz[tool.name][0], '.3f'):>14} {number(cpu[tool.name][0], '.2f'):>23}"
              f" {by_bsdiff[tool.name][1]:>6}", file=out)


def print_report(results, tool_list, rate, out):
    peer_names = [tool.name for tool in tool_list if isinstance(tool, tools.Peer) and not tool.is_full]
    print(f"SHA-256 of OpenSSL here: {rate / 1e6:.0f} MB/s (ours is libsodium). c: kept from an earlier run, costs included.", file=out)
    print("Columns: made file | making: CPU, memory | applying: CPU, MB of output a CPU second, memory", file=out)
    for result in results:
        print_pair(result, out)
    winnable = [result for result in results if has_something_to_win(result, peer_names)]
    print_means(winnable, tool_list, "pairs with something to win", out)
    print_means(results, tool_list, "all pairs", out)
    for tool in tool_list:
        if isinstance(tool, tools.Peer) or tool.is_full:
            continue
        both = [(r["pair"], sizes(r)[tool.name], best_peer(r, peer_names)) for r in results
                if tool.name in sizes(r) and best_peer(r, peer_names) is not None]
        worse = [(name, ours, best) for name, ours, best in both if ours > best]
        print(f"\n{tool.name}: larger than the best peer on {len(worse)} of {len(both)} pairs", file=out)
        for name, ours, best in worse:
            print(f"  {name:22} {ours:,} against {best:,} (+{ours - best:,}, {ours / best:.3f})", file=out)


def selected_tools(options):
    """Ours first, then the peers that are installed; the others are named."""
    program = options.bin / "upswarm-publish"
    wanted = options.peers.split(",") if options.peers is not None else None
    extra = shlex.split(options.diff_options)
    found = []
    if not options.no_ours:
        found.append(tools.Upswarm(program, "upswarm full", [], full=True))
        for level in options.levels.split(",") if options.levels else [None]:
            with_level = [] if level is None else ["--level", level]
            found.append(tools.Upswarm(program, f"upswarm {level or 'delta'}", with_level + extra))
        if found[0].missing():
            raise SystemExit(f"no {program}: build it, give --bin, or measure the peers alone with --no-ours")
    known = tools.peers(options.hdiffz)
    unknown = set(wanted or []) - {peer.name for peer in known} - {""}
    if unknown:
        raise SystemExit(f"no such peer: {', '.join(sorted(unknown))} (there are {', '.join(p.name for p in known)})")
    for peer in known:
        if wanted is not None and peer.name not in wanted:
            continue
        if peer.missing():
            print(f"left out: {peer.name}, {peer.missing()} is not installed", file=sys.stderr)
        else:
            found.append(peer)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", metavar="OUT", type=pathlib.Path, required=True, help="pairs and kept results: 2 GB")
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--pairs", default="", help="names, separated by commas; default: all")
    parser.add_argument("--peers", help="names, separated by commas; default: all that are installed; '': none")
    parser.add_argument("--levels", help="each is given to diff as --level; default: diff's own")
    parser.add_argument("--diff-options", default="", help="more options for diff, in one word")
    parser.add_argument("--hdiffz", type=pathlib.Path)
    parser.add_argument("--no-ours", action="store_true", help="the peers alone")
    parser.add_argument("--fresh", action="store_true", help="measure peers again")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="everything measured, as JSON")
    options = parser.parse_args()
    options.to = options.to.resolve()
    tool_list = selected_tools(options)
    rate = measured.hashing_rate()
    results, missing = [], 0
    for pair in pairs.chosen([name for name in options.pairs.split(",") if name]):
        try:
            pairs.make(pair, options.to)
            results.append(measure_pair(pair, tool_list, options))
        except pairs.Unavailable as error:
            missing += 1
            print(f"{pair.name}: not measured: {error}", file=sys.stderr)
    print_report(results, tool_list, rate, sys.stdout)
    if options.json:
        document = {"sha256_bytes_per_s": rate, "results": results}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    failed = any("error" in row for result in results for row in result["rows"].values())
    sys.exit(1 if missing or failed else 0)


if __name__ == "__main__":
    main()
