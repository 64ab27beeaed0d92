"""Sans-I/O chat server: frames in, effects and batches out; the time is an argument.

The driver of a hub (`netchat.net.chat_server`, or a test) does five things:
    1. It reports connections (`connect`, `lost`) and passes their frames to `receive`, as many as
       `permitted` allows. It does not read from a connection for as long as `pause` returns.
    2. It carries out the effects (`take_effects`).
    3. It writes each batch (`take_batch`) to a history, then calls `commit`: an event is sent only
       once it is durable.
    4. It reports connections that stop reading (`stalled`, `drained`), and calls `catch_up` to
       serve lagging connections from the history.
    5. It calls `tick` a few times per second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netchat.chat import timers
from netchat.chat.effects import Effect, Fanout
from netchat.chat.fair_shares import share_of
from netchat.chat.handshake import hello
from netchat.chat.model import Connection, Room
from netchat.chat.persistence import (
    Batch,
)
from netchat.chat.server_handlers import HANDLERS
from netchat.chat.server_state import ServerState
from netchat.errors import PeerError
from netchat.wire import (
    MESSAGES,
    Bye,
    Error,
    ErrorCode,
    Frame,
    Hello,
    Message,
    Ping,
    Pong,
    decode,
    encode,
)

__all__ = ["Hub"]

#: Bytes of history that a lagging connection is sent at a time.
CATCH_UP_BYTES = 64 * 1024

#: Minimum time between two warnings that a connection sends too fast, in seconds.
WARNING_INTERVAL = 10.0

#: log2 of the bytes for which a frame costs one more in the rate limit: 1 KiB.
FRAME_UNIT = 10

#: Replies that a connection may have pending; at this number, the server stops reading from it.
MAX_PENDING_REPLIES = 64

#: Shortest pause of a connection, in seconds, so that several frames are handled after it.
MIN_PAUSE = 0.02

#: Type numbers that a client may send before and after it has a session.
_FIRST = frozenset({Hello.TYPE})
_REQUESTS = frozenset(kind.TYPE for kind in HANDLERS)


class Hub(ServerState):
    """Sans-I/O chat server; see `ServerState` for its arguments and attributes."""

    # -- called by the driver -------------------------------------------------------------------

    def connect(self, connection: Connection, now: float) -> None:
        """Register a new connection."""
        connection.heard = connection.refilled_at = now
        connection.allowance = self.settings.burst
        connection.share = share = share_of(connection.address.rpartition(":")[0])
        count = self.addresses.get(share, 0) + 1
        self.addresses[share] = count
        self.connections[connection] = None
        if not self.half_open_shares.allows(share):
            text = "The server is busy; try again in a moment."
            self.disconnect(connection, ErrorCode.BUSY, text)
        elif 0 < self.settings.max_per_address < count:
            text = f"There are already {count - 1} connections from {share}; close one."
            self.disconnect(connection, ErrorCode.BUSY, text)
        else:
            self.half_open[connection] = now
            self.half_open_shares.acquire(share)

    def permitted(self, connection: Connection, now: float) -> int:
        """Return the number of frames of a connection that may be handled now (token bucket)."""
        # Replies to repeated messages are added once a batch is durable, beyond the limit.
        free = max(0, MAX_PENDING_REPLIES - len(connection.pending_replies or ()))
        settings = self.settings
        if not settings.rate:
            connection.allowance = settings.burst
            return free
        grown = connection.allowance + (now - connection.refilled_at) * settings.rate
        connection.allowance = grown = min(grown, settings.burst)
        connection.refilled_at = now
        return min(free, int(grown)) if grown > 0 else 0

    def pause(self, connection: Connection, now: float, *, more: bool) -> float:
        """Return for how many seconds not to read from a connection; 0 to continue.

        Args:
            connection: A connection whose frames have just been handled.
            now: The current time, in seconds.
            more: Whether received frames may be waiting.
        """
        if connection.closing:
            return 0.0
        if connection.pending_replies and len(connection.pending_replies) >= MAX_PENDING_REPLIES:
            return MIN_PAUSE
        rate, allowance = self.settings.rate, connection.allowance
        if not rate or allowance >= (1 if more else 0):
            return 0.0
        if now - connection.warned_at >= WARNING_INTERVAL or not connection.warned_at:
            connection.warned_at = now
            text = f"You send more than {rate:g} frames per second; the server is throttling you."
            self.send(connection, Error(ErrorCode.TOO_FAST, 0, 0, text, ""))
            name = connection.session.name if connection.session else ""
            self.log("too fast", name=name, address=connection.address)
        return max(MIN_PAUSE, (1 - allowance) / rate)

    def receive(self, connection: Connection, frames: Sequence[Frame], now: float) -> None:
        """Handle frames received on a connection."""
        self.source = connection.address
        for frame in frames:
            if connection.closing:
                break
            number, body = frame
            connection.allowance -= 1 + (len(body) >> FRAME_UNIT)
            # Checked before the body is decoded.
            if number not in (_FIRST if connection.session is None else _REQUESTS):
                self._refuse_type(connection, MESSAGES[number])
                break
            try:
                self._handle(connection, decode(frame), now)
            except PeerError as error:
                self.protocol_error(connection, error)
        self.source = ""

    def protocol_error(self, connection: Connection, error: PeerError) -> None:
        """Disconnect a peer that broke the protocol."""
        if not connection.closing:
            self.disconnect(connection, ErrorCode.BAD_FRAME, f"{type(error).__name__}: {error}.")

    def lost(self, connection: Connection, now: float) -> None:
        """Handle the end of a connection, closed by either peer."""
        if connection not in self.connections:
            return
        del self.connections[connection]
        self.addresses[connection.share] -= 1
        if not self.addresses[connection.share]:
            del self.addresses[connection.share]
        self.end_handshake(connection)
        for register in (self.partial_frames, self.stalled_connections, self.catching_up):
            register.pop(connection, None)
        session = connection.session
        self.detach(connection)
        if session is not None and self.sessions.get(session.id) is session:
            session.away_since = now
            self.away[session] = None
            self.log("away", name=session.name, address=connection.address)

    def stalled(self, connection: Connection, now: float) -> None:
        """Stop sending events to a connection whose send buffer is full."""
        connection.stalled_since = now
        self.stalled_connections[connection] = None
        session = connection.session
        if session is None:
            return
        if connection.lagging_rooms is None:
            connection.lagging_rooms = {}
        for room in session.rooms.values():
            if connection in room.live:
                del room.live[connection]
                connection.lagging_rooms[room] = room.delivered

    def drained(self, connection: Connection) -> None:
        """Let a connection that reads again catch up."""
        connection.stalled_since = 0.0
        self.stalled_connections.pop(connection, None)
        if connection.lagging_rooms or connection.pending_replies:
            self.catching_up[connection] = None

    def catch_up(self, enough: Callable[[], bool] = lambda: False) -> bool:
        """Send each lagging connection its next events, or its next pending reply.

        Args:
            enough: Returns True to leave the remaining connections to the next call.

        Returns:
            Whether more is left to send, once the peers have read this.
        """
        same: dict[tuple[Room, int], tuple[bytes, int]] = {}
        for connection in list(self.catching_up):
            self.catching_up.pop(connection, None)
            if not connection.stalled_since and self._serve(connection, same):
                self.catching_up[connection] = None  # at the end of the queue
            if enough():
                break
        return bool(self.catching_up)

    def tick(self, now: float) -> None:
        """Handle expired timers."""
        timers.tick(self, now)

    def shut_down(self) -> None:
        """Send BYE to every client and close the connections; the sessions stay."""
        goodbye = encode(Bye("The server is shutting down; reconnect in a moment."))
        for connection in self.connections:
            if not connection.closing:
                self.write(connection, goodbye)
                self.close(connection)

    def take_effects(self) -> list[Effect]:
        """Return the effects to carry out now, in order."""
        effects, self._effects = self._effects, []
        return effects

    def take_batch(self) -> Batch | None:
        """Return the batch to make durable now, or None if it is empty."""
        if not self._batch:
            return None
        batch, self._batch = self._batch, Batch()
        return batch

    def commit(self, batch: Batch) -> None:
        """Send the events of a durable batch. Batches must be committed in their order."""
        for action in batch.before:
            action()
        for room, frames in batch.frames.items():
            data = b"".join(frames)
            first = room.delivered + 1
            room.delivered += len(frames)
            room.tail.add(first, room.delivered, data)
            if room.live:
                self._effects.append(Fanout(list(room.live), data))
        self._serve_leaving()
        for action in batch.after:
            action()

    # -- internal -------------------------------------------------------------------------------

    def _refuse_type(self, connection: Connection, kind: type[Message]) -> None:
        if connection.session is None:
            text = f"The first frame must be HELLO, not {kind.NAME}."
        else:
            text = (
                "HELLO must be sent only once per connection."
                if kind is Hello
                else f"{kind.NAME} must not be sent by a client."
            )
        self.disconnect(connection, ErrorCode.UNEXPECTED, text)

    def _handle(self, connection: Connection, message: Message, now: float) -> None:
        session = connection.session
        if session is None:
            assert isinstance(message, Hello)
            hello(self, connection, message, now)
            return
        if session.previous and not isinstance(message, Ping | Pong):
            # A request proves that the client has the new token. PING and PONG prove nothing: a
            # client also sends them while it waits for WELCOME.
            self.by_token.pop(session.previous, None)
            session.previous = b""
            self.save_session(session)
        HANDLERS[type(message)](self, connection, session, message, now)

    def _serve(
        self, connection: Connection, same: dict[tuple[Room, int], tuple[bytes, int]]
    ) -> bool:
        """Send a lagging connection its next events or reply; return whether more is left.

        Args:
            connection: The connection.
            same: Events already read in this round, by room and last event. Connections that lag
                by the same amount share one read of the history.
        """
        lagging = connection.lagging_rooms
        while lagging:
            room, last = next(iter(lagging.items()))
            behind = last < room.delivered
            if behind:
                if (room, last) not in same:
                    same[room, last] = self._next_events(room, last)
                data, last = same[room, last]
                self.write(connection, data)
            if last < room.delivered:
                lagging[room] = last
                return True
            # In the same round: by the next one, a busy room would be ahead again, and the rooms
            # after it would never be served.
            del lagging[room]
            room.live[connection] = None
            if behind and (lagging or connection.pending_replies):
                return True
        connection.lagging_rooms = None
        if connection.pending_replies:
            connection.pending_replies.popleft()()
        return bool(connection.pending_replies)

    def _serve_leaving(self) -> None:
        """Send connections that are leaving a room its remaining events, up to a limit.

        These include a user's own messages if joining, sending and leaving share one batch.
        """
        for connection, rooms in self.leaving.items():
            lagging, left = connection.lagging_rooms or {}, CATCH_UP_BYTES
            for room in rooms:
                while (
                    lagging.get(room, room.delivered) < room.delivered
                    and not connection.stalled_since
                    and left > 0
                ):
                    data, lagging[room] = self._next_events(room, lagging[room])
                    self.write(connection, data)
                    left -= len(data)

    def _next_events(self, room: Room, last: int) -> tuple[bytes, int]:
        """Return the next frames after event `last` of a room, and the last one's number."""
        found = room.tail.after(last, CATCH_UP_BYTES)
        if found is not None:
            return found
        frames, first = self.read_events(room, last + 1, room.delivered, CATCH_UP_BYTES)
        if not frames:  # purged or damaged: the client sees the gap at the next sequence number
            return b"", room.delivered
        return b"".join(frames), first + len(frames) - 1
