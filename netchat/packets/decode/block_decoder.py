"""Decoding of the blocks in one direction of a link.

    block -> decoded payload -> its offset in the link's stream -> frames

It does not matter how a block was found: by a `BlockScanStage` in a TCP stream, or as a datagram. The
receiver's work is done by the link's own code (`netchat.link`); the difference is that nothing can be
retransmitted.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from netchat.errors import LinkError
from netchat.link.code_table import CODES, OPENED, block_code
from netchat.link.datagram_mask import masked
from netchat.link.header import Header, Kind, unwrap, write_header
from netchat.link.incremental_redundancy import INCREMENTS
from netchat.link.open_request import Mode, read_open_request
from netchat.link.payload_decoder import PayloadDecoder
from netchat.link.receiver import RECEIVE_WINDOW
from netchat.link.stats import LinkStats
from netchat.link.sync_marker import MARKER
from netchat.packets.decode.conversation import Conversation
from netchat.packets.decode.frame_scanner import Stage
from netchat.packets.decode.link_state import BlockCounts, LinkState
from netchat.packets.items import Block, Damage, Gap, Item
from netchat.packets.memory_budget import MAX_BUFFERED, MAX_BUFFERED_PIECES
from netchat.packets.tcp.segments import Piece, SegmentBuffer

__all__ = ["BlockDecoder", "FoundBlock"]

#: Bytes before or after the current offset within which a block is accepted: twice the receive
#: window.
_NEAR = 2 * RECEIVE_WINDOW


class FoundBlock(NamedTuple):
    """Block as found, before decoding.

    Attributes:
        header: The header.
        corrected: Bytes of the header that were corrected.
        wrong: Wrong bits in the header, and in the marker if there is one.
        raw: The whole block, as captured.
        head: Bytes before the payload.
        offset: Offset of the block in its direction's bytes.
        packets: Numbers of the packets that carried it.
        time: Capture time of the last of them, in ns.
        mask: Mask of its header; empty for none.
    """

    header: Header
    corrected: int
    wrong: int
    raw: bytes
    head: int
    offset: int
    packets: tuple[int, ...]
    time: int
    mask: bytes = b""


class BlockDecoder:
    """Decoder for the blocks of one direction; reassembles the stream that they carry.

    Args:
        conversation: The conversation.
        linked: Its link.
        open_frames: Makes the stage that receives the stream; its argument is whether the stream is
            complete from its first byte on.
        to_server: Whether this is the direction to the server.

    Attributes:
        lost: Whether blocks may be missing before the next one, which is then accepted at any offset.
    """

    __slots__ = (
        "_buffer",
        "_conversation",
        "_first",
        "_frames",
        "_high",
        "_linked",
        "_next",
        "_open_frames",
        "_payloads",
        "_stats",
        "_to_server",
        "lost",
    )  # fmt: skip

    def __init__(
        self,
        conversation: Conversation,
        linked: LinkState,
        open_frames: Callable[[bool], Stage],
        *,
        to_server: bool,
    ) -> None:
        self._conversation = conversation
        self._linked = linked
        self._open_frames = open_frames
        self._to_server = to_server
        self._frames: Stage | None = None
        self._stats = LinkStats()
        self._payloads = PayloadDecoder(self._stats)
        self._buffer = SegmentBuffer()
        self._first = 0  # the first byte's offset in headers, once there are `_frames`
        self._next = 0  # bytes delivered or skipped since then
        self._high = 0  # offset after the last byte of any block
        self.lost = False

    @property
    def cost(self) -> int:
        """Approximate memory use besides the object's own, in bytes."""
        return self._payloads.held + self._buffer.cost

    def size(self, header: Header) -> int | None:
        """Return a payload's coded length, in bytes; None for an invalid header."""
        if self._payloads.opened is None:
            self._agree()
        return self._payloads.size(header)

    def swap_direction(self) -> None:
        """Reverse the direction."""
        self._to_server = not self._to_server
        self._payloads.opened = None
        if self._frames is not None:
            self._frames.swap_direction()

    def take(self, found: FoundBlock) -> tuple[Block, list[Item]]:
        """Decode a block.

        Returns:
            The block, and the items that its payload completes.
        """
        header, linked = found.header, self._linked
        if linked.number is None:
            linked.number = header.link
        if header.link != linked.number:
            return self._block(found, "foreign", None), []
        if header.kind in (Kind.ACCEPT, Kind.DATA, Kind.ACK):
            linked.acked[not self._to_server] = header.ack
        if not header.length:
            return self._block(found, "", b""), []
        stats = self._stats
        corrected, combined = stats.corrected_symbols, stats.combined_blocks
        place, coded = 0, found.raw[found.head :]
        if header.kind is Kind.DATA:
            place = self._place(header)
            payload = self._payloads.data(header, coded, place)
        else:
            payload = self._payloads.control(header, coded)
        outcome = "good" if payload is not None else "failed"
        if stats.combined_blocks > combined:
            outcome = "combined"
        elif payload is None and header.code in INCREMENTS and place + header.length <= self._next:
            outcome = "surplus"
        elif stats.damaged_blocks:
            outcome, stats.damaged_blocks = "damaged", 0
        block = self._block(found, outcome, payload, stats.corrected_symbols - corrected)
        if outcome == "combined":  # the decoder reports no count here
            corrected_bytes = sum(at >= found.head for at, _, _ in block.repairs)
            block = block._replace(corrected=block.corrected + corrected_bytes)
            self._counts.corrected += corrected_bytes
        if header.kind is Kind.OPEN and payload:
            self._opened(header, payload)
        if header.kind is not Kind.DATA:
            return block, []
        if place < self._high:
            block = block._replace(again=True)
            self._counts.again += 1
        if place - self._next <= _NEAR or self.lost:
            self._high = max(self._high, place + header.length)
        if payload is None:
            return block, []
        return block, self._carry(place, payload, block)

    def end(self, why: str) -> list[Item]:
        """Give up on all missing bytes; more blocks may follow."""
        items: list[Item] = []
        while self._buffer.pieces:
            items += self._give_up("no decodable block carried them")
        if self._frames is not None:
            items += self._frames.end(why)
        self._payloads = PayloadDecoder(self._stats)  # without the copies of failed blocks
        return _inside(items)

    # -- the block itself -----------------------------------------------------------------------

    def _block(
        self, found: FoundBlock, outcome: str, payload: bytes | None, corrected: int = 0
    ) -> Block:
        header, counts, stats = found.header, self._counts, self._stats
        sent = write_header(header)
        if found.mask:
            sent = masked(sent, found.mask)
        if found.head > len(sent):
            sent = MARKER + sent
        if payload and outcome in ("good", "combined"):
            sent += self._payloads.sent(header, payload)
        code = "" if not header.length else CODES.get(header.code, "")
        if header.code == OPENED:
            code = self._linked.spec(to_server=self._to_server) or ""
        counts.blocks += 1
        counts.corrected += found.corrected + corrected
        counts.failed += outcome in ("failed", "combined", "damaged")
        counts.combined += outcome == "combined"
        counts.wrong_bits += found.wrong + stats.wrong_bits
        counts.checked_bits += 8 * found.head + stats.checked_bits
        stats.wrong_bits = stats.checked_bits = 0
        return Block(
            found.time, self._conversation, self._to_server, header, code, found.offset, found.raw,
            found.head, sent, payload, outcome, found.corrected + corrected, False, found.packets,
        )  # fmt: skip

    @property
    def _counts(self) -> BlockCounts:
        return self._linked.counts(to_server=self._to_server)

    def _opened(self, header: Header, payload: bytes) -> None:
        """Read from OPEN the codes and the initial offset."""
        if self._linked.opening is None:
            try:
                self._linked.opening = read_open_request(payload)
            except LinkError:
                return  # the server refuses such a request
            self._linked.first = header.offset
            self._agree()

    def _agree(self) -> None:
        """Apply the settings of OPEN, if known."""
        spec = self._linked.spec(to_server=self._to_server)
        if spec is None or self._linked.opening is None:
            return
        self._payloads.mode = self._linked.opening.mode
        with suppress(ValueError):  # a code that the server refuses
            self._payloads.opened = block_code(spec)

    # -- the stream that the blocks carry ---------------------------------------------------------

    def _place(self, header: Header) -> int:
        """Return the offset of a payload in the stream."""
        if self._frames is None:
            first = self._linked.first
            self._first = header.offset if first is None else first
            self._frames = self._open_frames(first is not None)
        return unwrap(header.offset, 32, self._first + self._next) - self._first

    def _carry(self, place: int, payload: bytes, block: Block) -> list[Item]:
        """Insert a payload at its offset; return the items that it completes."""
        assert self._frames is not None
        end = place + len(payload)
        ahead, items = place - self._next, list[Item]()
        if abs(ahead) > _NEAR and not (self.lost and ahead > 0):
            # A receiver would drop it. Accept the second one, since the capture may have gaps.
            self.lost = True
            return []
        if ahead > _NEAR:
            while self._buffer.pieces:
                items += self._give_up("blocks are missing")
            if place > self._next:
                items += self._gap(place, "blocks are missing", block.packets[-1], block.time)
        self.lost = False
        if end > self._next:
            start = max(place, self._next)
            data = payload[start - place :]
            piece = Piece(start, end, data, block.packets[-1], block.time, block.again, 0)
            self._buffer.add(piece)
        items += self._deliver()
        while self._buffer.pieces and (why := self._why_not_wait()):
            items += self._give_up(why)
        self._payloads.forget_before(self._next)
        return _inside(items)

    def _deliver(self) -> list[Item]:
        """Deliver buffered payloads up to the next hole."""
        assert self._frames is not None
        items, buffer = list[Item](), self._buffer
        while buffer.pieces and buffer.pieces[0].start <= self._next:
            piece = buffer.pop()
            assert piece.data is not None
            self._next = piece.end
            items += self._frames.push(piece.data, piece.packet, piece.time, piece.repeated)
        return items

    def _give_up(self, reason: str) -> list[Item]:
        """Give up on the bytes before the first buffered payload."""
        first = self._buffer.pieces[0]
        items = self._gap(first.start, reason, first.packet, first.time)
        return items + self._deliver()

    def _gap(self, to: int, reason: str, packet: int, time: int) -> list[Item]:
        """Skip the bytes up to an offset."""
        assert self._frames is not None
        at, size = self._next, to - self._next
        self._next = to
        self._counts.missing += size
        items = self._frames.gap(size)
        gap = Gap(time, self._conversation, self._to_server, at, size, reason, packet, inside=True)
        return [*items, gap]

    def _why_not_wait(self) -> str:
        """Return why the bytes before the buffer will not arrive, or "" if they may."""
        if self._linked.mode is Mode.FEC:
            return "this link does not retransmit"
        ack = self._linked.acked.get(self._to_server)
        if ack is not None:
            place = unwrap(ack, 32, self._first + self._next) - self._first
            if place >= self._buffer.pieces[0].start:
                return "acknowledged by the peer, but not captured"
        if self._buffer.size > MAX_BUFFERED or len(self._buffer.pieces) > MAX_BUFFERED_PIECES:
            return "the buffer after them is full"
        return ""


def _inside(items: list[Item]) -> list[Item]:
    """Mark items as belonging to the stream that a link carries."""
    return [i._replace(inside=True) if isinstance(i, Damage) else i for i in items]
