"""First stage of a stream: detects whether it holds frames, blocks of a link, or TLS records.

As on the server, the first bytes decide. If they were not captured, a block is recognised by its
header, a codeword with a CRC-16, and TLS by two records in a row; until then all kinds are searched
for.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from netchat.link.sync_marker import MARKER, MARKER_ERRORS, differing_bits, starts_like_link
from netchat.packets.decode.byte_queue import ByteQueue
from netchat.packets.decode.conversation import Conversation
from netchat.packets.decode.frame_scanner import Stage
from netchat.packets.decode.link_state import LinkState
from netchat.packets.items import Damage, Item
from netchat.packets.memory_budget import MemoryBudget
from netchat.packets.tls.records import ENCRYPTED, begins_records, find_records, is_header
from netchat.packets.tls.records import HEADER_SIZE as TLS_HEADER_SIZE

__all__ = ["StageSelector"]

#: Bytes of a connection in which a link must show a block: more than one of the longest blocks.
_LOOKED_AT = 20_000

#: Decoding an invalid header takes as long as scanning this many bytes.
_FALSE_ONE = 300

#: Bytes of marker and coded header; `netchat.link.header` is loaded only where needed.
_HEAD = 100

#: Two adjacent correct bytes of a marker: nearly every marker with few wrong bits contains them,
#: and other bytes seldom do.
_NEAR = re.compile(rb"(?s)(?=\x1a\xcf..|.\xcf\xfc.|..\xfc\x1d)")


class StageSelector:
    """Stage that selects the stage for the rest of a stream by its first bytes.

    Args:
        conversation: The conversation.
        budget: Budget for the buffered bytes.
        open_frames: Makes the stage for frames; its argument is whether the first byte is the first
            of the stream.
        to_server: Whether this is the direction to the server.
        aligned: Whether the first byte is the first of the stream.
        open_tls: Makes the stage for TLS; its arguments are the offset of the first byte, and whether
            a record begins with it. None if the stream is the content of TLS records.

    Attributes:
        next_stage: The stage for all further bytes, or None while undecided. Its owner replaces the
            detector by it.
    """

    __slots__ = (
        "_aligned",
        "_backlog",
        "_budget",
        "_conversation",
        "_frames",
        "_looked",
        "_open_frames",
        "_open_tls",
        "_seen",
        "_to_server",
        "next_stage",
    )

    def __init__(
        self,
        conversation: Conversation,
        budget: MemoryBudget,
        open_frames: Callable[[bool], Stage],
        *,
        to_server: bool,
        aligned: bool,
        open_tls: Callable[[int, bool], Stage] | None = None,
    ) -> None:
        self.next_stage: Stage | None = None
        self._conversation = conversation
        self._to_server = to_server
        self._budget = budget
        self._open_frames = open_frames
        self._open_tls = open_tls
        self._aligned = aligned
        self._frames = open_frames(aligned)
        self._backlog = ByteQueue(budget)
        self._seen = 0  # bytes scanned in all
        self._looked = 0  # bytes scanned of those buffered

    @property
    def has_invalid_bytes(self) -> bool:
        """Whether invalid bytes arrived."""
        return self._frames.has_invalid_bytes

    def push(self, data: bytes, packet: int, time: int, repeated: bool) -> list[Item]:
        """Process the next bytes of the stream; see `FrameScanner.push`."""
        self._backlog.add(data, packet, time, repeated)
        waiting = self._backlog.bytes
        if self._open_tls is not None:
            if self._aligned and begins_records(waiting):
                # Fewer bytes than a header decide nothing yet.
                return self._become_tls(0) if len(waiting) >= TLS_HEADER_SIZE else []
            if not self._aligned and self._conversation.tls is not None:
                return self._become_tls(0)  # known from the other direction
            if not self._aligned and (at := self._find_tls()) >= 0:
                return self._become_tls(at)
        if self._conversation.link is not None:  # known from the other direction
            return self._become_link(0)
        if self._aligned and not starts_like_link(bytes(waiting[:4])):
            return self._become_frames()
        found = self._find()
        if found is not None:
            # A stream that begins like a link is one from its first byte, readable or not.
            return self._become_link(0 if self._aligned else found)
        self._seen += len(data)
        if self._seen > _LOOKED_AT:
            return self._become_frames()
        # In the middle of a stream, frames are shown as they come.
        items = [] if self._aligned else self._hand_over(self._frames, self._looked)
        self._backlog.account()
        return items

    def _find_tls(self) -> int:
        """Return the index of a TLS record in the buffered bytes, or -1."""
        waiting = self._backlog.bytes
        # A segment that begins with such a header is no chance, even if the record is longer.
        if waiting.startswith(ENCRYPTED) and len(waiting) > TLS_HEADER_SIZE and is_header(waiting):
            return 0
        return find_records(waiting)

    def _find(self) -> int | None:
        """Return the index of a block in the buffered bytes; each byte is scanned once."""
        waiting, size = self._backlog.bytes, len(self._backlog.bytes)
        for match in _NEAR.finditer(waiting, self._looked):
            at = match.start()
            if differing_bits(bytes(waiting[at : at + 4]), MARKER) > MARKER_ERRORS:
                continue
            if size - at < _HEAD:
                self._looked = at  # wait for the rest of the header
                return None
            if _is_head(waiting[at + len(MARKER) : at + _HEAD]):
                return at
            self._seen += _FALSE_ONE
            if self._seen > _LOOKED_AT:
                break
        # The last bytes may be the beginning of a marker.
        self._looked = size - next((n for n in (3, 2, 1) if waiting.endswith(MARKER[:n])), 0)
        return None

    def gap(self, size: int) -> list[Item]:
        """Skip `size` missing bytes; return items for the bytes before them."""
        items = self._hand_over(self._frames, len(self._backlog.bytes))
        self._backlog.offset += size
        self._backlog.account()
        self._aligned = False
        return items + self._frames.gap(size)

    def end(self, why: str) -> list[Item]:
        """Mark the end of the stream and return items for all buffered bytes."""
        items = self._hand_over(self._frames, len(self._backlog.bytes))
        self._backlog.account()
        return items + self._frames.end(why)

    def swap_direction(self) -> None:
        """Reverse the direction."""
        self._to_server = not self._to_server
        self._frames.swap_direction()

    def _become_frames(self) -> list[Item]:
        self.next_stage = self._frames
        items = self._hand_over(self._frames, len(self._backlog.bytes))
        self._backlog.account()
        return items

    def _become_link(self, at: int) -> list[Item]:
        """Switch to blocks, the first of which begins at index `at`."""
        from netchat.packets.decode.block_scanner import BlockScanStage

        conversation = self._conversation
        items = self._hand_over(self._frames, at)
        for item in self._frames.end("the blocks of a link begin"):
            if isinstance(item, Damage):
                item = item._replace(reason="the capture begins in the middle of a block")
            items.append(item)
        conversation.link = conversation.link or LinkState()
        stage = BlockScanStage(
            conversation,
            conversation.link,
            self._budget,
            self._open_frames,
            to_server=self._to_server,
            offset=self._backlog.offset,
        )
        items += self._hand_over(stage, len(self._backlog.bytes))
        self._backlog.account()
        self.next_stage = stage
        return items

    def _become_tls(self, at: int) -> list[Item]:
        """Switch to TLS records, the first of which begins at index `at`."""
        assert self._open_tls is not None
        items = self._hand_over(self._frames, at)
        for item in self._frames.end("TLS records begin"):
            if isinstance(item, Damage):
                item = item._replace(reason="the capture begins in the middle of a TLS record")
            items.append(item)
        stage = self._open_tls(
            self._backlog.offset, self._aligned or begins_records(self._backlog.bytes)
        )
        items += self._hand_over(stage, len(self._backlog.bytes))
        self._backlog.account()
        self.next_stage = stage
        return items

    def _hand_over(self, stage: Stage, size: int) -> list[Item]:
        """Pass the first `size` buffered bytes to a stage, in their original pieces."""
        items: list[Item] = []
        if size:
            start = at = self._backlog.offset
            self._looked = max(0, self._looked - size)
            raw, marks = self._backlog.take(size)
            for mark in marks:
                piece = raw[at - start : mark.end - start]
                at += len(piece)
                items += stage.push(piece, mark.packet, mark.time, mark.repeated)
        return items


def _is_head(coded: bytearray) -> bool:
    """Return whether this is a readable header."""
    from netchat.link.header import read_header

    return read_header(bytes(coded)) is not None
