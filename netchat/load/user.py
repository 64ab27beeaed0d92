"""User of the crowd: a protocol that connects, joins, resumes, and may send."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, cast

from netchat.chat.credentials import DEVICE_KEY_SIZE, device_id
from netchat.errors import CannotConnect, PeerError, Refused, Unexpected
from netchat.load.event_log import EventLog
from netchat.load.member import NOWHERE, MemberCheck
from netchat.load.sequence_check import SenderCheck, make_text
from netchat.net.backoff import Backoff
from netchat.net.transport_shim import no_delay
from netchat.version import __version__
from netchat.wire import (
    AccountStatus,
    Ack,
    BanList,
    Bye,
    Chunk,
    Devices,
    Error,
    ErrorCode,
    Event,
    Feature,
    Found,
    Hello,
    HistoryEnd,
    Join,
    Joined,
    Left,
    Membership,
    Message,
    Moderated,
    Ping,
    Pong,
    Position,
    Read,
    Renamed,
    RoomState,
    Roster,
    SealedEvent,
    Send,
    Servers,
    UploadState,
    Welcome,
    encode,
)
from netchat.wire.reader import http_problem

__all__ = ["HANDLERS", "User", "UserGroup"]

#: Refusals that are final: retrying does not help.
_FINAL = {
    ErrorCode.SERVER_FULL,
    ErrorCode.NO_SUCH_ROOM,
    ErrorCode.NAME_TAKEN,
    ErrorCode.NAME_NOT_ALLOWED,
    ErrorCode.TOO_MANY_ROOMS,
    ErrorCode.REMOVED,
    ErrorCode.BANNED,
    ErrorCode.LOCKED,
}


class UserGroup(Protocol):
    """Interface of a group of users: shared settings, the log, and counters.

    `netchat.load.crowd.Crowd` implements it and documents the attributes.
    """

    loop: asyncio.AbstractEventLoop
    wanted_room: str
    payload: int
    window: int
    head: int
    log: EventLog
    missed: int
    throttled: int
    broken: int
    address: str

    def lost(self, user: User) -> None:
        """Handle a user's lost connection."""

    def take_sample(self, user: User, now: float) -> None:
        """Record latencies of events that a user has received."""

    def report_problem(self, text: str) -> None:
        """Count an error reported by the server or found in its data."""


