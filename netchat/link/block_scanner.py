"""Cuts a damaged stream of bytes into blocks, and finds the next one again after anything.

In step, a block begins where the one before it ended: its header alone decides, and its marker may
be as wrong as it likes. Out of step, a marker is looked for at every byte; a false one costs the
decoding of a header and nothing else, since the search goes on right behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from netchat.link.header import HEAD_SIZE, Header, ReadHeader, read_header, read_headers
from netchat.link.sync_marker import MARKER, MARKER_ERRORS, differing_bits

__all__ = ["BlockScanner", "StreamBlock"]

#: Bytes that are searched in one step: about a millisecond's work if they are all markers.
_SEARCHED = 1024

_ONES = np.array([value.bit_count() for value in range(256)], np.uint8)


class StreamBlock(NamedTuple):
    """A block as it was found in a stream."""

    header: Header
    corrected: int
    """Bytes of the header that were corrected."""
    wrong: int
    """Wrong bits in marker and header."""
    coded: bytes
    """The payload, as it arrived."""
    at: int
    """Where in the stream the block begins."""


class BlockScanner:
    """Finds the blocks in a stream.

    Whoever reads says by `doubt` when a payload could not be decoded. Should there then be no
    header behind it, the block itself was a false one, and the search begins right behind its
    marker.

    It holds no more than one block, the doubtful one in front of it, and what the last `feed`
    brought.

    Args:
        payload_size: the bytes that the payload of a header takes up as coded; None if the header
            makes no sense, which is as good as no header.

    Attributes:
        idle: whether `step` can do nothing before more bytes arrive.
        unreadable: places where a header should have been and could not be read.
        resyncs: how often a block was found by its marker.
        skipped: bytes that were passed over.
    """

    def __init__(self, payload_size: Callable[[Header], int | None]) -> None:
        self._payload_size = payload_size
        self._buffer = bytearray()
        self._base = 0  # where in the stream the buffer begins
        self._at = 0  # where in the buffer the next block begins, or the search goes on
        self._doubtful: int | None = None  # where in the buffer to search if there is no header
        self._searching = False
        self._head: ReadHeader | None = None  # of the block at `_at`, whose payload is awaited
        self._marker_errors = 0
        self.idle = True
        self.unreadable = 0
        self.resyncs = 0
        self.skipped = 0

    @property
    def held(self) -> int:
        """Bytes that are held."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream; then call `next` until it gives None."""
        self._buffer += data
        self.idle = False

    def _forget(self) -> None:
        """Keep no more than may be looked at again."""
        keep = self._at if self._doubtful is None else min(self._at, self._doubtful)
        if keep:
            del self._buffer[:keep]
            self._base += keep
            self._at -= keep
            if self._doubtful is not None:
                self._doubtful -= keep

    def next(self) -> StreamBlock | None:
        """The next block that has arrived completely; None if there is none yet."""
        while True:
            block = self.step()
            if block is not None or self.idle:
                return block

    def step(self) -> StreamBlock | None:
        """Do a bounded amount of work: return the block that is next, or look for it a bit further.

        A caller that shares the processor calls this until `idle`, and does other things in between.
        """
        if self._head is None and not self._find():
            self._starve()
            return None
        head = self._head
        if head is None:
            return None
        size = self._payload_size(head.header)
        assert size is not None
        begin, end = self._at + HEAD_SIZE, self._at + HEAD_SIZE + size
        if len(self._buffer) < end:
            self._starve()
            return None
        coded = bytes(self._buffer[begin:end])
        block = StreamBlock(
            head.header, head.corrected, head.wrong + self._marker_errors, coded,
            self._base + self._at,
        )  # fmt: skip
        self._at, self._head = end, None
        return block

    def _starve(self) -> None:
        self._forget()
        self.idle = True

    def mark_undecodable(self, block: StreamBlock) -> None:
        """The payload of the block just given could not be decoded."""
        self._doubtful = block.at - self._base + 1

    def _find(self) -> bool:
        """Look for a header at the next place; False if more bytes are needed first."""
        if len(self._buffer) - self._at < HEAD_SIZE:
            return False
        if self._searching:
            return self._search()
        head = read_header(bytes(self._buffer[self._at + len(MARKER) : self._at + HEAD_SIZE]))
        if head is not None and self._payload_size(head.header) is not None:
            self._found(head)
            return True
        self.unreadable += 1
        self._searching = True
        if self._doubtful is None:
            self._at += 1
        else:
            self._at, self._doubtful = self._doubtful, None
        return True

    def _search(self) -> bool:
        """Look for a marker with a header behind it, a thousand bytes on.

        All of their headers are decoded at once, so that a peer who sends nothing but markers does
        not get much work for its bytes.
        """
        stop = min(len(self._buffer), self._at + _SEARCHED + HEAD_SIZE)
        received = np.frombuffer(bytes(self._buffer[self._at : stop]), np.uint8)
        places = received.size - HEAD_SIZE + 1
        distance = np.zeros(places, np.uint8)
        for i, octet in enumerate(MARKER):
            distance += _ONES[received[i : i + places] ^ octet]
        near = np.flatnonzero(distance <= MARKER_ERRORS)
        heads = received[near[:, None] + np.arange(len(MARKER), HEAD_SIZE)]
        for place, head in zip(near.tolist(), read_headers(heads), strict=True):
            if head is not None and self._payload_size(head.header) is not None:
                self._pass(place)
                self._searching = False
                self.resyncs += 1
                self._found(head)
                return True
        self._pass(places)
        return True

    def _pass(self, count: int) -> None:
        self._at += count
        self.skipped += count

    def _found(self, head: ReadHeader) -> None:
        marker = bytes(self._buffer[self._at : self._at + len(MARKER)])
        self._head, self._marker_errors = head, differing_bits(marker, MARKER)
        self._doubtful = None
