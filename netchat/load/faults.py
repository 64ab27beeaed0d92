"""What went wrong, counted over the whole crowd."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netchat.load.event_log import EventLog
from netchat.load.member import Member

__all__ = ["Faults", "count_faults"]


@dataclass(frozen=True, slots=True)
class Faults:
    """Deliveries that were not right.

    Attributes:
        lost: did not arrive.
        doubled: arrived again.
        disordered: arrived behind one that should have come later.
        altered: do not say what was sent, or not the same to everyone.
    """

    lost: int = 0
    doubled: int = 0
    disordered: int = 0
    altered: int = 0

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubled or self.disordered or self.altered)


def count_faults(log: EventLog, members: Sequence[Member]) -> Faults:
    """Count what is not right.

    Args:
        log: the room's log.
        members: everyone who should have got all of it, from where each one began.
    """
    strands = [member.result() for member in members] if log.seqs else []
    lost = sum(len(s.missing) + log.last - s.last for s in strands)
    doubled = sum(s.doubled for s in strands)
    disordered = sum(s.late for s in strands)
    altered = sum(m.differing for m in members)
    # A message that is not in the log is lost to everybody, and one that is there twice was
    # delivered twice. Holes in the numbers that nobody filled have been counted as lost above.
    size = len(members)
    unseen = sum(v.sent - v.heard for v in log.voices.values())
    holes = len(log.holes) - len(log.filled)
    return Faults(
        lost=lost + max(0, unseen - holes) * size,
        doubled=doubled + sum(v.strand.doubled for v in log.voices.values()) * size,
        disordered=disordered + sum(v.strand.late for v in log.voices.values()) * size,
        altered=altered + sum(v.altered for v in log.voices.values()) * size,
    )
