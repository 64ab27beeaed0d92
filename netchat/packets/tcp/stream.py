"""TCP reassembly of one direction: from segments in any order to bytes in theirs.

    0 ............. offset              [held]  [held]     places in the stream
       delivered      ^ hole, next byte

A hole is waited for as long as it may still be filled. It is given up as a gap when the other
side has acknowledged what is behind it (so it has those bytes, and only the capture has not) and
they do not come soon, or when too much time passes, or too much is buffer behind it.
"""

from __future__ import annotations

from collections.abc import Callable

from netchat.packets.decode.conversation import Conversation, Counts
from netchat.packets.decode.frame_scanner import Stage
from netchat.packets.items import Gap, Item
from netchat.packets.memory_budget import MAX_BUFFERED, MAX_BUFFERED_PIECES, MemoryBudget
from netchat.packets.tcp.dissect import FIN, SYN, Segment
from netchat.packets.tcp.segments import Piece, SegmentBuffer

__all__ = ["WINDOW", "TcpStream"]

#: Sequence numbers count modulo 2^32.
_MASK = 0xFFFFFFFF

#: Bytes ahead of or behind the stream's place in which a sequence number is believed. What is
#: further away is another connection on the same ports, or a damaged packet.
WINDOW = 16 * 1024 * 1024

#: A segment that comes up to so many ns late was reordered; a later one was sent again. Wireshark
#: draws the line at 3 ms, too.
_REORDER_WINDOW = 3_000_000

#: How long a hole that was acknowledged is still waited for, in packets of the conversation and
#: in ns: captures swap packets over short distances, data and their acknowledgements too.
_PATIENCE_PACKETS, _PATIENCE_TIME = 32, 1_000_000_000

#: How long one that nobody acknowledged is waited for, in ns: five retransmissions.
_LONG = 10_000_000_000

#: The first segments of a direction that was joined in its middle are buffer so long, in case that
#: one which belongs in front of them comes late.
_SETTLE_PACKETS, _SETTLE_TIME = 4, 100_000_000

#: A single segment further ahead than this may as well have a damaged sequence number.
_FAR = 64 * 1024


