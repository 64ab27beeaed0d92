"""First stage of a TCP connection: detects frames, a link or TLS by the first bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from typing import cast

from netchat.link.sync_marker import OPEN_BYTES, starts_like_link
from netchat.net.tls.client_hello import CLIENT_HELLO_BYTES, starts_like_tls

__all__ = ["CarriedProtocol", "ProtocolDetector", "detect"]


class CarriedProtocol(Enum):
    """The protocol that a TCP connection carries."""

    FRAMES = auto()
    LINK = auto()
    TLS = auto()


def detect(first: bytes, *, has_tls: bool = False) -> CarriedProtocol | None:
    """Return what a connection carries, or None if more bytes are needed.

    A connection that begins neither like a link nor like TLS counts as frames; the frame reader then
    reports the problem.

    Args:
        first: First bytes of the connection, at least one; those of a link may be damaged.
        has_tls: Whether to look for TLS, too.
    """
    if has_tls and starts_like_tls(first):
        return CarriedProtocol.TLS if len(first) >= CLIENT_HELLO_BYTES else None
    if not starts_like_link(first):
        return CarriedProtocol.FRAMES
    return CarriedProtocol.LINK if len(first) >= OPEN_BYTES else None


class ProtocolDetector(asyncio.Protocol):
    """Protocol of a TCP connection until its first bytes show what it carries.

    The protocol above is connected at once, so that the connection counts and times out from its
    start, but it gets no bytes before the decision. It is not told that the transport's buffer is
    full either: so little is written before the peer has sent anything that this cannot happen.

    Args:
        upper: Protocol above. For frames, it becomes the protocol of the transport.
        open_link: Called with the first bytes of a link. The transport does not read until the
            callee resumes it, with its own protocol.
        delay: Called when the first bytes arrive; returns by how many seconds to delay the decision.
        open_tls: Called like `open_link`, with the first bytes of TLS. None treats them as frames.
    """

    def __init__(
        self,
        upper: asyncio.Protocol,
        open_link: Callable[[bytes], None],
        delay: Callable[[], float] = lambda: 0.0,
        open_tls: Callable[[bytes], None] | None = None,
    ) -> None:
        self._upper = upper
        self._open_link = open_link
        self._delay = delay
        self._open_tls = open_tls
        self._first = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect the protocol above."""
        # uvloop's transports do not inherit from asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._upper.connection_made(transport)

    def take_over(self, transport: asyncio.Transport) -> None:
        """Use a transport that the protocol above is connected to already."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Decide, or wait for more bytes."""
        is_first = not self._first
        self._first += data
        if self._timer is not None:
            return  # uvloop delivers the bytes that it read before the pause
        if is_first and (seconds := self._delay()):
            self._transport.pause_reading()
            self._timer = asyncio.get_running_loop().call_later(seconds, self._continue)
        else:
            self._decide()

    def _continue(self) -> None:
        """Decide after the delay, unless the connection has been closed meanwhile."""
        self._timer = None
        if self._transport.get_protocol() is self and not self._transport.is_closing():
            self._transport.resume_reading()
            self._decide()

    def _decide(self) -> None:
        first = self._first
        match detect(first, has_tls=self._open_tls is not None):
            case CarriedProtocol.TLS:
                assert self._open_tls is not None
                self._first = b""
                self._transport.pause_reading()
                self._open_tls(first)
            case CarriedProtocol.FRAMES:
                self._first = b""
                self._transport.set_protocol(self._upper)
                self._upper.data_received(first)
            case CarriedProtocol.LINK:
                self._first = b""
                self._transport.pause_reading()
                self._open_link(first)

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the lost connection to the protocol above."""
        if self._timer is not None:
            self._timer.cancel()
        self._upper.connection_lost(exc)
