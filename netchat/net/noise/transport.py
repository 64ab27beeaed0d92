"""Channel that flips bits, between an asyncio connection and its protocol."""

from __future__ import annotations

import asyncio

from netchat.channels.stream import ChannelStream
from netchat.net.transport_shim import TransportShim

__all__ = ["NoiseTransport"]


class NoiseTransport(TransportShim):
    """Layer that damages sent and received bytes.

    Args:
        upper: Protocol above.
        out: Channel for sent bytes.
        back: Channel for received bytes.
    """

    def __init__(self, upper: asyncio.Protocol, out: ChannelStream, back: ChannelStream) -> None:
        super().__init__(upper)
        self._out, self._back = out, back

    def data_received(self, data: bytes) -> None:
        """Damage received bytes and pass them up."""
        self.upper.data_received(self._back.damage(data))

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Damage bytes and send them."""
        self.lower.write(self._out.damage(bytes(data)))
