#!/usr/bin/env python3
"""A neighbour that takes up the connections of BitTorrent peers: it opens many to each, and opens those that are cut anew.

  usage: connection_flood.py --info-hash HEX ADDRESS:PORT ...

To each peer there are 1,000 that say nothing and 1,000 that say a right handshake (BEP 3) and nothing more. It goes on until it is ended, and
prints a line of JSON about once a second: {"opened": connections in all, "open": of these}. For tests, on networks of their own.
"""

import argparse
import contextlib
import json
import os
import resource
import socket
import time

OF_EACH_KIND = 1000
HANDSHAKE = b"\x13BitTorrent protocol" + bytes(8)


class Link:
    """One connection that is opened again and again."""

    def __init__(self, peer, info_hash, greets):
        self.peer, self.info_hash, self.greets, self.socket, self.has_greeted = peer, info_hash, greets, None, False

    def open(self):
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex(self.peer)
        self.has_greeted = not self.greets

    def is_open(self):
        """Whether nobody has cut it; says the handshake when it can."""
        try:
            if not self.has_greeted:
                self.socket.send(HANDSHAKE + self.info_hash + b"-BAD000-" + os.urandom(12))
                self.has_greeted = True
            return self.socket.recv(4096) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def hold(self):
        """Whether it had to be opened."""
        if self.socket is not None and self.is_open():
            return False
        if self.socket is not None:
            self.socket.close()
        self.open()
        return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--info-hash", required=True)
    parser.add_argument("peers", nargs="+")
    options = parser.parse_args()
    peers = [(address, int(port)) for address, port in (peer.rsplit(":", 1) for peer in options.peers)]
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    links = [Link(peer, bytes.fromhex(options.info_hash), greets) for _ in range(OF_EACH_KIND) for greets in (False, True) for peer in peers]
    opened, said = 0, time.monotonic()
    while True:
        for link in links:
            opened += link.hold()
        if time.monotonic() - said >= 1:
            print(json.dumps({"opened": opened, "open": sum(link.is_open() for link in links)}), flush=True)
            said = time.monotonic()
        time.sleep(0.05)


if __name__ == "__main__":
    main()
