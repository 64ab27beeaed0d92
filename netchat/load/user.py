"""One user of the crowd: a protocol object that greets, joins, resumes, and may speak."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from netchat.chat.credentials import DEVICE_KEY_SIZE, device_id
from netchat.errors import CannotConnect, PeerError, Refused, Unexpected
from netchat.load.member import NOWHERE, Member
from netchat.load.sequence_check import SenderCheck, make_text
from netchat.net.backoff import Backoff
from netchat.net.transport_shim import no_delay
from netchat.version import __version__
from netchat.wire import (
    Ack,
    Bye,
    Error,
    ErrorCode,
    Event,
    Hello,
    HistoryEnd,
    Join,
    Joined,
    Left,
    Membership,
    Message,
    Ping,
    Pong,
    Position,
    Renamed,
    Roster,
    Send,
    Welcome,
    encode,
)
from netchat.wire.reader import http_problem

if TYPE_CHECKING:
    from netchat.load.crowd import Crowd

__all__ = ["HANDLERS", "User"]

#: Refusals that another try does not change.
_FINAL = {
    ErrorCode.SERVER_FULL,
    ErrorCode.NO_SUCH_ROOM,
    ErrorCode.NAME_TAKEN,
    ErrorCode.NAME_NOT_ALLOWED,
    ErrorCode.TOO_MANY_ROOMS,
}


class User(asyncio.Protocol):
    """One user, over as many connections as it takes.

    Args:
        crowd: where it belongs.
        name: its name.
        speaks: whether it is a sender.

    Attributes:
        member: what it has got.
        voice: what it has said, if it is a sender.
        joined: done when it is a member of the room.
        goal: how many messages it is to say in all, one by one as echoes come back.
        backoff: how long it waits before it tries again after its connection is lost.
        sample_at: position in the log from which on a latency is to be noted.
        sample: number of the event in the log whose latency that is.
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
        "voice",
    )

    def __init__(self, crowd: Crowd, name: str, *, speaks: bool = False) -> None:
        self.name = name
        self.voice: SenderCheck | None = None
        self.joined: asyncio.Future[None] = crowd.loop.create_future()
        self.goal = 0
        self.backoff = Backoff()
        self.sample, self.sample_at = 0, NOWHERE
        self._crowd = crowd
        self._key = secrets.token_bytes(DEVICE_KEY_SIZE)
        if speaks:
            device = device_id(self._key)
            self.voice = SenderCheck(device, name, crowd.payload)
            crowd.log.voices[device] = self.voice
        self.member = Member(crowd.log, self._control, self.voice)
        self._token = b""
        self._log_id = 0
        self._transport: asyncio.Transport | None = None
        self._outbox: deque[bytes] = deque()
        self._begun = False  # the room's events come on this connection
        self._head = 0  # the room's last event when they began to

    @property
    def connected(self) -> bool:
        """Whether it is in the room at the moment."""
        return self._begun

    # -- what the loop calls --------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is a connection: say HELLO."""
        self._transport = cast(asyncio.Transport, transport)
        no_delay(self._transport)
        self._crowd.address = transport.get_extra_info("peername")[0]
        known = Position(self._crowd.log.room, self._log_id, self.member.last)
        positions = (known,) if self._token and self._log_id else ()
        software = f"netchat load {__version__}"
        self._send(Hello(0, self._key, self._token, self.name, software, positions))

    def data_received(self, data: bytes) -> None:
        """Check what has come; go on speaking when one's own words came back."""
        member = self.member
        try:
            member.feed(data)
        except PeerError as error:
            if not self.joined.done() and http_problem(data):
                self.joined.set_exception(CannotConnect(f"There is no chat: {error}."))
            self._crowd.report_problem(f"{type(error).__name__}: {error}")
            self._crowd.broken += 1
            self.drop()
            return
        if self.sample_at <= member.pos < NOWHERE:
            self._crowd.take_sample(self, time.monotonic())
        if self.voice is not None:
            self.talk()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """The connection is gone; the crowd sees to it that there will be another one."""
        self._transport = None
        self._begun = False
        self.member.lost()
        self._crowd.lost(self)

    # -- what the crowd calls -------------------------------------------------------------------

    def drop(self) -> None:
        """Lose the connection, as a network would."""
        if self._transport is not None:
            self._transport.abort()

    def bye(self) -> None:
        """End the session, so that its name and its place are free."""
        self._send(Bye(""))

    def say(self, due_ns: int) -> bytes:
        """Put one message into the outbox.

        Args:
            due_ns: when it was due (`time.monotonic_ns`).

        Returns:
            Its frame, to be handed to `write`.
        """
        assert self.voice is not None
        self.voice.sent += 1
        text = make_text(due_ns, self.voice.payload)
        frame = encode(Send(self.voice.sent, self._crowd.log.room, text))
        self._outbox.append(frame)
        return frame

    def write(self, frames: list[bytes]) -> None:
        """Send frames now, or when what is in front of them has been caught up with."""
        if self._begun and not self._head and self._transport is not None:
            self._transport.write(b"".join(frames))

    def talk(self) -> None:
        """Take note of echoes; say what the goal and the window allow."""
        voice, member = self.voice, self.member
        assert voice is not None
        while len(self._outbox) > voice.sent - member.acknowledged:
            self._outbox.popleft()
        if self._head:
            if not self._begun or member.known < self._head:
                return
            # Everything up to here has come: what has found no echo was not heard.
            self._head = 0
            if self._outbox:
                self.write(list(self._outbox))
        room = min(self.goal - voice.sent, self._crowd.window - len(self._outbox))
        if room > 0:
            now = time.monotonic_ns()
            self.write([self.say(now) for _ in range(room)])

    # -- what the server says -------------------------------------------------------------------

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
        """Do nothing: the message is no concern of the measurement."""

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
        elif code is not ErrorCode.BUSY:  # that one is for the next try
            self._crowd.report_problem(error.text)

    def _send(self, message: Message) -> None:
        if self._transport is not None:
            with contextlib.suppress(OSError):
                self._transport.write(encode(message))


#: Which method takes which message of the server.
HANDLERS: dict[type[Message], Callable[[User, Any], None]] = {
    Welcome: User._welcome,
    Joined: User._joined,
    Ping: User._ping,
    Error: User._error,
    Event: User._ignore,  # `Member` takes those of the room; others are of its history
    Ack: User._ignore,  # the message is in what it catches up with
    Bye: User._ignore,  # the connection ends next
    Pong: User._ignore,  # the rest answers what it never asks
    Left: User._ignore,
    Roster: User._ignore,
    Renamed: User._ignore,
    HistoryEnd: User._ignore,
}
