#!/usr/bin/env python3
"""One file over plain TCP, as HTTP: the yardstick that no protocol of ours is in the way of.

usage: stream.py serve ADDRESS PORT FILE [BYTES]   gives the file's first BYTES to each who connects, until it is killed;
                                                   says when it is "ready"
       stream.py fetch ADDRESS PORT [SECONDS]      prints the moments of the beginning and of the last byte, and how many came; with
                                                   SECONDS it stops then, or begins again when it has it all
"""

import os
import socket
import sys
import threading
import time


def give(connection, file, size):
    with connection, open(file, "rb") as content:
        while b"\r\n\r\n" not in connection.recv(65536, socket.MSG_PEEK):
            time.sleep(0.001)
        connection.recv(65536)
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        connection.sendfile(content, 0, size)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)


def serve(address, port, file, size):
    with socket.create_server((address, port), backlog=200) as listening:
        print("ready", flush=True)
        while True:
            threading.Thread(target=give, args=(listening.accept()[0], file, size), daemon=True).start()


def fetch(address, port, seconds=None):
    buffer, count, begin = bytearray(1 << 20), 0, time.time()
    print(f"began {begin:.3f}", flush=True)
    while True:
        with socket.create_connection((address, port)) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            while (seconds is None or time.time() - begin < seconds) and (came := connection.recv_into(buffer)):
                count += came
        if seconds is None or time.time() - begin >= seconds:
            break
    print(f"done {time.time():.3f} {count}", flush=True)


if __name__ == "__main__":
    where = sys.argv[2], int(sys.argv[3])
    if sys.argv[1] == "serve":
        serve(*where, sys.argv[4], int(sys.argv[5]) if len(sys.argv) > 5 else os.path.getsize(sys.argv[4]))
    else:
        fetch(*where, *map(float, sys.argv[4:5]))
