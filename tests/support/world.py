"""A small world of real Upswarm programs: a publisher, a seeder, and machines with an agent and an installer each.

Everything lives in one temporary folder and on loopback addresses (or, for the demo, in network namespaces), and ends
with the `World`: only processes that it started are ended. Standard library alone.
"""

import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

PLATFORM = "linux-x64"
AGENT_USER = "nobody"
PASSPHRASE = "correct horse battery staple"


FORBIDDEN_STEP = "a step that must not be"  # what an agent says of one that is not in the table of session.cpp

class Failure(Exception):
    """A program did not do what was asked; the text holds its words."""


def wait_until(what, condition, seconds=30.0, every=0.05):
    """Polls `condition` until it is true and returns its value; `what` is said when it never is."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"waited {seconds:.0f} s in vain for: {what}")
        time.sleep(every)


PORTS = range(16000, 32000)  # below those that the kernel gives to whoever asks for any
_reserved = []


def free_port(address="127.0.0.1"):
    """A port that nobody listens on, and that no other process gets from here while this one runs."""
    for port in random.SystemRandom().sample(PORTS, 1000):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0upswarm-test-port-{port}")  # gone with this process
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except OSError:
            claim.close()
            continue
        _reserved.append(claim)
        return port
    raise Failure("no port is free")


def noise(size, seed):
    """Bytes that do not compress, the same for the same seed."""
    source = random.Random(seed)
    return b"".join(source.randbytes(min(8 << 20, size - at)) for at in range(0, size, 8 << 20))


def toml(values, head=""):
    """Nested dictionaries, lists of tables and plain values as TOML."""
    lines, tables = [], []
    for key, value in values.items():
        if isinstance(value, dict):
            tables.append(f"\n[{head}{key}]\n" + toml(value, f"{head}{key}."))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            tables += [f"\n[[{head}{key}]]\n" + toml(one, f"{head}{key}.") for one in value]
        else:
            lines.append(f"{key} = {json.dumps(value, default=str)}")
    return "\n".join(lines + tables) + "\n"


class Program:
    """A program that runs in the background, with its output in a file."""

    def __init__(self, argv, log, user=None, namespace=None, environment=None):
        self.argv, self.log, self.user, self.namespace = [str(a) for a in argv], pathlib.Path(log), user, namespace
        self.environment = {**os.environ, **(environment or {})}
        self.process = None

    def start(self):
        argv = self.argv
        if self.namespace:
            argv = ["ip", "netns", "exec", self.namespace] + argv
            if self.user:  # ip itself needs root
                argv = argv[:4] + ["setpriv", f"--reuid={self.user}", f"--regid={group_of(self.user)}", "--clear-groups"] + argv[4:]
        options = {}
        if self.user and not self.namespace and os.geteuid() == 0:
            options = {"user": self.user, "group": group_of(self.user), "extra_groups": []}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                            env=self.environment, **options)
        return self

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def words(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def kill(self):
        """SIGKILL, as the kernel or a power cut would."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self, seconds=20):
        """SIGTERM; the exit code. A program that does not end by itself is a failure."""
        if self.process is None:
            return 0
        self.process.terminate()
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired as late:
            self.kill()
            raise Failure(f"{self.argv[0]} did not end on SIGTERM:\n{self.words()[-3000:]}") from late
        self.process = None
        return code


def group_of(user):
    import grp
    import pwd
    return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name


