"""`python -m tests.bench.cluster`: three servers and one Redis, compared with a single server.

Starts everything itself on this machine, and prints a Markdown table. Ratios are to a single server with
its history on disk, in the same run and with the same load, round by round. All servers, Redis and the load
generator share the machine's cores, so the rates of several servers say what one machine carries; whether
a chat scales out shows in the CPU time of a server per delivery.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from netchat.net.event_loop import run
from netchat.wire import (
    Create,
    Event,
    EventKind,
    FrameReader,
    Hello,
    Joined,
    Send,
    Welcome,
    decode,
    encode,
)
from tests.bench.crowd import NETCHAT, Crowd
from tests.end_to_end.processes import ROOT, Server, free_port
from tests.net.cluster.redis_process import DURABLE, PROGRAM, RedisProcess

#: Size of a message in bytes, and messages in flight per client.
PAYLOAD, IN_FLIGHT = 64, 64

#: Members of the room on each server, and messages per second in the room, sent every `TICK` seconds.
MEMBERS, RATE, TICK = 100, 2000, 0.01


@dataclass
class Setup:
    """A running chat.

    Attributes:
        servers: Its servers.
        redis: Its Redis; None for a single server.
    """

    servers: list[Server]
    redis: RedisProcess | None

    @property
    def ports(self) -> list[int]:
        return [server.port for server in self.servers]

    def server_cpu(self) -> float:
        """Return the CPU time of all servers so far, in seconds."""
        return sum(cpu(server.pid) for server in self.servers)

    def redis_cpu(self) -> float:
        """Return the CPU time of Redis so far, in seconds."""
        return 0.0 if self.redis is None else cpu(self.redis.process.pid)

    def redis_memory(self) -> int:
        """Return the memory of Redis in bytes."""
        if self.redis is None:
            return 0
        return int(re.search(rb"used_memory:(\d+)", self.redis.command("INFO", "memory"))[1])


def cpu(pid: int) -> float:
    """Return the CPU time of a process in seconds; /proc/PID/stat has steps of 10 ms."""
    files = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(one.read_text().split()[0]) for one in files) / 1e9


@contextlib.asynccontextmanager
async def chat(size: int) -> AsyncIterator[Setup]:
    """Run a cluster of `size` servers, or for 0 a single server without a cluster."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="netchat-")))
        redis, options = None, ["--rate", "0", "--max-users", "2000"]
        if size:
            port = free_port()
            redis = RedisProcess(folder, (*DURABLE, "--port", str(port)))
            stack.callback(redis.stop)
            redis.start()
            options += ["--cluster", f"redis://127.0.0.1:{port}/0"]
        servers = []
        for number in range(max(1, size)):
            server = Server(*options, "--history", str(folder / f"{number}.db"), port=free_port())
            stack.callback(server.kill)
            servers.append(server.start())
            if size:
                server.wait_for("cluster")
        yield Setup(servers, redis)


