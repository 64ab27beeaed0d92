"""Three servers of one cluster and their Redis, each a process that can be killed and paused."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Self

from tests.end_to_end.processes import Server, free_port
from tests.end_to_end.redis_proxy import RedisProxy
from tests.net.cluster.redis_process import DURABLE, RedisProcess

__all__ = ["ClusterProcesses", "compare_histories"]


class _Server(Server):
    """Server that is ready when it has joined its cluster."""

    def start(self) -> Self:
        mark = len(self.lines)
        super().start()
        self.wait_for("cluster", since=mark)
        return self


class ClusterProcesses:
    """Servers, their Redis, and a network between each server and Redis.

    Use it as an asynchronous context manager; afterwards no process is left.

    Args:
        folder: Folder of the histories.
        redis_folder: Folder of Redis.
        source: Source of all randomness.
        size: Number of servers.
        settings: Arguments of redis-server.
        options: Options of `netchat serve`.
    """

    def __init__(
        self,
        folder: Path,
        redis_folder: Path,
        source: random.Random,
        *,
        size: int = 3,
        settings: tuple[str, ...] = DURABLE,
        options: tuple[str, ...] = (),
    ) -> None:
        self.redis = RedisProcess(redis_folder, settings)
        self.histories = [folder / f"server{number}.db" for number in range(size)]
        self.networks = [RedisProxy(self.redis.socket, source) for _ in range(size)]
        self.servers: list[Server] = []
        self._options = options

    async def __aenter__(self) -> Self:
        try:
            await asyncio.to_thread(self.redis.start)
            for history, network in zip(self.histories, self.networks, strict=True):
                await network.start()
                self.servers.append(self.server(history, network))
            await asyncio.gather(*(asyncio.to_thread(one.start) for one in self.servers))
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self.servers:
            server.kill()
        for network in self.networks:
            if network.port:
                await network.stop()
        self.redis.stop()

    def server(self, history: Path, network: RedisProxy) -> Server:
        """Return a server that is not running yet."""
        port = free_port()
        return _Server(
            *("--history", str(history), "--rate", "0"),
            *("--cluster", f"redis://127.0.0.1:{network.port}/0", "--cluster-name", "test"),
            *("--advertise", f"127.0.0.1:{port}", *self._options),
            port=port,
        )

    @property
    def ports(self) -> list[int]:
        """The servers' ports for clients."""
        return [server.port for server in self.servers]

    def pause(self, number: int) -> None:
        """Stop a server's process."""
        os.kill(self.servers[number].pid, signal.SIGSTOP)

    def resume(self, number: int) -> None:
        """Continue a server's process."""
        os.kill(self.servers[number].pid, signal.SIGCONT)

    async def stop(self) -> list[str]:
        """Stop all servers with SIGTERM; return what they have reported beside their log."""
        codes = await asyncio.gather(*(asyncio.to_thread(one.stop) for one in self.servers))
        return [
            *(f"server {n} ended with exit code {code}" for n, code in enumerate(codes) if code),
            *(
                f"server {n}: {line}"
                for n, one in enumerate(self.servers)
                for line in one.complaints
            ),
        ]

    def save(self, folder: Path) -> None:
        """Copy the servers' histories to a folder, and the lines of their consoles."""
        folder.mkdir(parents=True, exist_ok=True)
        for history in self.histories:
            for path in history.parent.glob(f"{history.name}*"):  # with the write-ahead log
                shutil.copy(path, folder)
        for number, server in enumerate(self.servers):
            Path(folder, f"server{number}.log").write_text("\n".join(server.lines))


def compare_histories(histories: list[Path]) -> list[str]:
    """Return the differences between the servers' events, by room: the rows must be identical."""
    faults = []
    first, *others = [_rows(path) for path in histories]
    for number, other in enumerate(others, 1):
        for room in sorted(first.keys() | other.keys()):
            ours, theirs = first.get(room, []), other.get(room, [])
            if ours == theirs:
                continue
            at = next(
                (i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b),
                min(len(ours), len(theirs)),
            )
            faults.append(
                f"{room}: server 0 has {len(ours)} events, server {number} {len(theirs)};"
                f" the first difference is after {at}"
            )
    return faults


def _rows(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    rooms: dict[str, list[tuple[Any, ...]]] = {}
    with closing(sqlite3.connect(path)) as file:
        for code, *row in file.execute(
            "SELECT code, seq, device, counter, time, frame FROM event"
            " JOIN room ON room.id = event.room ORDER BY event.room, seq"
        ):
            rooms.setdefault(code, []).append(tuple(row))
    return rooms
