"""What stands between a transport and a protocol.

It is the protocol of the one, and the transport of the other. By itself it passes everything on.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any, cast

__all__ = ["TransportShim", "no_delay"]


def no_delay(transport: asyncio.Transport) -> None:
    """Have small frames sent at once, where the transport is a TCP connection."""
    sock = transport.get_extra_info("socket")
    if sock is not None:  # a link over UDP has none of its own
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class TransportShim(asyncio.Transport, asyncio.Protocol):
    """Passes everything on; a kind of it changes some of that.

    Args:
        upper: the protocol above.

    Attributes:
        upper: it.
        lower: the transport below, once there is a connection.
    """

    lower: asyncio.Transport

    def __init__(self, upper: asyncio.Protocol) -> None:
        super().__init__()
        self.upper = upper

    # -- a protocol, to the transport below -----------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is a connection."""
        self.lower = cast(asyncio.Transport, transport)
        self.upper.connection_made(self)

    def data_received(self, data: bytes) -> None:
        """Bytes have arrived."""
        self.upper.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self.upper.connection_lost(exc)

    def pause_writing(self) -> None:
        """The transport below has enough to send."""
        self.upper.pause_writing()

    def resume_writing(self) -> None:
        """It has room again."""
        self.upper.resume_writing()

    # -- a transport, to the protocol above -----------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes."""
        self.lower.write(data)

    def close(self) -> None:
        """Close, behind what was written."""
        self.lower.close()

    def abort(self) -> None:
        """Close at once."""
        self.lower.abort()

    def can_write_eof(self) -> bool:
        """Whether it can be closed by halves: no."""
        return False

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self.lower.is_closing()

    def pause_reading(self) -> None:
        """Hand no more bytes up."""
        self.lower.pause_reading()

    def resume_reading(self) -> None:
        """Hand bytes up again."""
        self.lower.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport below knows of the connection."""
        return self.lower.get_extra_info(name, default)
