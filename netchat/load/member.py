"""Check of one member's event stream against the crowd's log, without I/O."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from netchat.errors import PeerError
from netchat.load.event_log import EventLog
from netchat.load.sequence_check import SenderCheck, SequenceCheck
from netchat.wire import HEADER_SIZE, Event, Frame, FrameReader, Message, decode

__all__ = ["NOWHERE", "MemberCheck"]

#: Position of a member that is not in the room or waits for the log. No log reaches it, so the single
#: comparison on the hot path fails and no other check is needed there.
NOWHERE = 1 << 62

#: Maximum frame size in bytes that a server may be configured to send (`serve --max-frame`).
_MAX_FRAME = 1 << 24


class MemberCheck:
    """Events that one user has received.

    Args:
        log: Log of the room.
        control: Called with every message that is not an event of the room.
        sender: Messages that the user has sent; None if it sends none.

    Attributes:
        pos: Position in the log up to which its bytes were correct; may be inside a frame.
        last: Last event received, while `pos` is NOWHERE; see `known`.
        start: Event after which its stream started; None before that.
        acknowledged: Number of its own messages that the server has echoed.
        differing: Number of events that differ from another member's with the same number.
    """

    __slots__ = (
        "_buffer",
        "_control",
        "_log",
        "_sender",
        "_sequence",
        "acknowledged",
        "differing",
        "last",
        "pos",
        "start",
    )

    def __init__(
        self, log: EventLog, control: Callable[[Message], None], sender: SenderCheck | None = None
    ) -> None:
        self.pos = NOWHERE
        self.last = 0
        self.start: int | None = None
        self.acknowledged = 0
        self.differing = 0
        self._control = control
        self._buffer = b""
        self._log = log
        self._sequence: SequenceCheck | None = None
        self._sender = sender

    def feed(self, data: bytes) -> None:
        """Process received bytes.

        Raises:
            PeerError: The bytes violate the protocol.
        """
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        log = self._log
        if log.data.startswith(data, self.pos - log.base):
            self.pos += len(data)
        else:
            self._read(data)
        if self._sender is not None:
            echoes = self._sender.echoes
            while echoes and echoes[0][0] <= self.pos < NOWHERE:
                self.acknowledged = max(self.acknowledged, echoes.popleft()[1])

    def begin(self, last: int) -> None:
        """Start the member's stream, or resume it after a reconnect.

        Args:
            last: Event before the first one that the server will send. After a reconnect it should
                be the last event that the member has; otherwise the next event shows the gap.
        """
        if self.start is None:
            self._log.start(last)
            self.start = self.last = last
        if self.last <= self._log.last:
            self.pos = self._log.position_after(self.last)
        elif self not in self._log.waiting:
            self._log.waiting.append(self)

    def settled(self) -> None:
        """Process buffered data, because the log has reached the member's first event."""
        self.pos = self._log.position_after(self.last)
        buffered, self._buffer = self._buffer, b""
        if buffered:
            self.feed(buffered)

    def lost(self) -> None:
        """Handle a lost connection; `last` is the event to resume after."""
        self.last, self.pos, self._buffer = self.known, NOWHERE, b""
        if self in self._log.waiting:
            self._log.waiting.remove(self)

    @property
    def known(self) -> int:
        """Sequence number of the last event that the member has."""
        if self.pos == NOWHERE:
            return self.last
        known = self._log.seq_at(self.pos)
        return max(known, self._sequence.last) if self._sequence is not None else known

    def result(self) -> SequenceCheck:
        """Return the check of the sequence numbers up to the last event received."""
        if self.start is None:
            return SequenceCheck(self._log.last)
        return self._follow(self.known)

    # -- the slow path, for bytes that differ from the log ---------------------------------------

    def _read(self, data: bytes) -> None:
        log = self._log
        if self.pos == NOWHERE:
            if self in log.waiting:
                self._buffer = data
                return
        else:
            boundary = log.boundary(self.pos)
            if boundary < self.pos:
                data = bytes(log.data[boundary - log.base : self.pos - log.base]) + data
                self.pos = boundary
            known = log.end - self.pos
            if 0 < known < len(data) and log.data.startswith(data[:known], self.pos - log.base):
                self.pos = log.end
                data = data[known:]
        failure: PeerError | None = None
        try:
            frames = FrameReader(_MAX_FRAME).feed(data)
        except PeerError as error:
            failure = error
            frames = cast("list[Frame]", list(error.frames))
        at = 0
        for frame in frames:
            end = at + HEADER_SIZE + len(frame.body)
            if frame.type == Event.TYPE and self.pos != NOWHERE:
                self._event(data[at:end], frame)
            else:
                self._control(decode(frame))
            at = end
            if self.pos == NOWHERE and self in log.waiting:
                break
        self._buffer = data[at:]
        if failure is not None and at == sum(HEADER_SIZE + len(f.body) for f in frames):
            raise failure
        if self._buffer and log.data.startswith(self._buffer, self.pos - log.base):
            self.pos += len(self._buffer)
            self._buffer = b""
        if log.waiting:
            log.settle()

    def _event(self, raw: bytes, frame: Frame) -> None:
        log = self._log
        if log.data.startswith(raw, self.pos - log.base):
            self.pos += len(raw)
            return
        event = decode(frame)
        assert isinstance(event, Event)
        if event.room != log.room:
            return
        if self.pos == log.end and event.seq > log.last:
            log.append(raw, event)
            self.pos = log.end
            return
        # The event is not the next one in the log: either this stream is at fault, or that of the
        # member that extended the log. The sequence numbers decide.
        sequence = self._follow(self.known)
        crc = log.crc_of(event.seq)
        if crc is None and event.seq > log.last:
            log.append(raw, event)
        elif crc is None and event.seq > log.seqs[0]:
            log.fill(raw, event)
        elif crc is not None and crc != int.from_bytes(raw[12:16], "big"):
            self.differing += 1
        sequence.take(event.seq)
        self.pos = log.position_after(sequence.last)

    def _follow(self, known: int) -> SequenceCheck:
        """Update the member's sequence check to its position in the log."""
        sequence = self._sequence
        if sequence is None:
            assert self.start is not None
            sequence = self._sequence = SequenceCheck(self.start)
        if known > sequence.last:
            sequence.missing.update(h for h in self._log.holes if sequence.last < h < known)
            sequence.last = known
        return sequence
