"""`python -m tests.bench.web`: fan-out to WebSockets, to TCP, and by `websockets.broadcast`.

One room, ten senders, 64-byte payload, at most 100 unacknowledged messages; server on one core, load
generator on another. Prints deliveries per second, the server's CPU time per delivery, which is the
figure to compare, and its memory per idle member.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile

import psutil

from netchat.net.event_loop import run
from tests.bench.crowd import BROADCAST_WS, NETCHAT, NETCHAT_WS, Crowd, Dialect
from tests.bench.fanout import wait_for
from tests.end_to_end.processes import free_port

#: Fan-out as recommended in the library's documentation, without compression, on uvloop.
_BROADCAST_SERVER = """
import asyncio, sys
from websockets.asyncio.server import broadcast, serve
from netchat.net.event_loop import run
members = set()
async def member(socket):
    await socket.recv()
    await socket.send(b"K")
    members.add(socket)
    async for message in socket:
        broadcast(members, message)
async def main():
    options = dict(compression=None, ping_interval=None, backlog=4096)
    async with serve(member, "127.0.0.1", int(sys.argv[1]), **options):
        await asyncio.get_running_loop().create_future()
run(main())
"""

NAMES = ("netchat, WebSocket", "netchat, TCP", "websockets.broadcast")


@contextlib.asynccontextmanager
async def server(name: str):
    """Run a server in a separate process on core 0; yield its dialect, port and process id."""
    chat, web = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        serve = [sys.executable, "-m", "netchat", "serve", "--rate", "0", "--max-users", "20000"]
        serve += ["--max-half-open", "20000", "--port", str(chat), "--web-port", str(web)]
        serve += ["--history", f"{folder}/history.db"]
        broadcast = [sys.executable, "-c", _BROADCAST_SERVER, str(web)]
        found: dict[str, tuple[Dialect, list[str], int]] = {
            "netchat, WebSocket": (NETCHAT_WS, serve, web),
            "netchat, TCP": (NETCHAT, serve, chat),
            "websockets.broadcast": (BROADCAST_WS, broadcast, web),
        }
        dialect, command, port = found[name]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with contextlib.suppress(AttributeError, OSError):
                os.sched_setaffinity(process.pid, {0})
            await wait_for(port)
            yield dialect, port, process.pid
        finally:
            process.terminate()
            process.wait(10)


async def fan_out(name: str, members: int, deliveries: int) -> dict[str, float]:
    """Measure deliveries per second and CPU time per delivery."""
    async with server(name) as (dialect, port, pid):
        crowd = Crowd(dialect, port, members)
        await crowd.join()
        figures = await crowd.load(deliveries // members, pid)
        crowd.close()
        return figures


async def memory(name: str, members: int) -> float:
    """Return the server's memory per idle member in KiB."""
    async with server(name) as (dialect, port, pid):
        warm = Crowd(dialect, port, 50)  # exclude what the server loads once
        await warm.join()
        warm.close()
        await asyncio.sleep(1)
        before = psutil.Process(pid).memory_info().rss
        crowd = Crowd(dialect, port, members, first=50)
        await crowd.join()
        after = psutil.Process(pid).memory_info().rss
        crowd.close()
        return (after - before) / members / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--deliveries", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setaffinity(0, {1})
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in NAMES}
    for _ in range(options.rounds):  # interleaved, so that load peaks affect all servers
        for name in NAMES:
            # This server is slow: a tenth of the work is enough.
            share = 10 if name == "websockets.broadcast" else 1
            work = options.deliveries // share
            rounds[name].append(run(fan_out(name, options.members, work)))
    table = {
        name: {key: statistics.median(r[key] for r in runs) for key in runs[0]}
        for name, runs in rounds.items()
    }
    own = table[NAMES[0]]
    print(f"{options.members} members, 10 senders, 64 bytes, 100 in flight; median of rounds")
    print(f"{'server':<22}{'deliveries/s':>14}{'CPU us each':>13}", end="")
    print(f"{'WebSocket/this: rate':>22}{'CPU':>7}{'KiB idle':>10}")
    for name, row in table.items():
        rate, cpu = row["deliveries_per_s"], row["cpu_us"]
        ratios = f"{own['deliveries_per_s'] / rate:>22.2f}{own['cpu_us'] / cpu:>7.2f}"
        idle = run(memory(name, options.members))
        print(f"{name:<22}{rate:>14,.0f}{cpu:>13.3f}{ratios}{idle:>10.1f}")


if __name__ == "__main__":
    main()
