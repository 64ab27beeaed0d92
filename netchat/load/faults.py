"""Delivery faults, counted over the whole crowd."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netchat.load.event_log import EventLog
from netchat.load.member import MemberCheck

__all__ = ["Faults", "count_faults"]


@dataclass(frozen=True, slots=True)
class Faults:
    """Number of faulty deliveries by kind.

    Attributes:
        lost: Deliveries that did not arrive.
        doubled: Duplicate deliveries.
        disordered: Deliveries that arrived after a later one.
        altered: Deliveries that differ from what was sent, or between members.
    """

    lost: int = 0
    doubled: int = 0
    disordered: int = 0
    altered: int = 0

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubled or self.disordered or self.altered)


def count_faults(log: EventLog, members: Sequence[MemberCheck]) -> Faults:
    """Count the faulty deliveries.

    Args:
        log: Log of the room.
        members: All members; each should have received everything since it joined.
    """
    sequences = [member.result() for member in members] if log.seqs else []
    lost = sum(len(s.missing) + log.last - s.last for s in sequences)
    doubled = sum(s.doubled for s in sequences)
    disordered = sum(s.late for s in sequences)
    altered = sum(m.differing for m in members)
    # A message missing in the log is lost for all members, and a duplicate in the log was delivered
    # twice to all. Unfilled holes in the sequence numbers are already counted as lost above.
    size = len(members)
    unseen = sum(v.sent - v.delivered for v in log.senders.values())
    holes = len(log.holes) - len(log.filled)
    return Faults(
        lost=lost + max(0, unseen - holes) * size,
        doubled=doubled + sum(v.counters.doubled for v in log.senders.values()) * size,
        disordered=disordered + sum(v.counters.late for v in log.senders.values()) * size,
        altered=altered + sum(v.altered for v in log.senders.values()) * size,
    )
