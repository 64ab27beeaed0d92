"""Blocking test client that sends arbitrary bytes and records all frames.

Unlike `ClientDriver`, it neither validates, reconnects nor retransmits: it sends the bytes it is
given, valid or not. It blocks, so that a script or a notebook can use it line by line.

    with Probe("127.0.0.1", 6464) as probe:
        probe.hello("Nova")
        probe.send(frame)
        probe.listen(1.0)
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import ssl
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from netchat.errors import CannotConnect, NetchatError, PeerError, Refused
from netchat.net.address import connection_problem
from netchat.version import __version__
from netchat.wire import (
    HEADER_SIZE,
    MESSAGES,
    Bye,
    Error,
    Frame,
    FrameReader,
    Hello,
    Join,
    Joined,
    Message,
    Welcome,
    decode,
    encode,
    seal,
)

if TYPE_CHECKING:
    from netchat.net.tls.trust import Trust

__all__ = ["Probe", "TranscriptEntry", "parse_message"]

#: Timeout for connecting and for replies, in seconds.
TIMEOUT = 10.0

#: Maximum length of a received frame, in bytes: more than any server accepts (`--max-frame`).
LONGEST_FRAME = 2**24 + HEADER_SIZE

#: Request number of the probe's own JOIN; crafted requests start at 1.
_JOIN_REQUEST = 0xFFFFFFFF


class TranscriptEntry(NamedTuple):
    """Data that one side sent over the connection.

    Attributes:
        time: Time in seconds since 1970.
        by_server: Whether the server sent it.
        data: A whole frame from the server, or the bytes that the probe sent.
        message: Decoded message; None if the data is not a valid message or was sent raw.
    """

    time: float
    by_server: bool
    data: bytes
    message: Message | None


def parse_message(frame: bytes) -> Message | None:
    """Decode bytes as a message; return None unless they are exactly one valid frame."""
    try:
        (whole,) = FrameReader(LONGEST_FRAME).feed(frame)
        return decode(whole)
    except (PeerError, ValueError):
        return None


def _secured(sock: socket.socket, host: str, port: int, trust: Trust) -> ssl.SSLSocket:
    """Start TLS on a connection, and check the server's certificate."""
    try:
        secured = trust.context.wrap_socket(sock, server_hostname=host)
    except OSError as error:
        sock.close()
        raise trust.problem(host, port, error) from error
    try:
        trust.check(host, port, secured)
    except NetchatError:
        secured.close()
        raise
    return secured


