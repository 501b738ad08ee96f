#!/usr/bin/env python3
"""A BitTorrent tracker as small as can be (BEP 3, BEP 23), for the other clients. Runs until it is killed.

usage: tracker.py ADDRESS PORT      says when it is "ready", and "announced" the first time that somebody did
"""

import http.server
import socket
import sys
import urllib.parse

INTERVAL = 30  # seconds, as our seeder says


class Announce(http.server.BaseHTTPRequestHandler):
    peers = {}  # info-hash -> {compact address}

    def do_GET(self):  # noqa: N802
        asked = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query, encoding="latin-1")
        swarm = self.peers.setdefault(asked["info_hash"][0], {})
        compact = socket.inet_aton(self.client_address[0]) + int(asked["port"][0]).to_bytes(2, "big")
        if asked.get("event") == ["stopped"]:
            swarm.pop(compact, None)
        else:
            if not swarm:
                print("announced", flush=True)
            swarm[compact] = True
        others = b"".join(one for one in swarm if one != compact)
        body = b"d8:intervali%de5:peers%d:%se" % (INTERVAL, len(others), others)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


if __name__ == "__main__":
    with http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Announce) as server:
        print("ready", flush=True)
        server.serve_forever()