class Machine:
    """One machine: an installer (root, where the tests are) and an agent (an account of its own)."""

    def __init__(self, world, name, products, agent=None, installer=None, address="127.0.0.1", namespace=None):
        self.world, self.name, self.namespace = world, name, namespace
        self.folder = world.folder / name
        self.installed = self.folder / "installed"
        self.sockets = self.folder / "run"
        self.system_bus = self.sockets / "agent/system-bus"  # nobody listens: what the line of this computer is changes no test
        for sub, owner in (("agent", world.agent_user), ("installer", None), ("etc", None), ("run", None), ("run/agent", world.agent_user),
                           ("run/installer", None)):
            made = self.folder / sub
            made.mkdir(parents=True, exist_ok=True)
            made.chmod(0o755)
            if owner and os.geteuid() == 0:
                shutil.chown(made, owner, group_of(owner))
        self.agent_settings = {
            "seeder_url": world.seeder_url, "root_file": self.folder / "etc/root.json",
            "state_folder": self.folder / "agent", "socket": self.sockets / "agent/agent.sock",
            "installer_socket": self.sockets / "installer/installer.sock", "poll_interval": "2s", "poll_jitter_permille": 100,
            "swarm": {"listen_address": address, "listen_port": 0, "local_discovery": False, "http_after": "3s", "keep_free": "1 MiB"},
            "log": {"level": "debug"}}
        if world.ca_file:
            self.agent_settings["ca_file"] = self.folder / "etc/ca.pem"
        self.agent_settings.update(agent or {})
        self.installer_settings = {
            "state_folder": self.folder / "installer", "socket": self.sockets / "installer/installer.sock",
            "root_file": self.folder / "etc/root.json", "agent_account": world.agent_user or str(os.geteuid()), "keep_free": "1 MiB",
            "log": {"level": "debug"},
            "product": [{"product": p, "channel": "stable", "platform": PLATFORM, "root": self.installed / p} for p in products]}
        self.installer_settings.update(installer or {})
        shutil.copy(world.repository / "metadata/1.root.json", self.folder / "etc/root.json")
        self.write_configs()
        self.agent = Program([world.bin / "upswarm-agent", "--config", self.folder / "etc/agent.toml"], self.folder / "agent.log",
                             user=world.agent_user, namespace=namespace,
                             environment={"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.system_bus}"})
        self.installer = Program([world.bin / "upswarm-installer", "--config", self.folder / "etc/installer.toml"],
                                 self.folder / "installer.log", namespace=namespace)

    def write_configs(self):
        (self.folder / "etc/agent.toml").write_text(toml(self.agent_settings))
        (self.folder / "etc/installer.toml").write_text(toml(self.installer_settings))

    def start_installer(self):
        self.installer.start()
        self.await_socket(self.installer, self.installer_settings["socket"])

    def start_agent(self):
        if self.world.ca_file:  # as an administrator would: the seeder's own folder is nobody else's to read
            shutil.copy(self.world.ca_file, self.folder / "etc/ca.pem")
        self.agent.start()
        self.await_socket(self.agent, self.agent_settings["socket"])

    def start(self):
        self.start_installer()
        self.start_agent()
        return self

    @staticmethod
    def await_socket(program, path):
        def listening():
            if not program.alive():
                raise Failure(f"{program.argv[0]} ended at its start:\n{program.words()[-3000:]}")
            with socket.socket(socket.AF_UNIX) as probe:
                return probe.connect_ex(str(path)) == 0
        wait_until(f"{program.argv[0]} listens on {path}", listening)

    def stop(self):
        self.agent.stop()
        self.installer.stop()

    def command(self, *words, check=True):
        """Runs `upswarm WORDS --json`; its answer."""
        return self.world.run("upswarm", "--socket", self.agent_settings["socket"], "--installer-socket", self.installer_settings["socket"],
                              "--json", *words, check=check)

    def ask(self, word, **more):
        """Asks the agent itself, without a program between (protocol/messages/agent_messages.hpp); its answer."""
        question = json.dumps({"ask": word, **more}).encode()
        with socket.socket(socket.AF_UNIX) as talk:
            talk.settimeout(10)
            talk.connect(str(self.agent_settings["socket"]))
            talk.sendall(struct.pack(">I", len(question)) + question)
            with talk.makefile("rb") as answer:
                return json.loads(answer.read(struct.unpack(">I", answer.read(4))[0]))

    def status(self):
        return self.command("status").json()

    def history(self):
        return self.command("history").json()["history"]

    def sessions(self):
        """How each update went, the newest first: its version and the states it passed."""
        return [(one["version"], [step["state"] for step in one["steps"]])
                for one in self.command("history", "--steps").json()["sessions"]]

    def version(self, product="app"):
        """The version that runs: what `current` names."""
        folder = self.installed / product
        current = (folder / ".upswarm" if (folder / ".upswarm").exists() else folder) / "current"
        return os.readlink(current).removeprefix("versions/") if current.is_symlink() else None

    def await_version(self, version, product="app", seconds=60):
        """Waits until `version` runs and was committed (not only switched to)."""
        def there():
            self.must_live()
            return self.version(product) == version and any(
                one["product"] == product and one["running"] == version for one in self.history()[:1])
        try:
            wait_until(f"{self.name} runs {product} {version}", there, seconds)
        except Failure as failure:
            raise Failure(f"{failure}\nit runs {self.version(product)}\n--- agent\n{self.agent.words()[-4000:]}"
                          f"\n--- installer\n{self.installer.words()[-2500:]}\n--- seeder\n{self.world.seeder.words()[-1500:]}") from None

    def await_history(self, wanted, seconds=60):
        """Waits until an update with the result `wanted` is in the history; that update."""
        try:
            return wait_until(f"{self.name} has an update that {wanted}",
                              lambda: next((one for one in self.history() if one["result"] == wanted), None), seconds)
        except Failure as failure:
            raise Failure(f"{failure}\n--- agent\n{self.agent.words()[-4000:]}\n--- installer\n{self.installer.words()[-2500:]}") from None

    def must_live(self):
        for program in (self.agent, self.installer):
            if program.process is not None and not program.alive():
                raise Failure(f"{program.argv[0]} died:\n{program.words()[-3000:]}")


