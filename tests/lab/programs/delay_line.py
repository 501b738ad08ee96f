#!/usr/bin/env python3
"""A link of two tun devices in two network namespaces, with delay and loss. Ends when it is killed.

usage: delay_line.py NAMESPACE DEVICE NAMESPACE DEVICE MILLISECONDS_EACH_WAY PERCENT_LOST_EACH_WAY
"""

import collections
import ctypes
import fcntl
import os
import random
import select
import struct
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI, CLONE_NEWNET = 0x400454CA, 0x0001, 0x1000, 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def open_tun(namespace, device):
    with open(f"/run/netns/{namespace}", "rb") as place:
        if LIBC.setns(place.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"enter {namespace}")
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI))
    return tun


def take(source, waiting, delay, loss, chance):
    """Reads what there is."""
    for _ in range(64):
        try:
            packet = os.read(source, 65536)
        except BlockingIOError:
            return
        if chance.random() >= loss:
            waiting.append((time.monotonic() + delay, packet))


def send_due(waiting, to):
    now = time.monotonic()
    while waiting and waiting[0][0] <= now:
        try:
            os.write(to, waiting.popleft()[1])
        except OSError:  # the device is down: so the packet is lost
            pass


def main():
    one, other = open_tun(sys.argv[1], sys.argv[2]), open_tun(sys.argv[3], sys.argv[4])
    delay, loss = float(sys.argv[5]) / 1000, float(sys.argv[6]) / 100
    os.setpriority(os.PRIO_PROCESS, 0, -10)  # a link waits for nobody
    chance = random.Random(1)
    ways = ((one, other, collections.deque()), (other, one, collections.deque()))
    poll = select.poll()
    for source, _, _ in ways:
        poll.register(source, select.POLLIN)
    while True:
        due = min((waiting[0][0] for _, _, waiting in ways if waiting), default=time.monotonic() + 1)
        poll.poll(max(0, (due - time.monotonic()) * 1000))
        for source, to, waiting in ways:
            take(source, waiting, delay, loss, chance)
            send_due(waiting, to)


if __name__ == "__main__":
    main()
