"""The stage in front of the others: are these frames, or blocks of a link with frames in them?

As on the server, the first bytes decide. Where the capture does not have those, a block is known by
its header, which is a codeword with a CRC-16 in it: both kinds are looked for at first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from netchat.link.sync_marker import MARKER, MARKER_ERRORS, differing_bits, starts_like_link
from netchat.packets.decode.byte_queue import Backlog
from netchat.packets.decode.conversation import Conversation
from netchat.packets.decode.frame_scanner import Stage
from netchat.packets.decode.link_state import LinkState
from netchat.packets.items import Damage, Item
from netchat.packets.memory_budget import MemoryBudget

__all__ = ["ProtocolDetector"]

#: Bytes of a connection in which a link has to show a block: one of the longest blocks and more.
_LOOKED_AT = 20_000

#: Decoding a header that is none costs more time than looking at so many bytes does.
_FALSE_ONE = 300

#: Bytes of marker and coded header; `netchat.link.header` is loaded only where they are needed.
_HEAD = 100

#: Two neighbouring bytes of a marker that are right: nearly every marker with few wrong bits has
#: them, and other bytes seldom do.
_NEAR = re.compile(rb"(?s)(?=\x1a\xcf..|.\xcf\xfc.|..\xfc\x1d)")


class Place(Protocol):
    """Where the stage has its place: a direction of a connection."""

    stage: Stage
    conversation: Conversation
    to_server: bool


class ProtocolDetector:
    """Looks at the first bytes of a direction, and then puts the right stage in its own place.

    Args:
        place: where that is.
        budget: told of what is kept.
        open_frames: makes the stage for frames; its argument is whether the first byte is the first
            of the stream.
        in_place: whether it is here.
    """

    __slots__ = (
        "_backlog",
        "_budget",
        "_frames",
        "_in_place",
        "_looked",
        "_open_frames",
        "_place",
        "_seen",
    )

    def __init__(
        self,
        place: Place,
        budget: MemoryBudget,
        open_frames: Callable[[bool], Stage],
        *,
        in_place: bool,
    ) -> None:
        self._place = place
        self._budget = budget
        self._open_frames = open_frames
        self._in_place = in_place
        self._frames = open_frames(in_place)
        self._backlog = Backlog(budget)
        self._seen = 0  # bytes that were looked at in all
        self._looked = 0  # how many of those that wait

    @property
    def doubtful(self) -> bool:
        """Whether bytes came that are none of this protocol."""
        return self._frames.doubtful

    def push(self, data: bytes, packet: int, time: int, repeated: bool) -> list[Item]:
        """Take the next bytes of the stream; as `FrameScanner.push`."""
        self._backlog.add(data, packet, time, repeated)
        waiting = self._backlog.bytes
        if self._place.conversation.link is not None:  # the other direction has told
            return self._become_link(0)
        if self._in_place and not starts_like_link(bytes(waiting[:4])):
            return self._become_frames()
        at = self._find()
        if at is not None:
            # A stream that begins like a link is one from there on, readable or not.
            return self._become_link(0 if self._in_place else at)
        self._seen += len(data)
        if self._seen > _LOOKED_AT:
            return self._become_frames()
        # In the middle of a stream, frames are shown as they come.
        items = [] if self._in_place else self._hand_over(self._frames, self._looked)
        self._backlog.account()
        return items

    def _find(self) -> int | None:
        """Where among the bytes that wait a block begins; looks at each place once."""
        waiting, size = self._backlog.bytes, len(self._backlog.bytes)
        for match in _NEAR.finditer(waiting, self._looked):
            at = match.start()
            if differing_bits(bytes(waiting[at : at + 4]), MARKER) > MARKER_ERRORS:
                continue
            if size - at < _HEAD:
                self._looked = at  # the rest of the header has to come first
                return None
            if _is_head(waiting[at + len(MARKER) : at + _HEAD]):
                return at
            self._seen += _FALSE_ONE
            if self._seen > _LOOKED_AT:
                break
        # The last bytes may be the beginning of a marker that goes on.
        self._looked = size - next((n for n in (3, 2, 1) if waiting.endswith(MARKER[:n])), 0)
        return None

    def gap(self, size: int) -> list[Item]:
        """Leave out `size` bytes that are missing; returns what stood in front of them."""
        items = self._hand_over(self._frames, len(self._backlog.bytes))
        self._backlog.offset += size
        self._backlog.account()
        self._in_place = False
        return items + self._frames.gap(size)

    def end(self, why: str) -> list[Item]:
        """Decide everything that waits: nothing more comes."""
        items = self._hand_over(self._frames, len(self._backlog.bytes))
        self._backlog.account()
        return items + self._frames.end(why)

    def swap_direction(self) -> None:
        """The bytes are of the other direction."""
        self._frames.swap_direction()

    def _become_frames(self) -> list[Item]:
        self._place.stage = self._frames
        items = self._hand_over(self._frames, len(self._backlog.bytes))
        self._backlog.account()
        return items

    def _become_link(self, at: int) -> list[Item]:
        """A block begins `at` so many bytes on, or may."""
        from netchat.packets.decode.block_scanner import BlockScanStage

        place, said = self._place, self._place.conversation
        items = self._hand_over(self._frames, at)
        for item in self._frames.end("the blocks of a link begin"):
            if isinstance(item, Damage):
                item = item._replace(reason="the capture begins in the middle of a block")
            items.append(item)
        said.link = said.link or LinkState()
        place.stage = BlockScanStage(
            said,
            said.link,
            self._budget,
            self._open_frames,
            to_server=place.to_server,
            offset=self._backlog.offset,
        )
        items += self._hand_over(place.stage, len(self._backlog.bytes))
        self._backlog.account()
        return items

    def _hand_over(self, stage: Stage, size: int) -> list[Item]:
        """Give the first `size` bytes that wait to a stage, in the pieces in which they came."""
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
    """Whether this is a header that can be read."""
    from netchat.link.header import read_header

    return read_header(bytes(coded)) is not None
