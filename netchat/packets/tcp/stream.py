"""TCP reassembly of one direction: from segments in any order to bytes in order.

    0 ............. offset              [buffer]  [buffer]     offsets in the stream
       delivered      ^ hole, next byte

The stream waits for a hole to be filled as long as that may happen. It gives the hole up as a gap in
three cases. The peer has acknowledged later bytes, so it has the missing ones and only the capture
does not. A timeout expires. Or too many bytes are buffered after the hole.
"""

from __future__ import annotations

from collections.abc import Callable

from netchat.packets.decode.conversation import Conversation, DirectionCounts
from netchat.packets.decode.frame_scanner import DetectorStage, Stage
from netchat.packets.items import Gap, Item
from netchat.packets.memory_budget import MAX_BUFFERED, MAX_BUFFERED_PIECES, MemoryBudget
from netchat.packets.tcp.dissect import FIN, SYN, Segment
from netchat.packets.tcp.segments import Piece, SegmentBuffer

__all__ = ["WINDOW", "TcpStream"]

#: Sequence numbers count modulo 2^32.
_MASK = 0xFFFFFFFF

#: Bytes before or after the current offset within which a sequence number is accepted. Beyond it,
#: the segment belongs to another connection on the same ports, or is damaged.
WINDOW = 16 * 1024 * 1024

#: A segment that arrives up to this many ns late was reordered; a later one was retransmitted.
#: Wireshark also uses 3 ms.
_REORDER_WINDOW = 3_000_000

#: Timeout for a hole that was acknowledged, in packets of the conversation and in ns: captures
#: reorder packets over short distances, including data and their acknowledgements.
_ACKED_PACKETS, _ACKED_TIME = 32, 1_000_000_000

#: Timeout for a hole that was not acknowledged, in ns: five retransmissions.
_UNACKED_TIMEOUT = 10_000_000_000

#: Delay for the first segments of a direction whose beginning was not captured, in packets and in
#: ns, since an earlier one may arrive late.
_SETTLE_PACKETS, _SETTLE_TIME = 4, 100_000_000

#: A single segment further ahead than this may have a damaged sequence number.
_FAR = 64 * 1024


