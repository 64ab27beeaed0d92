"""Gilbert-Elliott channel, which makes errors in bursts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from netchat.channels.channel import ErrorChannel, MarkovChain, bsc_capacity, probability

__all__ = ["GilbertElliott"]


class GilbertElliott(ErrorChannel):
    """Gilbert-Elliott channel: a BSC in a good state and another in a bad state.

    The length of a bad period is geometrically distributed, with a mean of 1 / p_bg bits. Every call
    starts in a state drawn from the stationary distribution. Bits are sent block by block.

    The capacity has no closed form unless both states have the same error probability;
    `capacity_known_state` is an upper bound (Mushkin and Bar-David 1989).

    References: E. N. Gilbert, "Capacity of a burst-noise channel" (1960); E. O. Elliott, "Estimates of
    error rates for codes on burst-noise channels" (1963).

    Args:
        p_gb: Probability of a transition from good to bad, per bit.
        p_bg: Probability of a transition from bad to good, per bit.
        e_good: Bit error probability in the good state.
        e_bad: Bit error probability in the bad state.

    Raises:
        TypeError: An argument is not a number.
        ValueError: An argument is out of range, or p_gb and p_bg are both 0.

    >>> channel = GilbertElliott(0.01, 0.09, 0, 0.5)
    >>> round(channel.bad, 6), round(channel.p, 6)
    (0.1, 0.05)
    """

    good: float
    """Fraction of time in the good state."""
    bad: float
    """Fraction of time in the bad state."""
    capacity_known_state: float
    """Capacity if the receiver knew the state, in bits per channel use."""

    # Each has a bit error rate of 0.4 %, in bursts of 10, 20, ..., 500 bits.
    sweep: ClassVar[Sequence[str]] = tuple(
        f"{0.008 * p_bg:.3g},{p_bg},0,0.5" for p_bg in (0.1, 0.05, 0.02, 0.01, 0.005, 0.002)
    )

    def __init__(self, p_gb: float, p_bg: float, e_good: float, e_bad: float) -> None:
        self._leave = probability("p_gb", p_gb), probability("p_bg", p_bg)
        self._error = probability("e_good", e_good), probability("e_bad", e_bad)
        if p_gb + p_bg == 0:
            raise ValueError(
                "Arguments 'p_gb' and 'p_bg' must not both be 0: the state would never change; use bsc:P."
            )
        # Compute both: 1 - good would lose all digits of a small bad.
        self.good, self.bad = p_bg / (p_gb + p_bg), p_gb / (p_gb + p_bg)
        good, bad = bsc_capacity(e_good), bsc_capacity(e_bad)
        self.capacity_known_state = self.good * good + self.bad * bad
        super().__init__(
            f"Gilbert-Elliott, bursts of {1 / p_bg if p_bg else float('inf'):g} bits",
            good if e_good == e_bad else None,
            self.good * e_good + self.bad * e_bad,
            memoryless=False,
        )
        self.spec: str = f"gilbert-elliott:{p_gb:g},{p_bg:g},{e_good:g},{e_bad:g}"
        correlation = abs(1 - p_gb - p_bg)  # correlation of the states of neighbouring bits
        self.memory: float = 1 / (1 - correlation) if correlation < 1 else float("inf")

    def markov_chain(self) -> MarkovChain:
        """Return the hidden Markov model: the good state, then the bad one."""
        to_bad, to_good = self._leave
        return MarkovChain(
            np.array([self.good, self.bad]),
            np.array([[1 - to_bad, to_bad], [to_good, 1 - to_good]]),
            np.array(self._error),
        )

    def positions(self, total: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw the sorted positions of the errors among `total` bits."""
        from netchat.channels.error_gaps import bursts

        return bursts(self._leave, self._error, total, rng)
