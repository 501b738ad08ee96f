"""What is tried inside of the machine that run.py starts: install.sh, the units, updates with services, and a machine that dies in mid switch.

usage: inside.py first|cut|after     (three starts of one machine)
"""

import contextlib
import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path("/upswarm")
sys.path.insert(0, str(TOP / "tests/support"))

from world import Failure, World, noise, toml, wait_until  # noqa: E402

PROGRAMS = pathlib.Path("/programs")
SEEDER = pathlib.Path("/var/lib/upswarm-seeder")
APP = pathlib.Path("/opt/app")
STARTS = pathlib.Path("/var/lib/app/starts")
PORT = 8080
SERVER = """#!/usr/bin/python3
import http.server, pathlib
version = pathlib.Path(__file__).resolve().parent.parent / "share/version"
status = int((version.parent / "status").read_text())
with open("/var/lib/app/starts", "a") as starts:
    starts.write(version.read_text() + "\\n")
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(version.read_bytes())
http.server.HTTPServer(("127.0.0.1", 8080), Answer).serve_forever()
"""
HOOK = """#!/bin/sh
grep -E '^(Uid|NoNewPrivs|Seccomp_filters|CapEff):' /proc/self/status > /var/lib/app/hook
cat /proc/self/cgroup >> /var/lib/app/hook
touch /var/lib/app/outside
"""
SLOW_HOOK = "#!/bin/sh\nexec sleep 600\n"
UNIT = """[Unit]
After=upswarm-installer.service
Wants=upswarm-installer.service
[Service]
Type=exec
User=app
StateDirectory=app
ExecStart=/opt/app/current/bin/serve
ExecCondition=/usr/bin/test -e /opt/app/current
[Install]
WantedBy=multi-user.target
"""


def run(*words, check=True):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise Failure(f"{' '.join(map(str, words))} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def say(text):
    print(text, flush=True)


def expect(what, condition):
    if not condition:
        raise Failure(what)
    say(f"seen: {what}")


def give_to_seeder(path):
    account = pwd.getpwnam("upswarm-seeder")
    for one in [path, *path.rglob("*")]:
        os.chown(one, account.pw_uid, account.pw_gid)


class Publisher:
    """The release desk of this machine, which hands bundles to the seeder's service."""

    def __init__(self):
        tempfile.tempdir = SEEDER.parent  # whence a bundle can be renamed to where the seeder looks
        self.world = World(PROGRAMS, keep=True)

    def init(self, *products):
        self.world.init(*products)
        (SEEDER / "incoming").mkdir(parents=True)
        shutil.copytree(self.world.seeder_folder / "keys", SEEDER / "keys")
        give_to_seeder(SEEDER)
        return self

    def release(self, version, files, product="app", **recipe):
        world = self.world
        tree = world.tree(f"{product}-{version}", files)
        world.release(version, tree, product=product, recipe=world.recipe(f"{product}-{version}", **recipe))
        incoming = SEEDER / "incoming"
        for bundle in sorted((world.seeder_folder / "incoming").iterdir()):
            give_to_seeder(bundle)
            bundle.rename(incoming / bundle.name)
            wait_until("the seeder takes in what was published", lambda: not any(incoming.iterdir()))
        rejected = [file.read_text() for file in (SEEDER / "rejected").rglob("reason.txt")]
        if rejected:
            raise Failure(f"the seeder rejected: {rejected}")


def app(version, status=200, hook=HOOK):
    return {"bin/serve": SERVER, "bin/hook": hook, "share/version": version, "share/status": str(status), "share/data": noise(1 << 20, 1)}


def recipe():
    return {"services": ["app.service"], "hooks": {"after": {"argv": ["bin/hook"], "run_as": "app", "timeout": "300s"}},
            "health": {"kind": "http", "port": PORT, "path": "/", "account": "app", "within": "10s", "every": "200ms", "stable": "2s"}}


def history(product):
    updates = json.loads(run("upswarm", "--json", "history", check=False)).get("history", [])  # none while the agent is restarted
    return [one for one in updates if one["product"] == product]


def await_outcome(product, version, result, seconds=90):
    update = wait_until(f"{product} {version} ends", lambda: next((one for one in history(product) if one["to"] == version), None), seconds, 0.3)
    if update["result"] != result:
        raise Failure(f"{product} {version} did not end as {result}: {update}")
    return update


def property_of(unit, name):
    return run("systemctl", "show", "--value", f"--property={name}", unit).strip()


def served():
    import urllib.request
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=5) as answer:
        return answer.read().decode()


