"""Information density of a channel: ln of P(y | x) / P(y), for equally likely inputs.

Its mean is the capacity, its variance the dispersion, and the distribution of its sum over a block decides
what a code of that length can achieve.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from netchat.channels import AWGN, Channel
from netchat.channels.bec import BEC
from netchat.channels.bsc import BSC
from netchat.channels.modulated import ModulatedAWGN, ModulatedChannel, Rayleigh
from netchat.channels.modulation import MODULATIONS, Modulation

__all__ = ["Density", "Moments", "density", "moments"]

_BITS = math.log(2)

#: Nodes of the quadrature over the noise for one bit and for a symbol, and their range in deviations.
_FINE, _NODES, _RANGE = 8001, 1001, 9.0
#: Nodes of the quadrature over the energy of a fading channel.
_GAINS = 96

#: Values of the information density in nats, and their probabilities.
Density = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Moments:
    """Capacity and dispersion of a channel for equally likely inputs."""

    capacity: float
    """Mean of the information density, in bits per sent bit."""
    dispersion: float
    """Variance of its sum over a long block per sent bit, in bits^2."""


def moments(channel: Channel) -> Moments | None:
    """Return capacity and dispersion; None if they are not known.

    Args:
        channel: Channel at the rate of the code.

    >>> found = moments(BSC(0.11))
    >>> round(found.capacity, 4), round(found.dispersion, 4)
    (0.5001, 0.8907)
    """
    if isinstance(channel, BEC):
        return Moments(1 - channel.p, channel.p * (1 - channel.p))
    if type(channel) is BSC:
        assert channel.capacity is not None
        p = channel.p
        spread = math.log2((1 - p) / p) if 0 < p < 1 else 0.0
        return Moments(channel.capacity, p * (1 - p) * spread**2)
    if isinstance(channel, AWGN):
        return _moments("bpsk", channel.es_n0, 0)
    if isinstance(channel, ModulatedAWGN):
        return _moments(channel.modulation, channel.es_n0, 0)
    if isinstance(channel, Rayleigh) and channel.known:
        return _moments(channel.modulation, channel.es_n0, channel.block)
    return None


def density(channel: Channel) -> Density | None:
    """Return the distribution of the information density of one bit.

    None if bits are not sent independently of each other, over equal and symmetric channels.
    """
    if isinstance(channel, AWGN):
        return _binary(channel.es_n0, fades=False)
    if isinstance(channel, ModulatedChannel) and MODULATIONS[channel.modulation].depth == 1:
        energy = channel.es_n0 * float(MODULATIONS[channel.modulation].levels[0]) ** 2
        if isinstance(channel, ModulatedAWGN):
            return _binary(energy, fades=False)
        if isinstance(channel, Rayleigh) and channel.known and channel.has_independent_errors:
            return _binary(energy, fades=True)
    return None


def _noise(nodes: int = _NODES) -> Density:
    value = np.linspace(-_RANGE, _RANGE, nodes)
    weight = np.exp(-(value**2) / 2)
    return value, weight / weight.sum()


def _energies() -> Density:
    """Return nodes of the exponential distribution of the energy of a Rayleigh fading channel."""
    # Substituting u = 1 - exp(-x) maps it to (0, 1).
    node, weight = np.polynomial.legendre.leggauss(_GAINS)
    return -np.log1p(-(node + 1) / 2), weight / 2


@lru_cache(64)
def _binary(es_n0: float, *, fades: bool) -> Density:
    """Return the density ln 2 - ln(1 + exp(-L)); L has the mean 4 Es/N0 and twice that variance."""
    noise, weight = _noise(_FINE)
    if fades:
        gain, share = _energies()
        es_n0_of_gain = es_n0 * gain[:, None]
        weight = (share[:, None] * weight).reshape(-1)
    else:
        es_n0_of_gain = np.array([[es_n0]])
    ratio = 4 * es_n0_of_gain + np.sqrt(8 * es_n0_of_gain) * noise
    return _BITS - np.logaddexp(0, -ratio).reshape(-1), weight


@lru_cache(1024)
def _moments(modulation: str, es_n0: float, block: int) -> Moments:
    """Return the moments with a modulation.

    Args:
        modulation: Name of the modulation.
        es_n0: Energy per symbol over noise density.
        block: Symbols with the same gain of a fading channel; 0 without fading.
    """
    symbols = MODULATIONS[modulation]
    if not block:
        mean, variance = _of_amplitude(symbols, np.array([es_n0]))
        return Moments(float(mean[0]) / symbols.depth, float(variance[0]) / symbols.depth)
    energy, weight = _energies()
    mean, variance = _of_amplitude(symbols, es_n0 * energy)
    mean /= symbols.depth
    capacity = float(mean @ weight)
    # All bits of a block have the same gain.
    spread = float((mean - capacity) ** 2 @ weight) * block * symbols.bits
    return Moments(capacity, float(variance @ weight) / symbols.depth + spread)


def _of_amplitude(
    symbols: Modulation, es_n0: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and variance of the information density of one dimension, in bits."""
    noise, weight = _noise()
    scaled = noise / np.sqrt(2 * es_n0)[:, None]
    mean, square = np.zeros_like(es_n0), np.zeros_like(es_n0)
    for level in symbols.levels:
        apart = level - symbols.levels[:, None, None] + scaled
        against = np.logaddexp.reduce(es_n0[:, None] * (scaled**2 - apart**2), axis=0)
        value = symbols.depth - against / _BITS
        mean += value @ weight / len(symbols.levels)
        square += value**2 @ weight / len(symbols.levels)
    return mean, square - mean**2
