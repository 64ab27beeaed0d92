"""Splitting of a damaged byte stream into blocks, with resynchronisation.

While in sync, a block begins where the previous one ended: its header alone decides, and its marker
may have any number of errors. Out of sync, the scanner searches every byte for a marker. A false
marker costs only the decoding of one header, because the search continues one byte later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from netchat.link.header import HEAD_SIZE, Header, ReadHeader, read_header, read_headers
from netchat.link.header_prediction import HeaderPredictor
from netchat.link.sync_marker import MARKER, MARKER_ERRORS, differing_bits

__all__ = ["BlockScanner", "StreamBlock"]

#: Number of bytes to search per step: about a millisecond of work if they are all markers.
_SEARCHED = 1024

_ONES = np.array([value.bit_count() for value in range(256)], np.uint8)


class StreamBlock(NamedTuple):
    """A block found in a stream."""

    header: Header
    """Decoded header."""
    corrected: int
    """Number of corrected bytes in the header."""
    wrong: int
    """Number of wrong bits in marker and header."""
    coded: bytes
    """Received coded payload."""
    at: int
    """Offset of the block in the received bytes."""


class BlockScanner:
    """Scanner for the blocks in a stream.

    The caller reports undecodable payloads with `mark_undecodable`. If no header follows such a
    block, the block itself was false, and the search resumes one byte after its start.

    The scanner buffers no more than one block, the doubtful block before it, and the data of the
    last `feed`.

    Args:
        payload_size: Returns the coded payload length of a header in bytes; None if the header is
            invalid.

    Attributes:
        idle: Whether `step` needs more bytes.
        unreadable: Number of positions where a header was expected but could not be read.
        resyncs: Number of blocks found by their marker.
        skipped: Number of bytes skipped while searching.
    """

    def __init__(self, payload_size: Callable[[Header], int | None]) -> None:
        self._payload_size = payload_size
        self._buffer = bytearray()
        self._base = 0  # stream offset of the buffer's start
        self._at = 0  # buffer offset of the next block, or of the search
        self._doubtful: int | None = None  # buffer offset to search from if no header follows
        self._searching = False
        self._head: ReadHeader | None = (
            None  # header of the block at `_at`, whose payload is missing
        )
        self._marker_errors = 0
        self._predictor = HeaderPredictor()
        self.idle = True
        self.unreadable = 0
        self.resyncs = 0
        self.skipped = 0

    @property
    def held(self) -> int:
        """Number of buffered bytes."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Append received bytes; then call `next` until it returns None."""
        self._buffer += data
        self.idle = False

    def _trim(self) -> None:
        """Discard bytes that will not be needed again."""
        keep = self._at if self._doubtful is None else min(self._at, self._doubtful)
        if keep:
            del self._buffer[:keep]
            self._base += keep
            self._at -= keep
            if self._doubtful is not None:
                self._doubtful -= keep

    def next(self) -> StreamBlock | None:
        """Return the next complete block, or None."""
        while True:
            block = self.step()
            if block is not None or self.idle:
                return block

    def step(self) -> StreamBlock | None:
        """Return the next block, or None after a bounded amount of searching.

        Call this until `idle`; other work can run between the calls.
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
        self._trim()
        self.idle = True

    def mark_undecodable(self, block: StreamBlock) -> None:
        """Report that the payload of the block just returned could not be decoded."""
        self._doubtful = block.at - self._base + 1

    def _find(self) -> bool:
        """Look for a header at the current offset; return False if more bytes are needed."""
        if len(self._buffer) - self._at < HEAD_SIZE:
            return False
        if self._searching:
            return self._search()
        coded = bytes(self._buffer[self._at + len(MARKER) : self._at + HEAD_SIZE])
        head = read_header(coded) or self._predictor.read(coded)
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
        """Search the next `_SEARCHED` bytes for a marker followed by a header.

        All candidate headers are decoded in one batch, which limits the work that a peer can cause
        by sending only markers.
        """
        stop = min(len(self._buffer), self._at + _SEARCHED + HEAD_SIZE)
        received = np.frombuffer(bytes(self._buffer[self._at : stop]), np.uint8)
        positions = received.size - HEAD_SIZE + 1
        distance = np.zeros(positions, np.uint8)
        for i, octet in enumerate(MARKER):
            distance += _ONES[received[i : i + positions] ^ octet]
        near = np.flatnonzero(distance <= MARKER_ERRORS)
        heads = received[near[:, None] + np.arange(len(MARKER), HEAD_SIZE)]
        for position, head in zip(near.tolist(), read_headers(heads), strict=True):
            if head is not None and self._payload_size(head.header) is not None:
                self._skip(position)
                self._searching = False
                self.resyncs += 1
                self._found(head)
                return True
        self._skip(positions)
        return True

    def _skip(self, count: int) -> None:
        self._at += count
        self.skipped += count

    def _found(self, head: ReadHeader) -> None:
        marker = bytes(self._buffer[self._at : self._at + len(MARKER)])
        self._head, self._marker_errors = head, differing_bits(marker, MARKER)
        self._predictor.note(head.header)
        self._doubtful = None
