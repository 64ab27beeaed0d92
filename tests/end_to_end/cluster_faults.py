"""Faults of a cluster: each strikes, lasts for a random time, and is repaired before it returns."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from netchat.net.cluster.lease import Timing
from tests.end_to_end.cluster_processes import ClusterProcesses
from tests.end_to_end.redis_proxy import RedisProxy

__all__ = ["DISK_FULL", "FAULTS", "Fault"]

Fault = Callable[[ClusterProcesses, random.Random], Awaitable[None]]

#: Seconds after which the others have declared a silent server expired.
LEASE = Timing().lease + 2 * Timing().heartbeat

#: Size of the writes that fill the disk of Redis.
BLOCK = 4096


async def kill_server(cluster: ClusterProcesses, source: random.Random) -> None:
    """kill -9 of a server, which starts again before or after its lease expires."""
    server = source.choice(cluster.servers)
    server.kill()
    await asyncio.sleep(source.choice((source.uniform(0, 2), LEASE)))
    await asyncio.to_thread(server.start)


async def kill_redis(cluster: ClusterProcesses, source: random.Random) -> None:
    """kill -9 of Redis, which starts again on its append-only file."""
    cluster.redis.kill()
    await asyncio.sleep(source.uniform(0, 3))
    await asyncio.to_thread(cluster.redis.start)


async def pause_server(cluster: ClusterProcesses, source: random.Random) -> None:
    """SIGSTOP of a server past its lease, and now and then until its clients move; then SIGCONT."""
    number = source.randrange(len(cluster.servers))
    cluster.pause(number)
    try:
        await asyncio.sleep(LEASE + source.uniform(0.5, 8))
    finally:
        cluster.resume(number)


async def pause_redis(cluster: ClusterProcesses, source: random.Random) -> None:
    """SIGSTOP of Redis, then SIGCONT."""
    cluster.redis.pause()
    try:
        await asyncio.sleep(source.uniform(0.5, LEASE + 1))
    finally:
        cluster.redis.resume()


async def reset(cluster: ClusterProcesses, source: random.Random) -> None:
    """A network that resets all connections, and refuses new ones for a while."""
    await _disturb(cluster, source, RedisProxy.reset, source.uniform(0, 3))


async def cut(cluster: ClusterProcesses, source: random.Random) -> None:
    """A network that delivers nothing, for shorter or longer than a lease."""

    def strike(network: RedisProxy) -> None:
        network.to_redis.block()
        network.from_redis.block()

    await _disturb(cluster, source, strike, source.uniform(0.5, LEASE + 2))


async def one_way_to_redis(cluster: ClusterProcesses, source: random.Random) -> None:
    """A network that delivers commands to Redis, but no replies."""
    duration = source.uniform(0.5, LEASE + 2)
    await _disturb(cluster, source, lambda network: network.from_redis.block(), duration)


async def one_way_from_redis(cluster: ClusterProcesses, source: random.Random) -> None:
    """A network that delivers replies, but no commands to Redis."""
    duration = source.uniform(0.5, LEASE + 2)
    await _disturb(cluster, source, lambda network: network.to_redis.block(), duration)


async def delay(cluster: ClusterProcesses, source: random.Random) -> None:
    """A network with up to 300 ms more latency per direction."""

    def strike(network: RedisProxy) -> None:
        network.to_redis.delay = source.uniform(0, 0.3)
        network.from_redis.delay = source.uniform(0, 0.3)

    await _disturb(cluster, source, strike, source.uniform(1, 4))


async def loss(cluster: ClusterProcesses, source: random.Random) -> None:
    """A network that loses 5 to 30 % of all segments."""

    def strike(network: RedisProxy) -> None:
        network.to_redis.loss = network.from_redis.loss = source.uniform(0.05, 0.3)

    await _disturb(cluster, source, strike, source.uniform(1, 4))


async def disk_full(cluster: ClusterProcesses, source: random.Random) -> None:
    """A full disk, on which Redis ends itself; then space again, and a restart of Redis."""
    process = cluster.redis.process
    assert process is not None
    filler = cluster.redis.folder / "filler"

    def fill() -> None:
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(BLOCK))
            except OSError:
                pass

    await asyncio.to_thread(fill)
    async with asyncio.timeout(30):
        while process.poll() is None:  # until the next write
            await asyncio.sleep(0.01)
    await asyncio.sleep(source.uniform(0, 2))
    filler.unlink()
    await asyncio.to_thread(cluster.redis.start)


async def _disturb(
    cluster: ClusterProcesses,
    source: random.Random,
    strike: Callable[[RedisProxy], None],
    duration: float,
) -> None:
    """Disturb the network of one server, or now and then of all."""
    count = len(cluster.networks) if source.random() < 0.25 else 1
    networks = source.sample(cluster.networks, count)
    for network in networks:
        strike(network)
    await asyncio.sleep(duration)
    for network in networks:
        network.heal()


#: The faults that any user can cause, by name.
FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "server killed": kill_server,
        "Redis killed": kill_redis,
        "server paused": pause_server,
        "Redis paused": pause_redis,
        "network reset": reset,
        "network cut": cut,
        "network one-way, no replies": one_way_to_redis,
        "network one-way, no commands": one_way_from_redis,
        "network delayed": delay,
        "network lossy": loss,
    }
)

#: The fault that needs a small disk for Redis.
DISK_FULL: Mapping[str, Fault] = MappingProxyType({"disk of Redis full": disk_full})
