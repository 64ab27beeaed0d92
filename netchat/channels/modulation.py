"""Modulations with Gray labels: bits to amplitudes, and received amplitudes to bits.

A square QAM symbol is two independent amplitudes, in phase and in quadrature, so that each dimension is
modulated and demodulated by itself.
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from netchat.wording import cut

__all__ = ["MODULATIONS", "Modulation", "modulation"]

#: Received amplitudes for which the metrics of all levels are computed at a time.
_CHUNK = 4096


class Modulation:
    """Modulation with the bit labels of 3GPP TS 38.211, section 5.1, and a mean energy of 1 per symbol.

    Of the bits of a symbol, the even ones select the amplitude in phase, the odd ones that in quadrature.

    Args:
        name: Name in specifications.
        title: Name shown in tables.
        bits: Bits per symbol.
    """

    def __init__(self, name: str, title: str, bits: int) -> None:
        self.name, self.title, self.bits = name, title, bits
        self.dimensions = min(bits, 2)
        """1 for BPSK, which leaves the quadrature empty, otherwise 2."""
        self.depth = bits // self.dimensions
        """Bits per dimension."""
        labels = np.arange(1 << self.depth)
        #: (levels, depth) Bits of each label, most significant first.
        self.labels = ((labels[:, None] >> np.arange(self.depth)[::-1]) & 1).astype(np.uint8)
        amplitude = np.ones(len(labels))
        for place, bit in enumerate(self.labels.T[::-1]):
            amplitude = (1.0 - 2.0 * bit) * (amplitude if not place else 2**place - amplitude)
        energy = float(np.mean(amplitude**2)) * self.dimensions
        self.levels = amplitude / math.sqrt(energy)
        """(levels,) Amplitude of each label."""

    def modulate(self, bits: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return amplitudes (frames, symbols, dimensions) for bits (frames, symbols * bits)."""
        frames = len(bits)
        grouped = bits.reshape(frames, -1, self.depth, self.dimensions)
        label = grouped[:, :, 0].astype(np.intp)
        for place in range(1, self.depth):
            label = 2 * label + grouped[:, :, place]
        amplitudes: NDArray[np.float32] = self.levels.astype(np.float32)[label]
        return amplitudes

    def ratios(
        self,
        received: NDArray[np.float32],
        es_n0: float,
        gain: NDArray[np.float32] | None,
        *,
        maxlog: bool,
    ) -> NDArray[np.float32]:
        """Return log-likelihood ratios (frames, symbols * bits) of received amplitudes.

        Args:
            received: (frames, symbols, dimensions) Amplitudes.
            es_n0: Energy per symbol over noise density.
            gain: (frames, symbols) Known gains of the channel; None if it has none.
            maxlog: Whether to take the largest term of each sum, instead of the sum.
        """
        if self.depth == 1:
            scale = 4 * es_n0 * self.levels[0]
            ratio = received * np.float32(scale)
            if gain is not None:
                ratio *= gain[:, :, None]
            return ratio.reshape(len(received), -1)
        flat = received.reshape(-1)
        gains = None if gain is None else np.repeat(gain.reshape(-1), self.dimensions)
        out = np.empty((flat.size, self.depth), np.float32)
        for start in range(0, flat.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            sent = self.levels[:, None] * (1.0 if gains is None else gains[part])
            metric = -es_n0 * (flat[part] - sent) ** 2
            for place, bit in enumerate(self.labels.T):
                zero, one = (
                    metric[bit == value].max(axis=0) if maxlog
                    else np.logaddexp.reduce(metric[bit == value], axis=0)
                    for value in (0, 1)
                )  # fmt: skip
                out[part, place] = zero - one
        shape = (*received.shape, self.depth)
        return np.ascontiguousarray(out.reshape(shape).swapaxes(2, 3)).reshape(len(received), -1)

    @cached_property
    def error_terms(self) -> list[tuple[float, float]]:
        """Pairs (w, d): with decisions for the nearest amplitude, BER = sum of w Q(d sqrt(2 Es/N0)).

        Cho and Yoon, "On the general BER expression of one- and two-dimensional amplitude modulations",
        IEEE Transactions on Communications (2002), give the same as a formula.
        """
        order = np.argsort(self.levels)
        levels, labels = self.levels[order], self.labels[order].astype(int)
        borders = (levels[1:] + levels[:-1]) / 2
        weights: dict[float, float] = {}
        for sent, label in zip(levels, labels, strict=True):
            wrong = (labels != label).mean(axis=1) / len(levels)
            for border, left, right in zip(borders, wrong, wrong[1:], strict=False):
                # The receiver decides for the right side with probability Q(distance / sigma). Constants
                # of Q(-x) = 1 - Q(x) cancel those of the leftmost level.
                distance, sign = border - sent, 1.0
                if distance < 0:
                    distance, sign = -distance, -1.0
                key = round(distance, 12)
                weights[key] = weights.get(key, 0.0) + sign * (right - left)
        return [(weight, distance) for distance, weight in weights.items() if abs(weight) > 1e-12]

    def bit_error_rate(self, es_n0: float) -> float:
        """Return the bit error rate in Gaussian noise, for decisions by the nearest amplitude."""
        root = math.sqrt(es_n0)
        return math.fsum(w * math.erfc(d * root) / 2 for w, d in self.error_terms)

    def rayleigh_error_rate(self, es_n0: float) -> float:
        """Return the bit error rate averaged over Rayleigh fading, with known gains.

        The mean of Q(d a sqrt(2 Es/N0)) over the gain a is (1 - sqrt(g / (1 + g))) / 2 with g = d^2
        Es/N0 (Proakis and Salehi, Digital Communications, 5th edition, section 13.3).
        """
        # 1 - sqrt(g / (1 + g)) without cancellation
        total = []
        for weight, distance in self.error_terms:
            g = distance * distance * es_n0
            root = math.sqrt(g / (1 + g))
            total.append(weight / (2 * (1 + g) * (1 + root)))
        return math.fsum(total)

    def information(self, es_n0: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mutual information per bit in Gaussian noise, for an array of Es/N0.

        It is that of equally likely symbols, by Gauss-Hermite quadrature over the noise.
        """
        node, weight = np.polynomial.hermite_e.hermegauss(64)
        weight = weight / weight.sum()
        noise = node / np.sqrt(2 * es_n0)[:, None]
        lost = np.zeros_like(es_n0)
        for level in self.levels:
            apart = level - self.levels[:, None, None] + noise
            ratio = es_n0[:, None] * (noise**2 - apart**2)
            lost += np.logaddexp.reduce(ratio, axis=0) @ weight
        return np.clip(1 - lost / (len(self.levels) * self.depth * math.log(2)), 0.0, 1.0)


MODULATIONS = {
    each.name: each
    for each in (
        Modulation("bpsk", "BPSK", 1),
        Modulation("qpsk", "QPSK", 2),
        Modulation("qam16", "16-QAM", 4),
        Modulation("qam64", "64-QAM", 6),
    )
}


def modulation(name: str) -> Modulation:
    """Return the modulation of a name.

    Raises:
        ValueError: There is no such modulation.
    """
    if name not in MODULATIONS:
        raise ValueError(
            f"Argument 'modulation' must be {', '.join(MODULATIONS)}, got {cut(str(name))!r}."
        )
    return MODULATIONS[name]
