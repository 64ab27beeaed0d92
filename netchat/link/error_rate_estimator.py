"""How bad a channel is, from what the other side reports, quick to notice that it has changed."""

from __future__ import annotations

import math

from netchat.link.policies.policy import ChannelReport

__all__ = ["ErrorRateEstimator"]

#: What a new report leaves of the older ones.
_KEPT = 0.75

#: A report that is so many times as likely at its own rate as at the estimated one (as a logarithm),
#: and differs from it by such a factor, is taken for a change of the channel. The factor is for
#: channels with bursts, where counts differ by more than chance alone would have it.
_SURPRISE, _FACTOR = 4.0, 8.0

#: Bit error rates below this one are all the same to the choice of a code.
_LEAST = 1e-7


class ErrorRateEstimator:
    """The bit error rate of a channel.

    Reports are averaged with more weight on the later ones. One that the average cannot explain
    begins the average anew (a generalised likelihood ratio test of Poisson counts).

    Attributes:
        changes: how often it began anew.
    """

    def __init__(self) -> None:
        self._wrong = self._checked = 0.0
        self.changes = 0

    @property
    def ber(self) -> float:
        """Wrong bits in a bit; half a wrong bit more than were seen, because none proves nothing."""
        if not self._checked:
            return _LEAST
        return max(_LEAST, min(0.5, (self._wrong + 0.5) / self._checked))

    @property
    def known(self) -> bool:
        """Whether anything has been reported."""
        return bool(self._checked)

    def report(self, report: ChannelReport) -> None:
        """The other side has reported."""
        wrong, checked = report.wrong_bits, report.checked_bits
        if self._checked and self._surprising(wrong, checked):
            self._wrong = self._checked = 0.0
            self.changes += 1
        self._wrong = _KEPT * self._wrong + wrong
        self._checked = _KEPT * self._checked + checked

    def _surprising(self, wrong: int, checked: int) -> bool:
        expected = self.ber * checked
        if expected / _FACTOR <= wrong <= expected * _FACTOR:
            return False
        likelier = wrong * math.log(wrong / expected) if wrong else 0.0
        return likelier - (wrong - expected) > _SURPRISE