def set_up():
    run(TOP / "packaging/linux/install.sh", "--bin", PROGRAMS, "machine", "seeder")
    run("useradd", "--system", "app")
    run("install", "-d", "-o", "app", "-g", "app", STARTS.parent)
    pathlib.Path("/etc/systemd/system/app.service").write_text(UNIT)
    pathlib.Path("/etc/upswarm/seeder.toml").write_text(toml({
        "folder": SEEDER, "listen": "127.0.0.1", "port": 8443, "tls": False, "bittorrent_listen": "127.0.0.1", "announce_interval": "5s"}))
    pathlib.Path("/etc/upswarm/agent.toml").write_text(toml({
        "seeder_url": "http://127.0.0.1:8443", "root_file": "/etc/upswarm/root.json", "poll_interval": "2s",
        "swarm": {"listen_address": "127.0.0.1", "listen_port": 0, "local_discovery": False, "http_after": "3s"}}))
    pathlib.Path("/etc/upswarm/installer.toml").write_text(toml({
        "root_file": "/etc/upswarm/root.json", "keep_free": "1 MiB",
        "product": [{"product": "app", "root": APP}, {"product": "upswarm-installer", "root": "/opt/upswarm/installer", "self": True},
                    {"product": "upswarm-agent", "root": "/opt/upswarm/agent"}]}))
    publisher = Publisher().init("app", "upswarm-installer", "upswarm-agent")
    shutil.copy(publisher.world.repository / "metadata/1.root.json", "/etc/upswarm/root.json")
    run("upswarm-installer", "--write-sandbox")
    run("systemctl", "daemon-reload")
    run("systemctl", "enable", "app.service")
    run("systemctl", "enable", "--now", "upswarm-seeder.service", "upswarm-installer.service", "upswarm-agent.service")
    return publisher


def seccomp_filters(status=None):
    """Of a process, by its status file; this one's come from the container."""
    return int(re.search(r"^Seccomp_filters:\t(\d+)$", status or pathlib.Path("/proc/self/status").read_text(), re.M)[1])


def look_at_sandbox():
    pid = property_of("upswarm-installer.service", "MainPID")
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    expect("the installer has no new privileges, a seccomp filter, and three capabilities",
           seccomp_filters(status) > seccomp_filters()
           and all(re.search(wanted, status, re.M) for wanted in (r"^NoNewPrivs:\t1$", r"^CapBnd:\t000000000008000a$")))
    inside = ["nsenter", "-t", pid, "-m", "--"]
    for path, writes in (("/usr", False), ("/etc", False), ("/opt", False), ("/var", False), (APP, True), ("/var/lib/upswarm-installer", True)):
        done = subprocess.run([*inside, "touch", f"{path}/.try"], capture_output=True, text=True, check=False)
        expect(f"{path} is {'open' if writes else 'read-only'} for it", (done.returncode == 0) == writes and (writes or "Read-only" in done.stderr))
    (APP / ".try").unlink()
    pathlib.Path("/var/lib/upswarm-installer/.try").unlink()
    agent = pathlib.Path(f"/proc/{property_of('upswarm-agent.service', 'MainPID')}/status").read_text()
    expect("the agent is no root and has no capability",
           re.search(rf"^Uid:\t{pwd.getpwnam('upswarm-agent').pw_uid}\t", agent, re.M) and re.search(r"^CapBnd:\t0+$", agent, re.M))


def own(program, script=None):
    """The tree of a release of Upswarm itself; `script`: what takes the place of the program."""
    files = {"bin/upswarm": (PROGRAMS / "upswarm").read_bytes()} if program == "upswarm-agent" else {}
    return {f"bin/{program}": script or (PROGRAMS / program).read_bytes(), **files}


def runs_from(unit):
    with contextlib.suppress(OSError):
        return pathlib.Path(os.readlink(f"/proc/{property_of(unit, 'MainPID')}/exe")).parent.parent.name
    return None


