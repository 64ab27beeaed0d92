"""A path of datagrams between a link and its socket: what a link over UDP has for a transport."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

__all__ = ["UdpPath"]


class UdpPath(asyncio.Transport):
    """Carries datagrams to one other side, and hands those that come from there up one by one.

    Args:
        send: sends a datagram.
        ended: called once when the path is at an end.
        peer: the other side's address.

    Attributes:
        upper: the protocol above.
    """

    def __init__(
        self, upper: asyncio.Protocol, send: Callable[[bytes], None], ended: Callable[[], None],
        peer: tuple[Any, ...],
    ) -> None:  # fmt: skip
        super().__init__()
        self.upper = upper
        self._send, self._ended = send, ended
        self._peer = peer
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send a datagram; what cannot be sent now is lost, as on any way."""
        if not self._closing:
            self._send(bytes(data))

    def close(self) -> None:
        """Send and receive no more."""
        self.abort()

    def abort(self) -> None:
        """The same: nothing is waited for."""
        self.lose(None)

    def lose(self, why: Exception | None) -> None:
        """End the path.

        Args:
            why: what has ended it; None if it was we.
        """
        if not self._closing:
            self._closing = True
            self._ended()
            asyncio.get_running_loop().call_soon(self.upper.connection_lost, why)

    def can_write_eof(self) -> bool:
        """Whether it can be closed by halves: no."""
        return False

    def is_closing(self) -> bool:
        """Whether it is at an end."""
        return self._closing

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The other side's address; the socket is not one connection's to be changed."""
        return self._peer if name == "peername" else default
