"""Stage that finds the blocks of a noisy link in a TCP stream.

    bytes in order -> BlockScanner -> BlockDecoder -> Block, and the items in it

The link's `BlockScanner` cuts the stream into blocks and resynchronises after damage. This stage adds
the packets that each byte came from, and accounts for every byte.
"""

from __future__ import annotations

from collections.abc import Callable

from netchat.link.block_scanner import BlockScanner, StreamBlock
from netchat.link.header import HEAD_SIZE, read_header
from netchat.link.sync_marker import MARKER
from netchat.packets.decode.block_decoder import BlockDecoder, FoundBlock
from netchat.packets.decode.byte_queue import ByteQueue
from netchat.packets.decode.conversation import Conversation
from netchat.packets.decode.frame_scanner import Stage
from netchat.packets.decode.link_state import LinkState
from netchat.packets.items import Damage, Item
from netchat.packets.memory_budget import MemoryBudget
from netchat.wording import many

__all__ = ["BlockScanStage"]

#: Memory use of an active stage besides its buffers, in bytes.
_COST = 8192


class BlockScanStage:
    """Stage that cuts one direction of a conversation into blocks and decodes them.

    Args:
        conversation: The conversation.
        linked: Its link.
        budget: Budget for the buffered bytes.
        open_frames: Makes the stage for the link's stream; see `BlockDecoder`.
        to_server: Whether this is the direction to the server.
        offset: Offset of the first byte in the direction's stream.
    """

    __slots__ = (
        "_backlog", "_base", "_blocks", "_budget", "_conversation", "_cost", "_linked",
        "_reader", "_to_server",
    )  # fmt: skip

    def __init__(
        self,
        conversation: Conversation,
        linked: LinkState,
        budget: MemoryBudget,
        open_frames: Callable[[bool], Stage],
        *,
        to_server: bool,
        offset: int,
    ) -> None:
        self._conversation = conversation
        self._linked = linked
        self._budget = budget
        self._to_server = to_server
        self._backlog = ByteQueue(budget)
        self._backlog.offset = offset
        self._blocks = BlockDecoder(conversation, linked, open_frames, to_server=to_server)
        self._reader: BlockScanner | None = None
        self._base = 0  # stream offset at which the reader began
        self._cost = 0

    @property
    def has_invalid_bytes(self) -> bool:
        """Always False: a valid header of a link was found."""
        return False

    def push(self, data: bytes, packet: int, time: int, repeated: bool) -> list[Item]:
        """Process the next bytes of the stream; see `FrameScanner.push`."""
        items: list[Item] = []
        backlog = self._backlog
        if self._reader is None:
            self._reader = BlockScanner(self._blocks.size)
            self._base = backlog.offset
        reader = self._reader
        backlog.add(data, packet, time, repeated)
        reader.feed(data)
        while (block := reader.next()) is not None:
            if not self._take(block, items):
                reader.mark_undecodable(block)
        passed = backlog.offset + len(backlog.bytes) - reader.held  # no block begins before it
        backlog.skip(max(0, passed - backlog.offset))
        self._account()
        return items

    def gap(self, size: int) -> list[Item]:
        """Skip `size` missing bytes; return items for the bytes before them."""
        items = self._flush("broken", f"then {many(size, 'byte is', 'bytes are')} missing")
        self._backlog.offset += size
        self._blocks.lost = True
        self._account()
        return items

    def end(self, why: str) -> list[Item]:
        """Mark the end of the stream and return items for all buffered bytes."""
        items = self._flush("unfinished", f"then {why}")
        items += self._blocks.end(why)
        self._account()
        return items

    def swap_direction(self) -> None:
        """Reverse the direction."""
        self._to_server = not self._to_server
        self._blocks.swap_direction()

    def _account(self) -> None:
        self._backlog.account()
        held = self._reader.held + _COST if self._reader is not None else 0
        cost = held + self._blocks.cost
        self._budget.used += cost - self._cost
        self._cost = cost

    # -- blocks -------------------------------------------------------------------------------------

    def _take(self, block: StreamBlock, items: list[Item]) -> bool:
        """Process a block; return False if its payload cannot be decoded."""
        backlog, place = self._backlog, self._base + block.at
        if place < backlog.offset:
            return True  # inside a failed block, which was reported
        backlog.skip(place - backlog.offset)
        self._end_run(items, "no block begins in them")
        size = HEAD_SIZE + len(block.coded)
        raw, marks = backlog.take(size)
        found = FoundBlock(
            block.header, block.corrected, block.wrong, raw, HEAD_SIZE, place,
            tuple(dict.fromkeys(mark.packet for mark in marks)),
            max(mark.time for mark in marks),
        )  # fmt: skip
        decoded, inside = self._blocks.take(found)
        items += [decoded, *inside]
        return decoded.outcome != "failed"

    def _flush(self, cause: str, why: str) -> list[Item]:
        """Return items for all buffered bytes: the rest of a block will not arrive."""
        items: list[Item] = []
        backlog = self._backlog
        if self._reader is not None:
            self._linked.counts(to_server=self._to_server).unreadable += self._reader.unreadable
            self._reader = None
        if not backlog.bytes:
            self._end_run(items, "no block begins in them")
            return items
        head = None
        if len(backlog.bytes) >= HEAD_SIZE:
            head = read_header(bytes(backlog.bytes[len(MARKER) : HEAD_SIZE]))
        if head is None or (size := self._blocks.size(head.header)) is None:
            backlog.skip(len(backlog.bytes))
            self._end_run(items, f"no whole block begins in them, {why}")
            return items
        self._end_run(items, "no block begins in them")
        reason = f"{head.header.kind.name} block of {many(HEAD_SIZE + size, 'byte')}"
        raw, marks = backlog.take(len(backlog.bytes))
        items.append(
            Damage(
                max(mark.time for mark in marks), self._conversation, self._to_server,
                backlog.offset - len(raw), len(raw), cause, "",
                f"{reason}: {len(raw)} are here, {why}", raw,
                tuple(dict.fromkeys(mark.packet for mark in marks)),
            )
        )  # fmt: skip
        return items

    def _end_run(self, items: list[Item], reason: str) -> None:
        """Append an item for the skipped bytes, if any."""
        run = self._backlog.end_run()
        if run is None:
            return
        self._linked.counts(to_server=self._to_server).skipped += run.size
        packets = tuple(dict.fromkeys((run.first.packet, run.last.packet)))
        items.append(
            Damage(
                run.last.time, self._conversation, self._to_server, run.start, run.size, "skipped",
                "", reason, run.sample, packets,
            )
        )  # fmt: skip
