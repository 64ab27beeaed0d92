"""First stage of a stream: detects whether it holds frames or blocks of a link.

As on the server, the first bytes decide. If they were not captured, a block is recognised by its
header, a codeword with a CRC-16; until then both kinds are searched for.
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
    ) -> None:
        self.next_stage: Stage | None = None
        self._conversation = conversation
        self._to_server = to_server
        self._budget = budget
        self._open_frames = open_frames
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
        if self._conversation.link is not None:  # known from the other direction
            return self._become_link(0)
        if self._aligned and not starts_like_link(bytes(waiting[:4])):
            return self._become_frames()
        at = self._find()
        if at is not None:
            # A stream that begins like a link is one from its first byte, readable or not.
            return self._become_link(0 if self._aligned else at)
        self._seen += len(data)
        if self._seen > _LOOKED_AT:
            return self._become_frames()
        # In the middle of a stream, frames are shown as they come.
        items = [] if self._aligned else self._hand_over(self._frames, self._looked)
        self._backlog.account()
        return items

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
