"""`python -m tests.end_to_end.attacks NAME PORT`: bad company, in a process of its own.

Apart from the one that measures, so that both do not share one interpreter's lock.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator

from netchat.wire import Hello, Join, Ping, Send, Who, encode

__all__ = ["ATTACKS"]

#: Of random bytes in all, and on one connection.
RANDOM_BYTES, BYTES_EACH = 64 * 1024 * 1024, 128 * 1024

#: Seconds that an attack lasts. The random bytes then come at about 120 Mbit/s; faster ones would
#: measure how two cores are shared between attacker, server and probe.
SECONDS = 4.5


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def random_bytes(port: int) -> None:
    """64 MiB over 512 connections; every second one begins like a frame of the greatest length."""
    began, count = time.monotonic(), RANDOM_BYTES // BYTES_EACH
    for number in range(count):
        time.sleep(max(0.0, began + SECONDS * number / count - time.monotonic()))
        junk = os.urandom(BYTES_EACH)
        if number % 2:
            junk = b"NC\x01\x20" + bytes(4) + (65520).to_bytes(4, "big") + junk[12:]
        # It hangs up, as it should.
        with _connect(port) as connection, contextlib.suppress(ConnectionError):
            connection.sendall(junk)


def _flood(port: int, name: str, frames: Callable[[int], Iterator[bytes]]) -> None:
    """Send frames as fast as they are taken; read nothing but what keeps the connection going."""
    with _connect(port) as connection:
        device = name.encode().ljust(16)  # the same each time: a second attempt ends the first one
        connection.sendall(encode(Hello(0, device, b"", name, "flood", ())))
        connection.sendall(encode(Join(1, 0, 0, "lobby")))
        connection.setblocking(False)
        end = time.monotonic() + SECONDS
        counter, waiting = 1, b""
        while time.monotonic() < end:
            if not waiting:
                waiting = b"".join(frames(counter))
                counter += 100
            readable, writable, _ = select.select([connection], [connection], [], 0.2)
            if writable:
                waiting = waiting[connection.send(waiting) :]
            if readable:
                connection.recv(1 << 20)


def talkative(port: int) -> None:
    """Chat messages as fast as they are taken, in the room that everybody is in."""

    def frames(counter: int) -> Iterator[bytes]:
        for number in range(counter, counter + 100):
            yield encode(Send(number, "lobby", "flood"))

    _flood(port, "Talker", frames)


def curious(port: int) -> None:
    """Questions as fast as they are taken."""

    def frames(counter: int) -> Iterator[bytes]:
        for _ in range(50):
            yield encode(Ping(counter))
            yield encode(Who(1, "lobby", ""))

    _flood(port, "Asker", frames)


ATTACKS = {attack.__name__: attack for attack in (random_bytes, talkative, curious)}

if __name__ == "__main__":
    # Attackers have machines of their own; here one must at least not take the server's turn.
    os.nice(10)
    ATTACKS[sys.argv[1]](int(sys.argv[2]))
