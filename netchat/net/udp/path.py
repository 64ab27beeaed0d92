"""Transport of a link over UDP: datagrams to and from one peer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

__all__ = ["UdpPath"]


class UdpPath(asyncio.Transport):
    """Transport that sends each write as one datagram to a fixed peer.

    Args:
        upper: Protocol above.
        send: Sends a datagram.
        ended: Called once when the path is closed.
        peer: Address of the peer.

    Attributes:
        upper: Protocol above.
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
        """Send a datagram; one that cannot be sent now is lost."""
        if not self._closing:
            self._send(bytes(data))

    def close(self) -> None:
        """Close the path."""
        self.abort()

    def abort(self) -> None:
        """Close the path; there is no buffered data to discard."""
        self.lose(None)

    def lose(self, why: Exception | None) -> None:
        """Close the path.

        Args:
            why: Error that ended it; None for a local close.
        """
        if not self._closing:
            self._closing = True
            self._ended()
            asyncio.get_running_loop().call_soon(self.upper.connection_lost, why)

    def get_write_buffer_size(self) -> int:
        """Return 0: datagrams are not buffered."""
        return 0

    def can_write_eof(self) -> bool:
        """Return False: datagrams do not support half-close."""
        return False

    def is_closing(self) -> bool:
        """Return whether the path is closed."""
        return self._closing

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return the peer's address; the shared socket is not exposed."""
        return self._peer if name == "peername" else default
