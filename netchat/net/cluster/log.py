"""The cluster's log: appends in, entries in the same order on every server out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

from netchat.errors import ClusterError
from netchat.net.backoff import Backoff
from netchat.net.cluster.checkpoint import Checkpoint, order
from netchat.net.cluster.connection import RedisConnection, RedisUnavailable
from netchat.net.cluster.entries import ExpiredRecord, ForeignEntry, JoinedRecord, parse_entry
from netchat.net.cluster.entry_filter import Entry
from netchat.net.cluster.keys import Keys
from netchat.net.cluster.lease import Timing
from netchat.net.cluster.log_state import LogState
from netchat.net.cluster.maintenance import maintain
from netchat.net.cluster.redis_url import RedisURL
from netchat.net.cluster.replica import Replica
from netchat.net.cluster.session import RedisSession, append
from netchat.net.cluster.snapshot_store import SnapshotStore

__all__ = ["SNAPSHOT_EVERY", "ClusterLog", "ServerStatus"]

#: Maximum size of the batches that wait for Redis, in bytes.
PENDING_BYTES = 8 << 20

#: Entries between two snapshots.
SNAPSHOT_EVERY = 100_000

#: Seconds that `close` waits for pending batches.
CLOSE_TIMEOUT = 1.0


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """A live server of the cluster."""

    server: str
    """Identifier of the server."""
    epoch: int
    """Epoch of its lease."""
    address: str
    """Address for clients, or empty."""
    durable: str | None
    """Position up to which it has stored the log's effects; None if its lease is missing."""


