"""A replica that records what it is given, and the logs of a test."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import IO

from netchat.net.cluster.checkpoint import Checkpoint
from netchat.net.cluster.entry_filter import CommandBatch, Entry
from netchat.net.cluster.lease import Timing
from netchat.net.cluster.log import ClusterLog
from netchat.net.cluster.redis_url import RedisURL
from netchat.net.cluster.send_window import PendingBatch
from netchat.net.cluster.snapshot_store import ClusterSnapshot

__all__ = ["QUICK", "Recorder", "until"]

#: Long leases: a test that is delayed must not lose its lease. Quick attempts to connect.
QUICK = Timing(
    lease=30.0, heartbeat=0.05, slow=0.4, timeout=10.0, longest_retry=0.05, maintenance=0.05
)

TIMEOUT = 60.0


async def until(condition) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(TIMEOUT):
        while not condition():
            await asyncio.sleep(0.002)


class Recorder:
    """Replica whose state is the list of all commands.

    Args:
        url: Address of Redis.
        server: Identifier of the server.
        options: Further arguments of ClusterLog.
    """

    def __init__(self, url: RedisURL, server: str, **options) -> None:
        self.commands: list[bytes] = []
        self.entries: list[Entry] = []
        self.rejected: list[tuple[list[PendingBatch], bool]] = []
        self.reports: list[tuple[bool, str]] = []
        self.foreign: list[tuple[str, str]] = []
        self.errors: list[Exception] = []
        self.snapshot_errors: list[Exception] = []
        self.restored = 0
        self.saved = options.get("checkpoint") or Checkpoint.start()
        options.setdefault("timing", QUICK)
        self.log = ClusterLog(url, "lab", server, f"{server}:6464", self, **options)

    async def __aenter__(self) -> Recorder:
        await self.log.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.log.close()

    async def kill(self) -> None:
        """End the log as `kill -9` does, without leaving the cluster."""
        self.log._task.cancel()
        await asyncio.gather(self.log._task, return_exceptions=True)

    async def settle(self) -> None:
        """Wait until all batches have come back and are applied."""
        await until(lambda: not len(self.log._state.window) and self.saved == self.log.checkpoint)

    @property
    def numbers(self) -> list[int]:
        """Numbers of this server's own batches, in order."""
        return [
            one.number
            for one in self.entries
            if isinstance(one, CommandBatch) and self.log.owns(one)
        ]

    async def apply(self, entries: Sequence[Entry], checkpoint: Checkpoint) -> None:
        self.entries += entries
        for entry in entries:
            self.commands += entry.commands if isinstance(entry, CommandBatch) else ()
        self.saved = checkpoint
        self.log.stored(checkpoint)

    async def snapshot(self) -> ClusterSnapshot:
        commands = json.dumps([one.decode() for one in self.commands])
        return ClusterSnapshot(self.saved, io.BytesIO(commands.encode()))

    def snapshot_failed(self, error: Exception) -> None:
        self.snapshot_errors.append(error)

    def temporary_file(self) -> IO[bytes]:
        return io.BytesIO()

    async def restore(self, snapshot: ClusterSnapshot) -> None:
        self.commands = [one.encode() for one in json.loads(snapshot.file.read())]
        self.saved = snapshot.checkpoint
        self.log.stored(snapshot.checkpoint)
        self.restored += 1

    def available(self, is_available: bool, reason: str) -> None:
        self.reports.append((is_available, reason))

    def fenced(self, rejected: Sequence[PendingBatch], is_certain: bool) -> None:
        self.rejected.append((list(rejected), is_certain))

    def ignored(self, position: str, reason: str) -> None:
        self.foreign.append((position, reason))

    def failed(self, error: Exception) -> None:
        self.errors.append(error)


def timing(**changes: float) -> Timing:
    """Return the tests' timing with changes."""
    return replace(QUICK, **changes)
