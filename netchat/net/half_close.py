"""Graceful close of a TCP connection that delivers the last data written.

Closing a socket with unread received bytes resets the connection. The peer then loses data it has
not read yet, such as the reason for the close (RFC 9112, 9.6).
"""

from __future__ import annotations

import asyncio

from netchat.chat.fair_shares import Shares, share_of

__all__ = ["half_close"]

#: Maximum time in seconds, and number of bytes, to read and discard after a half-close.
DRAIN_SECONDS = 2.0
_DRAIN_BYTES = 1024 * 1024

#: Connections that are drained at the same time, for each address group; others are closed at once.
_drained = Shares(256)


class _Drain(asyncio.Protocol):
    """Protocol that discards received bytes until the peer closes.

    Args:
        transport: Transport of the connection.
        upper: Previous protocol, whose `connection_lost` is called at the end.
        share: Address group of the peer.
    """

    def __init__(
        self, transport: asyncio.Transport, upper: asyncio.BaseProtocol, share: str
    ) -> None:
        self._transport, self._upper, self._share = transport, upper, share
        self._left = _DRAIN_BYTES
        _drained.acquire(share)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(DRAIN_SECONDS, transport.close)

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        _drained.release(self._share)
        self._timer.cancel()
        self._upper.connection_lost(exc)


def half_close(transport: asyncio.Transport) -> None:
    """Send buffered data and FIN, then close when the peer closes or after `DRAIN_SECONDS`.

    Args:
        transport: Any transport; one that does not support half-close is closed.
    """
    if transport.is_closing():
        return
    host, *_ = transport.get_extra_info("peername") or ("?",)  # none if the peer has reset it
    share = share_of(host)
    if not _drained.allows(share) or not transport.can_write_eof():
        transport.close()
        return
    if isinstance(transport.get_protocol(), _Drain):  # done already
        return
    try:
        transport.write_eof()
    except OSError:  # the peer has reset the connection
        transport.close()
        return
    transport.set_protocol(_Drain(transport, transport.get_protocol(), share))
    transport.resume_reading()
