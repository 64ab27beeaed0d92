"""Size limit of a path's datagrams, reduced for a while if long ones do not arrive."""

from __future__ import annotations

from netchat.link.policies.policy import Outcome

__all__ = ["PathMtu"]

#: Size in bytes of a datagram that nearly every path carries (576, the minimum for IPv4 hosts, less
#: the IP and UDP headers), and the seconds for which it is used when longer ones do not arrive.
_SHORT, _SHORT_FOR = 548, 60.0

#: Number of overdue answers in a row after which a short datagram is tried.
_TRY_SHORT = 2


class PathMtu:
    """Size limit of the datagrams on one path.

    Args:
        mtu: Maximum datagram size in bytes.
    """

    def __init__(self, mtu: int) -> None:
        self._mtu = mtu
        self._short_until = float("-inf")

    def longest(self, now: float, unanswered: int) -> int:
        """Return the current maximum datagram size in bytes.

        Args:
            now: Time in seconds.
            unanswered: Number of overdue answers in a row.
        """
        short = now < self._short_until or unanswered >= _TRY_SHORT
        return min(self._mtu, _SHORT) if short else self._mtu

    def reduce(self, now: float) -> None:
        """Use short datagrams for a while, because the system has rejected a long one."""
        self._short_until = now + _SHORT_FOR

    def answered(self, now: float, unanswered: int, outcomes: list[Outcome]) -> None:
        """Use short datagrams for a while if one arrived where no long one did.

        Args:
            now: Time in seconds.
            unanswered: Number of overdue answers in a row before this answer.
            outcomes: Outcomes of transmissions that the answer reports.
        """
        if unanswered >= _TRY_SHORT:
            arrived = [outcome.arrived for outcome in outcomes if outcome.size > _SHORT]
            if arrived and not any(arrived):
                self.reduce(now)
