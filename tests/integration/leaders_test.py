#!/usr/bin/env python3
"""Sites, leases and rations of a real seeder, asked as machines at several loopback addresses ask."""

import hashlib
import http.client
import json
import ssl
import urllib.parse

from base import WorldTest, main, noise

MIB = 1 << 20


def read_bencoded(text, at=0):
    """The value at `at`, and where it ends."""
    kind = text[at:at + 1]
    if kind == b"i":
        end = text.index(b"e", at)
        return int(text[at + 1:end]), end + 1
    if kind in (b"l", b"d"):
        items, at = [], at + 1
        while text[at:at + 1] != b"e":
            item, at = read_bencoded(text, at)
            items.append(item)
        return (items if kind == b"l" else dict(zip(items[::2], items[1::2]))), at + 1
    colon = text.index(b":", at)
    end = colon + 1 + int(text[at:colon])
    return text[colon + 1:end], end


class Leaders(WorldTest):
    def offered(self, **seeder):
        """A seeder with a package of some MiB; its path and info-hash."""
        self.world_here = world = self.world(seeder=seeder).init()
        world.start_seeder()
        world.release("1.0.0", world.tree("1.0.0", {"share/data": noise(4 * MIB, 1)}))
        world.await_taken_in()
        targets = world.seeder_folder / "repository/targets"
        package = next(targets.rglob("*.upk"))
        torrent = next(targets.rglob("*.upk.torrent")).read_bytes()
        start = torrent.index(b"4:info") + 6
        _, end = read_bencoded(torrent, start)
        return "/targets/" + package.relative_to(targets).as_posix(), hashlib.sha1(torrent[start:end]).digest()

    def get(self, path, address, headers=None):
        """Status, header fields and body of a GET from this address."""
        url = urllib.parse.urlsplit(self.world_here.seeder_url)
        options = {"timeout": 30, "source_address": (address, 0)}
        if url.scheme == "https":
            link = http.client.HTTPSConnection(url.hostname, url.port, context=ssl.create_default_context(cafile=self.world_here.ca_file), **options)
        else:
            link = http.client.HTTPConnection(url.hostname, url.port, **options)
        try:
            link.request("GET", path, headers=headers or {})
            answer = link.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            link.close()

    def announce(self, info_hash, address, left=5, network=None, **more):
        query = {"info_hash": info_hash, "peer_id": b"-UP0100-" + address.rjust(12, "0").encode(), "port": 6881, "left": left, "upswarm": 1, **more}
        if network:
            query["network"] = network
        _, _, body = self.get("/announce?" + urllib.parse.urlencode(query), address)
        return read_bencoded(body)[0]

    def test_one_of_a_site_leads_and_the_lease_opens_the_origin(self):
        package, info_hash = self.offered()
        first, second, far = (self.announce(info_hash, address) for address in ("127.0.1.1", "127.0.1.2", "127.0.2.1"))
        self.assertIn(b"upswarm lease", first)
        self.assertEqual(len(first[b"upswarm origin"]), 6)
        self.assertNotIn(b"upswarm lease", second)
        self.assertNotIn(b"upswarm origin", second)
        self.assertEqual(second[b"peers"], bytes([127, 0, 1, 1]) + (6881).to_bytes(2, "big"))
        self.assertIn(b"upswarm lease", far)
        self.assertEqual(far[b"upswarm ranges"], [b"127.0.2.0/24"])
        lease = {"Range": f"bytes=0-{MIB - 1}", "Upswarm-Lease": first[b"upswarm lease"].hex()}
        for _ in range(3):
            status, _, body = self.get(package, "127.0.1.1", lease)
            self.assertEqual((status, len(body)), (206, MIB))
        self.announce(info_hash, "127.0.1.1", event="stopped")
        self.assertIn(b"upswarm lease", self.announce(info_hash, "127.0.1.2"))

    def test_without_a_lease_a_site_is_rationed(self):
        package, info_hash = self.offered(http_ration=2)
        part = {"Range": f"bytes=0-{MIB - 1}"}
        self.assertEqual([self.get(package, f"127.0.1.{n}", part)[0] for n in (1, 2, 3, 1, 2)], [206, 206, 429, 206, 206])
        status, headers, body = self.get(package, "127.0.1.3", part)
        self.assertEqual(status, 429)
        self.assertIn(int(headers["Retry-After"]), range(2, 7))
        self.assertEqual(json.loads(body)["error"]["reason"], "rationed")
        self.assertEqual(self.get(package, "127.0.2.1", part)[0], 206, "another site")
        self.assertEqual(self.get(package, "127.0.1.3", {"Range": "bytes=0-9999"})[0], 206, "a small part")
        self.assertEqual(self.get("/metadata/timestamp.json", "127.0.1.3")[0], 200)
        lease = self.announce(info_hash, "127.0.1.3")[b"upswarm lease"].hex()
        self.assertEqual(self.get(package, "127.0.1.3", {**part, "Upswarm-Lease": lease})[0], 206)

    def test_an_administrator_names_sites(self):
        _, info_hash = self.offered(sites=[{"name": "one", "networks": ["127.0.1.0/24", "127.0.2.0/24"]}])
        first, second = (self.announce(info_hash, address) for address in ("127.0.1.1", "127.0.2.1"))
        self.assertEqual((first[b"upswarm site"], second[b"upswarm site"]), (b"one", b"one"))
        self.assertNotIn(b"upswarm lease", second)
        self.assertEqual(second[b"upswarm ranges"], [b"127.0.1.0/24", b"127.0.2.0/24"])


if __name__ == "__main__":
    main()