class Answer:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    def json(self):
        return json.loads(self.out)

    def error(self):
        """The error that a program reported as JSON, or its words."""
        with contextlib.suppress(ValueError, KeyError, TypeError):
            error = json.loads(self.out)["error"]
            return f'{error["context"]}: {error["cause"]}'
        return self.out + self.err


class World:
    def __init__(self, binaries, tls=True, seeder=None, address="127.0.0.1", namespace=None, keep=False):
        self.bin = pathlib.Path(binaries)
        self.keep = keep
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="usw-"))  # short: socket paths have 107 bytes
        self.folder.chmod(0o755)
        self.repository = self.folder / "repository"
        self.seeder_folder = self.folder / "seeder"
        self.agent_user = AGENT_USER if os.geteuid() == 0 else None
        self.machines = []
        self.address, self.namespace = address, namespace
        self.port = free_port() if not namespace else 8443
        self.bittorrent_port = free_port() if not namespace else 6881
        self.scheme = "https" if tls else "http"
        self.seeder_url = f"{self.scheme}://{address}:{self.port}"
        self.ca_file = str(self.seeder_folder / "tls/certificate.pem") if tls else ""
        self.seeder_settings = {"folder": self.seeder_folder, "listen": address, "port": self.port, "tls": tls, "bittorrent_listen": address,
                                "bittorrent_port": self.bittorrent_port, "announce_interval": "5s", "names": [address],
                                "log": {"level": "debug"}}
        self.seeder_settings.update(seeder or {})
        self.seeder = Program([self.bin / "upswarm-seeder", "--config", self.folder / "seeder.toml"], self.folder / "seeder.log",
                              namespace=namespace)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()

    def close(self):
        for machine in self.machines:
            machine.agent.kill()
            machine.installer.kill()
        self.seeder.kill()
        forbidden = [line for machine in self.machines for line in machine.agent.words().splitlines() if FORBIDDEN_STEP in line]
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        if forbidden:
            raise Failure("an update went another way than updates may: " + forbidden[0])

    def run(self, program, *words, check=True, env=None, stdin=None, seconds=120):
        """Runs a program to its end."""
        argv = [str(self.bin / program)] + [str(w) for w in words]
        if self.namespace:
            argv = ["ip", "netns", "exec", self.namespace] + argv
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=seconds, input=stdin,
                              env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "UPSWARM_PASSPHRASE": PASSPHRASE, **(env or {})})
        if check and done.returncode != 0:
            raise Failure(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return Answer(done)

    def inside(self, *argv):
        """What a program prints that runs where the seeder is."""
        prefix = ["ip", "netns", "exec", self.namespace] if self.namespace else []
        return subprocess.run([*prefix, *[str(a) for a in argv]], capture_output=True, check=True, timeout=60).stdout

    def init(self, *products):
        """Makes the repository and its keys, and gives the online keys to the seeder."""
        self.run("upswarm-publish", "init", self.repository, *[w for p in products or ["app"] for w in ("--product", p)])
        self.seeder_folder.mkdir(mode=0o755)
        shutil.copytree(self.repository / "online-keys", self.seeder_folder / "keys")
        return self

    def start_seeder(self):
        (self.folder / "seeder.toml").write_text(toml(self.seeder_settings))
        self.seeder.start()

        def listening():
            if not self.seeder.alive():
                raise Failure(f"the seeder ended at its start:\n{self.seeder.words()[-3000:]}")
            probe = ["ip", "netns", "exec", self.namespace] if self.namespace else []
            script = f"import socket; s = socket.create_connection(({self.address!r}, {self.port}), 2)"
            return subprocess.run(probe + ["python3", "-c", script], capture_output=True).returncode == 0
        wait_until("the seeder listens", listening)
        return self

    def tree(self, name, files, healthy=True):
        """Makes the tree of a release: {path: content}, and bin/check, whose exit code is its health."""
        top = self.folder / "trees" / name
        top.mkdir(parents=True)
        files = {"bin/check": f"#!/bin/sh\nexit {0 if healthy else 1}\n", **files}
        for path, content in files.items():
            file = top / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
            file.chmod(0o755 if path.startswith("bin/") else 0o644)
        return top

    def recipe(self, name="recipe", **values):
        file = self.folder / f"{name}.toml"
        values.setdefault("health", {"kind": "command", "command": {"argv": ["bin/check"], "timeout": "5s"}, "within": "2s", "every": "200ms"})
        file.write_text(toml(values))
        return file

    def release(self, version, tree, rollout=1000, product="app", recipe=None, check=True, extra=()):
        """Publishes a release into the seeder's incoming folder."""
        words = ["--repository", self.repository, "--json", "release", tree, "--product", product, "--version", version, "--channel", "stable",
                 "--platform", PLATFORM, "--recipe", recipe or self.recipe(), "--to", self.seeder_folder / "incoming", *extra]
        if rollout is not None:
            words += ["--rollout", rollout]
        (self.seeder_folder / "incoming").mkdir(exist_ok=True)
        return self.run("upswarm-publish", *words, check=check, seconds=600)

    def roll_out(self, version, product="app", permille=1000):
        """Gives a release that is held to so many of 1000 machines."""
        self.run("upswarm-publish", "--repository", self.repository, "--json", "rollout", product, "stable", PLATFORM, version,
                 "--permille", permille, "--to", self.seeder_folder / "incoming")

    def await_taken_in(self, seconds=30):
        """Waits until the seeder has taken in (or rejected) all bundles."""
        incoming = self.seeder_folder / "incoming"
        wait_until("the seeder takes in what was published", lambda: not any(incoming.iterdir()), seconds)
        rejected = self.seeder_folder / "rejected"
        names = sorted(rejected.iterdir()) if rejected.exists() else []
        if names:
            raise Failure("the seeder rejected: " + "; ".join((n / "reason.txt").read_text() for n in names))

    def machine(self, name="m1", products=("app",), **settings):
        machine = Machine(self, name, products, **settings)
        self.machines.append(machine)
        return machine
