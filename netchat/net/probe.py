"""One conversation with a server, frame by frame and without a mind of its own.

Unlike `ClientDriver` it keeps no contract: it sends the bytes it is given, right or wrong, and writes
down what comes back. Blocking, so that a script or a notebook can use it line by line.

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
import time
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self

from netchat import __version__
from netchat.errors import CannotConnect, PeerError, Refused
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

__all__ = ["Probe", "TranscriptEntry", "parse_message"]

#: Seconds for a connection to be made, and for the answer to a question that has one.
TIMEOUT = 10.0

#: Bytes of a frame that a server may send: more than any server accepts (`--max-frame`).
LONGEST_FRAME = 2**24 + HEADER_SIZE

#: Number of the JOIN that a probe sends by itself; crafted requests begin at 1.
_JOIN_REQUEST = 0xFFFFFFFF


class TranscriptEntry(NamedTuple):
    """Something that went over the connection.

    Attributes:
        time: when, in seconds since 1970.
        by_server: the server said it; else we did.
        data: a whole frame; of ours, whatever we sent.
        message: what the frame carries; None where it is no valid message, or of our own making.
    """

    time: float
    by_server: bool
    data: bytes
    message: Message | None


def parse_message(frame: bytes) -> Message | None:
    """The message that bytes are; None if they are not exactly one valid frame."""
    try:
        (whole,) = FrameReader(LONGEST_FRAME).feed(frame)
        return decode(whole)
    except (PeerError, ValueError):
        return None


class Probe:
    """A connection to a server.

    Args:
        host: the server's name or address.
        port: its TCP port.

    Attributes:
        transcript: all that was said so far, by either side.
        closed: why nothing more will come; empty while the connection stands.

    Raises:
        CannotConnect: there is no server at that address.
    """

    def __init__(self, host: str, port: int) -> None:
        try:
            self._socket = socket.create_connection((host, port), TIMEOUT)
        except OSError as error:
            reason = error.strerror or str(error)
            raise CannotConnect(
                f"No server at {host}:{port} ({reason}). Start one there with: netchat serve"
            ) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._address = host, port
        self._session: Hello | None = None
        self._reader = FrameReader(LONGEST_FRAME)
        self.transcript: list[TranscriptEntry] = []
        self.closed = ""

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
        """Close the connection; the session stays resumable unless `bye` was said."""
        self._socket.close()
        self.closed = self.closed or "the connection was closed here"

    def send(self, data: bytes, message: Message | None = None) -> None:
        """Send bytes, whatever they are; `message` is what they mean, for the transcript."""
        self.transcript.append(TranscriptEntry(time.time(), False, data, message))
        self._socket.settimeout(TIMEOUT)
        try:
            self._socket.sendall(data)
        except OSError as error:
            self.closed = error.strerror or str(error)

    def say(self, message: Message) -> None:
        """Send a message."""
        self.send(encode(message), message)

    def listen(
        self,
        seconds: float,
        until: Callable[[Message], bool] | None = None,
        *,
        quiet: float | None = None,
    ) -> list[Message]:
        """Hear what the server says.

        Args:
            seconds: for how long at most.
            until: ends it earlier, at a message for which this is true.
            quiet: ends it earlier, after so many seconds in which nothing came.

        Returns:
            The valid messages that came, in order; all frames are in `transcript`.
        """
        messages: list[Message] = []
        ends = time.monotonic() + seconds
        patience = ends if quiet is None else time.monotonic() + quiet
        while not self.closed:
            left = min(ends, patience) - time.monotonic()
            # What is there already is heard even if there is no time left to wait.
            new = [m for frame in self._receive(max(left, 0)) if (m := self._note(frame))]
            messages += new
            if left <= 0 or (until is not None and any(map(until, new))):
                break
            if new and quiet is not None:
                patience = time.monotonic() + quiet
        return messages

    def hello(self, name: str) -> Welcome:
        """Say HELLO as a new client.

        Raises:
            Refused: the server does not want that name, or anybody.
        """
        return self._hello(Hello(0, os.urandom(16), b"", name, f"netchat {__version__}", ()))

    def join(self, room: str) -> Joined:
        """Become a member of a room.

        Raises:
            Refused: the server says no.
        """
        answer = self._ask(Join(_JOIN_REQUEST, 0, 0, room), Joined)
        assert isinstance(answer, Joined)
        return answer

    def bye(self) -> None:
        """End the session, so that its name is free at once.

        If the server has closed the connection, another one is made for it, unseen.
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

    def _ask(self, question: Message, wanted: type[Message]) -> Message:
        self.say(question)

        def answers(message: Message) -> bool:
            refuses = isinstance(message, Error) and message.about in (0, question.TYPE)
            return refuses or isinstance(message, wanted)

        for message in self.listen(TIMEOUT, answers):
            if isinstance(message, Error) and answers(message):
                raise Refused(message.code, f"{question.NAME} is refused: {message.text}")
            if isinstance(message, wanted):
                return message
        raise CannotConnect(
            f"the server did not answer {question.NAME}"
            + (f": {self.closed}" if self.closed else f" in {TIMEOUT:g} s")
        )

    def _receive(self, seconds: float) -> list[Frame]:
        """Frames of the next bytes that come; none in time, or none complete, is an empty list."""
        self._socket.settimeout(seconds)
        try:
            data = self._socket.recv(65536)
            if not data:
                self.closed = "the server closed the connection"
            return self._reader.feed(data)
        except (TimeoutError, BlockingIOError):  # the latter where no time is left
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
