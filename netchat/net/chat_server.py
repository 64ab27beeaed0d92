"""The chat server on asyncio: carries bytes between sockets, the hub and the history."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import time
from collections.abc import Callable, Collection
from enum import IntFlag
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Protocol, cast

from netchat.chat.hub import Hub
from netchat.chat.model.connection import Close, Connection, Fanout, Log, Write
from netchat.chat.persistence import Batch
from netchat.chat.settings import Settings
from netchat.errors import BadMagic, HistoryError, PeerError
from netchat.link.sync_marker import starts_like_link
from netchat.net.half_close import half_close
from netchat.net.history.history_writer import HistoryWriter
from netchat.net.history.memory_history import MemoryHistory
from netchat.net.history.purge import DAY, Purge
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.net.link.stream_listener import StreamLinkListener
from netchat.net.traffic import Traffic
from netchat.net.transport_shim import TransportShim
from netchat.wire import Error, ErrorCode, Frame, FrameReader, encode

if TYPE_CHECKING:
    from netchat.net.link.transport import LinkTransport
    from netchat.net.udp.server import UdpServer

__all__ = ["ChatServer", "Reader"]

#: Bytes of a connection's send buffer in the kernel. A reader that stops would hide 4 MB there
#: with the default, and the server would learn of it that much too late. Not less than a segment of
#: the loopback (64 KiB): one that does not fit is sent in halves, and each waits 40 ms for its
#: delayed acknowledgement (1.6 MB/s instead of 500, measured with 32 KiB).
SEND_BUFFER = 64 * 1024

#: Unsent bytes of one connection at which the server stops pushing to it, and resumes.
HIGH_WATER, LOW_WATER = 256 * 1024, 64 * 1024

#: Bytes of events that wait for the disk at which those who send are read no further.
MAX_WAITING = 4 * 1024 * 1024

#: Seconds that one turn of the loop spends on what waits in line, and on answers that are owed.
TURN_SECONDS = 0.0005

#: Frames that it handles before those who send much have to wait in line: a millisecond's work.
BUSY_WORK = 64

#: Frames of one connection that are handled before it is another one's turn.
SLICE = 16

#: Frames a second up to which a connection does not wait in line, and seconds that it saves up.
LIGHT_RATE, LIGHT_SAVED = 300.0, 0.3

#: The most seconds that a connection's clock is ahead for what it has sent.
MOST_AHEAD = 10.0

#: Seconds of rest after a turn with connections in line, if a light one was read that lately: the
#: system then lets this process, and those it serves, run when they want to.
REST_SECONDS, LATELY = 0.002, 0.1

#: A busy server lets a commit gather for as long: until as many events wait as came during the last
#: commit and the one before it, but no longer than this. One commit and one send a member then
#: serve twice as many messages. A server is busy from this many events a commit on.
GATHER_SECONDS = 0.002
GATHER_FROM = 16
GATHER_MOST = 256

#: A commit whose events took longer than this to send is followed by a pause as long.
COSTLY_SECONDS = 0.001

#: What arrives after so long a silence is passed on at once; else it waits until this turn of the
#: loop has read everybody, so that all of it goes out together.
QUIET_SECONDS = 0.002

#: Seconds between two ticks of the hub.
TICK_EVERY = 0.25

#: Seconds that a closing connection has to take in what was written to it.
LINGER = 5.0

#: Tries to find a port that is free for TCP and for UDP.
FREE_PORT_TRIES = 10

#: Seconds between two deletions of old history.
PURGE_EVERY = 600.0

#: Seconds that a purge of more than a day's worth waits: time to notice that the clock is wrong.
PURGE_WAIT = 86_400.0


_POSTPONED = (
    "By this machine's clock, {days:.0f} days of history have become older than --keep. They are "
    "deleted in a day, unless the clock is set back by then; --purge-now deletes them at the start."
)


class _Hold(IntFlag):
    """Why a connection is not read."""

    TOO_FAST = 1
    NOT_READING = 2
    DISK_BEHIND = 4
    OPENING_LINK = 8
    ITS_TURN = 16


class Reader(Protocol):
    """Cuts what a connection brings into frames, as `FrameReader` does."""

    #: Units of work since the last call of `feed` that brought no frame, and count like one.
    idle: int

    @property
    def pending(self) -> int:
        """More than 0 while something has begun to arrive that is not complete yet."""

    @property
    def unread(self) -> bool:
        """Whether `feed` has stopped at its limit: call it again, if only with nothing."""

    def feed(self, data: bytes, most: int) -> list[Frame]:
        """Take the next bytes; up to `most` of the frames they complete, the rest with later calls.

        Raises:
            PeerError: something is wrong in the bytes that were looked at.
        """

    def ignore(self, data: bytes) -> None:
        """Take bytes that arrive after the peer was told goodbye."""


class _Peer(Connection, asyncio.Protocol):
    """One connection: of TCP, of a WebSocket, or a link over UDP."""

    __slots__ = ("clock", "reader", "server", "transport")

    def __init__(self, server: ChatServer, reader: Reader) -> None:
        super().__init__()
        self.server = server
        self.reader = reader
        self.clock = 0.0  # when it would have sent so much at LIGHT_RATE (virtual clock)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit from asyncio's.
        self.transport = transport = cast(asyncio.Transport, transport)
        # A peer that has reset the connection by now has no address any more.
        host, port = (transport.get_extra_info("peername") or ("?", 0))[:2]
        self.address = f"{host}:{port}"
        sock = transport.get_extra_info("socket")
        if sock is not None:  # a link over UDP has none of its own
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            transport.set_write_buffer_limits(HIGH_WATER, LOW_WATER)
        self.server.hub.connect(self, self.server.now())
        if self.server.warning:
            self.server.hub.write(self, self.server.warning)
        self.server.schedule()

    def data_received(self, data: bytes) -> None:
        self.server.received(self, data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        self.server.hub.lost(self, self.server.now())
        self.server.schedule()

    def pause_writing(self) -> None:
        self.server.newly_stalled.append(self)
        self.hold(_Hold.NOT_READING)

    def resume_writing(self) -> None:
        self.release(_Hold.NOT_READING)
        self.server.hub.drained(self)
        self.server.schedule()

    def hold(self, why: _Hold) -> None:
        """Read no further, for one reason more."""
        if not self.holds and not self.transport.is_closing():
            self.transport.pause_reading()
        self.holds |= why

    def release(self, why: _Hold) -> None:
        """One reason less not to read."""
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
        """Read on, whatever the reasons not to, since what comes no longer matters."""
        if self.holds and not self.transport.is_closing():
            self.holds = 0
            self.transport.resume_reading()


def _may_be_link(peer: _Peer, data: bytes) -> bool:
    """Whether a connection may turn out to be a link: not one of a WebSocket, nor a link itself."""
    plain = isinstance(peer.reader, FrameReader) and not isinstance(peer.transport, TransportShim)
    return plain and peer.session is None and starts_like_link(data)


class ChatServer:
    """A chat server.

    Args:
        history: where events are kept.
        settings: limits and times.
        log: called with each note of what happens.

    Attributes:
        hub: the rules, and the state of the chat.
        warning: the frame that tells who connects that the disk fails; empty while it works.
        traffic: what it has carried.
    """

    def __init__(
        self,
        history: SqliteHistory | MemoryHistory,
        settings: Settings,
        log: Callable[[Log], None],
    ) -> None:
        self.settings = settings
        self.newly_stalled: list[_Peer] = []
        self._history = history
        self._log = log
        self._scheduled = False
        self._stopping = False
        self._last_turn = 0.0
        self._work = 0  # frames that were handled in this turn
        # Who has sent what was not looked at yet; the one that has sent least lately comes first.
        self._line: list[tuple[float, int, _Peer]] = []
        self._numbers = itertools.count()
        self._light_at = 0.0  # when one was read that does not have to wait
        self._resting = False
        self._committing = False
        self._gather_rows = 0
        self._gather_until = 0.0
        self._waiting: list[_Peer] = []
        self._postponed_at: float | None = None
        self._purge_problems: set[str] = set()
        self.warning = b""
        self.traffic = Traffic()
        self._idle = asyncio.Event()
        self._idle.set()
        now = time.monotonic()
        self.hub = Hub(settings, history, history.load(), now, time.time() - now)
        self._loop = asyncio.get_running_loop()
        self._writer = (
            HistoryWriter(history, self._loop, self._durable, self._on_trouble)
            if isinstance(history, SqliteHistory)
            else None
        )
        self._link_listener = StreamLinkListener(self._loop)
        self._servers: list[asyncio.Server] = []
        self._udp: list[UdpServer] = []
        self._timers: list[asyncio.TimerHandle] = []

    async def start(
        self, host: str | None, port: int, *, udp: bool = False
    ) -> list[tuple[str, int]]:
        """Listen.

        Args:
            host: address to listen on; None is every address of this machine.
            port: TCP port; 0 takes a free one.
            udp: listen for links on the UDP port of the same number, too.

        Returns:
            The addresses and ports that are listened on.

        Raises:
            OSError: one of them is taken.
        """
        if udp:
            await self._link_listener.prepare()
        tries = 1 if port or not udp else FREE_PORT_TRIES
        while True:
            tries -= 1
            server = await self._loop.create_server(
                self._peer, host, port, backlog=4096, reuse_address=True
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
        self._servers.append(server)
        self._tick()
        if self.settings.keep:
            self._purge(at_once=self.settings.purge_now)
        return [s.getsockname()[:2] for s in server.sockets]

    def adopt(self, transport: asyncio.Transport, reader: Reader) -> asyncio.Protocol:
        """Take a connection that was made elsewhere, and that carries frames in a way of its own.

        Args:
            transport: where frames are written to.
            reader: what makes frames of the bytes that arrive.

        Returns:
            The protocol to hand those bytes to.
        """
        peer = _Peer(self, reader)
        peer.connection_made(transport)
        return peer

    async def _listen_udp(self, addresses: list[tuple[Any, ...]]) -> None:
        from netchat.net.udp.server import listen_udp

        most = self.settings.max_users + self.settings.max_half_open
        self._udp = await listen_udp(
            addresses,
            most,
            self._peer,
            code=self._link_listener.loader,
            work=self._link_listener.work,
        )

    def _peer(self) -> _Peer:
        return _Peer(self, FrameReader(self.settings.max_frame))

    async def stop(self) -> None:
        """Take no more connections, write what was accepted, tell the clients, and end."""
        for server in self._servers:
            server.close()
        for socket_ in self._udp:
            socket_.shut()
        for timer in self._timers:
            timer.cancel()
        self._stopping = True  # takes nothing more, and lets no commit gather any more
        for connection in self.hub.connections:
            # What else has arrived is thrown away: a socket that is closed over unread bytes is
            # reset, and the goodbye lost.
            cast(_Peer, connection).discard()
        self._turn()
        # What was read is made durable, and its echo sent, before anybody is told goodbye.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), timeout=LINGER)
        self.hub.shut_down()
        self._turn()
        deadline = time.monotonic() + LINGER
        while self.hub.connections and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        for peer in list(self.hub.connections):
            assert isinstance(peer, _Peer)
            peer.transport.abort()
        for socket_ in self._udp:
            socket_.close()
        self._link_listener.close()
        if self._writer is not None:
            await self._loop.run_in_executor(None, self._writer.close)
        self._history.close()

    # -- one turn of the loop -------------------------------------------------------------------

    def now(self) -> float:
        """Return the time on a clock that does not jump, and tell the hub the time of day."""
        now = time.monotonic()
        self.hub.wall_offset = time.time() - now
        return now

    def received(self, peer: _Peer, data: bytes) -> None:
        """Bytes have arrived: give frames they complete to the hub, at once or in their turn."""
        if peer.closing:
            peer.reader.ignore(data)
            return
        if self._stopping:
            return
        now = self.now()
        peer.heard = now
        self.traffic.bytes_in += len(data)
        if peer.clock <= now:
            self._light_at = now
            at_once = True
        else:
            at_once = not self._line and self._work < BUSY_WORK
        self._read(peer, data, SLICE if at_once else 0, now)
        if not self._scheduled:
            if now - self._last_turn > QUIET_SECONDS:
                self._turn()
            else:
                self.schedule()

    def _read(self, peer: _Peer, data: bytes, most: int, now: float) -> None:
        """Give some of a connection's frames to the hub, and see to it that the rest has its turn."""
        hub, reader = self.hub, peer.reader
        try:
            frames = reader.feed(data, min(most, hub.permitted(peer, now)))
        except PeerError as error:
            frames = list(error.frames)
            hub.receive(peer, frames, now)
            if not peer.closing:
                if isinstance(error, BadMagic) and _may_be_link(peer, data):
                    self._let_link_in(peer, data)
                else:
                    hub.protocol_error(peer, error)
        else:
            hub.receive(peer, frames, now)
        peer.allowance -= reader.idle
        if reader.pending:
            if frames or not peer.partial_since:
                peer.partial_since = now
                hub.partials[peer] = None
        elif peer.partial_since:
            peer.partial_since = 0.0
            hub.partials.pop(peer, None)
        if hub.batch.weight > MAX_WAITING:
            self._waiting.append(peer)
            peer.hold(_Hold.DISK_BEHIND)
        work = len(frames) + reader.idle
        self._work += work
        clock, least = peer.clock, now - LIGHT_SAVED
        clock = (clock if clock > least else least) + work / LIGHT_RATE
        peer.clock = clock if clock < now + MOST_AHEAD else now + MOST_AHEAD
        unread = reader.unread
        if unread or peer.allowance < 0:
            if seconds := hub.pause(peer, now, more=unread):
                peer.hold(_Hold.TOO_FAST)
                self._loop.call_later(seconds, peer.release, _Hold.TOO_FAST)
            elif unread and not peer.holds:
                self.line_up(peer)

    def line_up(self, peer: _Peer) -> None:
        """Look at the rest of what a connection has sent when it is its turn; read no more before."""
        peer.hold(_Hold.ITS_TURN)
        heappush(self._line, (peer.clock, next(self._numbers), peer))
        self.schedule()

    def _take_turns(self, now: float) -> None:
        """Go on with those who are in line, for a while."""
        line, end = self._line, now + TURN_SECONDS
        while line and now < end and not self._stopping:
            _, _, peer = heappop(line)
            peer.holds &= ~_Hold.ITS_TURN
            if not peer.holds and peer in self.hub.connections:
                if not peer.closing:
                    self._read(peer, b"", SLICE, now)
                if not peer.holds and not peer.transport.is_closing():
                    peer.transport.resume_reading()
            now = time.monotonic()

    def _rest(self, now: float) -> None:
        """Go on with what is left to do at once, or, while light connections are there, a bit later."""
        if now - self._light_at < LATELY:
            self._resting = True
            self._loop.call_later(REST_SECONDS, self._rested)
        else:
            self.schedule()

    def _rested(self) -> None:
        self._resting = False
        self.schedule()

    def _let_link_in(self, peer: _Peer, data: bytes) -> None:
        """What has arrived first is no frame, but the beginning of a link."""

        def opened(link: LinkTransport) -> None:
            if peer in self.hub.connections and not peer.closing:
                peer.release(_Hold.OPENING_LINK)
                transport, peer.transport = peer.transport, link
                peer.reader = FrameReader(self.settings.max_frame)
                link.begin(transport, data)

        peer.hold(_Hold.OPENING_LINK)
        self._link_listener.accept(peer, opened)

    def schedule(self) -> None:
        """Have one turn when this turn of the loop is over, so that what it brought goes together."""
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        self._last_turn = now = time.monotonic()
        self._work = 0
        if self._line and not self._resting:
            self._take_turns(now)
        self._carry_out()
        if self.hub.catching_up and not self._resting:
            end = time.monotonic() + TURN_SECONDS
            self.hub.catch_up(lambda: time.monotonic() > end)
            self._carry_out()
        if (self._line or self.hub.catching_up) and not self._resting:
            self._rest(now)
        if self._committing or self._gathering():
            return
        while not self._committing and (batch := self.hub.take_batch()) is not None:
            self._committing = True
            self._idle.clear()
            if self._writer is not None:
                self._writer.put(batch)
            else:
                self._history.write([batch])
                self._finish(batch)

    def _pace(self, under_way: int, begun: float, now: float) -> None:
        """Say what the next commit waits for, from how many events this one and it have.

        Where few events cost much (many members), it waits as long as sending them has taken, so
        that sending never takes more than half of the time while others wait to be read.
        """
        if under_way >= GATHER_FROM:
            self._gather_rows, wait = min(under_way, GATHER_MOST), GATHER_SECONDS
        elif now - begun > COSTLY_SECONDS:
            self._gather_rows, wait = GATHER_MOST, min(now - begun, GATHER_SECONDS)
        else:
            self._gather_rows = 0
            return
        self._gather_until = now + wait
        self._loop.call_later(wait, self.schedule)

    def _gathering(self) -> bool:
        """Whether to wait for more events before the next commit."""
        return (
            len(self.hub.batch.rows) < self._gather_rows
            and time.monotonic() < self._gather_until
            and not self._stopping
        )

    def _durable(self, batch: Batch) -> None:
        self._finish(batch)
        self._turn()

    def _finish(self, batch: Batch) -> None:
        self._committing = False
        begun = time.monotonic()
        self.traffic.messages += sum(row.device != 0 for row in batch.rows)
        self.hub.commit(batch)
        self._carry_out()
        self._pace(len(batch.rows) + len(self.hub.batch.rows), begun, time.monotonic())
        if self._waiting:
            for peer in self._waiting:
                peer.release(_Hold.DISK_BEHIND)
            self._waiting.clear()
        if not self.hub.batch:
            self._idle.set()
        if self.hub.catching_up:
            self.schedule()

    def _carry_out(self) -> None:
        """Do what the hub asks for."""
        traffic = self.traffic
        for output in self.hub.take_outputs():
            match output:
                case Fanout(to, data):
                    traffic.bytes_out += len(data) * len(to)
                    for peer in cast("Collection[_Peer]", to):
                        peer.transport.write(data)
                case Write(connection, data):
                    # It may have been lost since the hub said so; uvloop raises on a write then.
                    if connection in self.hub.connections:
                        traffic.bytes_out += len(data)
                        cast(_Peer, connection).transport.write(data)
                case Log():
                    self._log(output)
                case Close(connection):
                    self._part(cast(_Peer, connection))
        if self.newly_stalled:
            now = time.monotonic()
            for peer in self.newly_stalled:
                if peer in self.hub.connections and peer.holds & _Hold.NOT_READING:
                    self.hub.stalled(peer, now)
            self.newly_stalled.clear()

    def _part(self, peer: _Peer) -> None:
        half_close(peer.transport)
        # close() waits until all is sent; a peer that does not read would keep it for ever.
        self._loop.call_later(LINGER, peer.transport.abort)

    # -- time, and trouble ----------------------------------------------------------------------

    def _tick(self) -> None:
        self._timers = [
            t for t in self._timers if not t.cancelled() and t.when() > self._loop.time()
        ]
        # First, so that one that fails is not the last.
        self._timers.append(self._loop.call_later(TICK_EVERY, self._tick))
        self.hub.tick(self.now())
        self.schedule()

    def _purge(self, *, at_once: bool = False) -> None:
        """Delete old history; more than a day's worth only if told to, or after a day."""
        self._timers.append(self._loop.call_later(PURGE_EVERY, self._purge))
        now, wall = self.now(), time.time()
        waited = self._postponed_at is not None and now - self._postponed_at >= PURGE_WAIT
        before = int(max((wall - self.settings.keep) * 1e6, -(2.0**62)))
        purge = Purge(self._history, before, at_once=at_once or waited)
        if self._writer is not None:
            self._writer.purge(purge, self._purged)
        else:
            while purge.step():
                pass
            self._purged(purge)

    def _purged(self, purge: Purge) -> None:
        for room in self.hub.rooms.values():
            room.oldest = purge.oldest.get(room.id, room.oldest)
        if purge.deleted:
            self._log(Log("purged", {"text": f"Deleted {purge.deleted} old events."}))
        for problem in purge.problems:
            if problem not in self._purge_problems:
                self._purge_problems.add(problem)
                self._log(Log("storage", {"text": problem}))
        if not purge.postponed:
            self._postponed_at = None
        elif self._postponed_at is None:
            self._postponed_at = time.monotonic()
            days = (purge.before - purge.since) / DAY
            self._log(Log("storage", {"text": _POSTPONED.format(days=days)}))

    def _on_trouble(self, error: HistoryError | None) -> None:
        """The disk fails, or works again: tell those who wait for it."""
        if error is None:
            self.warning = b""
            self._log(Log("storage", {"text": "The history can be written again."}))
            return
        self._log(Log("storage", {"text": f"{error} Trying again until it works."}))
        text = "The server cannot write its history; what you send waits until it can."
        self.warning = encode(Error(ErrorCode.STORAGE, 0, 0, text, ""))
        for connection in self.hub.connections:
            if connection.session is not None:
                self.hub.write(connection, self.warning)
        self.schedule()