class Probe:
    """A blocking connection to a server.

    Args:
        host: Name or address of the server.
        port: TCP port of the server.
        trust: Rule by which servers are trusted, to connect over TLS; None connects in plaintext.

    Attributes:
        transcript: Everything that both sides have sent so far.
        closed: Reason why the connection is closed; empty while it is open.

    Raises:
        CannotConnect: There is no server at the address, or it is not trusted.
    """

    def __init__(self, host: str, port: int, trust: Trust | None = None) -> None:
        try:
            self._socket = socket.create_connection((host, port), TIMEOUT)
        except OSError as error:
            raise CannotConnect(connection_problem(host, port, error)) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if trust is not None:
            self._socket = _secured(self._socket, host, port, trust)
        self._address = host, port, trust
        self._session: Hello | None = None
        self._reader = FrameReader(LONGEST_FRAME)
        self.transcript: list[TranscriptEntry] = []
        self.closed: str = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the session can be resumed unless `bye` was called."""
        self._socket.close()
        self.closed = self.closed or "the probe closed the connection"

    def send(self, data: bytes, message: Message | None = None) -> None:
        """Send arbitrary bytes.

        Args:
            data: Bytes to send.
            message: Message to record in the transcript for these bytes.
        """
        self.transcript.append(TranscriptEntry(time.time(), False, data, message))
        self._socket.settimeout(TIMEOUT)
        try:
            self._socket.sendall(data)
        except OSError as error:
            self.closed = error.strerror or str(error)

    def say(self, message: Message) -> None:
        """Encode and send a message."""
        self.send(encode(message), message)

    def listen(
        self,
        seconds: float,
        until: Callable[[Message], bool] | None = None,
        *,
        quiet: float | None = None,
    ) -> list[Message]:
        """Receive messages for some time.

        Args:
            seconds: Maximum time to receive.
            until: Stop after a message for which this returns true.
            quiet: Stop after this many seconds without a message.

        Returns:
            The valid messages received, in order; `transcript` has all frames.
        """
        messages: list[Message] = []
        deadline = time.monotonic() + seconds
        quiet_deadline = deadline if quiet is None else time.monotonic() + quiet
        while not self.closed:
            left = min(deadline, quiet_deadline) - time.monotonic()
            # Read data that has already arrived even if no time is left.
            new = [m for frame in self._receive(max(left, 0)) if (m := self._note(frame))]
            messages += new
            if left <= 0 or (until is not None and any(map(until, new))):
                break
            if new and quiet is not None:
                quiet_deadline = time.monotonic() + quiet
        return messages

    def hello(self, name: str) -> Welcome:
        """Send HELLO as a new client and return the server's WELCOME.

        Raises:
            Refused: The server rejects the name or accepts no more clients.
            CannotConnect: The server does not answer.
        """
        return self._hello(Hello(0, os.urandom(16), b"", name, f"netchat {__version__}", ()))

    def join(self, room: str) -> Joined:
        """Join a room and return the server's JOINED.

        Raises:
            Refused: The server rejects the request.
            CannotConnect: The server does not answer.
        """
        answer = self._ask(Join(_JOIN_REQUEST, 0, 0, room), Joined)
        assert isinstance(answer, Joined)
        return answer

    def bye(self) -> None:
        """End the session, so that its name is free at once.

        If the server has closed the connection, the probe opens another one to send BYE. The
        transcript does not show it.
        """
        if not self.closed:
            self.say(Bye(""))
            self.listen(TIMEOUT, lambda message: isinstance(message, Bye))
        elif self._session is not None:
            with contextlib.suppress(CannotConnect, Refused), Probe(*self._address) as other:
                other._hello(self._session)
                other.bye()

    def _hello(self, hello: Hello) -> Welcome:
        answer = self._ask(hello, Welcome)
        assert isinstance(answer, Welcome)
        self._session = dataclasses.replace(hello, token=answer.token)
        return answer

    def _ask(self, request: Message, expected: type[Message]) -> Message:
        self.say(request)

        def is_reply(message: Message) -> bool:
            refuses = isinstance(message, Error) and message.about in (0, request.TYPE)
            return refuses or isinstance(message, expected)

        for message in self.listen(TIMEOUT, is_reply):
            if isinstance(message, Error) and is_reply(message):
                raise Refused(message.code, f"the server refused {request.NAME}: {message.text}")
            if isinstance(message, expected):
                return message
        raise CannotConnect(
            f"the server did not answer {request.NAME}"
            + (f": {self.closed}" if self.closed else f" within {TIMEOUT:g} s")
        )

    def _receive(self, seconds: float) -> list[Frame]:
        """Receive bytes once; return the frames they complete, or an empty list on a timeout."""
        self._socket.settimeout(seconds)
        try:
            data = self._socket.recv(65536)
            if not data:
                self.closed = "the server closed the connection"
            return self._reader.feed(data)
        # The others if the timeout is 0: BlockingIOError, and SSLWantReadError with TLS.
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
            return []
        except PeerError as error:
            self.closed = f"the server broke the protocol: {error}"
            return list(error.frames)
        except OSError as error:
            self.closed = error.strerror or str(error)
            return []

    def _note(self, frame: Frame) -> Message | None:
        message = None
        if frame.type in MESSAGES:
            try:
                message = decode(frame)
            except PeerError as error:
                self.closed = f"the server broke the protocol: {error}"
        self.transcript.append(
            TranscriptEntry(time.time(), True, seal(frame.type, frame.body), message)
        )
        return message
