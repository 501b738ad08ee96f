#!/usr/bin/env python3
"""libtorrent with settings for a LAN, in a role. Runs until it is killed. What Upswarm could be instead of one leader.

usage: tuned_libtorrent.py ADDRESS TORRENT TRACKER_URL FOLDER ROLE      prints the moments of the beginning and of the end

  seed         has it
  super        has it, and seeds super
  open         takes from everybody
  leader:I/N   takes every N-th piece, from the I-th on, and only when it has those the others, then no more from the origin
  follower     does not know the origin
"""

import sys
import time
import urllib.parse

import libtorrent as lt

TUNED = {"enable_dht": False, "enable_upnp": False, "enable_natpmp": False, "enable_lsd": False, "enable_incoming_utp": False,
         "enable_outgoing_utp": False, "connection_speed": 500, "unchoke_interval": 1, "unchoke_slots_limit": 30, "min_reconnect_time": 1,
         "apply_ip_filter_to_trackers": False}


def shun(session, address):
    rules = lt.ip_filter()
    rules.add_rule(address, address, 1)
    session.set_ip_filter(rules)


def wait_for(handle, is_done):
    asked = time.monotonic()
    while not is_done(handle.status()):
        time.sleep(0.02)
        if time.monotonic() - asked > 1:  # who came first knows nobody else
            asked = time.monotonic()
            handle.force_reannounce(0, -1, lt.reannounce_flags_t.ignore_min_interval)


def lead(session, handle, origin, share, of):
    count = handle.torrent_file().num_pieces()
    handle.prioritize_pieces([4 if piece % of == share else 0 for piece in range(count)])
    wait_for(handle, lambda status: status.is_finished)
    shun(session, origin)
    handle.prioritize_pieces([4] * count)


def main():
    address, torrent, tracker, folder, role = sys.argv[1:6]
    origin = urllib.parse.urlsplit(tracker).hostname
    print(f"began {time.time():.3f}", flush=True)
    session = lt.session({"listen_interfaces": f"{address}:6881", **TUNED}, flags=0)  # without plug-ins: peer exchange names the origin
    if role == "follower":
        shun(session, origin)
    wanted = lt.add_torrent_params()
    wanted.ti, wanted.save_path, wanted.trackers = lt.torrent_info(torrent), folder, [tracker]
    if role in ("seed", "super"):
        wanted.flags |= lt.torrent_flags.seed_mode
    if role == "super":
        wanted.flags |= lt.torrent_flags.super_seeding
    handle = session.add_torrent(wanted)
    if role.startswith("leader:"):
        lead(session, handle, origin, *(int(number) for number in role[7:].split("/")))
    wait_for(handle, lambda status: status.is_seeding)
    print(f"done {time.time():.3f} {handle.status().total_done}", flush=True)
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main()
