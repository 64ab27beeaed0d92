"""First stage of a connection to the page's port of a server with TLS: HTTP or TLS?"""

from __future__ import annotations

import asyncio
from typing import cast

from netchat.net.tls.client_hello import CLIENT_HELLO_BYTES, starts_like_tls
from netchat.net.tls.server import TlsServer

__all__ = ["TlsDetector"]


class TlsDetector(asyncio.Protocol):
    """Protocol of a connection until its first bytes show whether it uses TLS.

    Args:
        upper: Protocol above, which is connected once that is known.
        tls: Certificate of the server.
        share: Address group of the peer.
        timeout: Timeout for the first bytes, and for the handshake, in seconds.
    """

    def __init__(self, upper: asyncio.Protocol, tls: TlsServer, share: str, timeout: float) -> None:
        self._upper, self._tls, self._share, self._timeout = upper, tls, share, timeout
        self._first = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the timeout."""
        self._transport = cast(asyncio.Transport, transport)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._timeout, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        """Decide, or wait for more bytes."""
        first = self._first = self._first + data
        is_tls = starts_like_tls(first)
        if is_tls and len(first) < CLIENT_HELLO_BYTES:
            return
        self._first = b""
        self._timer.cancel()
        if is_tls:
            self._transport.pause_reading()
            layer = self._tls.transport(self._upper, self._share, timeout=self._timeout)
            layer.begin(self._transport, first, announced=False)
        else:
            self._transport.set_protocol(self._upper)
            self._upper.connection_made(self._transport)
            self._upper.data_received(first)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """Stop the timeout: the protocol above was never connected."""
        self._timer.cancel()
