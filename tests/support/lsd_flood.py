#!/usr/bin/env python3
"""A neighbour that floods its network with announces of local service discovery (BEP 14), in the names of all hosts of the network.

  usage: lsd_flood.py --info-hash HEX --interface ADDRESS --sources NETWORK

Each datagram names one of 65,536 pairs of a source address in NETWORK (forged: needs root) and a port that does not listen. It sends as fast
as it can until it is ended, and prints a line of JSON five times a second: {"sent": datagrams, "seconds": since the start}. For tests, on
networks of their own.
"""

import argparse
import ipaddress
import json
import random
import socket
import struct
import time

GROUP, PORT = "239.192.152.143", 6771
PAIRS = 1 << 16
BETWEEN_LOOKS = 500  # datagrams


def datagram(source, port, info_hash):
    """One announce with its IPv4 and UDP headers. The kernel fills in length and checksum of IP; UDP may go without."""
    text = (f"BT-SEARCH * HTTP/1.1\r\nHost: {GROUP}:{PORT}\r\nPort: {port}\r\nInfohash: {info_hash}\r\ncookie: 1\r\n\r\n\r\n").encode()
    udp = struct.pack(">HHHH", PORT, PORT, 8 + len(text), 0) + text
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 1, socket.IPPROTO_UDP, 0, source.packed, socket.inet_aton(GROUP)) + udp


def datagrams(options):
    network = ipaddress.ip_network(options.sources)
    chance = random.Random(1)
    return [datagram(network[chance.randrange(1, network.num_addresses - 1)], chance.randrange(1024, 65535), options.info_hash)
            for _ in range(PAIRS)]


def flood(link, packets):
    start = said = time.monotonic()
    sent = 0
    while True:
        for packet in packets[sent % PAIRS:][:BETWEEN_LOOKS]:
            try:
                link.send(packet)
                sent += 1
            except BlockingIOError:
                continue
        now = time.monotonic()
        if now - said >= 0.2:
            print(json.dumps({"sent": sent, "seconds": round(now - start, 2)}), flush=True)
            said = now


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--info-hash", "--interface", "--sources"):
        parser.add_argument(name, required=True)
    options = parser.parse_args()
    packets = datagrams(options)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as link:
        link.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(options.interface))
        link.connect((GROUP, 0))
        flood(link, packets)


if __name__ == "__main__":
    main()
