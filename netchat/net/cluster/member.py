"""Membership of a chat server in a cluster: connects the chat's rules with the cluster's log."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from netchat.chat.commands import decode_command
from netchat.chat.effects import Log
from netchat.chat.hub import Hub
from netchat.chat.persistence import LogPosition
from netchat.chat.server_state import ServerState
from netchat.errors import ClusterError, NetchatError
from netchat.net.cluster.checkpoint import Checkpoint
from netchat.net.cluster.entries import LONGEST_NAME
from netchat.net.cluster.entry_filter import CommandBatch, Entry, ServerExpired, ServerJoined
from netchat.net.cluster.lease import Timing
from netchat.net.cluster.log import SNAPSHOT_EVERY, ClusterLog
from netchat.net.cluster.redis_url import RedisURL
from netchat.net.cluster.send_window import PendingBatch
from netchat.net.cluster.snapshot_store import ClusterSnapshot
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import ServerAddress

__all__ = ["ClusterMember", "ClusterOptions", "apply_entry"]

#: Version of the tables with which names are compared. All servers must reach the same result.
UNICODE = f"unicode-{unicodedata.unidata_version}"

#: The state is stored after this many commands, or this many seconds after a command.
SAVE_COMMANDS, SAVE_SECONDS = 10_000, 5.0

#: Seconds that `leave` waits for pending commands.
LEAVE_TIMEOUT = 2.0


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """Options for joining a cluster."""

    url: RedisURL
    """Address of Redis."""

    name: str = "netchat"
    """Name of the cluster."""

    is_durable: bool = True
    """Whether Redis must keep what it acknowledges."""

    timing: Timing | None = None
    """Intervals; None for the default ones."""

    snapshot_every: int = SNAPSHOT_EVERY
    """Entries of the log between two snapshots."""


class ChatServer(Protocol):
    """Interface of a server for its membership in a cluster (`netchat.net.server_driver.ServerDriver`)."""

    hub: Hub
    state: ServerState
    membership_changed: Callable[[], None]

    def now(self) -> float:
        """Return the monotonic time."""

    def schedule(self) -> None:
        """Schedule a turn, which appends proposals, carries out effects and stores the batch."""

    async def batch_has_space(self) -> None:
        """Wait until the history has caught up with the log."""

    async def replace_state(self, replace: Callable[[], None]) -> None:
        """Disconnect all clients, replace the history, and continue with its state."""

    def warn(self, about: str, reason: str, text: str) -> None:
        """Log a problem, and warn all clients that nothing is acknowledged meanwhile."""

    def end_warning(self, about: str, text: str) -> None:
        """Log the end of a problem, and tell all clients."""

    def note(self, entry: Log) -> None:
        """Add an entry to the log."""


class ClusterMember:
    """Appends a server's commands to the cluster's log, and applies what comes back.

    Args:
        server: The chat server.
        history: Its history.
        options: Which cluster it joins.

    Raises:
        HistoryError: The history belongs to another cluster, or is damaged.
    """

    def __init__(self, server: ChatServer, history: SqliteHistory, options: ClusterOptions) -> None:
        self._server = server
        self._history = history
        self._options = options
        self._identity = history.join_cluster(options.name)
        self._log: ClusterLog | None = None
        self._checkpoint: Checkpoint | None = None
        self._unsaved = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_restoring = False
        self._snapshot_problem = ""
        self._has_stored = asyncio.Event()
        if self._identity.checkpoint:
            self._has_stored.set()
        self.failure: asyncio.Future[ClusterError] = asyncio.get_running_loop().create_future()
        """Completes with an error if the server cannot continue."""

    # -- called by the server -------------------------------------------------------------------

    async def join(self, address: str, page: str) -> None:
        """Join the cluster, and apply the log up to there.

        Args:
            address: Address of this server for clients, HOST:PORT.
            page: URL of its page, or empty.

        Raises:
            ClusterError: Redis cannot be used, or this server's history does not match the log.
        """
        addresses = " ".join((address, page or "-", UNICODE))
        if len(addresses.encode()) > LONGEST_NAME:
            raise ClusterError(
                f"the addresses of this server for clients, {address} and {page}, must have at most "
                f"{LONGEST_NAME - len(UNICODE) - 2} bytes together: see --advertise and --advertise-page"
            )
        stored = self._identity.checkpoint
        self._log = ClusterLog(
            self._options.url,
            self._options.name,
            self._identity.server,
            addresses,
            self,
            checkpoint=Checkpoint.decode(stored) if stored else None,
            is_first=self._identity.is_first,
            is_durable=self._options.is_durable,
            timing=self._options.timing,
            snapshot_every=self._options.snapshot_every,
        )
        await self._log.start()
        for other in self._log.servers:
            if other.address.split()[2:] != [UNICODE]:
                raise ClusterError(
                    f"the server at {other.address.split()[0]} has different Unicode tables from this "
                    f"one ({UNICODE}), so they could disagree about names: run the same version of Python "
                    "on all servers of the cluster"
                )
        self._save_later()

    async def leave(self) -> None:
        """Wait for pending commands, and leave the cluster."""
        if self._timer is not None:
            self._timer.cancel()
        if self._log is None:
            return
        proposals = self._server.state.proposals
        deadline = asyncio.get_running_loop().time() + LEAVE_TIMEOUT
        while proposals and proposals.is_available and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.005)
        await self._log.close()
        self.save()

    def append(self) -> None:
        """Append the server's proposals to the log."""
        proposals = self._server.state.proposals
        if self._log is None or self._is_restoring or proposals is None:
            return
        while self._log.has_space:
            batch, commands = proposals.take()
            if not batch:
                break
            proposals.appended(self._log.append(commands), batch)
        proposals.has_space = self._log.has_space

    def stored(self, position: LogPosition) -> None:
        """Record that the history has the state at a position of the log."""
        self._has_stored.set()
        if self._log is not None:
            self._log.stored(Checkpoint.decode(position.checkpoint))

    @property
    def others(self) -> dict[int, ServerAddress]:
        """Addresses of all live servers except this one, for clients, by epoch."""
        found = {}
        for one in self._log.servers if self._log is not None else ():
            address, page, *_ = one.address.split()
            if one.server != self.server_id:
                found[one.epoch] = ServerAddress(address, "" if page == "-" else page)
        return found

    @property
    def is_durable(self) -> bool:
        """Whether Redis must keep what it acknowledges."""
        return self._options.is_durable

    @property
    def server_id(self) -> str:
        """Identifier of this server."""
        return self._identity.server

    # -- called by the log ----------------------------------------------------------------------

    async def apply(self, entries: Sequence[Entry], checkpoint: Checkpoint) -> None:
        """Apply entries of the log; see `Replica.apply`."""
        log, server = self._log, self._server
        assert log is not None
        hub, now = server.hub, server.now()
        hub.state.begin(now)
        has_moved = False
        self._checkpoint = None  # if this fails, the state is between two positions of the log
        for entry in entries:
            apply_entry(hub, entry, is_own=log.owns(entry), now=now)
            if isinstance(entry, CommandBatch):
                self._unsaved += len(entry.commands)
            else:
                self._unsaved += 1
                has_moved = True
        if has_moved:
            hub.announce_servers(self.others)
            server.membership_changed()
        self._checkpoint = checkpoint
        if self._unsaved >= SAVE_COMMANDS:
            self.save()
        server.schedule()
        await server.batch_has_space()

    async def snapshot(self) -> ClusterSnapshot:
        """Return a copy of the history; see `Replica.snapshot`."""
        if not self._has_stored.is_set():
            self.save()
            self._server.schedule()
            await self._has_stored.wait()
        file, checkpoint = await asyncio.to_thread(self._history.copy)
        self._snapshot_problem = ""
        return ClusterSnapshot(Checkpoint.decode(checkpoint), file)

    def snapshot_failed(self, error: Exception) -> None:
        """Log that no snapshot could be taken, once per reason; see `Replica.snapshot_failed`."""
        text = f"The cluster's snapshot could not be taken; the server tries again: {error}"
        if text != self._snapshot_problem:
            self._snapshot_problem = text
            self._server.note(Log("storage", {"text": text}))

    def temporary_file(self) -> IO[bytes]:
        """Create a file for a snapshot; see `Replica.temporary_file`."""
        return self._history.temporary_file()

    async def restore(self, snapshot: ClusterSnapshot) -> None:
        """Replace the history and the state; see `Replica.restore`."""
        self._is_restoring = True
        try:
            await self._server.replace_state(
                lambda: self._history.replace(Path(snapshot.file.name))
            )
        finally:
            self._is_restoring = False
        self._unsaved, self._checkpoint = 0, snapshot.checkpoint
        assert self._log is not None
        if self._log.epoch is not None:
            self._server.hub.set_server(self._log.epoch)
        self._server.hub.announce_servers(self.others)
        self._log.stored(snapshot.checkpoint)

    def available(self, is_available: bool, reason: str) -> None:
        """Tell all clients that Redis is unavailable or available again; see `Replica.available`."""
        proposals = self._server.state.proposals
        assert proposals is not None
        proposals.is_available = is_available
        if is_available:
            self._server.end_warning("cluster", "The cluster's log can be written again.")
        else:
            self._server.warn(
                "cluster",
                f"{reason}. No message is acknowledged meanwhile.",
                "The server cannot reach the cluster's log; your messages wait until it can.",
            )

    def fenced(self, rejected: Sequence[PendingBatch], is_certain: bool) -> None:  # noqa: ARG002
        """Disconnect the clients whose requests were rejected; see `Replica.fenced`.

        They reconnect, to any server, and retransmit what was not acknowledged. The server that
        applies it recognises what has been applied already.
        """
        text = "The cluster had declared this server expired; its clients reconnect."
        self._server.note(Log("cluster", {"text": text}))
        self._server.hub.drop_proposals(batch.number for batch in rejected)
        self._server.schedule()

    def ignored(self, position: str, reason: str) -> None:
        """Log an entry that no server wrote; see `Replica.ignored`."""
        text = f"The stream's entry {position} was ignored: {reason}."
        self._server.note(Log("storage", {"text": text}))

    def failed(self, error: Exception) -> None:
        """Stop the server, because the log has stopped for good; see `Replica.failed`."""
        text = str(error) if isinstance(error, NetchatError) else repr(error)
        known = error if isinstance(error, ClusterError) else ClusterError(text)
        if not self.failure.done():
            self.failure.set_result(known)

    # -- position -------------------------------------------------------------------------------

    def _save_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(SAVE_SECONDS, self._save_later)
        if self._unsaved:
            self.save()
            self._server.schedule()

    def save(self) -> None:
        """Store the state, and its position in the log, with the current batch."""
        if self._checkpoint is None or self._is_restoring:
            return
        self._unsaved = 0
        state = self._server.state
        state.batch.position = LogPosition(self._checkpoint.encode(), state.shared.dump())


def apply_entry(hub: Hub, entry: Entry, *, is_own: bool, now: float) -> None:
    """Apply an entry of the log to a chat.

    Args:
        hub: The chat.
        entry: The entry.
        is_own: Whether this server has caused it.
        now: The current time, in seconds.

    Raises:
        CommandError: A newer version of netchat wrote a command.
    """
    match entry:
        case CommandBatch(commands=commands, number=number):
            decoded = [decode_command(command) for command in commands]
            hub.apply_batch(decoded, number if is_own else None, now)
        case ServerJoined(epoch=epoch, address=address):
            hub.start_server(epoch, address.partition(" ")[0], is_own=is_own)
        case ServerExpired(epoch=epoch):
            hub.expire_server(epoch)
