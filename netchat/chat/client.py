"""The client's rules, without I/O: bytes in, happenings and bytes out.

Whoever drives it connects and calls `connected`, hands it what arrives (`feed`), sends what it
wants sent (`data_to_send`), shows what happens (`take_events`), and tells it when the
connection is gone (`lost`). It keeps the delivery contract: what was said stays in the outbox
until its echo comes, and each room's events are applied in order, once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netchat import __version__
from netchat.chat.client_events import (
    ClientEvent,
)
from netchat.chat.client_handlers import HANDLERS
from netchat.chat.names import fold
from netchat.chat.outbox import ClientState
from netchat.chat.room_codes import read_code
from netchat.errors import PeerError, Unexpected
from netchat.wire import (
    Bye,
    Create,
    Event,
    Frame,
    FrameReader,
    Hello,
    History,
    Join,
    Leave,
    Message,
    Ping,
    Position,
    Private,
    Rename,
    RoomKind,
    Send,
    Who,
    decode,
    encode,
)

__all__ = ["ChatClient"]


class ChatClient:
    """One user's side of the chat.

    Args:
        name: the user name wished for.
        memory: what an earlier client left behind; a new one by default.
        software: name and version of the program.

    Attributes:
        name: the user's name.
        online: HELLO was answered with WELCOME on the present connection.
        ended: nothing more will come, and no other connection should be made.
        memory: what has to survive.
        max_text: bytes the server takes in one message.
        farewell: what the server said when it closed the last connection.
    """

    def __init__(
        self,
        name: str,
        memory: ClientState | None = None,
        software: str = f"netchat {__version__}",
    ) -> None:
        self.name = name
        self.online = False
        self.ended = False
        self.memory = memory if memory is not None else ClientState()
        self.max_text = 0
        self._software = software
        self.device = 0
        self._reader = FrameReader()
        self.out: list[bytes] = []
        self.events: list[ClientEvent] = []
        self.requests: dict[int, Message] = {}
        self._next_request = 1
        self.past: dict[int, list[Event]] = {}
        self.goodbye = b""
        self.holes: set[int] = set()
        self.farewell = ""

    # -- what the driver calls ------------------------------------------------------------------

    def connected(self) -> None:
        """A new connection to the server stands: say HELLO."""
        self._reader = FrameReader()
        self.out.clear()
        self.introduce(self.name)

    def introduce(self, name: str) -> None:
        """Say HELLO, at first or after `NameRejected`.

        Raises:
            EncodeError: no frame can carry that name.
        """
        memory = self.memory
        positions = tuple(Position(v.code, v.log, v.last) for v in memory.rooms.values())
        hello = Hello(
            0,
            memory.device_key,
            memory.token,
            name,
            self._software,
            positions if memory.token else (),
        )
        self.out.append(encode(hello))
        self.name = name

    def feed(self, data: bytes) -> None:
        """Bytes have arrived.

        Raises:
            PeerError: the server broke the protocol.
        """
        try:
            frames = self._reader.feed(data)
        except PeerError as error:
            self._take(error.frames)
            raise
        self._take(frames)

    def _take(self, frames: Sequence[Frame]) -> None:
        for frame in frames:
            message = decode(frame)
            handler = HANDLERS.get(type(message))
            if handler is None:
                raise Unexpected(f"{message.NAME} makes no sense from a server")
            handler(self, message)

    def data_to_send(self) -> bytes:
        """The bytes to be sent now."""
        data = b"".join(self.out)
        self.out.clear()
        return data

    def take_events(self) -> list[ClientEvent]:
        """What has happened since the last call, in order."""
        events, self.events = self.events, []
        return events

    def lost(self) -> None:
        """The connection is gone."""
        self.online = False
        self.out.clear()
        for view in self.memory.rooms.values():
            view.begun = view.open = False
            view.ahead.clear()
        for number in self.holes:  # the next connection begins where each room was left
            del self.requests[number], self.past[number]
        self.holes.clear()

    def ping(self) -> None:
        """Ask the server for a sign of life."""
        self.out.append(encode(Ping(0)))

    # -- what the user does ---------------------------------------------------------------------

    def say(self, room: str, text: str) -> int:
        """Say something in a room the user is in. It is kept until its echo comes.

        Returns:
            The message's counter.

        Raises:
            KeyError: the user is not in that room.
            EncodeError: no frame can carry that text.
        """
        view = self.memory.rooms[room]
        counter = self.memory.counter + 1
        send = Send(counter, room, text)
        frame = encode(send)  # before it is kept: what cannot be encoded could never leave
        self.memory.counter = counter
        self.memory.outbox[counter] = send
        if self.online and view.open:
            self.out.append(frame)
        return counter

    def tell(self, name: str, text: str) -> None:
        """Say something to one other user in private.

        Raises:
            EncodeError: no frame can carry that name or text.
        """
        for frame in (Private(0, name), Send(0, "", text)):
            encode(frame)  # before it is kept, as in `say`
        wanted = fold(name)
        for view in self.memory.rooms.values():
            if view.kind is RoomKind.PRIVATE and fold(view.peer) == wanted:
                self.say(view.code, text)
                return
        waiting = self.memory.private.setdefault(wanted, [])
        waiting.append(text)
        if len(waiting) == 1:
            self.ask(lambda request: Private(request, name))

    def join(self, code: str) -> int:
        """Ask to join a room, by its code in any form people write it."""
        room = read_code(code) or code
        return self.ask(lambda request: Join(request, 0, 0, room))

    def create(self) -> int:
        """Ask for a new room."""
        return self.ask(Create)

    def leave(self, room: str) -> int:
        """Ask to leave a room."""
        return self.ask(lambda request: Leave(request, room))

    def who(self, room: str, after: str = "") -> int:
        """Ask who is in a room."""
        return self.ask(lambda request: Who(request, room, after))

    def rename(self, name: str) -> int:
        """Ask for another user name."""
        return self.ask(lambda request: Rename(request, name))

    def history(self, room: str, count: int, before: int | None = None) -> int:
        """Ask for the last events of a room.

        Args:
            room: its code.
            count: how many.
            before: the event to end in front of; by default those that were seen are asked for.
        """
        view = self.memory.rooms.get(room)
        last = view.last if view is not None else 0
        if before is not None:
            last = min(last, before - 1)
        return self.ask(lambda request: History(request, max(1, last - count + 1), last, room))

    def bye(self, why: str = "") -> None:
        """End the session, now or as soon as there is one; `SessionEnded` follows when the server knows."""
        goodbye = encode(Bye(why))
        self.goodbye = goodbye
        if self.online:
            self.out.append(goodbye)

    @property
    def unsent(self) -> int:
        """Messages whose echo has not come yet."""
        return len(self.memory.outbox) + sum(map(len, self.memory.private.values()))

    def ask(self, make: Callable[[int], Message]) -> int:
        """Send a request; it is asked again after a reconnect, until it is answered.

        Args:
            make: makes the request of its number.

        Returns:
            That number.

        Raises:
            EncodeError: no frame can carry it.
        """
        number = self._next_request
        request = make(number)
        frame = encode(request)  # before it is kept, as in `say`
        self._next_request = number % 0xFFFFFFFF + 1
        if isinstance(request, History):
            self.past[number] = []
        self.requests[number] = request
        if self.online:
            self.out.append(frame)
        return number
