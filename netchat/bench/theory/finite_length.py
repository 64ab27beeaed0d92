"""Finite-length limits: what the best code of a length and rate can achieve.

No code of n symbols and k message bits has a smaller frame error rate than `lower_bound`, whatever its
decoder does; good codes exist near `normal_approximation`.

References: Y. Polyanskiy, H. V. Poor and S. Verdu, "Channel coding rate in the finite blocklength regime",
IEEE Transactions on Information Theory (2010): theorems 27 (meta-converse), 35 (BSC), 38 (BEC) and
equations (289) to (295); C. E. Shannon, "Probability of error for optimal codes in a Gaussian channel"
(1959).

    >>> f"{lower_bound(2985, 1343, 'bsc:0.11'):.2e} {normal_approximation(3150, 1417, 'bsc:0.11'):.1e}"
    '9.55e-04 9.8e-04'
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from netchat.bench.theory.error_counts import binomial
from netchat.bench.theory.information_density import density, moments
from netchat.channels import AWGN, Channel
from netchat.channels import get as get_channel
from netchat.channels.bec import BEC
from netchat.channels.bsc import BSC
from netchat.channels.modulated import ModulatedChannel

__all__ = ["Decisions", "hard_channel", "lower_bound", "normal_approximation"]

Decisions = Literal["soft", "hard"]

#: Points of the distribution of the information density: the grid keeps the rounding of n terms small.
_GRID = 1 << 17
#: Standard deviations of the information density that the grid covers.
_DEVIATIONS = 14.0
#: Smallest FER that the Fourier transform computes: rounding errors are about 1e-16.
_SMALLEST = 1e-13


def hard_channel(channel: Channel) -> Channel:
    """Return the channel with hard decisions: a BSC, if they are wrong independently."""
    if isinstance(channel, AWGN):
        return BSC(channel.p)
    if isinstance(channel, ModulatedChannel) and channel.has_independent_errors:
        return BSC(channel.p)
    return channel


def lower_bound(
    n: int, k: int, channel: Channel | str, decisions: Decisions = "soft"
) -> float | None:
    """Return a lower bound of the frame error rate of every code over a channel.

    It is the meta-converse with the output distribution of equally likely inputs: exact sums for BSC and
    BEC, and the distribution of the information density, by Fourier transforms, for AWGN with BPSK or
    QPSK.

    Args:
        n: Number of bits in a codeword.
        k: Number of bits in a message.
        channel: Channel, or its specification. Eb/N0 is per bit of information at rate k / n.
        decisions: Decisions that the decoder gets.

    Returns:
        The bound; 0 if it is below 1e-13 over AWGN, and None if it is not known for the channel.

    Raises:
        ValueError: The specification is invalid, or k is not from 1 to n.

    >>> f"{lower_bound(1024, 512, 'awgn:1dB'):.3e}"
    '2.540e-03'
    """
    channel = _at_rate(n, k, channel, decisions)
    if isinstance(channel, BEC):
        return _lower_bec(n, k, channel.p)
    if type(channel) is BSC:
        return _lower_bsc(n, k, channel.p)
    found = density(channel)
    return None if found is None else _meta_converse(n, k, *found)


def normal_approximation(
    n: int, k: int, channel: Channel | str, decisions: Decisions = "soft"
) -> float | None:
    """Return the frame error rate of the best codes, by the normal approximation.

    k = n C - sqrt(n V) Q^-1(FER) + log2(n) / 2, without the last term for erasures. It is accurate for
    rates near capacity and FERs above about 1e-6. With a modulation, C and V are those of equally likely
    symbols; a demapper for single bits loses a little of them.

    Args:
        n: Number of bits in a codeword.
        k: Number of bits in a message.
        channel: Channel, or its specification.
        decisions: Decisions that the decoder gets.

    Returns:
        The approximation; None if the channel's dispersion is not known.

    Raises:
        ValueError: The specification is invalid, or k is not from 1 to n.

    >>> f"{normal_approximation(1024, 512, 'awgn:1dB'):.3e}"
    '3.581e-03'
    """
    channel = _at_rate(n, k, channel, decisions)
    found = moments(channel)
    if found is None:
        return None
    excess = n * found.capacity - k
    if not isinstance(channel, BEC):
        excess += math.log2(n) / 2
    if not found.dispersion:
        return 0.0 if excess > 0 else 1.0
    return math.erfc(excess / math.sqrt(2 * n * found.dispersion)) / 2


def _at_rate(n: int, k: int, channel: Channel | str, decisions: Decisions) -> Channel:
    if not 1 <= k <= n:
        raise ValueError(f"Argument 'k' must be from 1 to n = {n}, got {k}.")
    channel = get_channel(channel).at_rate(k / n)
    return hard_channel(channel) if decisions == "hard" else channel


def _lower_bec(n: int, k: int, p: float) -> float:
    """Return the bound of theorem 38: with e erasures, a code of n - e dimensions guesses the rest."""
    lost = np.arange(n - k + 1, n + 1)
    chance = binomial(n, p)[lost]
    return min(1.0, float(chance @ -np.expm1((n - lost - k) * math.log(2))))


def _lower_bsc(n: int, k: float, p: float) -> float:
    """Return the sphere-packing bound of theorem 35: decoding regions as large as 2^(n-k) words."""
    p = min(p, 1 - p)
    errors = np.arange(n + 1)
    from scipy.special import gammaln  # type: ignore[import-untyped]

    words = (gammaln(n + 1) - gammaln(errors + 1) - gammaln(n - errors + 1)) / math.log(2)
    # log2 of the number of words with at most e errors, as a share of 2^(n-k)
    share = np.logaddexp2.accumulate(words) - (n - k)
    radius = int(np.searchsorted(share, 0.0, side="right"))
    if radius > n:
        return 0.0
    chance = binomial(n, p)
    inside = 2.0 ** (share[radius - 1] if radius else -np.inf)
    covered = float((1 - inside) / 2.0 ** (words[radius] - (n - k)))
    beyond = float(chance[radius + 1 :].sum())
    return min(1.0, beyond + float(chance[radius]) * (1 - min(1.0, covered)))


def _meta_converse(
    n: int, k: float, value: NDArray[np.float64], weight: NDArray[np.float64]
) -> float:
    """Return the meta-converse: the best test between the channel and independent outputs.

    With s the sum of the information densities, the test accepts s > t. It is wrong with P(s <= t) = FER,
    and accepts independent outputs with E[exp(-s); s > t] = 2^-k.
    """
    mean = float(value @ weight)
    deviation = math.sqrt(float((value - mean) ** 2 @ weight))
    # The sum of one extreme value and typical ones is on the grid too: nothing wraps around.
    step = 2 * (_DEVIATIONS * math.sqrt(n) * deviation + mean - float(value.min())) / _GRID
    # Each value is shared between its two neighbours, which keeps the mean.
    place = (value - mean) / step
    left = np.floor(place)
    index, part = left.astype(np.int64), place - left
    one = np.bincount(index % _GRID, weight * (1 - part), _GRID)
    one += np.bincount((index + 1) % _GRID, weight * part, _GRID)
    chance = np.fft.fftshift(np.fft.irfft(np.fft.rfft(one) ** n, _GRID)).clip(min=0)
    s = n * mean + (np.arange(_GRID) - _GRID // 2) * step
    below = np.cumsum(chance)
    # log2 of E[exp(-s); s > t] for each t of the grid
    with np.errstate(divide="ignore"):
        terms = (np.log(chance) - s)[::-1] / math.log(2)
    accepted = np.logaddexp2.accumulate(terms)[::-1]
    accepted = np.append(accepted[1:], -np.inf)
    at = int(np.searchsorted(-accepted, k))  # the first t with at most 2^-k
    if at == 0:
        return 0.0
    fer = float(np.interp(k, -accepted[at - 1 : at + 1], below[at - 1 : at + 1]))
    return fer if fer > _SMALLEST else 0.0
