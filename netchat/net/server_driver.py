"""Asyncio chat server: moves bytes between sockets, the hub and the history."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Protocol, cast

from netchat.chat.account_admin import AdminRequest, list_accounts, plan
from netchat.chat.connection import Connection
from netchat.chat.effects import (
    CheckPassword,
    ClearHistory,
    Close,
    Effect,
    Fanout,
    Log,
    RunFileJob,
    Write,
)
from netchat.chat.file_jobs import FileJob, FileJobResult
from netchat.chat.hub import Hub
from netchat.chat.moderation_handlers import operate
from netchat.chat.ordering import propose
from netchat.chat.persistence import AuditRow, Batch
from netchat.chat.settings import Settings
from netchat.errors import HistoryError, NetchatError, PeerError
from netchat.net.address import show_address
from netchat.net.files.file_store import FileStore
from netchat.net.files.file_worker import FileWorker
from netchat.net.group_commit import GroupCommit
from netchat.net.half_close import half_close
from netchat.net.history.history_writer import HistoryWriter
from netchat.net.history.memory_history import MemoryHistory
from netchat.net.history.purge import DAY, Purge
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.net.link.link_totals import LinkSums, LinkTotals
from netchat.net.link.stream_listener import StreamLinkListener
from netchat.net.memory_bound import MemoryBound
from netchat.net.password_worker import PasswordVerdict, PasswordWorker
from netchat.net.protocol_detector import ProtocolDetector
from netchat.net.traffic import Traffic
from netchat.net.turn_pacing import TurnPacing
from netchat.wire import Error, ErrorCode, Frame, FrameReader, Moderate, encode

if TYPE_CHECKING:
    from netchat.net.cluster.member import ClusterMember, ClusterOptions
    from netchat.net.link.cpu_budget import LinkWork
    from netchat.net.link.transport import LinkTransport
    from netchat.net.tls.server import TlsServer
    from netchat.net.udp.server import UdpServer

__all__ = ["Reader", "ServerDriver"]

#: Size of each connection's kernel send buffer, in bytes. With the default, a client that stops
#: reading would leave 4 MB there before the server noticed. Less than a loopback segment (64 KiB)
#: splits segments, and each half waits 40 ms for its delayed acknowledgement (1.6 MB/s instead of
#: 500, measured with 32 KiB).
SEND_BUFFER = 64 * 1024

#: Bytes of events waiting for the disk at which the server stops reading from senders.
MAX_WAITING = 4 * 1024 * 1024

#: Seconds per turn of the event loop for queued connections, and as many for pending replies.
TURN_SECONDS = 0.0003

#: Frames per turn after which heavy senders are queued: about a millisecond of work.
BUSY_WORK = 64

#: Frames of one connection to handle before the next connection; fewer of a heavy sender while light
#: connections are active, because 16 of the most expensive ones take two milliseconds.
SLICE, SHORT_SLICE = 16, 4

#: Frames per second up to which a connection is not queued, and the burst it may save, in seconds.
LIGHT_RATE, LIGHT_SAVED = 300.0, 0.3

#: Maximum lead of a connection's virtual clock over real time, in seconds.
MOST_AHEAD = 10.0

#: Data that arrives after this many seconds of silence is handled at once. Otherwise it waits until
#: this turn of the event loop has read all connections, so that all output goes out together.
QUIET_SECONDS = 0.002

#: Seconds between connections that are closed because of their memory: to free what a link holds takes up
#: to a millisecond.
ABORT_EVERY = 0.004

#: Seconds between ticks of the hub.
TICK_EVERY = 0.25

#: Seconds that a closing connection has to receive what was written to it.
LINGER = 5.0

#: Attempts to find a port that is free for both TCP and UDP.
FREE_PORT_TRIES = 10

#: Seconds that a change of the operator may take, and between checks of whether it is durable.
ADMIN_TIMEOUT, ADMIN_POLL = 10.0, 0.005

#: Seconds between deletions of old history.
PURGE_EVERY = 600.0

_POSTPONED = (
    "By this machine's clock, {days:.0f} days of history have become older than --keep. They are "
    "deleted in {hours:.0f} hours, or at the next start after that, unless the clock is set back by "
    "then; --purge-now deletes them at startup."
)


_RESTORED = "The server stores messages again; those that waited are being delivered."


_TLS_REQUIRED = "This server requires TLS: connect to tls://HOST:PORT."


class _Hold:
    """Reasons for not reading from a connection, as bits: an `IntFlag` costs a microsecond each time."""

    TOO_FAST = 1
    NOT_READING = 2
    DISK_BEHIND = 4
    ITS_TURN = 8


class Reader(Protocol):
    """Interface for splitting a connection's bytes into frames, as `FrameReader` does."""

    #: Work since the last `feed` that produced no frame, counted in frames.
    idle: int

    @property
    def pending(self) -> int:
        """Positive while a frame has arrived only in part, or bytes are unread."""

    @property
    def unread(self) -> bool:
        """Whether `feed` stopped at its limit; call it again, with or without new data."""

    def feed(self, data: bytes, most: int) -> list[Frame]:
        """Append received bytes and return completed frames.

        Args:
            data: Received bytes.
            most: Maximum number of frames to return; later calls return the rest.

        Raises:
            PeerError: The bytes violate the protocol.
        """

    def ignore(self, data: bytes) -> None:
        """Discard bytes that arrive after the server has sent BYE."""


