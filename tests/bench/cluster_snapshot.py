"""`python -m tests.bench.cluster_snapshot`: time until a new server has joined a cluster with a long history.

It fills the history of one server, stores its snapshot in Redis, and starts a second server. Redis and both
servers run on this machine; the servers share one process.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from pathlib import Path

from netchat.chat.commands import Post
from netchat.chat.ordering import apply_next
from netchat.net.cluster.connection import RedisConnection
from netchat.net.cluster.keys import Keys
from netchat.net.cluster.snapshot_store import SnapshotStore
from netchat.net.event_loop import run
from tests.net.cluster.redis_process import RedisProcess
from tests.net.cluster.servers import join
from tests.net.serving import Serving, talker

#: Events per transaction while the history is filled.
AT_ONCE = 10_000


async def fill(server: Serving, name: str, events: int) -> None:
    """Add messages of 30 to 60 letters to the history and the state of a server."""
    driver = server.server
    state, hub = driver.state, driver.hub
    user, letters = state.shared.by_name.get(name), random.Random(1)
    for number in range(1, events + 1):
        text = f"{letters.getrandbits(200):x}"[: letters.randint(30, 60)]
        apply_next(state, Post(user.id, 1, number, 0, state.time, "lobby", text))
        if number % AT_ONCE == 0:
            batch = hub.take_batch()
            server.history.write([batch])
            hub.commit(batch)
            hub.take_effects()


async def measure(events: int) -> None:
    """Run the benchmark and print its figures."""
    with tempfile.TemporaryDirectory(prefix="netchat-") as name:
        folder = Path(name)
        redis = RedisProcess(folder)
        redis.start()
        try:
            await _measure(redis, folder, events)
        finally:
            redis.stop()


async def _measure(redis: RedisProcess, folder: Path, events: int) -> None:
    async with join(redis.url, folder / "a.db") as first:
        async with talker(first.port, "Nova", "lobby"):
            pass
        await fill(first, "Nova", events)
        first.server.cluster.save()
        first.server.schedule()
        await asyncio.sleep(0.1)
        begun = time.perf_counter()
        snapshot = await first.server.cluster.snapshot()
        print(f"copy of {len(snapshot.data) >> 20} MiB: {time.perf_counter() - begun:.1f} s")
        connection = RedisConnection(redis.url, 30.0)
        await connection.connect()
        begun = time.perf_counter()
        await SnapshotStore(Keys("lab")).write(connection, snapshot, 1)
        print(f"compressed and stored in Redis: {time.perf_counter() - begun:.1f} s")
        (size,) = await connection.run(("MEMORY", "USAGE", await _chunks(connection), "SAMPLES", 0))
        await connection.close()
        begun, cpu = time.perf_counter(), time.process_time()
        async with join(redis.url, folder / "b.db") as second:
            seconds, used = time.perf_counter() - begun, time.process_time() - cpu
            states = {one.server.state.shared.digest() for one in (first, second)}
            assert len(states) == 1
        print(f"{events:,} events, {size >> 20} MiB in Redis: a new server has joined after")
        print(f"{seconds:.1f} s ({used:.1f} s of CPU)")


async def _chunks(connection: RedisConnection) -> str:
    info = await SnapshotStore(Keys("lab")).info(connection)
    assert info is not None
    return Keys("lab").chunks(info.identifier)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="Events in the history.")
    run(measure(parser.parse_args().events))
