#!/usr/bin/env python3
"""How many requests the seeder answers, beside opentracker and nginx in the same run.

  usage: tests/bench/seeder.py [--bin DIR] [--seconds 4] [--rounds 5] [--json]
         (build the preset release; apt-get install wrk opentracker nginx-light)

Each server has one processor for all of its threads, wrk has the other; HTTP without TLS. Rounds take turns, a figure is
the median of its rounds. "announces": each on a connection of its own, from 1,000 peers of one torrent, 50 peers wanted.
"polls": unchanged ones, timestamp.json with If-None-Match, 64 connections that stay open; nginx serves the same file from
a folder with one worker. "CPU us": of the server, a request: the fairer figure for announces, for opentracker hangs up
without "Connection: close", and wrk finds out by a second request.
"""

import argparse
import hashlib
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import world  # noqa: E402: needs the path above

CONNECTIONS = 64
PEERS = 1000

ANNOUNCES = """
local number = 0
local path = "/announce?info_hash=%(hash)s&peer_id="
local rest = "-XX0100-%%012d&port=%%d&uploaded=0&downloaded=0&left=1000&compact=1&numwant=50"
request = function()
  number = number + 1
  local peer = number %% %(peers)d
  return wrk.format("GET", path .. string.format(rest, peer, 10000 + peer), {["Connection"] = "close"})
end
"""

POLLS = """
wrk.headers["If-None-Match"] = '%(tag)s'
"""

COUNT = """
done = function(summary)
  local bad = summary.errors.connect + summary.errors.status + summary.errors.timeout
  io.write(string.format("RESULT %d %d %d\\n", summary.requests, summary.duration, bad))
end
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=str(HERE.parent.parent / "build/release/bin"))
    parser.add_argument("--seconds", type=int, default=4, help="of each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for program in ("wrk", "opentracker", "nginx", "taskset"):
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin"):
            raise SystemExit(f"no {program}: apt-get install wrk opentracker nginx-light util-linux")
    if len(os.sched_getaffinity(0)) < 2:
        raise SystemExit("two processors are wanted: one for the server, one for wrk")
    with tempfile.TemporaryDirectory(prefix="usb-") as scratch:
        results = measure(options, pathlib.Path(scratch))
    if options.json:
        print(json.dumps(results))
        return
    for what, peer in (("announces", "opentracker"), ("polls", "nginx")):
        ours, theirs = results[what]["upswarm"], results[what][peer]
        print(f"{what:10} upswarm {ours['a_second']:9,.0f}/s {ours['cpu_us']:6.1f} CPU us   {peer:11} {theirs['a_second']:9,.0f}/s "
              f"{theirs['cpu_us']:6.1f} CPU us   ratio {ours['a_second'] / theirs['a_second']:.2f}")


def measure(options, scratch):
    scratch.chmod(0o755)
    with world.World(options.bin, tls=False, seeder={"log": {"level": "warning"}}) as ours:
        ours.init()
        ours.start_seeder()
        ours.release("1.0.0", ours.tree("one", {"readme": "a" * 100_000}))
        ours.await_taken_in()
        hash_hex = info_hash(ours)
        timestamp = ours.seeder_folder / "repository/metadata/timestamp.json"
        tracker, tracker_port = start_opentracker(scratch, hash_hex)
        nginx, nginx_port = start_nginx(scratch, timestamp)
        try:
            announce = ANNOUNCES % {"hash": "".join(f"%{hash_hex[i:i + 2]}" for i in range(0, 40, 2)), "peers": PEERS}
            poll = f"http://127.0.0.1:{nginx_port}/timestamp.json"
            jobs = {
                ("announces", "upswarm"): (ours.seeder.process.pid, ours.seeder_url, announce),
                ("announces", "opentracker"): (tracker.process.pid, f"http://127.0.0.1:{tracker_port}", announce),
                ("polls", "upswarm"): (ours.seeder.process.pid, ours.seeder_url + "/metadata/timestamp.json", None),
                ("polls", "nginx"): (nginx.process.pid, poll, None)}
            return run_rounds(jobs, options, scratch)
        finally:
            tracker.stop()
            nginx.stop()


def run_rounds(jobs, options, scratch):
    figures = {job: [] for job in jobs}
    for _ in range(options.rounds):
        for job, (pid, url, script) in jobs.items():
            if script is None:
                with urllib.request.urlopen(url) as answer:
                    script = POLLS % {"tag": answer.headers["ETag"]}
            figures[job].append(load(pid, url, script, options.seconds, scratch))
    results = {}
    for (what, who), rounds in figures.items():
        results.setdefault(what, {})[who] = {key: statistics.median(one[key] for one in rounds) for key in ("a_second", "cpu_us")}
    return results


def load(pid, url, script, seconds, scratch):
    for process in family(pid):
        subprocess.run(["taskset", "-a", "-c", "-p", "0", str(process)], check=True, capture_output=True)
    file = scratch / "load.lua"
    file.write_text(script + COUNT)
    before = cpu_seconds(pid)
    done = subprocess.run(["taskset", "-c", "1", "wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "-s", file, url],
                          check=True, capture_output=True, text=True)
    spent = cpu_seconds(pid) - before
    requests, microseconds, bad = map(int, re.search(r"RESULT (\d+) (\d+) (\d+)", done.stdout).groups())
    if bad:
        raise SystemExit(f"{url}: {bad} of {requests} requests failed")
    return {"a_second": requests / (microseconds / 1e6), "cpu_us": spent / requests * 1e6}


def family(pid):
    """The process and its children: nginx serves from one."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def cpu_seconds(pid):
    ticks = 0
    for process in family(pid):
        fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def info_hash(ours):
    for file in (ours.seeder_folder / "repository/targets").rglob("*.torrent"):
        content = file.read_bytes()
        begin = content.index(b"4:info") + 6  # the dictionary holds "info" alone
        return hashlib.sha1(content[begin:-1]).hexdigest()
    raise SystemExit("no torrent was published")


def start_opentracker(scratch, hash_hex):
    folder = scratch / "opentracker"
    folder.mkdir(mode=0o755)
    (folder / "white").write_text(hash_hex + "\n")
    port = world.free_port()
    program = world.Program(["opentracker", "-i", "127.0.0.1", "-p", port, "-d", folder, "-w", "/white", "-u", "nobody"], scratch / "opentracker.log")
    program.start()
    await_port(program, port)
    return program, port


def start_nginx(scratch, file):
    root = scratch / "www"
    root.mkdir(mode=0o755)
    shutil.copy(file, root / "timestamp.json")
    (root / "timestamp.json").chmod(0o644)
    port = world.free_port()
    (scratch / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid {scratch}/nginx.pid; error_log {scratch}/nginx.error;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000000; types {{ application/json json; }}
  client_body_temp_path {scratch}/body; proxy_temp_path {scratch}/proxy; fastcgi_temp_path {scratch}/fastcgi;
  uwsgi_temp_path {scratch}/uwsgi; scgi_temp_path {scratch}/scgi;
  server {{ listen 127.0.0.1:{port}; root {root}; }} }}
""")
    program = world.Program(["/usr/sbin/nginx", "-c", scratch / "nginx.conf"], scratch / "nginx.log")
    program.start()
    await_port(program, port)
    return program, port


def await_port(program, port):
    def listening():
        if not program.alive():
            raise SystemExit(f"{program.argv[0]} ended at its start:\n{program.words()}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0
    world.wait_until(f"{program.argv[0]} listens", listening)


if __name__ == "__main__":
    main()
