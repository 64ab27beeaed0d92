"""Layer between an asyncio transport and a protocol.

It acts as the protocol of the transport below and as the transport of the protocol above. The base
class passes everything through.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any, cast

__all__ = ["TransportShim", "memory_of", "no_delay"]


def memory_of(transport: Any) -> tuple[int, int]:
    """Return how many bytes a transport holds: unsent ones, and received ones not passed up."""
    if isinstance(transport, TransportShim):
        return transport.memory()
    return transport.get_write_buffer_size(), 0


def no_delay(transport: asyncio.Transport) -> None:
    """Disable Nagle's algorithm if the transport is a TCP connection."""
    sock = transport.get_extra_info("socket")
    if sock is not None:  # links over UDP share one socket
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class TransportShim(asyncio.Transport, asyncio.Protocol):
    """Pass-through layer; subclasses override some methods.

    Args:
        upper: Protocol above.

    Attributes:
        upper: Protocol above.
        lower: Transport below, once connected.
    """

    lower: asyncio.Transport

    def __init__(self, upper: asyncio.Protocol) -> None:
        super().__init__()
        self.upper = upper

    # -- protocol methods, called by the transport below ----------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect the protocol above to this layer."""
        self.lower = cast(asyncio.Transport, transport)
        self.upper.connection_made(self)

    def data_received(self, data: bytes) -> None:
        """Pass received bytes up."""
        self.upper.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the lost connection to the protocol above."""
        self.upper.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pause the protocol above because the transport's buffer is full."""
        self.upper.pause_writing()

    def resume_writing(self) -> None:
        """Resume the protocol above."""
        self.upper.resume_writing()

    # -- transport methods, called by the protocol above ----------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Pass bytes down."""
        self.lower.write(data)

    def close(self) -> None:
        """Close after sending buffered data."""
        self.lower.close()

    def abort(self) -> None:
        """Close at once and discard buffered data."""
        self.lower.abort()

    def can_write_eof(self) -> bool:
        """Return False: this layer does not support half-close."""
        return False

    def is_closing(self) -> bool:
        """Return whether the transport is closed or closing."""
        return self.lower.is_closing()

    def memory(self) -> tuple[int, int]:
        """Return the numbers of unsent bytes, and of received bytes that were not passed up."""
        return memory_of(self.lower)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the numbers of unsent bytes at which writing pauses and resumes."""
        self.lower.set_write_buffer_limits(high, low)

    def pause_reading(self) -> None:
        """Stop passing bytes up."""
        self.lower.pause_reading()

    def resume_reading(self) -> None:
        """Resume passing bytes up."""
        self.lower.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return information about the connection from the transport below."""
        return self.lower.get_extra_info(name, default)
