"""Somebody at the site who downloads while our programs, or others, do the same."""

import pathlib
import re
import shutil
import sys
import tempfile

from network import DATACENTER
from world import Failure, Program, wait_until

STREAM = pathlib.Path(__file__).resolve().parent / "programs" / "stream.py"
PORT = 8001  # not the peers'


class User:
    """A server of their own in the datacenter, and one plain TCP stream from it. `look` begins it when it is time."""

    def __init__(self, shape, network, file):
        self.shape = shape
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="uswlab-"))
        self.server = Program([sys.executable, STREAM, "serve", DATACENTER, PORT, file], self.folder / "server.log", namespace=network.datacenter)
        self.client = Program([sys.executable, STREAM, "fetch", DATACENTER, PORT, shape.seconds], self.folder / "client.log",
                              namespace=network.host(*network.user))

    def __enter__(self):
        self.server.start()
        wait_until("the user's server is ready", lambda: "ready" in self.server.words(), 60)
        return self

    def __exit__(self, kind, value, trace):
        self.client.kill()
        self.server.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def look(self, seconds):
        """So many seconds have passed since the start of what runs beside."""
        if seconds >= self.shape.after and self.client.process is None:
            self.client.start()

    def rate(self):
        """Bytes a second. Begins at once if it has not begun."""
        self.look(self.shape.after)
        wait_until("the user has it", lambda: "done" in self.client.words() or not self.client.alive(), self.shape.seconds + 30)
        found = re.search(r"^began ([\d.]+)\ndone ([\d.]+) (\d+)", self.client.words(), re.MULTILINE)
        if not found:
            raise Failure(f"the user's download: {self.client.words()}")
        return int(found[3]) / (float(found[2]) - float(found[1]))
