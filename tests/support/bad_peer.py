#!/usr/bin/env python3
"""A neighbour that means no good: a BitTorrent peer (BEP 3) that announces itself, listens, and then misbehaves.

  usage: bad_peer.py MANNER --listen ADDRESS:PORT --tracker URL --info-hash HEX [--package FILE --piece-length BYTES]

  garbage   says that it has everything, and sends wrong bytes for each block that is asked for
  silent    says that it has everything, lets others ask, and sends nothing
  liar      says that it has everything, and turns down each block (BEP 6)
  leader    announces that it lacks everything and would lead, and neither fetches nor gives
  drip      announces the same, says that it has everything, and gives it (from FILE), 4 KiB a second in all

It announces every second, as somebody who wants to be found, until it is ended. For tests, on networks of their own.
"""

import argparse
import os
import socket
import struct
import threading
import time
import urllib.parse
import urllib.request

UNCHOKE, REQUEST, PIECE, HAVE_ALL, REJECT = 1, 6, 7, 14, 16
FAST = b"\0\0\0\0\0\0\0\4"
PEER_ID = b"-BAD000-" + b"0" * 12
LEADERS = ("leader", "drip")
DRIP = 4 << 10  # bytes a second
dripping = threading.Lock()


def message(kind, body=b""):
    return struct.pack(">IB", 1 + len(body), kind) + body


def read(link, count):
    data = b""
    while len(data) < count:
        more = link.recv(count - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def talk(link, options):
    read(link, 68)
    link.sendall(b"\x13BitTorrent protocol" + FAST + bytes.fromhex(options.info_hash) + PEER_ID)
    if options.manner != "leader":
        link.sendall(message(HAVE_ALL) + message(UNCHOKE))
    while True:
        length = struct.unpack(">I", read(link, 4))[0]
        body = read(link, length)
        if length == 0 or body[0] != REQUEST:
            continue
        piece, begin, size = struct.unpack(">III", body[1:])
        if options.manner == "garbage":
            link.sendall(message(PIECE, struct.pack(">II", piece, begin) + os.urandom(size)))
        elif options.manner == "liar":
            link.sendall(message(REJECT, body[1:]))
        elif options.manner == "drip":
            with dripping, open(options.package, "rb") as package:
                time.sleep(size / DRIP)
                package.seek(piece * options.piece_length + begin)
                link.sendall(message(PIECE, struct.pack(">II", piece, begin) + package.read(size)))


def serve(link, options):
    try:
        with link:
            talk(link, options)
    except (ConnectionError, OSError, struct.error):
        return


def announce(options):
    port = options.listen.rsplit(":", 1)[1]
    leads = options.manner in LEADERS
    query = urllib.parse.urlencode({"info_hash": bytes.fromhex(options.info_hash), "peer_id": PEER_ID, "port": port, "uploaded": 0, "downloaded": 0,
                                    "left": 1 << 40 if leads else 0, "compact": 1, "numwant": 50 if leads else 0, "upswarm": 1, "lead": int(leads)})
    while True:
        try:
            with urllib.request.urlopen(f"{options.tracker}/announce?{query}", timeout=5) as answer:
                answer.read()
        except OSError:
            pass
        time.sleep(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manner", choices=("garbage", "silent", "liar", *LEADERS))
    for name in ("--listen", "--tracker", "--info-hash"):
        parser.add_argument(name, required=True)
    parser.add_argument("--package")
    parser.add_argument("--piece-length", type=int)
    options = parser.parse_args()
    address, port = options.listen.rsplit(":", 1)
    server = socket.create_server((address, int(port)))
    threading.Thread(target=announce, args=(options,), daemon=True).start()
    while True:
        link, _ = server.accept()
        threading.Thread(target=serve, args=(link, options), daemon=True).start()


if __name__ == "__main__":
    main()
