"""One received codeword, and what the library decided about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netchat.channel_lab.line import Passage, compute_beliefs
from netchat.coding import Code
from netchat.coding.arrays import Bools, Floats, Rows

__all__ = ["BlockView", "quantised", "view_block"]

#: Ratios of a block from which the decoders compute their scale.
_SAMPLE = 256


@dataclass(frozen=True, slots=True)
class BlockView:
    """One received codeword, in bits."""

    code: Code
    hard: Rows
    """(n bits,) Received bits; zeros where they are erased."""
    erased: Bools
    """(n bits,) Whether a bit is erased."""
    ratios: Floats
    """(n bits,) Log-likelihood ratios."""
    is_soft: bool
    """Whether the decoder gets the ratios."""
    message: Rows
    """(k,) Decoded symbols."""
    corrected: int
    """Number of corrected symbols; -1 where decoding failed."""
    sent: Rows
    """(k,) Symbols of the message that was sent."""
    believed: Rows
    """(n bits,) Codeword that the decoder believes in."""

    @property
    def failed(self) -> bool:
        """Whether the decoder reported a failure."""
        return self.corrected < 0

    @property
    def decoder_ratios(self) -> Floats:
        """(n,) Ratios that a soft decoder works with: of hard decisions, 1, -1 and 0 where erased."""
        if self.is_soft:
            return np.where(self.erased, np.float32(0), self.ratios)
        ratios = np.float32(1) - 2 * self.hard.astype(np.float32)
        ratios[self.erased] = 0
        return ratios

    def verdict(self) -> str:
        """Return the decision in words."""
        if self.failed:
            return "The decoder reports that it cannot decode this block."
        if self.corrected == 0:
            return "The decoder accepts the block as it is."
        unit = "byte" if self.code.alphabet == "byte" else "bit"
        count = int(self.corrected)
        return f"The decoder changes {count} {unit}{'s' * (count > 1)}."


def view_block(passage: Passage, block: int) -> BlockView:
    """Return a block of a passage."""
    return BlockView(
        passage.code,
        passage.hard[block],
        passage.erased[block],
        passage.ratios[block],
        passage.is_soft,
        passage.decoded.message[block],
        int(passage.decoded.corrected[block]),
        passage.message[block],
        compute_beliefs(passage)[0][block],
    )


def quantised(ratios: Floats, limit: int, largest: int) -> NDArray[np.int64]:
    """Return ratios as the fast decoders round them: twice the mean magnitude becomes `limit`.

    It is `quantise` of `netchat.coding.vector_kernels` for one block.

    Args:
        ratios: (n,) Log-likelihood ratios.
        limit: Integer for twice their mean magnitude.
        largest: Largest integer.
    """
    magnitudes = np.abs(ratios.astype(np.float64))
    scale, stride = np.float32(1), len(ratios) // _SAMPLE + 1
    while stride:
        some = magnitudes[::stride]
        some = some[(some > 0) & np.isfinite(some)]
        if len(some):
            total = 0.0
            for magnitude in some.tolist():  # in order, as the kernel adds them
                total += magnitude
            scale = np.float32(limit * len(some) / (2 * total))
            break
        stride = 0 if stride == 1 else 1
    value = ratios.astype(np.float32) * scale
    size = np.minimum(np.abs(value), np.float32(largest)) + np.float32(0.5)
    whole = np.maximum(size.astype(np.int32), value != 0)
    found: NDArray[np.int64] = (np.sign(value) * whole).astype(np.int64)
    return found
