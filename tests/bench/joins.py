"""`python -m tests.bench.joins`: new users per second, HELLO to WELCOME, of netchat and Redis.

The generator has 512 handshakes in progress at a time. With netchat's history on disk, a WELCOME means
that the session is durable. Compare the CPU time as well: it depends less on the load of the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import shutil
import socket
import statistics
import time

import psutil

from netchat.net.event_loop import run
from tests.bench.crowd import Dialect
from tests.bench.fanout import running

WINDOW = 512


def join(dialect: Dialect, port: int, users: int, pid: int) -> dict[str, float]:
    """Connect users, each with the first step of the handshake, and measure the process `pid`."""
    process, poll = psutil.Process(pid), select.epoll()
    memory, before, start = process.memory_info().rss, process.cpu_times(), time.perf_counter()
    steps = (dialect.greet(number)[0] for number in range(users))
    connected: list[socket.socket] = []
    waiting: dict[int, tuple[socket.socket, bytes, bytes]] = {}
    while True:
        for hello, answer in steps:
            connection = socket.create_connection(("127.0.0.1", port))
            connection.send(hello)
            poll.register(connection, select.EPOLLIN)
            connected.append(connection)
            waiting[connection.fileno()] = connection, answer, b""
            if len(waiting) >= WINDOW:
                break
        if not waiting:
            break
        for number, _ in poll.poll(10):
            connection, answer, seen = waiting.pop(number)
            data = connection.recv(4096)
            if not data:
                raise ConnectionError(f"the server closed a connection after {seen!r}")
            if answer in seen + data:
                poll.unregister(number)
            else:
                waiting[number] = connection, answer, seen + data
    seconds, after = time.perf_counter() - start, process.cpu_times()
    cpu = after.user + after.system - before.user - before.system
    grown = process.memory_info().rss - memory
    for connection in connected:
        connection.close()
    poll.close()
    return {"rate": users / seconds, "cpu_us": cpu / users * 1e6, "kib": grown / users / 1024}


async def measure(name: str, users: int) -> dict[str, float]:
    async with running(name) as (dialect, port, pid):
        return join(dialect, port, users, pid)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    names = ["netchat", "netchat --ephemeral"]
    if shutil.which("redis-server") is not None:
        names.append("redis pub/sub")
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setaffinity(0, {1})
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(options.rounds):  # interleaved, so that load peaks affect all servers
        for name in names:
            rounds[name].append(run(measure(name, options.users)))
    print(f"{options.users} users, {WINDOW} handshakes at a time; median of rounds")
    print(f"{'server':<22}{'joins/s':>10}{'CPU us each':>13}{'KiB each':>10}")
    for name, runs in rounds.items():
        rate, cpu, kib = (statistics.median(r[key] for r in runs) for key in runs[0])
        print(f"{name:<22}{rate:>10,.0f}{cpu:>13.1f}{kib:>10.1f}")


if __name__ == "__main__":
    main()