class Talker(asyncio.Protocol):
    """Client in a room of its own, which keeps a number of messages in flight.

    Its own events acknowledge its messages. All have the same size, so it counts bytes.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._frames: FrameReader | None = FrameReader(1 << 24)
        self._received = self._sent = self._limit = 0
        self.ready = asyncio.get_running_loop().create_future()
        self.done = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        name = f"talker{self._number:04}"
        transport.write(encode(Hello(0, os.urandom(16), b"", name, "bench", ())))

    def data_received(self, data: bytes) -> None:
        if self._frames is not None:
            for frame in self._frames.feed(data):
                self._enter(decode(frame))
            return
        self._received += len(data)
        self._fill()

    def _enter(self, message: object) -> None:
        if isinstance(message, Welcome):
            self._transport.write(encode(Create(1)))
        elif isinstance(message, Joined):
            self._room = message.membership[0].room
        elif isinstance(message, Event):  # its own join: nothing else follows in its room
            self._size = len(encode(self._event()))
            self._frames = None
            self.ready.set_result(None)

    def _event(self) -> Event:
        sender = f"talker{self._number:04}"
        return Event(1, 1, 1, 1, EventKind.CHAT, self._room, sender, "x" * PAYLOAD)

    def talk(self, messages: int) -> None:
        """Send `messages` more; `done` is set when all are acknowledged."""
        self.done.clear()
        self._limit += messages
        self._fill()

    def _fill(self) -> None:
        acknowledged = self._received // self._size
        out = []
        while self._sent < self._limit and self._sent - acknowledged < IN_FLIGHT:
            self._sent += 1
            out.append(encode(Send(self._sent, self._room, "x" * PAYLOAD)))
        if out:
            self._transport.write(b"".join(out))
        if acknowledged >= self._limit:
            self.done.set()

    def close(self) -> None:
        self._transport.abort()


async def acknowledged(setup: Setup, clients: int, messages: int) -> dict[str, float]:
    """Measure messages per second, each client in a room of its own."""
    loop = asyncio.get_running_loop()
    talkers = []
    for number in range(clients):
        port = setup.ports[number % len(setup.ports)]
        _, talker = await loop.create_connection(
            lambda number=number: Talker(number),
            "127.0.0.1",
            port,  # type: ignore[misc]
        )
        talkers.append(talker)
        await talker.ready
    each = messages // clients
    for talker in talkers:  # warm up
        talker.talk(each // 10)
    await asyncio.gather(*(talker.done.wait() for talker in talkers))
    memory, redis, servers = setup.redis_memory(), setup.redis_cpu(), setup.server_cpu()
    own, start = time.process_time(), time.perf_counter()
    for talker in talkers:
        talker.talk(each)
    await asyncio.gather(*(talker.done.wait() for talker in talkers))
    seconds, total = time.perf_counter() - start, each * clients
    for talker in talkers:
        talker.close()
    return {
        "messages/s": total / seconds,
        "CPU of all servers per message, µs": (setup.server_cpu() - servers) / total * 1e6,
        "CPU of the generator per message, µs": (time.process_time() - own) / total * 1e6,
        "CPU of Redis per command, µs": (setup.redis_cpu() - redis) / total * 1e6,
        "memory of Redis per million events, MiB": (setup.redis_memory() - memory)
        / total
        * 1e6
        / 2**20,
    }


async def fan_out(setup: Setup, messages: int) -> float:
    """Return the CPU time of a server per delivery in µs, at a constant rate.

    Each server has `MEMBERS` members of the lobby, of whom ten send, and thus delivers the same number of
    messages per second whatever the number of servers.
    """
    parts = [
        Crowd(NETCHAT, port, MEMBERS, first=number * MEMBERS)
        for number, port in enumerate(setup.ports)
    ]
    for part in parts:
        await part.join()
    for part in parts:  # the joins of the others have arrived meanwhile
        part.got = 0
    loop = asyncio.get_running_loop()
    before, start, sent = setup.server_cpu(), loop.time(), 0
    while sent < messages:
        due = round((loop.time() - start) * RATE)
        while sent < min(due, messages):
            turn, place = divmod(sent, len(parts))
            count, sender = divmod(turn, parts[place].senders)
            frame = NETCHAT.message(sender, count + 1)
            parts[place].members[sender].transport.write(frame)
            sent += 1
        await asyncio.sleep(TICK)
    while any(part.got < messages * NETCHAT.delivery * part.size for part in parts):
        await asyncio.sleep(TICK)
    used = setup.server_cpu() - before
    for part in parts:
        part.close()
    return used / (messages * MEMBERS * len(parts)) * 1e6


async def latency(setup: Setup, messages: int) -> float:
    """Return the p50 from sending to delivery in ms, at 200 messages/s to 20 members."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "netchat", "load", f"127.0.0.1:{setup.ports[0]}", "--json"),
        *("--users", "20", "--rate", "200", "--messages", str(messages)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    report = json.loads((await process.communicate())[0])
    assert report["ok"], report
    return float(report["latency"]["p50"])


async def measure(size: int, options: argparse.Namespace) -> dict[str, float]:
    """Measure one chat: `size` servers in a cluster, or 0 for a single server."""
    figures: dict[str, float] = {}
    async with chat(size) as setup:
        figures |= await acknowledged(setup, options.clients, options.messages)
    async with chat(size) as setup:
        figures["p50, ms"] = await latency(setup, options.messages // 100)
    async with chat(size) as setup:
        used = await fan_out(setup, options.messages // 10)
        figures["CPU of a server per delivery, µs"] = used
    return figures


def table(medians: dict[int, dict[str, float]]) -> str:
    """Return a Markdown table, with ratios to the single server."""
    titles = ["single server", *(f"cluster of {size}" for size in medians if size)]
    lines = [f"| | {' | '.join(titles)} |", "| --- |" + " --- |" * len(medians)]
    for name, single in medians[0].items():
        cells = []
        for size, figures in medians.items():
            value = figures[name]
            shown = f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
            cells.append(f"{shown} ({value / single:.2f})" if size and single else shown)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cluster", description=__doc__)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if PROGRAM is None:
        parser.error("redis-server is not installed: apt-get install redis-server")
    rounds: dict[int, list[dict[str, float]]] = {size: [] for size in (0, 1, 2, 3)}
    for _ in range(options.rounds):  # interleaved, so that load peaks affect all alike
        for size, results in rounds.items():
            results.append(run(measure(size, options)))
    medians = {
        size: {name: statistics.median(one[name] for one in results) for name in results[0]}
        for size, results in rounds.items()
    }
    print(
        f"{options.clients} clients, {PAYLOAD} bytes, {IN_FLIGHT} messages in flight per client; "
        f"deliveries: {RATE} messages/s to {MEMBERS} members per server; median of {options.rounds} rounds\n"
    )
    print(table(medians))
    added = medians[3]["p50, ms"] - medians[0]["p50, ms"]
    print(f"\nRedis adds {added:.2f} ms to the p50.")


if __name__ == "__main__":
    main()
