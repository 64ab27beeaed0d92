"""`python -m tests.bench.redis_log`: the cluster's log, and plain appends to the same Redis.

Starts its own Redis with `appendfsync always`. Prints batches and commands per second, the latency from
`append` until the batch comes back, the CPU time of Redis and of the server, and the memory of a million
entries. "Plain" is redis-py's pipeline of XADD with the same bytes, and its XADD one at a time for the
latency. Compare the ratios: the figures depend on the disk and on the load of the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from netchat.net.cluster.checkpoint import Checkpoint
from netchat.net.cluster.entries import BatchRecord, pack_commands
from netchat.net.cluster.entry_filter import CommandBatch, Entry
from netchat.net.cluster.log import ClusterLog
from netchat.net.cluster.snapshot_store import ClusterSnapshot
from netchat.net.event_loop import run
from tests.net.cluster.redis_process import RedisProcess

#: Batches in flight: what a busy server has, and the size of a plain pipeline.
IN_FLIGHT = 64

#: Bytes of a command.
COMMAND = 100


class Owner:
    """Owner that keeps nothing, and tells when its batches come back."""

    def __init__(self, redis: RedisProcess, server: str = "bench") -> None:
        self.log = ClusterLog(redis.url, "bench", server, "", self, snapshot_every=1 << 60)
        self.seen = 0
        self._changed = asyncio.Event()

    async def apply(self, entries: Sequence[Entry], checkpoint: Checkpoint) -> None:
        self.seen = max(
            [self.seen, *(one.number for one in entries if isinstance(one, CommandBatch))]
        )
        self._changed.set()
        self.log.stored(checkpoint)

    async def reach(self, number: int) -> None:
        while self.seen < number:
            self._changed.clear()
            await self._changed.wait()

    async def snapshot(self) -> ClusterSnapshot:
        raise AssertionError("no snapshot is due")

    def snapshot_failed(self, error: Exception) -> None:
        raise AssertionError("no snapshot is due") from error

    def temporary_file(self) -> IO[bytes]:
        raise AssertionError("there is no snapshot")

    async def restore(self, snapshot: ClusterSnapshot) -> None:
        raise AssertionError("there is no snapshot")

    def available(self, is_available: bool, reason: str) -> None:
        if not is_available:
            print(f"    (unavailable: {reason})")

    def fenced(self, rejected: object, is_certain: bool) -> None:
        raise AssertionError("the lease expired")

    def ignored(self, position: str, reason: str) -> None:
        raise AssertionError(reason)

    def failed(self, error: Exception) -> None:
        raise error


class Usage:
    """Time, and CPU time of Redis and of this process, since the start."""

    def __init__(self, redis: RedisProcess) -> None:
        self._tasks = Path(f"/proc/{redis.process.pid}/task")
        self._start = self._now()

    def _now(self) -> tuple[float, float, float]:
        # Nanoseconds; the times of /proc/PID/stat are in steps of 10 ms.
        files = self._tasks.glob("*/schedstat")
        cpu = sum(int(one.read_text().split()[0]) for one in files) / 1e9
        return time.perf_counter(), cpu, time.process_time()

    def spent(self) -> tuple[float, float, float]:
        now = self._now()
        return now[0] - self._start[0], now[1] - self._start[1], now[2] - self._start[2]


def batch_of(size: int) -> list[bytes]:
    return [bytes(COMMAND)] * size


async def through_log(owner: Owner, size: int, batches: int) -> None:
    """Append batches with a bounded number in flight."""
    commands = batch_of(size)
    for _ in range(batches):
        number = owner.log.append(commands)
        if number - owner.seen >= IN_FLIGHT:
            await owner.reach(number - IN_FLIGHT // 2)
    await owner.reach(number)


async def plain(client, size: int, batches: int) -> None:
    fields = BatchRecord(1, 1, pack_commands(batch_of(size))).fields()
    entry = dict(zip(fields[::2], fields[1::2], strict=True))
    for _ in range(0, batches, IN_FLIGHT):
        pipeline = client.pipeline(transaction=False)
        for _ in range(IN_FLIGHT):
            pipeline.xadd("plain:stream", entry)
        await pipeline.execute()


async def throughput(redis: RedisProcess, owner: Owner, client, size: int, batches: int) -> None:
    """Alternate both, so that the load of the machine affects both alike."""
    rates: dict[str, list[tuple[float, float, float]]] = {"log": [], "plain": []}
    for _ in range(3):
        for name, work in (("log", through_log(owner, size, batches)), ("plain", None)):
            usage = Usage(redis)
            await (work or plain(client, size, batches))
            rates[name].append(usage.spent())
    medians = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)]
        for name, rows in rates.items()
    }
    for name, (seconds, redis_cpu, own_cpu) in medians.items():
        print(
            f"  {size:4} commands/batch  {name:5} {batches / seconds:9,.0f} batches/s "
            f"{batches * size / seconds:11,.0f} commands/s   CPU per command: Redis "
            f"{redis_cpu / batches / size * 1e6:5.2f} µs, server {own_cpu / batches / size * 1e6:5.2f} µs"
        )
    print(f"{'':22}log/plain: {medians['plain'][0] / medians['log'][0]:.2f} of the rate")


async def low_load(owner: Owner, client, count: int) -> None:
    async def one() -> None:
        await owner.reach(owner.log.append(batch_of(1)))

    fields = BatchRecord(1, 1, pack_commands(batch_of(1))).fields()
    entry = dict(zip(fields[::2], fields[1::2], strict=True))
    times: dict[str, list[float]] = {"log": [], "plain": []}
    for _ in range(count):
        for name, work in (("log", one()), ("plain", client.xadd("plain:stream", entry))):
            start = time.perf_counter()
            await work
            times[name].append(time.perf_counter() - start)
            await asyncio.sleep(0.005)
    p50 = {name: statistics.median(found) for name, found in times.items()}
    for name, found in times.items():
        found.sort()
        shown = [f"p{part} {found[count * part // 100] * 1e3:.2f} ms" for part in (10, 50, 99)]
        print(f"  {name:5} {', '.join(shown)}")
    print(f"  log/plain: {p50['log'] / p50['plain']:.2f} of the p50")


async def joining(redis: RedisProcess, owner: Owner, batches: int) -> None:
    """Time the start of a second server, which applies everything so far."""
    entries, commands = 9 * batches, 3 * batches * (1 + 16 + 64)
    second, usage = Owner(redis, "second"), Usage(redis)
    await second.log.start()
    seconds, redis_cpu, own_cpu = usage.spent()
    await second.log.close()
    print(
        f"  {entries:,} batches, {commands:,} commands in {seconds:.2f} s: "
        f"{entries / seconds:,.0f} batches/s, {commands / seconds:,.0f} commands/s   "
        f"CPU per batch: Redis {redis_cpu / entries * 1e6:.1f} µs, server {own_cpu / entries * 1e6:.1f} µs"
    )


def used_memory(redis: RedisProcess) -> int:
    return int(re.search(rb"used_memory:(\d+)", redis.command("INFO", "memory"))[1])


async def memory(client, redis: RedisProcess, size: int) -> None:
    before, count = used_memory(redis), 20_000
    record = BatchRecord(12, 0, pack_commands(batch_of(size)))
    for start in range(0, count, 500):
        pipeline = client.pipeline(transaction=False)
        for number in range(start, start + 500):
            fields = BatchRecord(12, number, record.commands).fields()
            pipeline.xadd("memory:stream", dict(zip(fields[::2], fields[1::2], strict=True)))
        await pipeline.execute()
    used = (used_memory(redis) - before) / count
    await client.delete("memory:stream")
    print(
        f"  {size:4} commands of {COMMAND} bytes: {used:7.1f} bytes/entry, "
        f"{used * 1e6 / 2**20:,.0f} MiB per million entries, {used / size:.1f} bytes/command"
    )


async def measure(folder: Path, batches: int, readers: int) -> None:
    from redis.asyncio import Redis

    redis = RedisProcess(folder)
    redis.start()
    client = Redis(unix_socket_path=str(redis.socket), protocol=2)
    owner = Owner(redis)
    others = [Owner(redis, f"reader {number}") for number in range(readers)]
    try:
        for one in (owner, *others):
            await one.log.start()
        print("throughput, appendfsync always:")
        for size in (1, 16, 64):
            await throughput(redis, owner, client, size, batches)
        print("a server that reads the whole log:")
        await joining(redis, owner, batches)
        print("latency at 200 batches/s, of one command each:")
        await low_load(owner, client, 300)
        print("memory of Redis:")
        for size in (1, 16):
            await memory(client, redis, size)
    finally:
        for one in (owner, *others):
            await one.log.close()
        await client.aclose()
        redis.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=5000)
    parser.add_argument("--readers", type=int, default=0, help="Servers that only read.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="netchat-") as folder:
        run(measure(Path(folder), options.batches, options.readers))


if __name__ == "__main__":
    main()
