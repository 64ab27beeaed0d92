"""The Gilbert-Elliott channel: errors in bursts."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from netchat.channels.channel import Chain, ErrorChannel, bsc_capacity, probability

__all__ = ["GilbertElliott"]


class GilbertElliott(ErrorChannel):
    """A good and a bad state, each a BSC of its own (Gilbert 1960, Elliott 1963).

    Stays in the bad state are geometric, 1 / p_bg bits long on average. Every call begins in a
    state drawn from the stationary distribution. Bits are sent block by block.

    The capacity has no closed form, unless both states are alike; `capacity_known_state` is what it
    would be if the receiver knew the state, and is above it (Mushkin and Bar-David 1989).

    Args:
        p_gb: probability to go from good to bad after a bit.
        p_bg: probability to go from bad to good after a bit.
        e_good: probability of an error in the good state.
        e_bad: probability of an error in the bad state.

    Attributes:
        good: how much of the time the state is good.
        bad: how much of the time it is bad.

    >>> channel = GilbertElliott(0.01, 0.09, 0, 0.5)
    >>> round(channel.bad, 6), round(channel.p, 6)
    (0.1, 0.05)
    """

    # 0.4 % of the bits are wrong in each, in bursts of 10, 20, ... 500 bits.
    sweep: ClassVar = tuple(
        f"{0.008 * p_bg:.3g},{p_bg},0,0.5" for p_bg in (0.1, 0.05, 0.02, 0.01, 0.005, 0.002)
    )

    def __init__(self, p_gb: float, p_bg: float, e_good: float, e_bad: float) -> None:
        self._leave = probability("p_gb", p_gb), probability("p_bg", p_bg)
        self._error = probability("e_good", e_good), probability("e_bad", e_bad)
        if p_gb + p_bg == 0:
            raise ValueError(
                "With p_gb and p_bg both 0 the first state is the only one: use bsc:p."
            )
        # Not one from the other: of a share near 1 the rest would have no digits left.
        self.good, self.bad = p_bg / (p_gb + p_bg), p_gb / (p_gb + p_bg)
        good, bad = bsc_capacity(e_good), bsc_capacity(e_bad)
        self.capacity_known_state = self.good * good + self.bad * bad
        super().__init__(
            f"Gilbert-Elliott, bursts of {1 / p_bg if p_bg else float('inf'):g} bits",
            good if e_good == e_bad else None,
            self.good * e_good + self.bad * e_bad,
            memoryless=False,
        )
        self.spec = f"gilbert-elliott:{p_gb:g},{p_bg:g},{e_good:g},{e_bad:g}"
        left = abs(1 - p_gb - p_bg)  # of a state's influence, after a bit
        self.memory = 1 / (1 - left) if left < 1 else float("inf")

    def chain(self) -> Chain:
        """The channel as a hidden Markov chain: the good state, then the bad one."""
        to_bad, to_good = self._leave
        return Chain(
            np.array([self.good, self.bad]),
            np.array([[1 - to_bad, to_bad], [to_good, 1 - to_good]]),
            np.array(self._error),
        )

    def positions(self, total: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """The positions, in order, of the errors among `total` bits."""
        from netchat.channels.error_gaps import bursts

        return bursts(self._leave, self._error, total, rng)
