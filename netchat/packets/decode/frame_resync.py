"""Slow path of the frame scanner: frames across segments, gaps and damage."""

from __future__ import annotations

from netchat.errors import BadBody, BadMagic, FrameTooLarge, PeerError
from netchat.packets.decode.byte_queue import ByteOrigin, ByteQueue
from netchat.packets.decode.conversation import Conversation
from netchat.packets.decode.frame_header import (
    PREFIX,
    bad_checksum,
    checksum_is_right,
    frame_size,
    may_begin,
    read_message,
)
from netchat.packets.decode.plausibility import plausible
from netchat.packets.items import Damage, DecodedMessage, Item
from netchat.packets.memory_budget import MemoryBudget
from netchat.wire import HEADER_SIZE, MAX_FRAME, MESSAGES, Message, check_header
from netchat.wire.walk import explain
from netchat.wording import many

__all__ = ["FrameResync"]

#: Bytes of a frame whose inner lengths are checked; they contain all except those of long lists.
_LOOKED_AT = 4096


class FrameResync:
    """Finder of frames in bytes that may be incomplete, damaged, or begin anywhere.

    It is in one of three states. *Aligned*: a frame must begin with the first buffered byte. *Searching*:
    one may begin anywhere. *Passing over*: it skips the rest of a frame with a gap, whose end is known
    from its header. It buffers at most one unfinished frame and the segment that did not finish it.

    Args:
        conversation: The conversation.
        budget: Budget for the buffered bytes.
        to_server: Whether this is the direction to the server.
        limit: Maximum length of a frame, in bytes.
        aligned: Whether the first byte is the first one of a frame.

    Attributes:
        busy: False if a frame must begin with the next byte and nothing is buffered.
        backlog: The bytes that belong to no item yet, and their offset in the stream.
        to_server: Whether this is the direction to the server.
        has_invalid_bytes: Whether the stream held invalid bytes where a frame was expected.
    """

    __slots__ = (
        "_conversation", "_error", "_final", "_found", "_limit", "_reason", "_rest", "_scan",
        "_wanted", "backlog", "busy", "has_invalid_bytes", "to_server",
    )  # fmt: skip

    def __init__(
        self,
        conversation: Conversation,
        budget: MemoryBudget,
        *,
        to_server: bool,
        limit: int = MAX_FRAME,
        aligned: bool = True,
    ) -> None:
        self.busy = not aligned
        self.has_invalid_bytes = False
        self._conversation = conversation
        self.to_server = to_server
        self._limit = limit
        self.backlog = ByteQueue(budget)
        self._wanted = 0  # number of buffered bytes needed for the next decision
        self._scan = -1 if aligned else 0  # searching: index to continue at; otherwise -1
        self._rest = -1  # passing over: stream offset of the broken frame's end; otherwise -1
        self._found = not aligned  # whether the next frame is found by searching
        self._final: tuple[str, str] | None = None  # cause and reason of the end
        # Reason for searching.
        self._error, self._reason = "", "the capture begins in the middle of a frame"

    def push(self, data: bytes, packet: int, time: int, repeated: bool) -> list[Item]:
        """Process the next bytes of the stream; see `FrameScanner.push`."""
        items: list[Item] = []
        self.backlog.add(data, packet, time, repeated)
        if len(self.backlog.bytes) >= self._wanted:
            self._look(items)
        self._settle()
        return items

    def gap(self, size: int) -> list[Item]:
        """Skip `size` missing bytes; return items for the bytes before them."""
        items = self._finish("broken", f"then {many(size, 'byte is', 'bytes are')} missing")
        self.backlog.offset += size
        if self._rest >= self.backlog.offset:
            self._reason = "the rest of the frame that the gap broke"
        else:
            self._search_on("bytes are missing before them")
        self._settle()
        return items

    def end(self, why: str) -> list[Item]:
        """Mark the end of the stream and return items for all buffered bytes."""
        items = self._finish("unfinished", f"then {why}")
        self._search_on(f"after the point where {why}")
        self._settle()
        return items

    def _settle(self) -> None:
        self.busy = bool(self.backlog.bytes) or self._scan >= 0 or self._rest >= 0
        self.backlog.account()

    def _finish(self, cause: str, reason: str) -> list[Item]:
        items: list[Item] = []
        self._final = cause, reason
        self._look(items)
        self._end_run(items)
        self._final = None
        return items

    def _look(self, items: list[Item]) -> None:
        """Append every item that the buffered bytes decide."""
        decided = True
        while decided and self.backlog.bytes:
            self._wanted = 0
            if self._rest >= 0:
                decided = self._pass_over(items)
            elif self._scan >= 0:
                decided = self._search(items)
            else:
                decided = self._read_aligned(items)

    def _wait(self, size: int) -> bool:
        self._wanted = size
        return False

    # -- aligned --------------------------------------------------------------------------------

    def _read_aligned(self, items: list[Item]) -> bool:
        """Read the frame that must begin here; return False if more bytes are needed."""
        waiting = self.backlog.bytes
        problem: PeerError | None = None
        try:
            length = check_header(waiting[:HEADER_SIZE], self._limit)
        except PeerError as error:
            # It may have a future version, type or flag. If the CRC-32 is right, it is a frame,
            # and the next one begins after it.
            problem = error
            length = int.from_bytes(waiting[8:12], "big") if len(waiting) >= HEADER_SIZE else 0
            too_long = HEADER_SIZE + length > self._limit
            if too_long or isinstance(error, (BadMagic, FrameTooLarge)):
                return self._lose_place(error)
        size = HEADER_SIZE + length
        if len(waiting) < size:
            if problem is None and len(waiting) > HEADER_SIZE:
                cls, part = MESSAGES[waiting[3]], waiting[HEADER_SIZE:_LOOKED_AT]
                if not plausible(cls, bytes(part), length):
                    return self._lose_place(
                        BadBody(
                            f"a body of {many(length, 'byte')} contradicts the fields of this {cls.NAME}"
                        )
                    )
            return self._break_off(size, items) if self._final else self._wait(size)
        raw = bytes(waiting[:size])
        message = None
        if checksum_is_right(raw):
            message = read_message(raw) if problem is None else None
            if message is None and problem is None:
                problem = BadBody(explain(MESSAGES[raw[3]], raw[HEADER_SIZE:]))
        else:
            # The length itself may be damaged. It is trusted if a frame begins after it.
            following = waiting[size : size + HEADER_SIZE]
            problem = problem or bad_checksum(raw)
            if not may_begin(following, self._limit) or raw[2:3] != PREFIX[2:]:
                return self._lose_place(problem)
            if len(following) < HEADER_SIZE and not self._final:
                return self._wait(size + HEADER_SIZE)
        self._take_frame(size, message, problem, items)
        return True

    def _take_frame(
        self, size: int, message: Message | None, problem: PeerError | None, items: list[Item]
    ) -> None:
        raw, marks = self.backlog.take(size)
        offset = self.backlog.offset - size
        time, packets = max(mark.time for mark in marks), _packets(marks)
        if message is not None:
            self._conversation.learn(message)
            repeated = any(mark.repeated for mark in marks)
            items.append(
                DecodedMessage(
                    time, self._conversation, self.to_server, message, raw, packets, repeated,
                    offset, self._found,
                )
            )  # fmt: skip
        else:
            items.append(
                Damage(
                    time, self._conversation, self.to_server, offset, size, "frame",
                    type(problem).__name__, str(problem), raw, packets,
                )
            )  # fmt: skip
        self._found = False

    def _break_off(self, size: int, items: list[Item]) -> bool:
        """Report the frame that begins here as incomplete."""
        assert self._final is not None
        cause, why = self._final
        raw, marks = self.backlog.take(len(self.backlog.bytes))
        if len(raw) >= HEADER_SIZE and raw[3] in MESSAGES:
            reason = (
                f"{MESSAGES[raw[3]].NAME} frame of {many(size, 'byte')}: {len(raw)} are here, {why}"
            )
            self._rest = self.backlog.offset + size - len(raw)
        else:
            reason = (
                f"the beginning of a frame: {many(len(raw), 'byte is', 'bytes are')} here, {why}"
            )
        time = max(mark.time for mark in marks)
        items.append(
            Damage(
                time, self._conversation, self.to_server, self.backlog.offset - len(raw),
                len(raw), cause, "", reason, raw, _packets(marks),
            )
        )  # fmt: skip
        return True

    # -- searching ------------------------------------------------------------------------------

    def _lose_place(self, error: PeerError) -> bool:
        self.has_invalid_bytes = True
        self._search_on(str(error), type(error).__name__)
        self._scan = 1  # no frame begins with the first byte
        return True

    def _search_on(self, reason: str, error: str = "") -> None:
        self._scan, self._rest, self._found = 0, -1, True
        self._error, self._reason = error, reason

    def _search(self, items: list[Item]) -> bool:
        """Find the next valid frame; return False if more bytes are needed."""
        backlog, final = self.backlog, self._final is not None
        waiting = backlog.bytes
        while True:
            at = waiting.find(PREFIX, self._scan)
            if at < 0:
                # The last bytes may be the beginning of a magic.
                keep = 0 if final else len(PREFIX) - 1
                backlog.skip(max(0, len(waiting) - keep))
                self._scan = 0
                return False
            size = frame_size(waiting[at : at + HEADER_SIZE], self._limit)
            if size > HEADER_SIZE:
                # A cheap check that most false headers fail.
                part = bytes(waiting[at + HEADER_SIZE : at + min(size, _LOOKED_AT)])
                if not plausible(MESSAGES[waiting[at + 3]], part, size - HEADER_SIZE):
                    size = 0
            if size and at + size > len(waiting) and not final:
                backlog.skip(at)
                self._scan = 0
                return self._wait(size)
            if size and at + size <= len(waiting):
                raw = bytes(waiting[at : at + size])
                message = read_message(raw) if checksum_is_right(raw) else None
                if message is not None:
                    backlog.skip(at)
                    self._end_run(items)
                    self._take_frame(size, message, None, items)
                    self._scan = -1
                    return True
            self._scan = at + 1

    def _pass_over(self, items: list[Item]) -> bool:
        """Continue after the frame with a gap; return False if more bytes are needed."""
        backlog = self.backlog
        ahead = self._rest - self.backlog.offset
        following = backlog.bytes[ahead : ahead + HEADER_SIZE]
        if not may_begin(following, self._limit):
            self._search_on("bytes are missing before them")  # its length was wrong, too
            return True
        if len(following) < HEADER_SIZE and self._final is None:
            return self._wait(ahead + HEADER_SIZE)
        if ahead <= len(backlog.bytes):
            self._rest, self._found = -1, False
        backlog.skip(min(ahead, len(backlog.bytes)))
        self._end_run(items)
        return True

    def _end_run(self, items: list[Item]) -> None:
        """Append an item for the skipped bytes, if any."""
        run = self.backlog.end_run()
        if run is None:
            return
        items.append(
            Damage(
                run.last.time, self._conversation, self.to_server, run.start, run.size, "skipped",
                self._error, self._reason, run.sample, _packets([run.first, run.last]),
            )
        )  # fmt: skip


def _packets(marks: list[ByteOrigin]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(mark.packet for mark in marks))
