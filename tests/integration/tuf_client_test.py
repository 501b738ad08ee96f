#!/usr/bin/env python3
"""upswarm-tuf-client in another time: conformance suites turn its clock with faketime, which needs a program that is linked dynamically."""

import pathlib
import shutil
import subprocess
import tempfile

from base import BIN, WorldTest, main


class TufClient(WorldTest):
    def test_faketime_turns_its_clock(self):
        world = self.published("1.0.0", machines=0, tls=False)
        folder = pathlib.Path(tempfile.mkdtemp(prefix="usw-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)

        def run(*words, time):
            return subprocess.run(["faketime", "-f", time, pathlib.Path(BIN) / "upswarm-tuf-client", "--metadata-dir", folder, *words],
                                  capture_output=True, text=True, timeout=60)

        def refresh(time):
            return run("--metadata-url", world.seeder_url + "/metadata", "refresh", time=time)

        self.assertEqual(run("init", world.repository / "metadata/1.root.json", time="+0d").returncode, 0)
        done = refresh("+2d")
        self.assertEqual(done.returncode, 1)
        self.assertSays(done.stderr, "timestamp", "it expired")
        done = refresh("+0d")
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    main()
