#!/usr/bin/env python3
"""A second implementation of TUF (tuf-js, from npm): its client reads our repository, our client reads one it wrote."""

import fcntl
import functools
import http.server
import pathlib
import shutil
import subprocess
import tempfile
import threading

from base import BIN, HERE, WorldTest, big, main

SOURCES = HERE / "tuf_js"


def tuf_js():
    """The folder with tuf-js and our scripts, or why there is none."""
    folder = pathlib.Path(BIN).parent / "tuf-js"
    folder.mkdir(exist_ok=True)
    if not shutil.which("npm") or not shutil.which("node"):
        return None, "npm is not installed"
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for file in SOURCES.iterdir():
            if file.name != "package.json":
                shutil.copy(file, folder)
        wanted = (SOURCES / "package.json").read_bytes()
        installed = folder / "installed.json"
        if not installed.exists() or installed.read_bytes() != wanted:
            shutil.copy(SOURCES / "package.json", folder)
            done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"], cwd=folder,
                                  capture_output=True, text=True, timeout=180)
            if done.returncode != 0:
                return None, "npm cannot reach a registry: " + done.stderr.strip()[-300:]
            installed.write_bytes(wanted)
    return folder, ""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


class TufJs(WorldTest):
    def setUp(self):
        self.js, why = tuf_js()
        if not self.js:
            self.skipTest(why)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="usw-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def node(self, script, *words, check=True):
        done = subprocess.run(["node", self.js / script, *words], capture_output=True, text=True, timeout=60)
        if check:
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    def test_tuf_js_reads_our_repository(self):
        world = self.published("1.0.0", "1.1.0", machines=0, tls=False)
        metadata, targets = self.folder / "metadata", self.folder / "targets"
        metadata.mkdir()
        targets.mkdir()
        shutil.copy(world.repository / "metadata/1.root.json", metadata / "root.json")
        index = "index/app/stable/linux-x64.json"
        rollout = "rollout/app/stable.linux-x64.json"
        words = [metadata, world.seeder_url + "/metadata", targets, world.seeder_url + "/targets", index, rollout]
        downloaded = [pathlib.Path(line) for line in self.node("client.mjs", *words).stdout.split()]
        served = world.seeder_folder / "repository/targets"
        for path, file in zip((index, rollout), downloaded, strict=True):
            first, _, last = path.rpartition("/")
            candidates = [one.read_bytes() for one in (served / first).glob(f"*.{last}")]
            self.assertIn(file.read_bytes(), candidates)
        # It checks what it reads: with a timestamp of another repository it refuses.
        other = self.world(tls=False).init()
        shutil.copy(other.repository / "metadata/1.root.json", metadata / "root.json")
        for role in ("timestamp", "snapshot", "targets"):
            (metadata / f"{role}.json").unlink()
        self.assertNotEqual(self.node("client.mjs", *words, check=False).returncode, 0)

    def client(self, *words):
        return subprocess.run([pathlib.Path(BIN) / "upswarm-tuf-client", "--metadata-dir", self.folder / "ours", *words],
                              capture_output=True, text=True, timeout=60)

    def test_our_client_reads_a_repository_of_tuf_js(self):
        repository = self.folder / "theirs"
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=repository))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        url = f"http://127.0.0.1:{server.server_port}"

        def download(*paths):
            names = [word for path in paths for word in ("--target-name", path)]
            return self.client("--metadata-url", url + "/metadata", *names, "--target-dir", self.folder / "downloads",
                               "--target-base-url", url + "/targets", "download")

        self.node("repository.mjs", repository, "1")
        self.assertEqual(self.client("init", repository / "metadata/1.root.json").returncode, 0)
        done = download("pkg/app/one.txt", "pkg/app/deep/two.txt")
        self.assertEqual(done.returncode, 0, done.stderr)
        contents = sorted(file.read_text() for file in (self.folder / "downloads").iterdir())
        self.assertEqual(contents, ["the first\n", "the second\n"])
        self.assertEqual(download("pkg/app/three.txt").returncode, 1)

        self.node("repository.mjs", repository, "2")
        done = download("pkg/app/three.txt")
        self.assertEqual(done.returncode, 0, done.stderr)
        for role, version in (("root", 2), ("timestamp", 2), ("rel-app", 2)):
            name = "timestamp.json" if role == "timestamp" else f"{version}.{role}.json"
            self.assertEqual((self.folder / f"ours/{role}.json").read_bytes(), (repository / "metadata" / name).read_bytes())

        # A byte of the signed text altered: refused, and what was trusted stays.
        file = repository / "metadata/timestamp.json"
        file.write_text(file.read_text().replace('"version": 2', '"version": 3'))
        self.assertEqual(self.client("--metadata-url", url + "/metadata", "refresh").returncode, 1)


if __name__ == "__main__":
    main()
