"""The channel of the line: what is received of the bits, before anybody touches them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchat.channels import AWGN, BEC, BSC, Channel, ModulatedChannel
from netchat.channels.modulation import MODULATIONS
from netchat.coding.arrays import Bools, Floats, Rows

__all__ = ["Transmission", "constellation", "transmit"]

#: Largest magnitude of a ratio: a visitor can contradict even a perfect channel, and JSON has no infinity.
CERTAIN = np.float32(100)


@dataclass(slots=True)
class Transmission:
    """Bits as they come out of a channel."""

    hard: Rows
    """(bits,) Hard decisions."""
    erased: Bools
    """(bits,) Whether a bit is erased."""
    ratios: Floats
    """(bits,) Log-likelihood ratios ln P(0)/P(1), limited to 100."""
    values: NDArray[np.float64] | None
    """(bits,) Received values, 1 or -1 without noise; None without BPSK."""
    symbols: NDArray[np.float64] | None
    """(symbols, 2) Received symbols of a constellation; None without one."""

    def touch(self, touched: tuple[tuple[int, str], ...]) -> None:
        """Flip and erase bits; positions after the end are ignored."""
        for position, what in touched:
            if position >= len(self.hard):
                continue
            if what == "erase":
                self.erased[position] = True
                self.ratios[position] = 0
                if self.values is not None:
                    self.values[position] = 0
            else:
                self.hard[position] ^= 1
                self.ratios[position] *= -1
                if self.values is not None:
                    self.values[position] *= -1


def transmit(bits: Rows, channel: Channel, seed: int, bits_per_symbol: int) -> Transmission:
    """Send bits through a channel.

    With the same seed, a BSC that gets worse keeps its errors and adds new ones, as does an erasure
    channel; Gaussian noise only grows. The distribution is that of the channel.

    Args:
        bits: (bits,) Bits in the order of the line.
        channel: Channel, at the rate of the code.
        seed: Random seed.
        bits_per_symbol: 8 for a code over bytes, of which an erasure channel erases whole ones.
    """
    rng = np.random.Generator(np.random.SFC64(seed))
    erased = np.zeros(len(bits), np.bool_)
    values: NDArray[np.float64] | None = None
    symbols: NDArray[np.float64] | None = None
    hard = bits.copy()
    if type(channel) is BSC:
        hard ^= (rng.random(len(bits)) < channel.p).astype(np.uint8)
        p = min(max(channel.p, 1e-12), 1 - 1e-12)
        ratios = np.where(hard == 0, 1, -1) * np.float32(math.log((1 - p) / p))
    elif type(channel) is BEC:
        lost = rng.random(len(bits) // bits_per_symbol) < channel.p
        erased = np.repeat(lost, bits_per_symbol)
        ratios = np.where(hard == 0, CERTAIN, -CERTAIN)
    elif isinstance(channel, ModulatedChannel):
        received, amplitudes = channel.observe(bits, rng)
        assert received.soft is not None
        hard, ratios = received.block, received.soft
        found = amplitudes.reshape(-1, amplitudes.shape[-1]).astype(np.float64)
        if found.shape[1] == 1:
            values = found[:, 0]
        else:
            symbols = found
    else:
        out = channel.transmit(bits, rng)
        hard = out.block
        erased = erased if out.erasures is None else out.erasures
        soft = channel.ratios(out)
        ratios = np.where(hard == 0, CERTAIN, -CERTAIN) if soft is None else soft
        if isinstance(channel, AWGN):
            values = ratios.astype(np.float64) / (4 * channel.es_n0)
    ratios = np.clip(ratios.astype(np.float32), -CERTAIN, CERTAIN)
    ratios[erased] = 0
    return Transmission(hard, erased, ratios, values, symbols)


def constellation(channel: Channel) -> dict[str, Any] | None:
    """Return the points of a channel's modulation with their labels; None without a constellation."""
    if not isinstance(channel, ModulatedChannel):
        return None
    modulation = MODULATIONS[channel.modulation]
    if modulation.dimensions == 1:
        return None
    labels = np.arange(1 << modulation.bits)
    bits = ((labels[:, None] >> np.arange(modulation.bits)[::-1]) & 1).astype(np.uint8)
    points = modulation.modulate(bits).reshape(-1, 2)
    return {
        "bits_per_symbol": modulation.bits,
        "points": [
            [round(float(i), 4), round(float(q), 4), "".join(map(str, row))]
            for (i, q), row in zip(points.tolist(), bits.tolist(), strict=True)
        ],
    }
