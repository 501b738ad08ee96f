#!/usr/bin/env python3
"""libtorrent with its default settings (Debian's python3-libtorrent). Runs until it is killed.

usage: plain_libtorrent.py ADDRESS TORRENT TRACKER_URL FOLDER [seed]     prints the moments of the beginning and of the end
"""

import sys
import time

import libtorrent as lt


def main():
    address, torrent, tracker, folder = sys.argv[1:5]
    print(f"began {time.time():.3f}", flush=True)
    session = lt.session({"listen_interfaces": f"{address}:6881", "enable_dht": False, "enable_upnp": False, "enable_natpmp": False})
    wanted = lt.add_torrent_params()
    wanted.ti, wanted.save_path, wanted.trackers = lt.torrent_info(torrent), folder, [tracker]
    if len(sys.argv) > 5:
        wanted.flags |= lt.torrent_flags.seed_mode
    handle = session.add_torrent(wanted)
    while not handle.status().is_seeding:
        time.sleep(0.05)
    print(f"done {time.time():.3f} {handle.status().total_done}", flush=True)
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main()
