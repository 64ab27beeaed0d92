"""Frame scanner: from bytes to messages, despite gaps and damage.

    bytes in order  ->  push  ->  DecodedMessage, Damage
    missing bytes   ->  gap   ->  Damage of what the gap broke
    end of stream   ->  end   ->  Damage of what is unfinished

A frame is *aligned* if it begins directly after the previous one. Otherwise, the scanner
searches for the next valid frame: magic, version, a known type, no flags, a length within the limit,
the right CRC-32, and a body that matches its type's declaration. Anything less is never shown as a
message.

Every stage between the stream and the frames has `push`, `gap` and `end` (`Stage`): a coded link
receives bytes through them, and calls those of a scanner for the decoded stream.
"""

from __future__ import annotations

import struct
from typing import Protocol
from zlib import crc32

from netchat.packets.decode.conversation import Conversation
from netchat.packets.decode.frame_header import PREFIX
from netchat.packets.decode.frame_resync import FrameResync
from netchat.packets.items import DecodedMessage, Item
from netchat.packets.memory_budget import MemoryBudget
from netchat.wire import HEADER_SIZE, MAX_FRAME, MESSAGES

__all__ = ["DetectorStage", "FrameScanner", "SegmentCache", "Stage"]

#: magic and version | type | flags, suite, reserved | length of the body | CRC-32
_HEADER = struct.Struct(">3sBIII").unpack_from
_NO_CRC = bytes(4)

#: Bypasses the named tuple's own constructor, for speed.
_new = tuple.__new__

#: Messages from which a conversation learns names: HELLO, WELCOME, JOINED, RENAMED.
_TELLING = frozenset((0x01, 0x02, 0x12, 0x18))


class Stage(Protocol):
    """Receiver of the bytes of one direction."""

    @property
    def has_invalid_bytes(self) -> bool:
        """Whether bytes arrived that are invalid in this protocol."""

    def push(self, data: bytes, packet: int, time: int, repeated: bool) -> list[Item]:
        """Process the next bytes, from packet number `packet`, captured at `time` (ns)."""

    def gap(self, size: int) -> list[Item]:
        """Skip `size` missing bytes."""

    def end(self, why: str) -> list[Item]:
        """Mark the end of the stream; `why` is for the reasons of unfinished frames."""

    def swap_direction(self) -> None:
        """Reverse the direction."""


class DetectorStage(Stage, Protocol):
    """First stage of a stream, which selects the stage for the rest."""

    @property
    def next_stage(self) -> Stage | None:
        """Stage for all further bytes, or None while undecided."""


class SegmentCache:
    """The last segment that consisted of complete frames, and their messages.

    Attributes:
        data: Bytes of the segment.
        items: The messages in it; none of them changes the conversation's state.
        offset: Stream offset of the segment.
    """

    __slots__ = ("data", "items", "offset")

    def __init__(self) -> None:
        self.data = b""
        self.items: tuple[DecodedMessage, ...] = ()
        self.offset = 0


class FrameScanner:
    """Scanner that cuts one direction of a conversation into messages.

    This is the fast path for complete, valid, aligned frames. Everything else goes to a `FrameResync`.

    Args:
        conversation: The conversation.
        budget: Budget for the buffered bytes.
        to_server: Whether this is the direction to the server.
        limit: Maximum length of a frame, in bytes.
        aligned: Whether the first byte is the first one of a frame.
        cache: Cache shared by all scanners of a decoder.
    """

    __slots__ = ("_cache", "_conversation", "_longest", "_resync", "_to_server")

    def __init__(
        self,
        conversation: Conversation,
        budget: MemoryBudget,
        *,
        to_server: bool,
        limit: int = MAX_FRAME,
        aligned: bool = True,
        cache: SegmentCache | None = None,
    ) -> None:
        self._cache = cache or SegmentCache()
        self._conversation = conversation
        self._to_server = to_server
        self._longest = limit - HEADER_SIZE
        self._resync = FrameResync(
            conversation, budget, to_server=to_server, limit=limit, aligned=aligned
        )

    @property
    def has_invalid_bytes(self) -> bool:
        """Whether the stream held invalid bytes where a frame was expected."""
        return self._resync.has_invalid_bytes

    def push(self, data: bytes, packet: int, time: int, repeated: bool) -> list[Item]:
        """Process the next bytes of the stream.

        Args:
            data: The bytes.
            packet: Number of the packet that carried them.
            time: Capture time, in ns.
            repeated: Whether it was a retransmission.
        """
        resync, cache = self._resync, self._cache
        if resync.busy:
            return resync.push(data, packet, time, repeated)
        backlog = resync.backlog
        conversation, to_server, packets = self._conversation, self._to_server, (packet,)
        offset = backlog.offset
        if data == cache.data:
            # A server sends the same bytes to all members of a room, so the messages are the
            # same as for the previous member.
            backlog.offset = offset + len(data)
            offset -= cache.offset
            again: list[Item] = []
            for i in cache.items:
                item = (time, conversation, to_server, i[3], i[4], packets, repeated,
                        offset + i[7], False)  # fmt: skip
                again.append(_new(DecodedMessage, item))
            return again
        items: list[DecodedMessage] = []
        at, size, longest, has_names = 0, len(data), self._longest, False
        while at + HEADER_SIZE <= size:
            prefix, kind, rest, length, crc = _HEADER(data, at)
            end = at + HEADER_SIZE + length
            if prefix != PREFIX or rest or kind not in MESSAGES or end > size or length > longest:
                break
            raw = data[at:end]
            if crc32(raw[HEADER_SIZE:], crc32(raw[:12] + _NO_CRC)) != crc:
                break
            try:
                message, stop = MESSAGES[kind].read(raw, HEADER_SIZE)
            except (struct.error, UnicodeDecodeError):
                break
            if stop != len(raw):
                break
            if kind in _TELLING:
                conversation.learn(message)
                has_names = True
            item = (
                time,
                conversation,
                to_server,
                message,
                raw,
                packets,
                repeated,
                offset + at,
                False,
            )
            items.append(_new(DecodedMessage, item))
            at = end
        backlog.offset = offset + at
        if at < size:
            return [*items, *resync.push(data[at:], packet, time, repeated)]
        if not has_names:
            cache.data, cache.items, cache.offset = data, tuple(items), offset
        return items  # type: ignore[return-value] # lists are invariant

    def gap(self, size: int) -> list[Item]:
        """Skip `size` missing bytes.

        Returns:
            Items for the bytes before the gap.
        """
        return self._resync.gap(size)

    def end(self, why: str) -> list[Item]:
        """Mark the end of the stream; `why` is for the reasons of unfinished frames."""
        return self._resync.end(why)

    def swap_direction(self) -> None:
        """Reverse the direction."""
        self._to_server = not self._to_server
        self._resync.to_server = self._to_server
