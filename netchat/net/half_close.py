"""Closes a TCP connection in such a way that what was written last does arrive.

A connection that is closed while bytes of the peer are unread is reset, and a reset takes back what
the peer has not read yet: the reason why it was closed, for example (RFC 9112, 9.6).
"""

from __future__ import annotations

import asyncio

__all__ = ["half_close"]

#: Seconds, and bytes, for which what the peer still sends is read and thrown away.
DRAIN_SECONDS = 2.0
_DRAIN_BYTES = 16 * 1024 * 1024

#: Connections that are drained at the same time; what comes on top is closed at once.
_MOST_DRAINED = 256


class _Drain(asyncio.Protocol):
    """Reads what comes after the end, until the peer closes, too.

    Args:
        transport: the connection's.
        upper: its protocol so far, which is told when it is gone.
    """

    count = 0

    def __init__(self, transport: asyncio.Transport, upper: asyncio.BaseProtocol) -> None:
        self._transport, self._upper = transport, upper
        self._left = _DRAIN_BYTES
        _Drain.count += 1
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(DRAIN_SECONDS, transport.close)

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        _Drain.count -= 1
        self._timer.cancel()
        self._upper.connection_lost(exc)


def half_close(transport: asyncio.Transport) -> None:
    """Send what was written, and the end; close when the peer has closed, or soon.

    Args:
        transport: of any kind; one that cannot be closed by halves is closed.
    """
    if transport.is_closing():
        return
    if _Drain.count >= _MOST_DRAINED or not transport.can_write_eof():
        transport.close()
        return
    if isinstance(transport.get_protocol(), _Drain):  # done already
        return
    try:
        transport.write_eof()
    except OSError:  # the peer has reset the connection
        transport.close()
        return
    transport.set_protocol(_Drain(transport, transport.get_protocol()))
    transport.resume_reading()