class ClusterLog:
    """One server's access to the log of its cluster.

    Args:
        url: Address of Redis.
        name: Name of the cluster.
        server: Identifier of this server: unique in the cluster, and the same after a restart.
        address: Address of this server for clients, HOST:PORT, or empty.
        replica: Owner of the state.
        checkpoint: Checkpoint that the owner stored last; None for a new server.
        is_first: Whether the server had a state when it was new, so that the cluster's log begins with
            it. The log must be empty then, and no other server can join before a snapshot is stored.
        is_durable: Whether Redis must keep what it acknowledges. False accepts any configuration.
        timing: Intervals.
        pending_bytes: Maximum size of the batches that wait for Redis, in bytes.
        snapshot_every: Entries between two snapshots.

    Raises:
        ValueError: `name`, `server` or `address` cannot be used in the log.
    """

    def __init__(
        self,
        url: RedisURL,
        name: str,
        server: str,
        address: str,
        replica: Replica,
        *,
        checkpoint: Checkpoint | None = None,
        is_first: bool = False,
        is_durable: bool = True,
        timing: Timing | None = None,
        pending_bytes: int = PENDING_BYTES,
        snapshot_every: int = SNAPSHOT_EVERY,
    ) -> None:
        self._url = url
        self._keys = Keys(name)
        self._replica = replica
        self._is_durable = is_durable
        self._timing = timing or Timing()
        self._snapshot_every = snapshot_every
        try:
            parse_entry(JoinedRecord(1, server, 1, address).fields())
        except ForeignEntry as error:
            raise ValueError(f"server {server!r} at {address!r} cannot join: {error}") from None
        start = checkpoint or Checkpoint.start()
        self._state = LogState(server, address, start, pending_bytes)
        self._state.is_first = is_first
        self._durable = start.position
        self._session: RedisSession | None = None
        self._task: asyncio.Task[None] | None = None
        self._error: Exception | None = None
        self._reported: tuple[bool, str] | None = None

    async def start(self) -> None:
        """Connect, and apply everything that was in the stream when this server joined.

        Raises:
            ClusterError: Redis cannot be reached or is not configured as required, or the log is lost.
        """
        ready = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run(ready))
        await ready
        if self._state.is_first:
            await self._store_first_snapshot()

    async def _store_first_snapshot(self) -> None:
        """Store a snapshot, from which the other servers start, unless it has been stored already."""
        connection = self._connect()
        await connection.connect()
        try:
            first, added = await connection.run(
                ("GET", self._keys.first), ("XLEN", self._keys.stream)
            )
            if first != self._state.server.encode():
                return
            snapshot = await self._replica.snapshot()
            with snapshot.file:
                await SnapshotStore(self._keys).write(connection, snapshot, added)
            await connection.run(("DEL", self._keys.first))
        finally:
            await connection.close()

    async def close(self) -> None:
        """Wait briefly for pending batches, leave the cluster, and disconnect."""
        is_connected = self._session is not None and self._error is None
        if is_connected:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    while len(self._state.window):
                        await asyncio.sleep(0.005)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if is_connected and self._state.epoch is not None:
            with contextlib.suppress(ClusterError):
                await self._leave(self._state.epoch)

    async def _leave(self, epoch: int) -> None:
        """End the epoch, so that the other servers need not wait for the lease to expire."""
        # On a separate connection: the session's may have been cancelled within a command.
        connection = self._connect()
        try:
            await connection.connect()
            left = append(self._keys, ExpiredRecord(epoch, "left"))
            await connection.run(left, ("DEL", self._keys.lease(epoch)))
        finally:
            await connection.close()

    def append(self, commands: Iterable[bytes]) -> int:
        """Append a batch of commands, now or when Redis is available again.

        Returns:
            Number of the batch. The same batch has it when it comes back (`CommandBatch.number`,
            with `owns`).

        Raises:
            RedisUnavailable: Too many bytes wait for Redis.
            ClusterError: The log has stopped.
        """
        if self._error is not None:
            raise ClusterError("the cluster's log has stopped") from self._error
        if not self._state.window.has_space:
            raise RedisUnavailable(f"{self._state.window.size:,} bytes already wait for Redis")
        number = self._state.window.append(commands)
        if self._session is not None:
            self._session.wake()
        return number

    def stored(self, checkpoint: Checkpoint) -> None:
        """Record that the owner has stored a checkpoint, so that the stream may be trimmed to it."""
        if order(checkpoint.position) > order(self._durable):
            self._durable = checkpoint.position

    def owns(self, entry: Entry) -> bool:
        """Return whether this process, and not an earlier one of this server, caused an entry."""
        return self._state.owns(entry)

    @property
    def has_space(self) -> bool:
        """Whether `append` accepts another batch."""
        return self._error is None and self._state.window.has_space

    @property
    def checkpoint(self) -> Checkpoint:
        """Position and state of the log after the last entry that was read."""
        return self._state.checkpoint

    @property
    def epoch(self) -> int | None:
        """Epoch of this server; None while it has none."""
        return self._state.epoch if self._state.is_live else None

    @property
    def servers(self) -> list[ServerStatus]:
        """Live servers, in the order in which they joined, with their addresses for clients."""
        leases = self._session.leases if self._session is not None else {}
        found = {epoch: lease.durable for epoch, lease in leases.items()}
        if self._state.epoch is not None:
            found[self._state.epoch] = self._durable
        return [
            ServerStatus(one.server, one.epoch, one.address, found.get(one.epoch))
            for one in self._state.filter.live.values()
        ]

    async def _run(self, ready: asyncio.Future[None]) -> None:
        loop, backoff = asyncio.get_running_loop(), Backoff(self._timing.longest_retry)
        while True:
            try:
                await self._serve(ready, backoff)
            except RedisUnavailable as error:
                if not ready.done():
                    ready.set_exception(error)
                    return
                self._report(False, str(error))
            except Exception as error:
                self._stop(error, ready)
                return
            await asyncio.sleep(backoff.wait(loop.time()))

    def _stop(self, error: Exception, ready: asyncio.Future[None]) -> None:
        self._error = error
        if ready.done():
            self._report(False, str(error))
            self._replica.failed(error)
        else:
            ready.set_exception(error)

    async def _serve(self, ready: asyncio.Future[None], backoff: Backoff) -> None:
        session = RedisSession(
            self._connect,
            self._keys,
            self._state,
            self._replica,
            timing=self._timing,
            is_durable=self._is_durable,
            durable=lambda: self._durable,
            report=self._report,
            joined=lambda: None if ready.done() else ready.set_result(None),
        )
        try:
            await session.begin()
            self._session = session
            backoff.online(asyncio.get_running_loop().time())
            self._report(True, "")
            await session.serve(self._maintenance)
        finally:
            self._session = None
            await session.close()

    async def _maintenance(self) -> None:
        session = self._session
        assert session is not None
        while True:
            await asyncio.sleep(self._timing.maintenance)
            positions = [one.durable for one in self.servers]
            await maintain(
                session.run,
                self._connect,
                self._keys,
                [one for one in positions if one is not None] if all(positions) else None,
                self._replica.snapshot,
                self._snapshot_every,
                self._replica.snapshot_failed,
            )

    def _report(self, is_available: bool, reason: str) -> None:
        if self._reported != (is_available, reason):
            self._reported = (is_available, reason)
            self._replica.available(is_available, reason)

    def _connect(self) -> RedisConnection:
        return RedisConnection(self._url, self._timing.timeout)
