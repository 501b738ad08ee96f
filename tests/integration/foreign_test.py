#!/usr/bin/env python3
"""A client of others, qBittorrent, takes part in a swarm of ours."""

import hashlib
import shutil

from base import WorldTest, big, main, wait_until
from lan import Lan
from world import Program

SEEDER, MACHINE, FOREIGN = 1, 2, 3

# What qBittorrent asks a person about at its first start, and what has no place in a test.
SETTINGS = """[LegalNotice]
Accepted=true

[BitTorrent]
Session\\DHTEnabled=false
Session\\LSDEnabled=false
Session\\PeXEnabled=false
Session\\Port=6881
Session\\DefaultSavePath={downloads}

[Preferences]
WebUI\\Enabled=true
WebUI\\Address=127.0.0.1
WebUI\\LocalHostAuth=false
"""


class Foreign(WorldTest):
    def setUp(self):
        if not shutil.which("qbittorrent-nox"):
            self.skipTest("qbittorrent-nox is not installed (packaging/setup.sh --lab)")
        if not Lan.possible():
            self.skipTest("namespaces with devices cannot be made here")
        self.lan = Lan(3)
        self.addCleanup(self.lan.close)

    def seeded(self):
        """A world with a release, and a machine that has not yet been started."""
        world = self.world(tls=False, address=self.lan.address(SEEDER), namespace=self.lan.host(SEEDER)).init()
        world.start_seeder()
        world.release("1.0.0", world.tree("1.0.0", big("1.0.0")))
        world.await_taken_in()
        machine = world.machine(address=self.lan.address(MACHINE), namespace=self.lan.host(MACHINE))
        return world, machine

    def start_foreign(self, world):
        """qBittorrent with the torrent of the release, and where its download will be."""
        folder = world.folder / "foreign"
        downloads = folder / "downloads"
        (folder / "qBittorrent/config").mkdir(parents=True)
        (folder / "qBittorrent/config/qBittorrent.conf").write_text(SETTINGS.format(downloads=downloads))
        published = next((world.seeder_folder / "repository/targets").rglob("*.upk.torrent"))
        # The published torrent names no tracker, for agents need none: {"info": ...} becomes {"announce": ..., "info": ...}.
        announce = f"{world.seeder_url}/announce".encode()
        torrent = folder / "release.torrent"
        torrent.write_bytes(b"d8:announce%d:%b" % (len(announce), announce) + published.read_bytes()[1:])
        client = Program(["qbittorrent-nox", f"--profile={folder}", f"--save-path={downloads}", "--skip-dialog=true", "--add-paused=false", torrent],
                         world.folder / "foreign.log", namespace=self.lan.host(FOREIGN))
        client.start()
        self.addCleanup(client.kill)
        return client, downloads

    def await_download(self, world, client, downloads):
        package = next((world.seeder_folder / "repository/targets").rglob("*.upk"))
        digest = hashlib.sha256(package.read_bytes()).digest()

        def is_there():
            self.assertTrue(client.alive(), client.words())
            return any(hashlib.sha256(file.read_bytes()).digest() == digest for file in downloads.rglob("*.upk"))
        wait_until("qBittorrent has the package", is_there, 90)
        return package.stat().st_size

    def test_it_leads_and_gives_to_our_machine(self):
        world, machine = self.seeded()
        client, downloads = self.start_foreign(world)
        size = self.await_download(world, client, downloads)
        machine.start()
        machine.await_version("1.0.0")
        self.assertEqual(machine.history()[0]["bytes"]["site"], size)

    def test_it_gets_all_from_our_machine(self):
        world, machine = self.seeded()
        machine.start()
        machine.await_version("1.0.0")
        client, downloads = self.start_foreign(world)
        size = self.await_download(world, client, downloads)
        wait_until("our machine has given all of it", lambda: machine.status()["uploaded"] == size, 10)


if __name__ == "__main__":
    main()
