"""One member's stream of events, checked against the crowd's log. Without I/O."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from netchat.errors import PeerError
from netchat.load.event_log import EventLog
from netchat.load.sequence_check import SenderCheck, SequenceCheck
from netchat.wire import HEADER_SIZE, Event, Frame, FrameReader, Message, decode

__all__ = ["NOWHERE", "Member"]

#: A position that no log reaches: of a member that is not in the room, or waits for the log. It
#: makes the one comparison on the hot path fail, so that no other test is needed there.
NOWHERE = 1 << 62

#: Bytes of a frame that a server may be set up to send (`serve --max-frame`).
_MAX_FRAME = 1 << 24


class Member:
    """What one user has got.

    Args:
        log: the room's log.
        control: called with every message that is no event of the room.
        voice: what the user has said, if it is a sender.

    Attributes:
        pos: how far in the log its bytes have been found right; may be inside a frame.
        last: while `pos` is NOWHERE, the last event it has; see `known`.
        start: the event behind which it began; None before that.
        acknowledged: its own messages that have come back to it.
        differing: events that were not the same as somebody else's of the same number.
    """

    __slots__ = (
        "_control",
        "_held",
        "_log",
        "_strand",
        "_voice",
        "acknowledged",
        "differing",
        "last",
        "pos",
        "start",
    )

    def __init__(
        self, log: EventLog, control: Callable[[Message], None], voice: SenderCheck | None = None
    ) -> None:
        self.pos = NOWHERE
        self.last = 0
        self.start: int | None = None
        self.acknowledged = 0
        self.differing = 0
        self._control = control
        self._held = b""
        self._log = log
        self._strand: SequenceCheck | None = None
        self._voice = voice

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the connection.

        Raises:
            PeerError: they break the protocol.
        """
        if self._held:
            data = self._held + data
            self._held = b""
        log = self._log
        if log.data.startswith(data, self.pos - log.base):
            self.pos += len(data)
        else:
            self._read(data)
        if self._voice is not None:
            echoes = self._voice.echoes
            while echoes and echoes[0][0] <= self.pos < NOWHERE:
                self.acknowledged = max(self.acknowledged, echoes.popleft()[1])

    def begin(self, last: int) -> None:
        """The server lets the member's stream begin (again) here.

        Args:
            last: the event in front of the first one that the server will send. Back after a
                lost connection it should be what the member has; if it is not, the next event shows.
        """
        if self.start is None:
            self._log.start(last)
            self.start = self.last = last
        if self.last <= self._log.last:
            self.pos = self._log.behind(self.last)
        elif self not in self._log.waiting:
            self._log.waiting.append(self)

    def settled(self) -> None:
        """The log has reached where the member began: read what came meanwhile."""
        self.pos = self._log.behind(self.last)
        held, self._held = self._held, b""
        if held:
            self.feed(held)

    def lost(self) -> None:
        """The connection is gone; `last` says from where to go on."""
        self.last, self.pos, self._held = self.known, NOWHERE, b""
        if self in self._log.waiting:
            self._log.waiting.remove(self)

    @property
    def known(self) -> int:
        """The last event the member has."""
        if self.pos == NOWHERE:
            return self.last
        known = self._log.seq_at(self.pos)
        return max(known, self._strand.last) if self._strand is not None else known

    def result(self) -> SequenceCheck:
        """Which events have come, up to the last one it has."""
        if self.start is None:
            return SequenceCheck(self._log.last)
        return self._follow(self.known)

    # -- the slow way: whenever the bytes are not simply the log's -------------------------------

    def _read(self, data: bytes) -> None:
        log = self._log
        if self.pos == NOWHERE:
            if self in log.waiting:
                self._held = data
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
        self._held = data[at:]
        if failure is not None and at == sum(HEADER_SIZE + len(f.body) for f in frames):
            raise failure
        if self._held and log.data.startswith(self._held, self.pos - log.base):
            self.pos += len(self._held)
            self._held = b""
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
        # Not what follows in the log: a fault in this stream, or one in that of whoever brought
        # the log on. The numbers tell.
        strand = self._follow(self.known)
        crc = log.crc_of(event.seq)
        if crc is None and event.seq > log.last:
            log.append(raw, event)
        elif crc is None and event.seq > log.seqs[0]:
            log.fill(raw, event)
        elif crc is not None and crc != int.from_bytes(raw[12:16], "big"):
            self.differing += 1
        strand.take(event.seq)
        self.pos = log.behind(strand.last)

    def _follow(self, known: int) -> SequenceCheck:
        """Bring the member's own account up to what it has read in the log."""
        strand = self._strand
        if strand is None:
            assert self.start is not None
            strand = self._strand = SequenceCheck(self.start)
        if known > strand.last:
            strand.missing.update(h for h in self._log.holes if strand.last < h < known)
            strand.last = known
        return strand