class TcpStream:
    """One direction of a TCP connection.

    Args:
        key: Key of its segments.
        conversation: The connection.
        counts: Counters to update.
        budget: Budget for the buffered bytes.
        open_detector: Makes the first stage, which selects the stage for the rest; its second
            argument is whether the bytes are complete from the first one on.
        to_server: Whether this is the direction to the server.

    Attributes:
        next: Sequence number of the byte at `offset`; -1 until known.
        settled: Whether the beginning of the stream is known.
        acked: Sequence number up to which the peer has acknowledged; -1 for none.
        initial: Sequence number of the first byte, from SYN; otherwise -1.
        other: The reverse direction.
        buffer: Segments after a hole.
        note: Classification of the last segment; see `Trace`.
        stage: Receiver of the bytes.
        stray: The last segment outside the window, with its packet's number and time.
        ended: Whether the last byte before FIN was delivered.
    """

    __slots__ = (
        "_budget",
        "_closed",
        "_cost",
        "_detector",
        "_high",
        "_high_time",
        "_moved",
        "_open_detector",
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
        counts: DirectionCounts,
        budget: MemoryBudget,
        open_detector: Callable[[TcpStream, bool], DetectorStage],
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
        self._open_detector = open_detector
        self._high = 0  # offset after the last byte captured
        self._high_time = 0  # capture time of that byte
        self._moved = 0, 0  # time and turn of the last segment in order
        self._closed: int | None = None  # offset after the last byte, known from FIN
        self._detector: DetectorStage | None = open_detector(self, False)
        self.stage: Stage = self._detector

    @property
    def offset(self) -> int:
        """Offset of the next byte to be delivered."""
        return self.counts.offset

    def place(self, seq: int) -> int:
        """Return the stream offset of a sequence number: the one nearest to `offset`."""
        ahead = (seq - self.next) & _MASK
        return self.offset + (ahead if ahead < 0x80000000 else ahead - 0x100000000)

    def is_far(self, seq: int) -> bool:
        """Return whether a sequence number is outside the window."""
        return self.next >= 0 and abs(self.place(seq) - self.offset) > WINDOW

    def swap_direction(self) -> None:
        """Reverse the direction, if the client was guessed wrongly."""
        self.to_server = not self.to_server
        self.stage.swap_direction()

    def begin(self, seq: int) -> list[Item]:
        """Process a SYN: the first byte has the sequence number `seq`."""
        self.initial = seq
        if self.next < 0:
            self.next = seq
        else:
            self._move_origin(self.place(seq))
        self.settled = True
        self.stage = self._detector = self._open_detector(self, True)
        return self._advance()

    def accept(self, segment: Segment, packet: int, time: int, turn: int) -> list[Item]:
        """Process a segment of any kind, in any order.

        Args:
            segment: The segment.
            packet: Number of its packet.
            time: Capture time, in ns.
            turn: Packets of the conversation so far.

        Returns:
            Items for the bytes that it completes.
        """
        self.note = ""
        seq, payload = segment.seq, segment.payload
        if segment.flags & SYN:
            seq = (seq + 1) & _MASK
        size = len(payload) + segment.cut
        if self.next < 0:
            if not size:
                return []  # without bytes or SYN, there is no offset yet
            self.next = seq
        start = self.place(seq)
        end = start + size
        if segment.flags & FIN and self._closed is None:
            self._closed = end
        if not size:
            return self._advance() + self._end_if_closed()
        note = self._classify(start, end, time)
        if end > self._high:
            self._high, self._high_time = end, time
        if not self.settled or end > self.offset:
            captured = start + len(payload)
            if self.settled and start <= self.offset:
                self._moved = time, turn
                payload, start = payload[self.offset - start :], self.offset
                captured = max(captured, start)
            repeated = note == "retransmission"
            whole = self.buffer.add(Piece(start, captured, payload, packet, time, repeated, turn))
            whole &= self.buffer.add(Piece(captured, end, None, packet, time, repeated, turn))
            self.counts.conflicts = self.buffer.conflicts
            note = note if whole else "retransmission"
        self.note = note
        self.counts.retransmissions += note == "retransmission"
        self.counts.out_of_order += note == "out of order"
        return self._advance() + self._end_if_closed()

    def deliver(self, data: bytes, packet: int, time: int, repeated: bool = False) -> list[Item]:
        """Pass the next bytes in order to the stage.

        This is also a short cut past `accept` for a segment at `next`, if nothing is buffered.

        Args:
            data: The bytes.
            packet: Number of their packet.
            time: Capture time, in ns.
            repeated: Whether they came from a retransmission.
        """
        size = len(data)
        self.counts.offset += size
        self.next = (self.next + size) & _MASK
        items = self.stage.push(data, packet, time, repeated)
        detector = self._detector
        if detector is not None and detector.next_stage is not None:
            self.stage, self._detector = detector.next_stage, None
        return items

    def _classify(self, start: int, end: int, time: int) -> str:
        """Classify a segment by its offset and time."""
        if self.settled and start < self.offset:
            alive = end - start == 1 and end == self.offset
            return "keep-alive" if alive else "retransmission"
        if start < self._high:
            return "retransmission" if time - self._high_time > _REORDER_WINDOW else "out of order"
        return "after a hole" if start > self.offset else ""

    # -- delivering -----------------------------------------------------------------------------

    def _advance(self) -> list[Item]:
        """Deliver the buffered bytes up to the next hole."""
        items: list[Item] = []
        buffer = self.buffer
        while self.settled and buffer.pieces and buffer.pieces[0].start <= self.offset:
            piece = buffer.pop()
            if piece.data is None:
                size = piece.end - piece.start
                items += self._gap(
                    size, "the capture truncated the packet", piece.packet, piece.time
                )
                continue
            items += self.deliver(piece.data, piece.packet, piece.time, piece.repeated)
        self._account()
        return items

    def _gap(self, size: int, reason: str, packet: int, time: int) -> list[Item]:
        offset = self.offset
        self.counts.offset += size
        self.next = (self.next + size) & _MASK
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
        """Count offsets from another byte: the one at `to` now."""
        self.next = (self.next + to - self.offset) & _MASK
        self.counts.offset = 0
        self.buffer.shift(-to)
        self._high -= to
        if self._closed is not None:
            self._closed -= to

    # -- giving up ------------------------------------------------------------------------------

    def check(self, time: int, turn: int) -> list[Item]:
        """Give up on holes whose timeout has expired.

        Args:
            time: Current time, in ns.
            turn: Packets of the conversation so far.
        """
        items: list[Item] = []
        while self.buffer.pieces:
            first = self.buffer.pieces[0]
            since, turns = max(first.time, self._moved[0]), max(first.turn, self._moved[1])
            waited, passed = time - since, turn - turns
            if not self.settled:
                if passed < _SETTLE_PACKETS and waited < _SETTLE_TIME and not self._is_full():
                    break
                self._settle()
                items += self._advance()
                continue
            acked = self.acked >= 0 and first.start <= self.place(self.acked) < self.offset + WINDOW
            if acked and (passed >= _ACKED_PACKETS or waited >= _ACKED_TIME):
                reason = "acknowledged by the peer, but not captured"
            elif self._is_full():
                reason = "the buffer after them is full"
            elif waited >= _UNACKED_TIMEOUT and not self._is_suspect():
                reason = "they did not arrive within 10 seconds"
            else:
                break
            items += self._give_up(reason, time)
        return items

    def finish(self, why: str, packet: int, time: int) -> list[Item]:
        """Mark the end of the stream and give up on all holes.

        Args:
            why: What ended it, for the reasons of unfinished frames.
            packet: Number of the last packet.
            time: Time of the end, in ns.
        """
        items: list[Item] = []
        if self.buffer.pieces and not self.settled:
            self._settle()
            items += self._advance()
        while self.buffer.pieces:
            if self._is_suspect():
                self.buffer.pop()
                self.counts.astray += 1
                self._account()
            else:
                items += self._give_up("they did not arrive", time)
        if self.settled:
            last = self._acked_place() if self._closed is None else self._closed
            missing = last - self.offset
            # A single byte may be FIN, which has its own sequence number.
            if 0 < missing < WINDOW and not (missing == 1 and self._closed is None):
                reason = "acknowledged by the peer, but not captured"
                items += self._gap(missing, reason, packet, time)
        return items + self.stage.end(why)

    def release(self, time: int) -> list[Item]:
        """Give up on all holes to free memory; the stream continues."""
        items: list[Item] = []
        if self.buffer.pieces and not self.settled:
            self._settle()
            items += self._advance()
        while self.buffer.pieces:
            items += self._give_up("the decoder's memory is full", time)
        return items + self.stage.end("the decoder's memory is full")

    def abandon(self) -> None:
        """Discard all buffered bytes: the connection is not a chat."""
        self.buffer = SegmentBuffer()
        self._account()
        self.stage.end("the connection is no longer followed")

    def _acked_place(self) -> int:
        return self.place(self.acked) if self.acked >= 0 else -1

    def _give_up(self, reason: str, time: int) -> list[Item]:
        first = self.buffer.pieces[0]
        items = self._gap(first.start - self.offset, reason, first.packet, time)
        return items + self._advance()

    def _is_suspect(self) -> bool:
        """Return whether the buffer may result from one damaged sequence number."""
        pieces = self.buffer.pieces
        return len(pieces) == 1 and pieces[0].start - self.offset > _FAR

    def _is_full(self) -> bool:
        return self.buffer.size > MAX_BUFFERED or len(self.buffer.pieces) > MAX_BUFFERED_PIECES

    def _settle(self) -> None:
        """Begin the stream with the first captured byte."""
        self._move_origin(self.buffer.pieces[0].start)
        self.settled = True

    def _end_if_closed(self) -> list[Item]:
        if self.settled and self.offset == self._closed and not self.ended:
            self.ended = True
            return self.stage.end("the connection ends")
        return []
