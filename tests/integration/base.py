"""What the end-to-end tests share."""

import os
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

from world import Failure, World, free_port, noise, wait_until  # noqa: E402,F401

BIN = os.environ.get("UPSWARM_BIN") or str(HERE.parent.parent / "build/dev/bin")


def big(version, changed=False):
    """The files of a release that is large enough to swarm: 3 MiB, of which a little changes."""
    return {"bin/app": f"#!/bin/sh\necho {version}\n", "share/version": version,
            "share/data": noise(3 << 20, 1) + (noise(4096, 2) if changed else b""), "share/text": f"the text of {version}\n" * 2000}


class WorldTest(unittest.TestCase):
    """One test, one world. On a failure the programs' words are in the message."""

    def world(self, **settings):
        world = World(BIN, **settings)
        self.addCleanup(world.close)
        return world

    def published(self, *versions, machines=1, agent=None, **settings):
        """A world with a seeder that holds these releases, and machines that run (not yet updated)."""
        world = self.world(**settings).init()
        world.start_seeder()
        for number, version in enumerate(versions):
            world.release(version, world.tree(version, big(version, changed=number > 0)))
            world.await_taken_in()
        for number in range(machines):
            world.machine(f"m{number + 1}", agent=agent)
        return world

    def updated(self):
        """A world of one machine that came from 1.0.0 to 1.1.0."""
        world = self.published("1.0.0")
        machine = world.machines[0].start()
        machine.await_version("1.0.0")
        world.release("1.1.0", world.tree("1.1.0", big("1.1.0", changed=True)))
        world.await_taken_in()
        machine.await_version("1.1.0")
        return world, machine

    def assertSays(self, text, *words):
        for word in words:
            self.assertIn(word, text)


def main():
    """Runs the tests named on the command line. Ends with 77 when all of them were skipped: a skip must not look like a pass."""
    result = unittest.main(module="__main__", exit=False).result
    if result.wasSuccessful() and result.testsRun > 0 and len(result.skipped) == result.testsRun:
        sys.exit(77)
    sys.exit(0 if result.wasSuccessful() else 1)
