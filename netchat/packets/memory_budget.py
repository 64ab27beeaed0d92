"""Limits of the decoder's memory use.

Each limit bounds something that a hostile or damaged capture could make grow. Together they keep
a decoder below about 100 MB, not counting the libraries that decode links (150 MB), which are
loaded when the first link appears.
"""

from __future__ import annotations

__all__ = [
    "MAX_BUFFERED",
    "MAX_BUFFERED_PIECES",
    "MAX_CONVERSATIONS",
    "MAX_FRAGMENTS",
    "MAX_KEPT",
    "MAX_LINKS",
    "MemoryBudget",
]

#: Bytes of one direction buffered after a hole. A missing segment delays what the window lets the
#: sender send in a round trip: 1 MiB is 100 Mbit/s over 80 ms, more than a chat needs.
MAX_BUFFERED = 1024 * 1024

#: Maximum number of pieces of those bytes: a segment of one byte costs far more than that byte.
MAX_BUFFERED_PIECES = 4096

#: Bytes that all conversations together may buffer, after holes and in unfinished frames.
MAX_KEPT = 32 * 1024 * 1024

#: Memory for IP fragments that wait for the others, in bytes; that of Linux.
MAX_FRAGMENTS = 4 * 1024 * 1024

#: Maximum number of conversations followed at the same time. Beyond it, the least recently active quarter
#: is evicted.
MAX_CONVERSATIONS = 16_384

#: Maximum number of links over UDP followed at the same time; each decoder takes 20 KB. Beyond it, the
#: least recently active link is evicted.
MAX_LINKS = 1024


class MemoryBudget:
    """Counter of the bytes that one decoder buffers.

    Attributes:
        used: Bytes buffered now, for all conversations.
    """

    __slots__ = ("used",)

    def __init__(self) -> None:
        self.used = 0