class _Peer(Connection, asyncio.Protocol):
    """One connection over TCP, a WebSocket, or a link."""

    __slots__ = (
        "clock",
        "forwarded_for",
        "linger",
        "reader",
        "server",
        "transport",
        "unread_until",
    )

    def __init__(self, server: ServerDriver, reader: Reader) -> None:
        super().__init__()
        self.server = server
        self.reader = reader
        self.forwarded_for: str | None = None  # the client's address, from a proxy
        self.unread_until = 0.0  # its address group connects too often: not to be read before
        self.linger: asyncio.TimerHandle | None = None
        self.clock = 0.0  # virtual clock: the time by which LIGHT_RATE allows this many frames

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit from asyncio's.
        self.transport = transport = cast(asyncio.Transport, transport)
        # If the peer has already reset the connection, there is no address.
        host, port = (transport.get_extra_info("peername") or ("?", 0))[:2]
        host = self.forwarded_for or host
        self.address = show_address(host, port)
        transport.set_write_buffer_limits(*self.server.memory.limits)
        now = self.server.now()
        self.unread_until = now + self.server.hub.connect(self, now)
        if self.server.tls is None:  # otherwise the peer may need the warning encrypted
            self.server.warn_peer(self)
        self.server.schedule()
        if self.server.is_tracing:
            self.server.note(Log("connected", {"address": self.address}, self.address))

    def data_received(self, data: bytes) -> None:
        self.server.received(self, data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.server.is_tracing:
            fields = {"address": self.address, "text": "" if exc is None else str(exc)}
            self.server.note(Log("disconnected", fields, self.address))
        if self.linger is not None:  # the timer would keep everything received in memory
            self.linger.cancel()
        self.server.link_totals.close(self.transport)
        self.server.hub.lost(self, self.server.now())
        self.server.schedule()

    def pause_writing(self) -> None:
        self.server.newly_stalled.append(self)
        self.hold(_Hold.NOT_READING)

    def resume_writing(self) -> None:
        self.release(_Hold.NOT_READING)
        self.server.hub.drained(self)
        self.server.schedule()

    def hold(self, why: int) -> None:
        """Pause reading for one more reason."""
        if not self.holds and not self.transport.is_closing():
            self.transport.pause_reading()
        self.holds |= why

    def pause(self, seconds: float) -> None:
        """Read nothing for some time, because the peer or its address group is too fast."""
        self.hold(_Hold.TOO_FAST)
        asyncio.get_running_loop().call_later(seconds, self.release, _Hold.TOO_FAST)

    def release(self, why: int) -> None:
        """Remove a reason for not reading, and resume reading if it was the last."""
        if not self.holds & why:
            return
        self.holds &= ~why
        if self.holds or self.transport.is_closing():
            return
        self.heard = time.monotonic()
        if self.reader.unread and not self.closing:
            self.server.line_up(self)
        else:
            self.transport.resume_reading()

    def discard(self) -> None:
        """Resume reading regardless of holds, because the data will be discarded."""
        if self.holds and not self.transport.is_closing():
            self.holds = 0
            self.transport.resume_reading()


class _Plaintext(asyncio.Protocol):
    """Protocol of a connection to a server with TLS, until frames arrive without it.

    Args:
        server: The server.
        peer: Protocol of the chat.
    """

    def __init__(self, server: ServerDriver, peer: _Peer) -> None:
        self._server, self._peer = server, peer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._peer.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Hand the connection over to the chat, or refuse it."""
        peer, server = self._peer, self._server
        peer.transport.set_protocol(peer)
        if not peer.closing:
            server.warn_peer(peer)
            assert server.tls is not None
            if server.tls.is_required:
                server.refuse_plaintext(peer)
        peer.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._peer.connection_lost(exc)


class ServerDriver:
    """A chat server on the running event loop; programs use `netchat.Server`.

    Args:
        history: Store for events.
        settings: Limits and timeouts.
        log: Callback for log entries.
        cluster: The cluster that the server joins; its history must be a `SqliteHistory`.
        tls: The server's certificate, to accept TLS on the same ports; None accepts no TLS.

    Attributes:
        tls: The certificate, or None.
        cluster: Membership in a cluster, or None.
        hub: Sans-I/O rules of the chat.
        state: State of the chat.
        warning: Frame that warns new connections of a failing disk; empty while the disk works.
        traffic: Totals of messages and bytes.
        memory: Bound on the memory that the connections occupy.
        link_totals: Counters of the links.
        is_tracing: Whether to log each connection.
    """

    def __init__(
        self,
        history: SqliteHistory | MemoryHistory,
        settings: Settings,
        log: Callable[[Log], None],
        cluster: ClusterOptions | None = None,
        tls: TlsServer | None = None,
    ) -> None:
        self.settings = settings
        self.tls = tls
        self.newly_stalled: list[_Peer] = []
        self._history = history
        self._log = log
        self._scheduled = False
        self._stopping = False
        self._last_turn = 0.0
        self._work = 0  # frames that were handled in this turn
        # Connections with unprocessed data; the one that has sent least recently comes first.
        self._line: list[tuple[float, int, _Peer]] = []
        self._numbers = itertools.count()
        self._pacing = TurnPacing()
        self._resting = False  # a timer will schedule the next turn of queued connections
        self._worked_at = 0.0  # time at which their last turn ended
        self._is_urgent = False  # a light connection was read since the last batch was taken
        self._committing = self._reading = False
        self._commit_began = 0.0
        self._group_commit = GroupCommit()
        self._gather_timer: asyncio.TimerHandle | None = None
        self._waiting: list[_Peer] = []
        self._told_of_postponing = False
        self._purge_problems: set[str] = set()
        self.warning = b""
        self._warnings: dict[str, bytes] = {}
        self.membership_changed: Callable[[], None] = lambda: None
        self.traffic = Traffic()
        self.memory = MemoryBound()
        self.link_totals = LinkTotals()
        self.is_tracing = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._has_space = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.cluster: ClusterMember | None = None
        if cluster is not None:
            from netchat.net.cluster.member import ClusterMember

            assert isinstance(history, SqliteHistory)
            self.cluster = ClusterMember(self, history, cluster)
        self._load()
        self._writer = (
            HistoryWriter(history, self._loop, self._durable, self._on_trouble)
            if isinstance(history, SqliteHistory)
            else None
        )
        self._files = self._open_files()
        self._passwords = PasswordWorker(self._loop, self._password_checked)
        self._link_listener = StreamLinkListener(self._loop, lambda: self._committing)
        self._servers: list[asyncio.Server] = []
        self._udp: list[UdpServer] = []
        self._timers: list[asyncio.TimerHandle] = []

    def _open_files(self) -> FileWorker | None:
        """Open the server's files, and let the hub transfer them; return None without files."""
        if not self.settings.files or self.cluster is not None:
            return None
        history = self._history
        folder, fsync = None, True
        if isinstance(history, SqliteHistory):
            folder, fsync = history.path.with_name(f"{history.path.name}.files"), history.fsync
        try:
            store = FileStore(folder, fsync=fsync)
        except HistoryError as error:
            self._log(Log("storage", {"text": f"{error} The server runs without files."}))
            return None
        self.hub.enable_files(store.files, store.partials)
        return FileWorker(store, self._loop, self._file_job_done)

    def _file_job_done(self, job: FileJob, result: FileJobResult) -> None:
        self.hub.file_job_done(job, result, self.now())
        self.schedule()

    def _load(self) -> None:
        """Start with the state in the history.

        Raises:
            HistoryError: The history is damaged, or belongs to a cluster that this server is not in.
        """
        stored, now = self._history.load(), time.monotonic()
        if stored.state and self.cluster is None:
            raise HistoryError(
                "The history belongs to a server of a cluster: start it with --cluster, or choose "
                "another file with --history."
            )
        wall, is_clustered = time.time() - now, self.cluster is not None
        self.hub = Hub(self.settings, self._history, stored, now, wall, is_clustered=is_clustered)
        self.state = self.hub.state
        if self.cluster is not None and not self.cluster.is_durable:
            self.state.software += ", which may lose acknowledged messages"

    async def start(
        self, host: str | None, port: int, *, udp: bool = False
    ) -> list[tuple[str, int]]:
        """Start listening.

        Args:
            host: Address to listen on; None listens on all addresses of this machine.
            port: TCP port; 0 picks a free one.
            udp: Also accept links on the UDP port of the same number.

        Returns:
            Addresses and ports that the server listens on.

        Raises:
            OSError: An address or port is not available.
        """
        if udp:
            await self._link_listener.prepare()
        tries = 1 if port or not udp else FREE_PORT_TRIES
        while True:
            tries -= 1
            server = await self._loop.create_server(
                self._accept, host, port, backlog=4096, reuse_address=True
            )
            try:
                if udp:
                    await self._listen_udp([s.getsockname() for s in server.sockets])
            except OSError:
                server.close()
                if not tries:
                    raise
            else:
                break
        for sock in server.sockets:  # accepted connections inherit it
            _limit_send_buffer(sock)
        self._servers.append(server)
        if self.tls is not None:
            self.tls.start(lambda text: self.note(Log("tls", {"text": text})))
        self._tick()
        if self.settings.keep:
            self._purge(at_once=self.settings.purge_now)
        return [s.getsockname()[:2] for s in server.sockets]

    def adopt(
        self,
        transport: asyncio.Transport,
        reader: Reader,
        *,
        is_encrypted: bool = False,
        host: str | None = None,
    ) -> asyncio.Protocol:
        """Adopt a connection accepted elsewhere, such as a WebSocket.

        Args:
            transport: Transport for outgoing frames.
            reader: Reader that splits incoming bytes into frames.
            is_encrypted: Whether TLS protects the connection.
            host: Address of the client, if a proxy has made the connection for it.

        Returns:
            The protocol to pass incoming bytes to.
        """
        _limit_send_buffer(transport.get_extra_info("socket"))
        peer = _Peer(self, reader)
        peer.is_encrypted = is_encrypted
        peer.forwarded_for = host
        peer.connection_made(transport)
        if self.tls is not None:
            self.warn_peer(peer)
        if (seconds := peer.unread_until - time.monotonic()) > 0:
            peer.pause(seconds)
        return peer

    def connect(
        self, host: str | None = None, *, is_encrypted: bool = False
    ) -> tuple[asyncio.Protocol, LinkWork]:
        """Accept a connection within this process, over which a link may be opened.

        Args:
            host: Address of the client, if it is not that of the connection.
            is_encrypted: Whether the client's bytes were encrypted up to here.

        Returns:
            The protocol of the connection, and the scheduler of the CPU time of links.
        """
        peer = self._peer()
        peer.is_encrypted = is_encrypted
        peer.forwarded_for = host
        return self._detector(peer), self._link_listener.work

    async def _listen_udp(self, addresses: list[tuple[Any, ...]]) -> None:
        from netchat.net.udp.server import listen_udp

        most = self.settings.max_users + self.settings.max_half_open
        self._udp = await listen_udp(
            addresses,
            most,
            self._peer,
            code=self._link_listener.loader.source,
            work=self._link_listener.work,
        )

    @property
    def _peers(self) -> Collection[_Peer]:
        return cast("Collection[_Peer]", self.state.connections)

    def _peer(self) -> _Peer:
        return _Peer(self, FrameReader(self.settings.max_frame))

    def _accept(self) -> ProtocolDetector:
        """Return the protocol of a new TCP connection."""
        peer = self._peer()
        if self.tls is None:
            return self._detector(peer)
        tls = self.tls
        return ProtocolDetector(
            _Plaintext(self, peer),
            open_link=lambda first: self._open_link(peer, first, refuse=tls.is_required),
            delay=lambda: max(0.0, peer.unread_until - time.monotonic()),
            open_tls=lambda first: self._open_tls(tls, peer, first),
        )

    def _detector(self, peer: _Peer) -> ProtocolDetector:
        return ProtocolDetector(
            peer,
            open_link=lambda first: self._open_link(peer, first),
            delay=lambda: max(0.0, peer.unread_until - time.monotonic()),
        )

    def _open_tls(self, tls: TlsServer, peer: _Peer, first: bytes) -> None:
        """Carry a connection over TLS, whose first bytes have arrived."""

        def failed(why: str) -> None:
            self.state.disconnect(peer, ErrorCode.BAD_FRAME, f"TLS: {why}.")
            self.schedule()

        if peer not in self.state.connections or peer.closing:
            return
        inner = self._detector(peer)
        layer = tls.transport(inner, peer.share, failed=failed)
        inner.take_over(layer)
        transport, peer.transport = peer.transport, layer
        peer.is_encrypted = True
        # The peer has read nothing so far, so no hold refers to the old transport.
        assert not peer.holds
        self.warn_peer(peer)
        layer.begin(transport, first, announced=True)

    def warn_peer(self, peer: _Peer) -> None:
        """Warn a new connection of a failing disk."""
        if self.warning:
            self.state.write(peer, self.warning)

    def refuse_plaintext(self, peer: _Peer) -> None:
        """Close a connection without TLS, because this server requires it."""
        self.state.disconnect(peer, ErrorCode.UNEXPECTED, _TLS_REQUIRED)
        self.schedule()

    def _open_link(self, peer: _Peer, first: bytes, *, refuse: bool = False) -> None:
        """Carry a connection over a link, whose first bytes have arrived; refuse it if required."""

        def opened(link: LinkTransport) -> None:
            if peer not in self.state.connections or peer.closing:
                return
            # The peer has read nothing so far, so no hold refers to the old transport.
            assert not peer.holds
            self.state.resume_handshake(peer, self.now())
            transport, peer.transport = peer.transport, link
            transport.resume_reading()
            link.set_write_buffer_limits(*self.memory.limits)
            link.begin(transport, first)
            if refuse:
                self.refuse_plaintext(peer)

        def failed(error: BaseException) -> None:
            text = f"This server cannot load what links need: {error!r}"
            self.state.disconnect(peer, ErrorCode.UNEXPECTED, text)
            self.schedule()

        self.state.pause_handshake(peer)
        self._link_listener.accept(peer, peer.share, opened, failed)

    async def stop(self) -> None:
        """Stop accepting connections, store accepted messages, send BYE to clients, and close."""
        for server in self._servers:
            server.close()
        for socket_ in self._udp:
            socket_.shut()
        for timer in self._timers:
            timer.cancel()
        if self.tls is not None:
            self.tls.stop()
        self._stopping = True  # accept no more input, and commit without waiting for more events
        for peer in self._peers:
            # Read and discard the rest: closing a socket with unread bytes resets it and loses BYE.
            peer.discard()
        self._turn()
        if self.cluster is not None:
            await self.cluster.leave()
            self._turn()
        # Make accepted messages durable and send their events before BYE.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), timeout=LINGER)
        self.hub.shut_down()
        self._turn()
        deadline = time.monotonic() + LINGER
        while self.state.connections and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        for peer in list(self._peers):
            peer.transport.abort()
        for socket_ in self._udp:
            socket_.close()
        self._link_listener.close()
        self._passwords.close()
        if self._files is not None:
            await self._loop.run_in_executor(None, self._files.close)
        if self._writer is not None:
            await self._loop.run_in_executor(None, self._writer.close)
        self._history.close()

    # -- one turn of the loop -------------------------------------------------------------------

    def now(self) -> float:
        """Return the monotonic time, and update the hub's offset to wall-clock time."""
        now = time.monotonic()
        self.state.wall_offset = time.time() - now
        return now

    def received(self, peer: _Peer, data: bytes) -> None:
        """Pass the frames in received bytes to the hub, at once or in the connection's turn."""
        if peer.closing:
            peer.reader.ignore(data)
            return
        if self._stopping:
            return
        # Before a scheduled turn, the offset to wall-clock time has just been updated.
        now = time.monotonic() if self._scheduled else self.now()
        peer.heard = now
        self.traffic.bytes_in += len(data)
        most = SLICE
        if peer.clock <= now:
            # During a download, a client mostly sends requests for more of the file.
            if peer.transfers is None or not peer.transfers.is_sending:
                self._pacing.light_at = now
            self._is_urgent = True
        elif self._line or self._work >= BUSY_WORK or self._pacing.is_light_active(now):
            most = 0
        self._read(peer, data, most, now)
        if not self._scheduled:
            if now - self._last_turn > QUIET_SECONDS:
                self._turn()
            else:
                self.schedule()

    def _read(self, peer: _Peer, data: bytes, most: int, now: float) -> None:
        """Pass up to `most` frames of a connection to the hub, and queue the rest."""
        hub, state, reader = self.hub, self.state, peer.reader
        waiting = state.batch.weight
        permitted = hub.permitted(peer, now)
        try:
            frames = reader.feed(data, most if most < permitted else permitted)
        except PeerError as error:
            frames = list(error.frames)
            hub.receive(peer, frames, now)
            hub.protocol_error(peer, error)
        else:
            if frames:
                hub.receive(peer, frames, now)
        unread = False
        if reader.pending:
            unread = reader.unread
            if frames or not peer.partial_since:
                peer.partial_since = now
                state.partial_frames[peer] = None
        elif peer.partial_since:
            peer.partial_since = 0.0
            state.partial_frames.pop(peer, None)
        if MAX_WAITING < state.batch.weight > waiting:
            self._waiting.append(peer)
            peer.hold(_Hold.DISK_BEHIND)
        work = len(frames)
        if idle := reader.idle:
            peer.allowance -= idle
            work += idle
        self._work += work
        clock, least = peer.clock, now - LIGHT_SAVED
        clock = (clock if clock > least else least) + work / LIGHT_RATE
        peer.clock = clock if clock < now + MOST_AHEAD else now + MOST_AHEAD
        if unread or peer.allowance < 0:
            if seconds := hub.pause(peer, now, more=unread):
                peer.pause(seconds)
            elif unread and not peer.holds:
                self.line_up(peer)

    def line_up(self, peer: _Peer) -> None:
        """Queue a connection's unprocessed data, and pause reading until its turn."""
        peer.hold(_Hold.ITS_TURN)
        heappush(self._line, (peer.clock, next(self._numbers), peer))
        self.schedule()

    def _take_turns(self, now: float) -> None:
        """Process queued connections for up to `TURN_SECONDS`."""
        line, end = self._line, now + TURN_SECONDS
        is_light_active = self._pacing.is_light_active(now)
        most = SHORT_SLICE if is_light_active else SLICE
        while line and now < end and not self._stopping:
            _, _, peer = heappop(line)
            peer.holds &= ~_Hold.ITS_TURN
            if not peer.holds and peer in self.state.connections:
                if not peer.closing:
                    # The frames of an upload are the largest: 0.1 ms each.
                    is_large = is_light_active and peer.transfers is not None
                    self._read(peer, b"", 1 if is_large else most, now)
                if not peer.holds and not peer.transport.is_closing():
                    peer.transport.resume_reading()
            now = time.monotonic()

    def _is_turn(self, now: float) -> bool:
        """Return whether queued connections may be served now; otherwise a timer will tell."""
        if self._resting:
            return False
        is_committing = self._committing or bool(self.state.batch)
        if wait := self._pacing.wait(now, self._worked_at, is_committing=is_committing):
            self._resting = True
            self._loop.call_later(wait, self._rested)
        return not self._resting

    def _rested(self) -> None:
        self._resting = False
        self.schedule()

    def schedule(self) -> None:
        """Schedule a turn after the loop has read all sockets, so that output goes out together."""
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        self._last_turn = now = time.monotonic()
        self._work = 0
        is_light_active = self._pacing.is_light_active(now)
        if is_light_active:
            # A commit does not wait for heavy senders. What they send now waits for the next turn,
            # after the sockets were read: it shares a commit with what arrives meanwhile.
            self._append()
            self._commit()
        if (self._line or self.state.catching_up) and self._is_turn(now):
            self._serve_heavy(now)
        if not is_light_active:
            self._append()
            self._commit()

    def _append(self) -> None:
        """Carry out what the hub has decided, and append its proposals to a cluster's log."""
        if self.cluster is not None:
            self.cluster.append()
        self._carry_out()

    def _serve_heavy(self, now: float) -> None:
        """Serve queued connections and pending replies, for `TURN_SECONDS` each."""
        self._take_turns(now)
        self._carry_out()
        end = time.monotonic() + TURN_SECONDS
        while self.state.catching_up:
            self.hub.catch_up(lambda: time.monotonic() > end)
            self._carry_out()
            if time.monotonic() > end:
                break
        self._worked_at = time.monotonic()
        if self._line or self.state.catching_up or self.state.batch:
            self.schedule()

    def _commit(self) -> None:
        """Pass the batch to the history, unless a commit is running or more events are awaited."""
        if self._committing or self._gathering():
            return
        while not self._committing and (batch := self.hub.take_batch()) is not None:
            self._committing = True
            self._commit_began = time.monotonic()
            self._is_urgent = False
            self._idle.clear()
            if self._writer is not None:
                self._writer.put(batch)
            else:
                self._history.write([batch])
                self._finish(batch)

    def _gathering(self) -> bool:
        """Return whether to wait for more events before the next commit."""
        return not self._stopping and (
            self._reading
            or self._group_commit.is_gathering(
                len(self.state.batch.rows), is_urgent=self._is_urgent
            )
        )

    def _durable(self, batch: Batch) -> None:
        self._finish(batch)
        self._turn()

    def _finish(self, batch: Batch) -> None:
        self._committing = False
        begun = time.monotonic()
        self.traffic.commits.add(begun - self._commit_began)
        self.traffic.messages += sum(row.device != 0 for row in batch.rows)
        self.hub.commit(batch)
        if self.cluster is not None:
            self._committed_in_cluster(self.cluster, batch)
        self._carry_out()
        if self.state.attached:  # a server that starts applies old entries of a cluster's log
            self.traffic.latency.add_since([row.time for row in batch.rows], int(time.time() * 1e6))
        # `_pace` runs in the loop's next iteration, and the turn that it schedules after the sockets
        # were read: what arrived during the sending joins the next commit.
        self._reading = True
        self._pacing.sent_at = time.monotonic()
        events = len(batch.rows) + len(self.state.batch.rows)
        self._loop.call_soon(self._pace, events, begun)
        if self._waiting:
            for peer in self._waiting:
                peer.release(_Hold.DISK_BEHIND)
            self._waiting.clear()
        if not self.state.batch:
            self._idle.set()
        if self.state.catching_up:
            self.schedule()

    def _pace(self, events: int, begun: float) -> None:
        """Set the time of the next commit, one iteration of the loop after the last one was sent."""
        self._reading = False
        if self._gather_timer is not None:
            self._gather_timer.cancel()
            self._gather_timer = None
        if wait := self._group_commit.sent(events, begun, time.monotonic()):
            self._gather_timer = self._loop.call_later(wait, self._end_gathering)
        if self.state.batch:
            self.schedule()

    def _end_gathering(self) -> None:
        """Commit what has arrived.

        The timer decides, not the clock: uvloop calls it up to a millisecond early, and a batch that
        then still waited would stay until the next event.
        """
        self._gather_timer = None
        self._group_commit.end()
        self.schedule()

    def _carry_out(self) -> None:
        """Perform the hub's pending outputs."""
        traffic, written = self.traffic, 0
        for output in _join_writes(self.hub.take_effects()):
            match output:
                case Fanout(to, data):
                    traffic.bytes_out += len(data) * len(to)
                    for peer in cast("Collection[_Peer]", to):
                        peer.transport.write(data)
                case Write(connection, data):
                    # The connection may have closed since, and uvloop raises on such a write.
                    if connection in self.state.connections:
                        traffic.bytes_out += len(data)
                        written += len(data)
                        cast(_Peer, connection).transport.write(data)
                case Log():
                    self._log(output)
                case ClearHistory(room, floor):
                    self._clear(room, floor)
                case Close(connection):
                    self._part(cast(_Peer, connection))
                case CheckPassword():
                    self._passwords.put(output)
                case RunFileJob(job):
                    assert self._files is not None
                    self._files.put(job)
        if written:
            self.memory.written(self._peers, written)
            self.state.is_memory_scarce = self.memory.is_scarce
        if self.newly_stalled:
            now = time.monotonic()
            for peer in self.newly_stalled:
                if peer in self.state.connections and peer.holds & _Hold.NOT_READING:
                    self.traffic.stalls += 1
                    self.hub.stalled(peer, now)
            self.newly_stalled.clear()

    async def administer(self, request: AdminRequest) -> Any:
        """Carry out a request of the operator about accounts; return once it is durable.

        Raises:
            NetchatError: It cannot be carried out.
        """
        shared = self.state.shared
        if request.action == "list":
            return list_accounts(shared)
        self.state.begin(self.now())
        planned = plan(shared, request, self.state.time, self.state.rng)
        propose(self.state, planned.command)
        self.schedule()
        end = time.monotonic() + ADMIN_TIMEOUT
        while not planned.is_done() or self.state.batch or self._committing:
            if time.monotonic() > end:
                raise NetchatError("The server could not store the change in time; try again.")
            await asyncio.sleep(ADMIN_POLL)
        self._log(Log("accounts", {"text": f"{request.action} {request.name}".strip()}))
        return planned.answer

    def _password_checked(self, work: CheckPassword, verdict: PasswordVerdict) -> None:
        if work.connection in self.state.connections or not self._stopping:
            self.hub.password_checked(work, verdict.encoded, self.now(), is_right=verdict.is_right)
            self.schedule()

    def _clear(self, room: int, floor: int) -> None:
        if isinstance(self._history, MemoryHistory):
            self._history.clear_room(room, floor)
        elif self._writer is not None:
            self._writer.clear(room, floor)

    def _part(self, peer: _Peer) -> None:
        half_close(peer.transport)
        # close() waits until all data is sent, which never happens if the peer does not read.
        peer.linger = self._loop.call_later(LINGER, peer.transport.abort)

    # -- in a cluster ---------------------------------------------------------------------------

    def _committed_in_cluster(self, cluster: ClusterMember, batch: Batch) -> None:
        if batch.position is not None:
            cluster.stored(batch.position)
        self._has_space.set()

    async def batch_has_space(self) -> None:
        """Wait until the history has caught up with the log."""
        while self.state.batch.weight > MAX_WAITING:
            self._has_space.clear()
            await self._has_space.wait()

    async def replace_state(self, replace: Callable[[], None]) -> None:
        """Disconnect all clients, replace the history, and continue with its state.

        Args:
            replace: Replaces the history; called in the writer's thread.

        Raises:
            HistoryError: The history could not be replaced.
        """
        assert self._writer is not None
        self.hub.shut_down()
        self._carry_out()
        self.hub.take_batch()  # what it contains is in the new history, too
        await self._writer.run(replace)
        self.hub.shut_down()
        self._carry_out()
        proposals = self.state.proposals
        self._load()
        if proposals is not None and self.state.proposals is not None:
            self.state.proposals.is_available = proposals.is_available

    # -- timers and disk errors -----------------------------------------------------------------

    def _tick(self) -> None:
        self._timers = [
            t for t in self._timers if not t.cancelled() and t.when() > self._loop.time()
        ]
        # Schedule the next tick first, so that an exception in this one does not stop the timer.
        self._timers.append(self._loop.call_later(TICK_EVERY, self._tick))
        now = self.now()
        self.hub.tick(now)
        for number, peer in enumerate(self.memory.check(self._peers, now)):
            # It reads nothing, so it would not receive a reason.
            self._loop.call_later(number * ABORT_EVERY, peer.transport.abort)
        self.state.is_memory_scarce = self.memory.is_scarce
        self.schedule()

    def _purge(self, *, at_once: bool = False) -> None:
        """Delete old history; postpone deleting more than a day's worth unless `at_once`."""
        self._timers.append(self._loop.call_later(PURGE_EVERY, self._purge))
        wall = time.time()
        before = int(max((wall - self.settings.keep) * 1e6, -(2.0**62)))
        purge = Purge(self._history, before, int(wall * 1e6), at_once=at_once)
        if self._writer is not None:
            self._writer.purge(purge, self._purged)
        else:
            while purge.step():
                pass
            self._purged(purge)

    def _purged(self, purge: Purge) -> None:
        for number, feed in self.state.feeds.items():
            feed.oldest = purge.oldest.get(number, feed.oldest)
        if purge.deleted:
            self._log(Log("purged", {"text": f"Deleted {purge.deleted} old events."}))
        for problem in purge.problems:
            if problem not in self._purge_problems:
                self._purge_problems.add(problem)
                self._log(Log("storage", {"text": problem}))
        if purge.postponed and not self._told_of_postponing:
            days = (purge.before - purge.since) / DAY
            hours = (purge.due_at - purge.now) / DAY * 24
            self._log(Log("storage", {"text": _POSTPONED.format(days=days, hours=hours)}))
        self._told_of_postponing = purge.postponed

    def _on_trouble(self, error: HistoryError | None) -> None:
        """Log a failing or recovered disk, and warn all clients of a failing one."""
        if error is None:
            self.end_warning("history", "The history can be written again.")
        else:
            text = "The server cannot write its history; your messages wait until it can."
            self.warn("history", f"{error} Retrying until it works.", text)

    def warn(self, about: str, reason: str, text: str) -> None:
        """Log a problem, and warn all clients that nothing is acknowledged meanwhile.

        Args:
            about: What has the problem, for `end_warning`.
            reason: The problem, for the log.
            text: The warning.
        """
        self.note(Log("storage", {"text": reason}))
        self.warning = encode(Error(ErrorCode.STORAGE, 0, 0, text, ""))
        if about in self._warnings:
            return
        self._warnings[about] = self.warning
        for connection in self.state.connections:
            if connection.session is not None:
                self.state.write(connection, self.warning)
        self.schedule()

    def end_warning(self, about: str, text: str) -> None:
        """Log the end of a problem, and tell all clients if it was the last one."""
        if self._warnings.pop(about, None) is None:
            return
        self.warning = next(iter(self._warnings.values()), b"")
        self.note(Log("storage", {"text": text}))
        if not self._warnings:
            restored = encode(Error(ErrorCode.STORAGE_RESTORED, 0, 0, _RESTORED, ""))
            for connection in self.state.connections:  # also those that were warned before HELLO
                self.state.write(connection, restored)
            self.schedule()

    def moderate(self, request: Moderate, answer: Callable[[str], None]) -> None:
        """Carry out a moderator's action for the operator of the server.

        Args:
            request: The action.
            answer: Called with what is wrong, or an empty string.
        """
        self.state.begin(self.now())
        operate(self.state, request, answer)
        self.schedule()

    def audit(self, count: int) -> list[AuditRow]:
        """Return the last moderators' actions, newest first.

        Raises:
            HistoryError: The history is damaged.
        """
        return self._history.audit(count)

    def links(self) -> LinkSums:
        """Return the counters of all links, open and closed."""
        return self.link_totals.read(peer.transport for peer in self._peers)

    def problem(self) -> str:
        """Return why the server cannot store and deliver messages now, or an empty string."""
        if self._stopping:
            return "the server is stopping"
        if not self._servers:
            return "the server is starting"
        if "history" in self._warnings:
            return "the history cannot be written"
        proposals = self.state.proposals
        if proposals is not None and not (proposals.has_joined and proposals.is_available):
            return "the log of the cluster cannot be written"
        return ""

    def note(self, entry: Log) -> None:
        """Add an entry to the log."""
        self._log(entry)


def _join_writes(effects: Iterable[Effect]) -> Iterator[Effect]:
    """Join consecutive writes to a connection, because each write is a system call."""
    for recipient, group in itertools.groupby(effects, _recipient):
        if recipient is None:
            yield from group
        else:
            yield Write(recipient, b"".join([cast(Write, write).data for write in group]))


def _recipient(effect: Effect) -> Connection | None:
    return effect.to if type(effect) is Write else None


def _limit_send_buffer(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