class TcpStream:
    """One half of a TCP connection.

    Args:
        key: the key of its segments.
        conversation: the connection.
        counts: what to count in.
        budget: told of what is buffer.
        to_server: which half.
        open_stage: makes what takes the bytes of this direction; it is told whether they are whole
            from the first one on. A stage may put another one in its place.

    Attributes:
        next: sequence number of the byte at `offset`; -1 until anything is known.
        settled: whether it is known where the stream begins.
        acked: sequence number up to which the other side has acknowledged; -1: it has not.
        initial: sequence number of the first byte, as SYN told it; else -1.
        other: the other half.
        held: what waits behind a hole.
        note: what the last segment was; see `Trace`.
        stage: what takes the bytes.
        stray: the last segment that was far off, and its packet's number and time.
        ended: whether its last byte was delivered, as FIN told it.
    """

    __slots__ = (
        "_budget",
        "_closed",
        "_cost",
        "_high",
        "_high_time",
        "_moved",
        "_open_stage",
        "acked",
        "buffer",
        "conversation",
        "counts",
        "ended",
        "initial",
        "key",
        "next",
        "note",
        "other",
        "settled",
        "stage",
        "stray",
        "to_server",
    )  # fmt: skip

    def __init__(
        self,
        key: bytes,
        conversation: Conversation,
        counts: Counts,
        budget: MemoryBudget,
        open_stage: Callable[[TcpStream, bool], Stage],
        *,
        to_server: bool,
    ) -> None:
        self.key = key
        self.conversation = conversation
        self.counts = counts
        self.to_server = to_server
        self.other = self
        self.buffer = SegmentBuffer()
        self.next = self.acked = self.initial = -1
        self.stray: tuple[Segment, int, int] | None = None
        self.settled = self.ended = False
        self.note = ""
        self._budget = budget
        self._cost = 0
        self._open_stage = open_stage
        self._high = 0  # place behind the last byte that was seen
        self._high_time = 0  # when it was seen
        self._moved = 0, 0  # time and turn of the last segment that came in its turn
        self._closed: int | None = None  # place behind the last byte, once FIN told it
        self.stage: Stage = open_stage(self, False)

    @property
    def offset(self) -> int:
        """Place in the stream of the next byte to be delivered."""
        return self.counts.offset

    def place(self, seq: int) -> int:
        """The place in the stream of a sequence number: the one that is nearest to `offset`."""
        ahead = (seq - self.next) & _MASK
        return self.offset + (ahead if ahead < 0x80000000 else ahead - 0x100000000)

    def is_far(self, seq: int) -> bool:
        """Whether a sequence number is too far away to be believed."""
        return self.next >= 0 and abs(self.place(seq) - self.offset) > WINDOW

    def swap_direction(self) -> None:
        """This is the other direction: who is the client was taken the wrong way."""
        self.to_server = not self.to_server
        self.stage.swap_direction()

    def begin(self, seq: int) -> list[Item]:
        """SYN came: the first byte has the sequence number `seq`."""
        self.initial = seq
        if self.next < 0:
            self.next = seq
        else:
            self._move_origin(self.place(seq))
        self.settled = True
        self.stage = self._open_stage(self, True)
        return self._advance()

    def accept(self, segment: Segment, packet: int, time: int, turn: int) -> list[Item]:
        """Take a segment of any kind, in any order.

        Args:
            segment: the segment.
            packet: its packet's number.
            time: when it was captured, in ns.
            turn: packets of the conversation so far.

        Returns:
            What the bytes that it completes decide.
        """
        self.note = ""
        seq, payload = segment.seq, segment.payload
        if segment.flags & SYN:
            seq = (seq + 1) & _MASK
        size = len(payload) + segment.cut
        if self.next < 0:
            if not size:
                return []  # until there are bytes, or SYN, there is no stream to have a place in
            self.next = seq
        start = self.place(seq)
        end = start + size
        if segment.flags & FIN and self._closed is None:
            self._closed = end
        if not size:
            return self._advance() + self._end_if_closed()
        note = self._judge(start, end, time)
        if end > self._high:
            self._high, self._high_time = end, time
        if not self.settled or end > self.offset:
            behind = start + len(payload)
            if self.settled and start <= self.offset:
                self._moved = time, turn
                payload, start = payload[self.offset - start :], self.offset
                behind = max(behind, start)
            repeated = note == "retransmission"
            whole = self.buffer.add(Piece(start, behind, payload, packet, time, repeated, turn))
            whole &= self.buffer.add(Piece(behind, end, None, packet, time, repeated, turn))
            self.counts.conflicts = self.buffer.conflicts
            note = note if whole else "retransmission"
        self.note = note
        self.counts.retransmissions += note == "retransmission"
        self.counts.out_of_order += note == "out of order"
        return self._advance() + self._end_if_closed()

    def _judge(self, start: int, end: int, time: int) -> str:
        """What kind of segment this is, as far as its place and time tell."""
        if self.settled and start < self.offset:
            alive = end - start == 1 and end == self.offset
            return "keep-alive" if alive else "retransmission"
        if start < self._high:
            return "retransmission" if time - self._high_time > _REORDER_WINDOW else "out of order"
        return "behind a hole" if start > self.offset else ""

    # -- delivering -----------------------------------------------------------------------------

    def _advance(self) -> list[Item]:
        """Deliver what is buffer without a hole in front of it."""
        items: list[Item] = []
        buffer = self.buffer
        while self.settled and buffer.pieces and buffer.pieces[0].start <= self.offset:
            piece = buffer.pop()
            if piece.data is None:
                size = piece.end - piece.start
                items += self._gap(size, "the capture cut them off", piece.packet, piece.time)
                continue
            size = len(piece.data)
            self._step(size)
            items += self.stage.push(piece.data, piece.packet, piece.time, piece.repeated)
        self._account()
        return items

    def _step(self, size: int) -> None:
        self.counts.offset += size
        self.next = (self.next + size) & _MASK

    def _gap(self, size: int, reason: str, packet: int, time: int) -> list[Item]:
        offset = self.offset
        self._step(size)
        self.counts.gaps += 1
        self.counts.missing += size
        items = self.stage.gap(size)
        items.append(Gap(time, self.conversation, self.to_server, offset, size, reason, packet))
        return items

    def _account(self) -> None:
        cost = self.buffer.cost if self.buffer.pieces else 0
        self._budget.used += cost - self._cost
        self._cost = cost

    def _move_origin(self, to: int) -> None:
        """Count places from another byte: the one that is at `to` now."""
        self.next = (self.next + to - self.offset) & _MASK
        self.counts.offset = 0
        self.buffer.shift(-to)
        self._high -= to
        if self._closed is not None:
            self._closed -= to

    # -- giving up ------------------------------------------------------------------------------

    def check(self, time: int, turn: int) -> list[Item]:
        """Give up what has been waited for long enough.

        Args:
            time: now, in ns.
            turn: packets of the conversation so far.
        """
        items: list[Item] = []
        while self.buffer.pieces:
            first = self.buffer.pieces[0]
            since, turns = max(first.time, self._moved[0]), max(first.turn, self._moved[1])
            waited, passed = time - since, turn - turns
            if not self.settled:
                if passed < _SETTLE_PACKETS and waited < _SETTLE_TIME and not self._too_much():
                    break
                self._settle()
                items += self._advance()
                continue
            acked = self.acked >= 0 and first.start <= self.place(self.acked) < self.offset + WINDOW
            if acked and (passed >= _PATIENCE_PACKETS or waited >= _PATIENCE_TIME):
                reason = "the other side has them, the capture has not"
            elif self._too_much():
                reason = "too much waited behind them"
            elif waited >= _LONG and not self._doubtful():
                reason = "they did not come for 10 seconds"
            else:
                break
            items += self._give_up(reason, time)
        return items

    def finish(self, why: str, packet: int, time: int) -> list[Item]:
        """Nothing more comes: give up all holes, and end the stream.

        Args:
            why: what ended it, for the reasons of what is unfinished.
            packet: number of the last packet.
            time: when, in ns.
        """
        items: list[Item] = []
        if self.buffer.pieces and not self.settled:
            self._settle()
            items += self._advance()
        while self.buffer.pieces:
            if self._doubtful():
                self.buffer.pop()
                self.counts.astray += 1
                self._account()
            else:
                items += self._give_up("they did not come", time)
        if self.settled:
            told = self._acked_place() if self._closed is None else self._closed
            missing = told - self.offset
            # A single byte may be FIN, which has a sequence number of its own.
            if 0 < missing < WINDOW and not (missing == 1 and self._closed is None):
                reason = "the other side has them, the capture has not"
                items += self._gap(missing, reason, packet, time)
        return items + self.stage.end(why)

    def release(self, time: int) -> list[Item]:
        """Give up everything that is buffer, for want of memory; the stream goes on."""
        items: list[Item] = []
        if self.buffer.pieces and not self.settled:
            self._settle()
            items += self._advance()
        while self.buffer.pieces:
            items += self._give_up("too much waited in all", time)
        return items + self.stage.end("the memory for what is unfinished is full")

    def abandon(self) -> None:
        """Let everything go that is kept: the connection is of no interest."""
        self.buffer = SegmentBuffer()
        self._account()
        self.stage.end("it is not followed")

    def _acked_place(self) -> int:
        return self.place(self.acked) if self.acked >= 0 else -1

    def _give_up(self, reason: str, time: int) -> list[Item]:
        first = self.buffer.pieces[0]
        items = self._gap(first.start - self.offset, reason, first.packet, time)
        return items + self._advance()

    def _doubtful(self) -> bool:
        """Whether what is buffer may come from one damaged sequence number."""
        pieces = self.buffer.pieces
        return len(pieces) == 1 and pieces[0].start - self.offset > _FAR

    def _too_much(self) -> bool:
        return self.buffer.size > MAX_BUFFERED or len(self.buffer.pieces) > MAX_BUFFERED_PIECES

    def _settle(self) -> None:
        """The stream begins with the first byte that was captured."""
        self._move_origin(self.buffer.pieces[0].start)
        self.settled = True

    def _end_if_closed(self) -> list[Item]:
        if self.settled and self.offset == self._closed and not self.ended:
            self.ended = True
            return self.stage.end("the connection ends")
        return []
