"""A service manager for one service of Type=notify: starts it, waits for its READY=1, and starts it again whenever it ends."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time


class Supervisor:
    def __init__(self, argv, folder, log, patience=10.0):
        self.argv, self.log, self.patience = [str(word) for word in argv], pathlib.Path(log), patience
        self.notify = pathlib.Path(folder) / "notify"
        self.starts = 0
        self.process = None
        self._end = threading.Event()
        self._thread = None

    def start(self):
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def _run(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            with contextlib.suppress(FileNotFoundError):
                self.notify.unlink()
            told.bind(str(self.notify))
            told.settimeout(0.05)
            while not self._end.is_set():
                self._once(told)
                self._end.wait(0.1)

    def _once(self, told):
        self.starts += 1
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                            env={**os.environ, "NOTIFY_SOCKET": str(self.notify)})
        deadline, ready = time.monotonic() + self.patience, False
        while self.process.poll() is None:
            with contextlib.suppress(TimeoutError):
                ready = told.recv(4096) == b"READY=1" or ready
            if self._end.is_set():
                self.process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(20)
            if self._end.is_set() or (not ready and time.monotonic() > deadline):
                self.kill()
        self.process.wait()

    def program(self):
        """Which program runs now, or None."""
        with contextlib.suppress(OSError, AttributeError):
            return pathlib.Path(os.readlink(f"/proc/{self.process.pid}/exe"))
        return None

    def words(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def stop(self):
        self._end.set()
        if self._thread is not None:
            self._thread.join()