def updates_itself(publisher):
    installer, agent = "upswarm-installer", "upswarm-agent"
    expect("installer and agent run as install.sh placed them", all(str(runs_from(unit)).startswith("placed-") for unit in (installer, agent)))
    publisher.release("1.0.0", own(installer), product=installer, health={"kind": "none"})
    await_outcome(installer, "1.0.0", "completed")
    expect("the installer replaced itself", wait_until("it runs", lambda: runs_from(installer) == "1.0.0"))
    publisher.release("1.1.0", own(installer, "#!/bin/sh\ncase \"$*\" in *--self-test*) exit 0;; esac\nexit 1\n"), product=installer,
                      health={"kind": "none"})
    update = await_outcome(installer, "1.1.0", "rolled_back")
    expect(f"one that ends at once was given up: {update['reason']}", runs_from(installer) == "1.0.0")
    agents = {"product": agent, "services": ["upswarm-agent.service"],
              "health": {"kind": "confirm", "account": "upswarm-agent", "executable": True, "within": "10s"}}
    publisher.release("1.0.0", own(agent), **agents)
    await_outcome(agent, "1.0.0", "completed")
    expect("the agent replaced itself, and told the installer so", runs_from(agent) == "1.0.0")
    publisher.release("1.1.0", own(agent, "#!/bin/sh\nexit 1\n"), **agents)
    update = await_outcome(agent, "1.1.0", "rolled_back")
    expect(f"an agent that ends at once was taken back: {update['reason']}", wait_until("it runs", lambda: runs_from(agent) == "1.0.0"))
    publisher.release("1.2.0", own(agent, "#!/bin/sh\nexec sleep 600\n"), **agents)
    update = await_outcome(agent, "1.2.0", "rolled_back")
    expect(f"an agent that runs and says nothing was taken back: {update['reason']}", wait_until("it runs", lambda: runs_from(agent) == "1.0.0"))
    expect("the installer is still the new one", runs_from(installer) == "1.0.0")


def first():
    publisher = set_up()
    publisher.release("1.0.0", app("1.0.0"), **recipe())
    await_outcome("app", "1.0.0", "completed")
    expect("1.0.0 came, its service was started and answers", served() == "1.0.0" and property_of("app.service", "ActiveState") == "active")
    hook = pathlib.Path("/var/lib/app/hook").read_text()
    expect("the hook ran as its account, in a unit of its own, outside of the sandbox, without capabilities",
           re.search(rf"^Uid:\t{pwd.getpwnam('app').pw_uid}\t", hook, re.M) and re.search(r"upswarm-[0-9a-f]{16}\.service", hook)
           and seccomp_filters(hook) == seccomp_filters() and re.search(r"^CapEff:\t0+$", hook, re.M))
    look_at_sandbox()
    publisher.release("1.1.0", app("1.1.0"), **recipe())
    await_outcome("app", "1.1.0", "completed")
    expect("1.1.0 came and its service was started anew", served() == "1.1.0")
    publisher.release("2.0.0", app("2.0.0", status=500), **recipe())
    update = await_outcome("app", "2.0.0", "rolled_back")
    expect(f"2.0.0 was rolled back by itself, and 1.1.0 serves again: {update['reason']}", served() == "1.1.0")
    updates_itself(publisher)
    publisher.release("3.0.0", app("3.0.0", hook=SLOW_HOOK), **recipe())
    wait_until("the hook of 3.0.0 runs", lambda: "sleep 600" in run("ps", "-A", "-o", "args"), 60)
    run("systemctl", "kill", "--kill-whom=main", "--signal=SIGKILL", "upswarm-installer.service")
    update = await_outcome("app", "3.0.0", "rolled_back")
    expect(f"the installer, killed in mid switch, was started again and went back: {update['reason']}", served() == "1.1.0")
    wait_until("the hook went with the installer", lambda: "sleep 600" not in run("ps", "-A", "-o", "args"))
    expect("no unit has failed but for what was killed", run("systemctl", "list-units", "--failed", "--plain", "--no-legend").strip() == "")


def cut():
    expect("after a start of the machine 1.1.0 serves", wait_until("it serves", lambda: property_of("app.service", "ActiveState") == "active") and True)
    run("upswarm", "clear-bad", "app")
    wait_until("the hook of 3.0.0 runs again", lambda: "sleep 600" in run("ps", "-A", "-o", "args"), 60)
    expect("`current` names 3.0.0 in mid switch", os.readlink(APP / "current") == "versions/3.0.0")
    STARTS.write_text("")
    os.sync()
    pathlib.Path("/results/cut-me").write_text("now")
    time.sleep(600)


def after():
    update = await_outcome("app", "3.0.0", "rolled_back")
    expect(f"after the machine died in mid switch it went back: {update['reason']}", "interrupted by a restart" in update["reason"])
    wait_until("it serves", lambda: property_of("app.service", "ActiveState") == "active")
    starts = STARTS.read_text().split()
    expect("its service was never started with 3.0.0", starts and set(starts) == {"1.1.0"})
    expect("and serves 1.1.0", wait_until("it serves", lambda: served()) == "1.1.0")


if __name__ == "__main__":
    try:
        {"first": first, "cut": cut, "after": after}[sys.argv[1]]()
    except Exception as failure:  # noqa: BLE001: whatever it is, the words are wanted
        say(f"FAILED: {failure!r}")
        for unit in ("upswarm-installer", "upswarm-agent", "upswarm-seeder", "app"):
            say(run("journalctl", "--no-pager", "-n", "25", "-u", unit, check=False))
        sys.exit(1)
