"""Headers of one link's datagrams, with the link's mask."""

from __future__ import annotations

from netchat.link.datagram_mask import make_mask, masked
from netchat.link.header import HEADER_SIZE, Header, Kind, ReadHeader, read_header, write_header
from netchat.link.header_prediction import HeaderPredictor

__all__ = ["DatagramHeaders"]

#: Kinds that are not masked, because one of the peers does not know the key yet.
_PLAIN = (Kind.OPEN, Kind.CHALLENGE)


class DatagramHeaders:
    """Codec for the headers of one link's datagrams.

    Args:
        key: Key of the mask; empty for no mask.
        is_sure: Whether the peer is known to have the key. Otherwise the first masked header shows
            it: a server that does not support masks never sends one.
    """

    def __init__(self, key: bytes, *, is_sure: bool) -> None:
        self._mask = make_mask(key) if key else None
        self._is_sure = is_sure
        self._predictor = HeaderPredictor()

    def write(self, header: Header) -> bytes:
        """Return the coded header, masked if the peer supports it."""
        coded = write_header(header)
        if self._mask is None or not self._is_sure or header.kind in _PLAIN:
            return coded
        return masked(coded, self._mask)

    def read(self, datagram: bytes) -> ReadHeader | None:
        """Read a datagram's header; return None if it is unreadable or not of this link."""
        coded = datagram[:HEADER_SIZE]
        if len(coded) < HEADER_SIZE:
            return None
        head = self._read(coded)
        if head is None:
            plain = coded
            if self._mask is not None and self._is_sure:
                plain = masked(coded, self._mask)
            head = self._predictor.read(plain)
        if head is not None:
            self._predictor.note(head.header)
        return head

    def _read(self, coded: bytes) -> ReadHeader | None:
        if self._mask is not None:
            head = read_header(masked(coded, self._mask))
            if head is not None and head.header.kind not in _PLAIN:
                self._is_sure = True
                return head
        head = read_header(coded)
        if self._mask is None or not self._is_sure or head is None or head.header.kind in _PLAIN:
            return head
        return None
