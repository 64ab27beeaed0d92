"""How much memory the decoder may use, whatever it is fed.

Each limit bounds one thing that a hostile or damaged capture could make grow. Together they keep
a decoder below about 100 MB, not counting the libraries that decode links (150 MB), which are loaded
when there is one.
"""

from __future__ import annotations

__all__ = [
    "MAX_BUFFERED",
    "MAX_BUFFERED_PIECES",
    "MAX_CONVERSATIONS",
    "MAX_KEPT",
    "MAX_LINKS",
    "MemoryBudget",
]

#: Bytes of one direction held behind a hole. A missing segment holds up what the window lets the
#: sender send in a round trip: 1 MiB is 100 Mbit/s over 80 ms, more than a chat needs.
MAX_BUFFERED = 1024 * 1024

#: Pieces that those bytes may be in: a segment of one byte costs far more than that byte.
MAX_BUFFERED_PIECES = 4096

#: Bytes that all conversations together may hold, behind holes and in unfinished frames.
MAX_KEPT = 32 * 1024 * 1024

#: Conversations followed at a time. Above it, the quarter that was silent longest is let go.
MAX_CONVERSATIONS = 16_384

#: Links over UDP followed at a time; what decodes one takes 20 KB. Above it, the one that was silent
#: longest is let go.
MAX_LINKS = 1024


class MemoryBudget:
    """Counts the bytes that one decoder holds.

    Attributes:
        used: bytes held now, by all conversations.
    """

    __slots__ = ("used",)

    def __init__(self) -> None:
        self.used = 0
