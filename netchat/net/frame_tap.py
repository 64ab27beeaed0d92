"""Tap on the frames of a client's connections, for views that show them as they pass."""

from __future__ import annotations

from collections.abc import Callable

from netchat.errors import PeerError
from netchat.wire import HEADER_SIZE, check_header

__all__ = ["FrameTap"]


class FrameTap:
    """Splitter of the bytes of both directions into frames.

    It sees the frames as the chat does: after decryption and after a link's corrections.

    Args:
        record: Called with each complete frame, header and body, and whether the client sent it.
    """

    def __init__(self, record: Callable[[bytes, bool], object]) -> None:
        self._record = record
        self._partial = bytearray(), bytearray()
        self._is_broken = [False, False]

    def connected(self) -> None:
        """Begin a new connection: what is left of the previous one is not continued."""
        self._partial = bytearray(), bytearray()
        self._is_broken = [False, False]

    def sent(self, data: bytes) -> None:
        """Take bytes that the client sends."""
        self._feed(data, is_sent=True)

    def received(self, data: bytes) -> None:
        """Take bytes that the client has received. Invalid ones end the direction."""
        self._feed(data, is_sent=False)

    def _feed(self, data: bytes, *, is_sent: bool) -> None:
        if self._is_broken[is_sent]:
            return
        partial = self._partial[is_sent]
        partial += data
        at = 0
        while len(partial) - at >= HEADER_SIZE:
            try:
                end = at + HEADER_SIZE + check_header(partial[at : at + HEADER_SIZE])
            except PeerError:  # the client reports it and closes the connection
                self._is_broken[is_sent] = True
                break
            if end > len(partial):
                break
            self._record(bytes(partial[at:end]), is_sent)
            at = end
        del partial[:at]
