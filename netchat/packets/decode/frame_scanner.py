"""From the bytes of one direction to messages, over gaps and damage.

    bytes in order  ->  push  ->  Decoded, Damage
    bytes missing   ->  gap   ->  Damage of what the gap broke
    nothing more    ->  end   ->  Damage of what is unfinished

A frame is *in its place* directly behind the one in front of it. Where none is, the scanner
searches for the next valid one: magic, version, a known type, no flags, a length within the limit,
the right CRC-32, and a body that is what its type declares. Nothing less is shown as a message.

`push`, `gap` and `end` are what any stage between the stream and the frames has to offer
(`Stage`): a coded link takes them, and calls those of a scanner behind it.
"""

from __future__ import annotations

import struct
from typing import Protocol
from zlib import crc32

from netchat.packets.decode.conversation import Conversation
from netchat.packets.decode.frame_header import PREFIX
from netchat.packets.decode.frame_resync import FrameResync
from netchat.packets.items import Decoded, Item
from netchat.packets.memory_budget import MemoryBudget
from netchat.wire import HEADER_SIZE, MAX_FRAME, MESSAGES

__all__ = ["FrameScanner", "SegmentCache", "Stage"]

#: magic and version | type | flags, suite, reserved | length of the body | CRC-32
_HEADER = struct.Struct(">3sBIII").unpack_from
_NO_CRC = bytes(4)

#: What a named tuple calls to make itself, without the call in between.
_new = tuple.__new__

#: The messages from which a conversation learns names: HELLO, WELCOME, JOINED, RENAMED.
_TELLING = frozenset((0x01, 0x02, 0x12, 0x18))


class Stage(Protocol):
    """What takes the bytes of one direction."""

    @property
    def has_invalid_bytes(self) -> bool:
        """Whether bytes came that are none of this protocol."""

    def push(self, data: bytes, packet: int, time: int, repeated: bool) -> list[Item]:
        """Take the next bytes, of packet number `packet`, captured at `time` (ns)."""

    def gap(self, size: int) -> list[Item]:
        """Leave out `size` bytes that are missing."""

    def end(self, why: str) -> list[Item]:
        """Take it that nothing more comes; `why` is for the reason of what is unfinished."""

    def swap_direction(self) -> None:
        """The bytes are of the other direction."""


class SegmentCache:
    """The last segment that was whole frames, and what was found in it.

    Attributes:
        data: its bytes.
        items: the messages in it; none of them told the conversation anything.
        offset: where in its stream it began.
    """

    __slots__ = ("data", "items", "offset")

    def __init__(self) -> None:
        self.data = b""
        self.items: tuple[Decoded, ...] = ()
        self.offset = 0


class FrameScanner:
    """Cuts one direction of a conversation into messages.

    The fast half: whole, valid frames in their place, as nearly all are. Anything else goes to a
    `FrameResync`.

    Args:
        conversation: whose messages these are.
        budget: told of what is kept.
        to_server: which direction.
        limit: bytes a whole frame may have.
        aligned: whether the first byte is the first one of a frame.
        cache: shared by all scanners of a decoder.
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
        """Whether bytes came that are no frame where one had to be."""
        return self._resync.has_invalid_bytes

    def push(self, data: bytes, packet: int, time: int, repeated: bool) -> list[Item]:
        """Take the next bytes of the stream.

        Args:
            data: the bytes.
            packet: number of the packet that brought them.
            time: when it was captured, in ns.
            repeated: whether it was a retransmission.
        """
        resync, cache = self._resync, self._cache
        if resync.busy:
            return resync.push(data, packet, time, repeated)
        backlog = resync.backlog
        conversation, to_server, packets = self._conversation, self._to_server, (packet,)
        offset = backlog.offset
        if data == cache.data:
            # A server tells all members of a room the same: what was found in these bytes when
            # they went to the one before is in them now.
            backlog.offset = offset + len(data)
            offset -= cache.offset
            again: list[Item] = []
            for i in cache.items:
                item = (time, conversation, to_server, i[3], i[4], packets, repeated,
                        offset + i[7], False)  # fmt: skip
                again.append(_new(Decoded, item))
            return again
        items: list[Decoded] = []
        at, size, longest, told = 0, len(data), self._longest, False
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
                told = True
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
            items.append(_new(Decoded, item))
            at = end
        backlog.offset = offset + at
        if at < size:
            return [*items, *resync.push(data[at:], packet, time, repeated)]
        if not told:
            cache.data, cache.items, cache.offset = data, tuple(items), offset
        return items  # type: ignore[return-value] # a list of some kinds of item

    def gap(self, size: int) -> list[Item]:
        """Leave out `size` bytes that are missing.

        Returns:
            What is known now about the bytes in front of the gap.
        """
        return self._resync.gap(size)

    def end(self, why: str) -> list[Item]:
        """Take it that nothing more comes; `why` is for the reason of what is unfinished."""
        return self._resync.end(why)

    def swap_direction(self) -> None:
        """The bytes are of the other direction."""
        self._to_server = not self._to_server
        self._resync.to_server = self._to_server
