#!/usr/bin/env python3
"""Accounts of the machine that mean no good beset the installer: the update comes, and the administrator is answered."""

import base64
import contextlib
import json
import mmap
import os
import pwd
import re
import select
import signal
import socket
import struct
import time
import traceback

from base import WorldTest, big, free_port, main, wait_until

STRANGER = 54321
MEMORY = 64 << 20  # of the installer, at any moment
LONGEST_FRAME = 12 << 20


def frame(text):
    return struct.pack(">I", len(text)) + text


def hoard(path, count, opened):
    """Keeps `count` conversations open, each begun and never ended; one that is closed is opened anew. For ever."""
    held = {}
    poll = select.poll()
    while True:
        while len(held) < count:
            link = socket.socket(socket.AF_UNIX)
            link.connect(path)  # waits while too many others do
            link.setblocking(False)
            with contextlib.suppress(OSError):
                link.send(struct.pack(">I", 1000) + b"{")
            held[link.fileno()] = link
            poll.register(link, select.POLLIN)
            opened.add()
        for number, _ in poll.poll(1000):
            poll.unregister(number)
            held.pop(number).close()
        time.sleep(0.01)


def send_long_frames(path, rounds):
    """Offers that are as long as a frame may be, of one long text and of very many values."""
    whole = json.dumps({"ask": "offer_metadata", "files": {"metadata/timestamp.json": base64.b64encode(os.urandom(8 << 20)).decode()}})
    many = '{"ask": "hello", "more": [' + "[]," * ((LONGEST_FRAME - 100) // 3) + "[]]}"
    for number in range(rounds):
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(60)
            link.connect(path)
            with contextlib.suppress(OSError):
                link.sendall(frame((whole, many)[number % 2].encode()))
                link.recv(1 << 16)


def answer_well(port):
    """Says 200 to whoever asks. For ever."""
    with socket.create_server(("127.0.0.1", port)) as server:
        while True:
            asking, _ = server.accept()
            with asking, contextlib.suppress(OSError):
                asking.recv(4096)
                asking.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


class Counter:
    """A number that a child counts up."""

    def __init__(self):
        self.memory = mmap.mmap(-1, 8)

    def count(self):
        return struct.unpack("Q", self.memory[:8])[0]

    def add(self):
        self.memory[:8] = struct.pack("Q", self.count() + 1)


class Beset(WorldTest):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("other accounts are root's to use")

    def act_as(self, user, act, *arguments):
        """Runs `act` in a child that has this account, and no other rights; its process id."""
        child = os.fork()
        if child == 0:
            try:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
                act(*arguments)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        self.addCleanup(self.end, child)
        return child

    def end(self, child):
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            if os.waitpid(child, os.WNOHANG) == (0, 0):
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)

    def most_memory(self, machine):
        with open(f"/proc/{machine.installer.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmHWM:\s*(\d+) kB", status.read()).group(1)) << 10

    def test_a_thousand_connections_of_a_stranger(self):
        world = self.published("1.0.0")
        machine = world.machines[0].start()
        machine.await_version("1.0.0")
        opened = Counter()
        self.act_as(STRANGER, hoard, str(machine.installer_settings["socket"]), 1000, opened)
        wait_until("a thousand connections were opened, and as many anew", lambda: opened.count() > 2000)
        world.release("1.1.0", world.tree("1.1.0", big("1.1.0", changed=True)))
        world.await_taken_in()
        machine.await_version("1.1.0", seconds=90)
        machine.command("rollback", "app")
        wait_until("root is obeyed", lambda: machine.version() == "1.0.0")
        self.assertSays(machine.installer.words(), "local connection refused: too many at once", f"user={STRANGER}")
        memory = self.most_memory(machine)
        print(f"{memory >> 10} KiB at most, {opened.count()} connections")
        self.assertLess(memory, MEMORY)

    def test_a_stranger_on_the_port_of_the_health_check(self):
        world = self.published("1.0.0")
        machine = world.machines[0].start()
        machine.await_version("1.0.0")
        port, product = free_port(), pwd.getpwnam("daemon")
        stranger = self.act_as(STRANGER, answer_well, port)
        self.await_listener(port)
        health = {"kind": "http", "port": port, "path": "/", "account": product.pw_name, "within": "3s", "every": "200ms"}
        world.release("1.1.0", world.tree("1.1.0", big("1.1.0", changed=True)), recipe=world.recipe("http", health=health))
        world.await_taken_in()
        update = machine.await_history("rolled_back")
        self.assertSays(update["reason"], f"user {STRANGER} listens there, not user {product.pw_uid}")
        self.assertEqual(machine.version(), "1.0.0")
        self.end(stranger)
        self.act_as(product.pw_uid, answer_well, port)
        self.await_listener(port)
        machine.command("clear-bad", "app")
        machine.command("update", "app", check=False)
        machine.await_version("1.1.0")

    def await_listener(self, port):
        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        wait_until("somebody listens", listens)

    def test_long_frames_of_the_agents_account(self):
        world = self.published("1.0.0")
        machine = world.machines[0].start()
        machine.await_version("1.0.0")
        machine.agent.stop()
        agent = pwd.getpwnam(world.agent_user).pw_uid
        children = [self.act_as(agent, send_long_frames, str(machine.installer_settings["socket"]), 4) for _ in range(6)]
        self.assertEqual(machine.command("clear-bad", "app", check=False).json(), {"cleared": 0})
        for child in children:
            self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertSays(machine.installer.words(), "too many values")
        memory = self.most_memory(machine)
        print(f"{memory >> 10} KiB at most")
        self.assertLess(memory, MEMORY)
        machine.must_live()


if __name__ == "__main__":
    main()
