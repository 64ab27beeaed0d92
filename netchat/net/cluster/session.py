"""One session with Redis: from connecting until a connection is lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from netchat.errors import ClusterError
from netchat.net.cluster.checkpoint import START, order
from netchat.net.cluster.connection import Argument, RedisConnection, RedisUnavailable
from netchat.net.cluster.entries import BatchRecord, ExpiredRecord, Record, entry_digest
from netchat.net.cluster.keys import Keys
from netchat.net.cluster.lease import Lease, LeaseWatch, Timing
from netchat.net.cluster.log_state import LogState, StreamRead
from netchat.net.cluster.redis_check import check_redis
from netchat.net.cluster.replica import Replica
from netchat.net.cluster.start_position import find_position
from netchat.net.cluster.uninterrupted import uninterrupted

__all__ = ["RedisSession", "append"]

Reply = TypeVar("Reply")

#: Maximum number of entries in one reply.
READ_ENTRIES = 256

#: Size of the batches in one write, in bytes.
WRITE_BYTES = 1 << 18

#: Extra time for an answer that this process was too busy to read.
GRACE = 0.05


class RedisSession:
    """Three connections to Redis: for appends, for reading, and for everything else.

    Args:
        connect: Returns a new, closed connection.
        keys: Keys of the cluster.
        state: State of the log.
        replica: Owner of the log.
        timing: Intervals.
        is_durable: Whether Redis must keep what it acknowledges.
        durable: Returns the position up to which the owner has stored the effects.
        report: Called with whether Redis answers, and if not, why.
        joined: Called once this server is live and has applied all earlier entries.
    """

    def __init__(
        self,
        connect: Callable[[], RedisConnection],
        keys: Keys,
        state: LogState,
        replica: Replica,
        *,
        timing: Timing,
        is_durable: bool,
        durable: Callable[[], str],
        report: Callable[[bool, str], None],
        joined: Callable[[], None],
    ) -> None:
        self._appends, self._reads, self._control = connect(), connect(), connect()
        self._lock = asyncio.Lock()
        self._keys, self._state, self._replica = keys, state, replica
        self._timing, self._is_durable, self._durable = timing, is_durable, durable
        self._report, self._joined = report, joined
        self._watch = LeaseWatch(timing.lease)
        self._wake = asyncio.Event()
        self._must_join = False
        self._in_flight = 0
        self._progress = 0.0
        self._appended = START
        self.leases: dict[int, Lease] = {}
        """Leases of the other servers, as of the last heartbeat."""

    def wake(self) -> None:
        """Send new batches."""
        self._wake.set()

    async def run(self, *commands: Sequence[Argument]) -> list[Any]:
        """Run commands on the control connection, and return their replies."""
        async with self._lock:
            return await self._control.run(*commands)

    async def begin(self) -> None:
        """Connect, check Redis, find this server's position in the stream, and take a lease.

        Raises:
            RedisUnavailable: Redis did not answer, or is not configured as required.
            LogLost: Redis has lost entries.
        """
        for connection in self._connections():
            await connection.connect()
        await check_redis(self._control, is_durable=self._is_durable)
        await find_position(self._control, self._keys, self._state, self._replica)
        if self._state.epoch is None:
            await self._take_epoch()
        else:
            await self._renew(self._state.epoch)
        self._state.window.rewind()
        self._must_join = not self._state.is_live
        self._wake.set()

    async def serve(self, also: Callable[[], Awaitable[None]]) -> None:
        """Send, read and renew the lease, until a connection fails.

        Args:
            also: Additional work to run at the same time.

        Raises:
            ClusterError: The reason.
        """
        self._progress = asyncio.get_running_loop().time()
        functions = (self._write, self._read_replies, self._read, self._heartbeats, also)
        tasks = [asyncio.ensure_future(function()) for function in functions]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            self._report(False, str(_error(tasks)))  # the owner may still be applying entries
        finally:
            await uninterrupted(_end(tasks))
        raise _error(tasks)

    async def close(self) -> None:
        """Close the connections."""
        for one in self._connections():
            with contextlib.suppress(Exception):
                await one.close()

    def _connections(self) -> tuple[RedisConnection, ...]:
        return self._appends, self._reads, self._control

    # Epoch and lease

    async def _take_epoch(self) -> None:
        highest = self._state.filter.highest
        (epoch,) = await self.run(("INCR", self._keys.epoch))
        if epoch <= highest:  # the counter was lost
            (epoch,) = await self.run(("INCRBY", self._keys.epoch, highest - epoch + 1))
        await self._renew(epoch)  # before `joined`: a live server has a lease
        # Together: a batch of the new epoch that is sent before `joined` does not count.
        self._state.join(epoch)
        self._must_join = True
        self._wake.set()

    async def _renew(self, own: int | None) -> dict[int, bytes | None]:
        """Renew the lease of this server's epoch, and return those of the other live servers."""
        others = [epoch for epoch in self._state.filter.live if epoch != own]
        commands: list[Sequence[Argument]] = []
        if own is not None:
            lease = Lease(self._state.server, self._durable()).encode()
            milliseconds = round(self._timing.lease * 1000)
            commands.append(("SET", self._keys.lease(own), lease, "PX", milliseconds))
        commands += [("GET", self._keys.lease(epoch)) for epoch in others]
        replies = await self.run(*commands)
        return dict(zip(others, replies[len(replies) - len(others) :], strict=True))

    async def _heartbeats(self) -> None:
        timing, loop = self._timing, asyncio.get_running_loop()
        while True:
            leases = await self._promptly(self._renew(self._state.epoch))
            self.leases = {
                epoch: Lease.decode(value) for epoch, value in leases.items() if value is not None
            }
            for epoch in self._watch.expired(leases, loop.time()):
                await self._promptly(self.run(append(self._keys, ExpiredRecord(epoch, "lease"))))
            self._check_appends(loop.time())
            await asyncio.sleep(timing.heartbeat)

    def _check_appends(self, now: float) -> None:
        """End the session if batches do not come back; the next session appends them again."""
        if self._in_flight:
            if now - self._progress > self._timing.timeout:
                raise RedisUnavailable("Redis does not answer appends")
        elif self._state.window.has_sent and order(self._state.position) >= order(self._appended):
            raise RedisUnavailable("batches of this server are missing from the stream")

    async def _promptly(self, answer: Coroutine[Any, Any, Reply]) -> Reply:
        """Wait for an answer, and report Redis as unavailable while it is late."""
        timing = self._timing
        task = asyncio.ensure_future(answer)
        try:
            done, _ = await asyncio.wait({task}, timeout=timing.slow)
            if not done:
                done, _ = await asyncio.wait({task}, timeout=GRACE)
            if done:
                return await task
            self._watch.interrupted()
            self._report(False, f"Redis has not answered for {timing.slow:g} s")
            reply = await task
            self._report(True, "")
            return reply
        finally:
            task.cancel()

    # Appends

    async def _write(self) -> None:
        state, window = self._state, self._state.window
        while True:
            await self._wake.wait()
            self._wake.clear()
            if state.epoch is None:
                continue  # taking an epoch sets the event again
            records: list[Record] = []
            if self._must_join:
                self._must_join = False
                records.append(state.joined_record())
            records += [
                BatchRecord(state.epoch, batch.number, batch.commands)
                for batch in window.take(WRITE_BYTES)
            ]
            if records:
                if not self._in_flight:
                    self._progress = asyncio.get_running_loop().time()
                self._in_flight += len(records)
                await self._appends.send(*(append(self._keys, record) for record in records))
            if window.has_unsent:
                self._wake.set()

    async def _read_replies(self) -> None:
        # A reply acknowledges nothing; an error ends the session, and the next session resends all.
        loop = asyncio.get_running_loop()
        while True:
            self._appended = (await self._appends.reply()).decode()
            self._in_flight -= 1
            self._progress = loop.time()

    # Reading

    async def _read(self) -> None:
        state, stream = self._state, self._keys.stream
        block = round(self._timing.timeout * 1000)
        while True:
            at = state.position
            # After the entries, the one before them: if it is still there, none was trimmed or lost
            # in between, however long this process or Redis was paused.
            proof: Sequence[Argument] = ("XRANGE", stream, at, at)
            if at == START:
                proof = ("MGET", self._keys.snapshot, self._keys.first)
            read = ("XREAD", "COUNT", READ_ENTRIES, "BLOCK", block, "STREAMS", stream, at)
            await self._reads.send(read, proof)
            try:
                async with asyncio.timeout(2 * self._timing.timeout):
                    found, before = await self._reads.reply(), await self._reads.reply()
            except TimeoutError:
                raise RedisUnavailable("Redis does not answer") from None
            if at == START:
                is_proven = before[0] is None and (state.is_first or before[1] is None)
            else:
                is_proven = bool(before) and entry_digest(before[0][1]) == state.digest
            if not is_proven:
                # Opening the next session decides between a snapshot and a loss.
                raise RedisUnavailable("the stream no longer has this server's position")
            if found:
                await self._receive([(key.decode(), fields) for key, fields in found[0][1]])

    async def _receive(self, entries: list[tuple[str, list[bytes]]]) -> None:
        state = self._state
        received = state.receive(entries)
        await uninterrupted(self._deliver(received))
        if received.is_superseded:
            raise ClusterError(
                f"another process joined the cluster as {state.server!r}: two servers use the same "
                "history file, or a copy of it. This one has stopped"
            )
        if state.epoch is None:
            await self._take_epoch()
        elif state.is_live:
            self._joined()

    async def _deliver(self, received: StreamRead) -> None:
        for position, reason in received.foreign:
            self._replica.ignored(position, reason)
        await self._replica.apply(received.entries, self._state.checkpoint)
        if received.rejected is not None and not received.is_superseded:
            self._replica.fenced(received.rejected, True)


def _error(tasks: list[asyncio.Task[None]]) -> BaseException:
    """Return the error that ended the session; one that is final counts more than a lost connection."""
    ended = [task for task in tasks if task.done() and not task.cancelled()]
    errors = [error for task in ended if (error := task.exception()) is not None]
    return min(errors, key=lambda error: isinstance(error, RedisUnavailable))


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def append(keys: Keys, record: Record) -> Sequence[Argument]:
    """Return the command that appends a record to the stream."""
    return ("XADD", keys.stream, "*", *record.fields())
