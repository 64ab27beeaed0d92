"""Writes and reads the headers of one link's datagrams, with the link's mask."""

from __future__ import annotations

from netchat.link.datagram_mask import make_mask, masked
from netchat.link.header import HEADER_SIZE, Header, Kind, ReadHeader, read_header, write_header

__all__ = ["DatagramHeaders"]

#: Kinds that are not masked: the peer does not know the key yet, or the sender does not.
_PLAIN = (Kind.OPEN, Kind.CHALLENGE)


class DatagramHeaders:
    """The headers of one link's datagrams.

    Args:
        key: what they are masked with; empty for no mask.
        is_sure: the peer has the key. Otherwise the first header that arrives with the mask tells:
            a server that is older than masks sends none.
    """

    def __init__(self, key: bytes, *, is_sure: bool) -> None:
        self._mask = make_mask(key) if key else None
        self._is_sure = is_sure

    def write(self, header: Header) -> bytes:
        """Return the coded header as it is sent."""
        coded = write_header(header)
        if self._mask is None or not self._is_sure or header.kind in _PLAIN:
            return coded
        return masked(coded, self._mask)

    def read(self, datagram: bytes) -> ReadHeader | None:
        """Read a datagram's header; None if there is none, or none of this link."""
        coded = datagram[:HEADER_SIZE]
        if len(coded) < HEADER_SIZE:
            return None
        if self._mask is not None:
            head = read_header(masked(coded, self._mask))
            if head is not None and head.header.kind not in _PLAIN:
                self._is_sure = True
                return head
        head = read_header(coded)
        if self._mask is None or not self._is_sure or head is None or head.header.kind in _PLAIN:
            return head
        return None
