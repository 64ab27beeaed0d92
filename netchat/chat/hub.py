"""The server's rules, without I/O: frames in, outputs and batches out, time is an argument.

Whoever drives a hub does five things:
    1. tells it of connections (`connect`, `lost`), and hands it as many of their frames as each is
       `permitted` (`receive`); reads nothing more from a connection that has to `pause`;
    2. carries out what it asks for (`take_effects`);
    3. writes the batch it has collected to a history (`take_batch`), then calls `commit`: nobody
       sees an event before it is durable;
    4. tells it who does not take bytes in (`stalled`, `drained`), and lets it serve from the
       history those who fell behind (`catch_up`);
    5. calls `tick` a few times a second.
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

#: Bytes of history that one member who fell behind is sent at a time.
CATCH_UP_BYTES = 64 * 1024

#: A connection that sends too fast is told so at most this often, in seconds.
WARN_EVERY = 10.0

#: A frame counts once for each KiB that it begins, in the limit on frames a second (a shift).
FRAME_UNIT = 10

#: Answers that a connection may be owed; before it has taken some in, no more is read from it.
MAX_ASKED = 64

#: The least pause of a connection, in seconds: it goes on with more than a single frame then.
LEAST_PAUSE = 0.02


#: Type numbers that a client may send before, and after it has a session.
_FIRST = frozenset({Hello.TYPE})
_REQUESTS = frozenset(kind.TYPE for kind in HANDLERS)


class Hub(ServerState):
    """One chat server; see `State` for what it is made from."""

    # -- what the driver calls ------------------------------------------------------------------

    def connect(self, connection: Connection, now: float) -> None:
        """A peer has connected."""
        connection.heard = connection.refilled_at = now
        connection.allowance = self.settings.burst
        connection.share = share = share_of(connection.address.rpartition(":")[0])
        count = self.addresses.get(share, 0) + 1
        self.addresses[share] = count
        self.connections[connection] = None
        if not self.half_open_shares.allows(share):
            self.disconnect(
                connection, ErrorCode.BUSY, "The server is busy; try again in a moment."
            )
        elif 0 < self.settings.max_per_address < count:
            self.disconnect(
                connection, ErrorCode.BUSY, f"There are {count - 1} connections from {share}."
            )
        else:
            self.half_open[connection] = now
            self.half_open_shares.acquire(share)

    def permitted(self, connection: Connection, now: float) -> int:
        """How many frames of a connection may be handled now (token bucket)."""
        room = (
            MAX_ASKED - len(connection.pending_replies) if connection.pending_replies else MAX_ASKED
        )
        settings = self.settings
        if not settings.rate:
            connection.allowance = settings.burst
            return room
        grown = connection.allowance + (now - connection.refilled_at) * settings.rate
        connection.allowance = grown = min(grown, settings.burst)
        connection.refilled_at = now
        return min(room, int(grown)) if grown > 0 else 0

    def pause(self, connection: Connection, now: float, *, more: bool) -> float:
        """For how many seconds to read nothing from a connection; 0 if it may go on.

        Args:
            connection: the connection; frames of it have just been handled.
            now: the present.
            more: frames of it may have arrived that were not handled.
        """
        if connection.closing:
            return 0.0
        if connection.pending_replies and len(connection.pending_replies) >= MAX_ASKED:
            return LEAST_PAUSE
        rate, allowance = self.settings.rate, connection.allowance
        if not rate or allowance >= (1 if more else 0):
            return 0.0
        if now - connection.warned_at >= WARN_EVERY or not connection.warned_at:
            connection.warned_at = now
            text = f"You send more than {rate:g} frames a second; the server reads you slower."
            self.send(connection, Error(ErrorCode.TOO_FAST, 0, 0, text, ""))
            name = connection.session.name if connection.session else ""
            self.log("too fast", name=name, address=connection.address)
        return max(LEAST_PAUSE, (1 - allowance) / rate)

    def receive(self, connection: Connection, frames: Sequence[Frame], now: float) -> None:
        """Frames have arrived on a connection."""
        self.source = connection.address
        for frame in frames:
            if connection.closing:
                break
            number, body = frame
            connection.allowance -= 1 + (len(body) >> FRAME_UNIT)
            # Decided before its body is looked at.
            if number not in (_FIRST if connection.session is None else _REQUESTS):
                self._out_of_place(connection, MESSAGES[number])
                break
            try:
                self._handle(connection, decode(frame), now)
            except PeerError as error:
                self.protocol_error(connection, error)
        self.source = ""

    def protocol_error(self, connection: Connection, error: PeerError) -> None:
        """A peer has broken the protocol; nothing more of what it sends can be trusted."""
        if not connection.closing:
            self.disconnect(connection, ErrorCode.BAD_FRAME, f"{type(error).__name__}: {error}.")

    def lost(self, connection: Connection, now: float) -> None:
        """A connection is gone, whoever closed it."""
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
        """A connection's send buffer is full: push nothing to it; the history keeps its events."""
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
        """A connection takes bytes in again."""
        connection.stalled_since = 0.0
        self.stalled_connections.pop(connection, None)
        if connection.lagging_rooms or connection.pending_replies:
            self.catching_up[connection] = None

    def catch_up(self, enough: Callable[[], bool] = lambda: False) -> bool:
        """Send each member who fell behind its next events, or a large answer it is owed.

        Args:
            enough: says that the others have to wait for the next call.

        Returns:
            Whether there is more to be sent, once what was sent has been taken in.
        """
        same: dict[tuple[Room, int], tuple[bytes, int]] = {}
        for connection in list(self.catching_up):
            self.catching_up.pop(connection, None)
            if not connection.stalled_since and self._serve(connection, same):
                self.catching_up[connection] = None  # behind the others
            if enough():
                break
        return bool(self.catching_up)

    def tick(self, now: float) -> None:
        """Let time pass: give up on whom was waited for, end what is over."""
        timers.tick(self, now)

    def shut_down(self) -> None:
        """Tell every client that the server goes; their sessions stay."""
        goodbye = encode(Bye("The server is shutting down; come back in a moment."))
        for connection in self.connections:
            if not connection.closing:
                self.write(connection, goodbye)
                self.close(connection)

    def take_effects(self) -> list[Effect]:
        """What is to be done now, in order."""
        outputs, self._effects = self._effects, []
        return outputs

    def take_batch(self) -> Batch | None:
        """What is to be made durable now; None if there is nothing."""
        if not self._batch:
            return None
        batch, self._batch = self._batch, Batch()
        return batch

    def commit(self, batch: Batch) -> None:
        """A batch is durable: let everybody see it. Batches come back in the order they went."""
        for action in batch.before:
            action()
        for room, frames in batch.frames.items():
            data = b"".join(frames)
            first = room.delivered + 1
            room.delivered += len(frames)
            room.tail.add(first, room.delivered, data)
            if room.live:
                self._effects.append(Fanout(list(room.live), data))
        self._serve_parting()
        for action in batch.after:
            action()

    # -- inside ---------------------------------------------------------------------------------

    def _out_of_place(self, connection: Connection, kind: type[Message]) -> None:
        if connection.session is None:
            text = f"The first frame must be HELLO, not {kind.NAME}."
        else:
            why = "again" if kind is Hello else "from a client"
            text = f"{kind.NAME} makes no sense {why}."
        self.disconnect(connection, ErrorCode.UNEXPECTED, text)

    def _handle(self, connection: Connection, message: Message, now: float) -> None:
        session = connection.session
        if session is None:
            assert isinstance(message, Hello)
            hello(self, connection, message, now)
            return
        if session.previous and not isinstance(message, Ping | Pong):
            # Anything the client asks for proves that the WELCOME with the new token has arrived.
            # A sign of life does not: it is sent while WELCOME is waited for, too.
            self.by_token.pop(session.previous, None)
            session.previous = b""
            self.save_session(session)
        HANDLERS[type(message)](self, connection, session, message, now)

    def _serve(
        self, connection: Connection, same: dict[tuple[Room, int], tuple[bytes, int]]
    ) -> bool:
        """Send a connection one piece of what it is owed; False when that was all.

        `same` are the pieces others were sent in this round: who fell behind together is served
        from one read.
        """
        lagging = connection.lagging_rooms
        while lagging:
            room, last = next(iter(lagging.items()))
            if last < room.delivered:
                if (room, last) not in same:
                    same[room, last] = self._behind(room, last)
                data, lagging[room] = same[room, last]
                self.write(connection, data)
                return True
            del lagging[room]
            room.live[connection] = None
        connection.lagging_rooms = None
        if connection.pending_replies:
            connection.pending_replies.popleft()()
        return bool(connection.pending_replies)

    def _serve_parting(self) -> None:
        """Send those who are about to leave a room what they still lack of it, if it is not much.

        Their own last messages are in it if they have joined, spoken and left in one batch.
        """
        for connection, rooms in self.leaving.items():
            lagging, left = connection.lagging_rooms or {}, CATCH_UP_BYTES
            for room in rooms:
                while (
                    lagging.get(room, room.delivered) < room.delivered
                    and not connection.stalled_since
                    and left > 0
                ):
                    data, lagging[room] = self._behind(room, lagging[room])
                    self.write(connection, data)
                    left -= len(data)

    def _behind(self, room: Room, last: int) -> tuple[bytes, int]:
        """Some of the frames that follow `last` in a room, and the last one's number."""
        found = room.tail.after(last)
        if found is not None:
            return found
        frames, first = self.read_events(room, last + 1, room.delivered, CATCH_UP_BYTES)
        if not frames:  # purged or damaged: the client sees the hole by the next number
            return b"", room.delivered
        return b"".join(frames), first + len(frames) - 1