class User(asyncio.Protocol):
    """One user, across reconnects.

    Args:
        crowd: Group that the user belongs to.
        name: User name.
        is_sender: Whether the user sends messages.

    Attributes:
        name: User name.
        member: Events that the user has received.
        sender: Messages that the user has sent; None if it sends none.
        joined: Future that is done once the user is a member of the room.
        goal: Total number of messages to send, as fast as the window allows.
        backoff: Delays between connection attempts.
        sample_at: Position in the log at which the next latency is sampled.
        sample: Index of that event in the log.
    """

    __slots__ = (
        "_begun",
        "_crowd",
        "_head",
        "_key",
        "_log_id",
        "_outbox",
        "_token",
        "_transport",
        "backoff",
        "goal",
        "joined",
        "member",
        "name",
        "sample",
        "sample_at",
        "sender",
    )

    def __init__(self, crowd: UserGroup, name: str, *, is_sender: bool = False) -> None:
        self.name = name
        self.sender: SenderCheck | None = None
        self.joined: asyncio.Future[None] = crowd.loop.create_future()
        self.goal = 0
        self.backoff = Backoff()
        self.sample, self.sample_at = 0, NOWHERE
        self._crowd = crowd
        self._key = secrets.token_bytes(DEVICE_KEY_SIZE)
        if is_sender:
            device = device_id(self._key)
            self.sender = SenderCheck(device, name, crowd.payload)
            crowd.log.senders[device] = self.sender
        self.member = MemberCheck(crowd.log, self._control, self.sender)
        self._token = b""
        self._log_id = 0
        self._transport: asyncio.Transport | None = None
        self._outbox: deque[bytes] = deque()
        self._begun = False  # whether this connection receives the room's events
        self._head = 0  # the room's last event when it started to; 0 after catching up

    @property
    def connected(self) -> bool:
        """Whether the user is connected and in the room."""
        return self._begun

    # -- called by the event loop ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send HELLO on a new connection."""
        self._transport = cast(asyncio.Transport, transport)
        no_delay(self._transport)
        self._crowd.address = transport.get_extra_info("peername")[0]
        known = Position(self._crowd.log.room, self._log_id, self.member.last)
        positions = (known,) if self._token and self._log_id else ()
        software = f"netchat load {__version__}"
        self._send(
            Hello(Feature.MODERATION, self._key, self._token, self.name, software, positions)
        )

    def data_received(self, data: bytes) -> None:
        """Check received data, and send more messages when echoes arrive."""
        member = self.member
        try:
            member.feed(data)
        except PeerError as error:
            if not self.joined.done() and http_problem(data):
                self.joined.set_exception(CannotConnect(f"There is no chat server: {error}."))
            self._crowd.report_problem(f"{type(error).__name__}: {error}")
            self._crowd.broken += 1
            self.drop()
            return
        if self.sample_at <= member.pos < NOWHERE:
            self._crowd.take_sample(self, time.monotonic())
        if self.sender is not None:
            self.send_pending()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """Report the lost connection to the crowd, which reconnects."""
        self._transport = None
        self._begun = False
        self.member.lost()
        self._crowd.lost(self)

    # -- called by the crowd --------------------------------------------------------------------

    def drop(self) -> None:
        """Abort the connection, as a network failure would."""
        if self._transport is not None:
            self._transport.abort()

    def bye(self) -> None:
        """End the session, so that the name is free."""
        self._send(Bye(""))

    def queue_message(self, due_ns: int) -> bytes:
        """Add a message to the outbox.

        Args:
            due_ns: Due time of the message (`time.monotonic_ns`).

        Returns:
            Its frame, to be passed to `write`.
        """
        assert self.sender is not None
        self.sender.sent += 1
        text = make_text(due_ns, self.sender.payload)
        frame = encode(Send(self.sender.sent, self._crowd.log.room, text))
        self._outbox.append(frame)
        return frame

    def write(self, frames: list[bytes]) -> None:
        """Send frames, unless the user is still catching up; then `send_pending` sends them."""
        if self._begun and not self._head and self._transport is not None:
            self._transport.write(b"".join(frames))

    def send_pending(self) -> None:
        """Remove echoed messages from the outbox, and send what the goal and window allow."""
        sender, member = self.sender, self.member
        assert sender is not None
        while len(self._outbox) > sender.sent - member.acknowledged:
            self._outbox.popleft()
        if self._head:
            if not self._begun or member.known < self._head:
                return
            # All missed events have arrived: messages without an echo did not reach the server.
            self._head = 0
            if self._outbox:
                self.write(list(self._outbox))
        room = min(self.goal - sender.sent, self._crowd.window - len(self._outbox))
        if room > 0:
            now = time.monotonic_ns()
            self.write([self.queue_message(now) for _ in range(room)])

    # -- messages from the server ---------------------------------------------------------------

    def _control(self, message: Message) -> None:
        handler = HANDLERS.get(type(message))
        if handler is None:
            raise Unexpected(f"a server does not send {message.NAME}")
        handler(self, message)

    def _welcome(self, message: Welcome) -> None:
        self._token = message.token
        self.backoff.online(time.monotonic())
        room = self._crowd.log.room
        for membership in message.rooms:
            if membership.room == room and message.resumed:
                self._crowd.missed += max(0, membership.head - self.member.last)
                self._begin(membership)
                return
        self._send(Join(1, self._log_id, self.member.last, self._crowd.wanted_room))

    def _joined(self, message: Joined) -> None:
        if message.membership:
            self._begin(message.membership[0])

    def _ping(self, message: Ping) -> None:
        self._send(Pong(message.time))

    def _ignore(self, message: Message) -> None:
        """Ignore a message that does not matter for the measurement."""

    def _begin(self, membership: Membership) -> None:
        self._begun, self._head = True, membership.head
        self._log_id = membership.log
        self._crowd.log.room = membership.room
        self.member.begin(membership.last)
        if not self.joined.done():
            self._crowd.head = max(self._crowd.head, membership.last + 1)
            self.joined.set_result(None)

    def _error(self, error: Error) -> None:
        code = ErrorCode(error.code) if error.code in set(ErrorCode) else None
        if code is ErrorCode.TOO_FAST:
            self._crowd.throttled += 1
        elif code in _FINAL and not self.joined.done():
            self.joined.set_exception(Refused(error.code, error.text))
        elif error.about == Send.TYPE:
            self._crowd.report_problem(error.text)
            self.member.acknowledged = max(self.member.acknowledged, error.reference)
        elif code is not ErrorCode.BUSY:  # BUSY only delays the next attempt
            self._crowd.report_problem(error.text)

    def _send(self, message: Message) -> None:
        if self._transport is not None:
            with contextlib.suppress(OSError):
                self._transport.write(encode(message))


#: Handlers of the server's messages by type.
HANDLERS: dict[type[Message], Callable[[User, Any], None]] = {
    Welcome: User._welcome,
    Joined: User._joined,
    Ping: User._ping,
    Error: User._error,
    Event: User._ignore,  # `MemberCheck` takes those of the room; others are of its history
    Ack: User._ignore,  # catching up delivers that message
    Bye: User._ignore,  # the connection ends next
    Pong: User._ignore,  # a user never sends the requests that the others answer
    Left: User._ignore,
    Roster: User._ignore,
    Renamed: User._ignore,
    HistoryEnd: User._ignore,
    AccountStatus: User._ignore,  # follows WELCOME only if HELLO asks for it
    RoomState: User._ignore,
    Moderated: User._ignore,
    BanList: User._ignore,
    Servers: User._ignore,  # a server without a cluster sends none
    SealedEvent: User._ignore,  # a user does not seal
    Devices: User._ignore,
    Found: User._ignore,  # follows SEARCH, which a user does not send
    Read: User._ignore,  # follows READ of the same account
    UploadState: User._ignore,  # follow UPLOAD and DOWNLOAD, which a user does not send
    Chunk: User._ignore,
}
