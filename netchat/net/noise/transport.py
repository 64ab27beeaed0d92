"""A channel that turns bits over, between a connection and whoever speaks on it."""

from __future__ import annotations

import asyncio

from netchat.channels.stream import ChannelStream
from netchat.net.transport_shim import TransportShim

__all__ = ["NoiseTransport"]


class NoiseTransport(TransportShim):
    """Damages what is sent and what is received.

    Args:
        upper: the protocol above.
        out: the channel that bytes leave by.
        back: the channel that bytes arrive by.
    """

    def __init__(self, upper: asyncio.Protocol, out: ChannelStream, back: ChannelStream) -> None:
        super().__init__(upper)
        self._out, self._back = out, back

    def data_received(self, data: bytes) -> None:
        """Bytes have arrived; hand them up damaged."""
        self.upper.data_received(self._back.damage(data))

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes, damaged."""
        self.lower.write(self._out.damage(bytes(data)))
