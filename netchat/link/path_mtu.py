"""How long a datagram may be: shorter for a while, where long ones do not get through."""

from __future__ import annotations

from netchat.link.policies.policy import Outcome

__all__ = ["PathMtu"]

#: Bytes of a datagram that every way takes, nearly (576, as all IPv4 hosts do, less IP and UDP).
#: Where longer ones do not get through, these are sent for so many seconds.
_SHORT, _SHORT_FOR = 548, 60.0

#: Overdue answers in a row from which on it is tried whether a short datagram gets through.
_TRY_SHORT = 2


class PathMtu:
    """The length of datagrams on one path.

    Args:
        mtu: bytes of a datagram at most.
    """

    def __init__(self, mtu: int) -> None:
        self._mtu = mtu
        self._short_until = float("-inf")

    def longest(self, now: float, unanswered: int) -> int:
        """Return the bytes that a datagram may have now.

        Args:
            now: seconds.
            unanswered: overdue answers in a row.
        """
        short = now < self._short_until or unanswered >= _TRY_SHORT
        return min(self._mtu, _SHORT) if short else self._mtu

    def too_long(self, now: float) -> None:
        """Take note that the system has refused a datagram for its length."""
        self._short_until = now + _SHORT_FOR

    def answered(self, now: float, unanswered: int, outcomes: list[Outcome]) -> None:
        """Take note of an answer: a short datagram may have got through where no long one did.

        Args:
            now: seconds.
            unanswered: overdue answers in a row, before this one.
            outcomes: what it tells of transmissions.
        """
        if unanswered >= _TRY_SHORT:
            arrived = [outcome.arrived for outcome in outcomes if outcome.size > _SHORT]
            if arrived and not any(arrived):
                self.too_long(now)
