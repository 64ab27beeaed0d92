"""Steps of the decoders of polar codes, with shortcuts for special nodes of the tree.

A node of 2^level positions has frozen bits, which are zero, and free bits. Its decoder computes the ratios
of its left half, decodes it, computes those of its right half, decodes it, and joins the results. Nodes
with all, no, or all but one frozen bit are decoded at once (Alamdar-Yazdi and Kschischang, "A simplified
successive-cancellation decoder for polar codes", 2011; Sarkis et al., "Fast polar decoders", 2014).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from netchat.coding.arrays import Bools

__all__ = ["PolarStep", "Steps", "list_steps", "plain_steps", "quick_steps"]


class PolarStep(IntEnum):
    """Kinds of steps; each has a level and the place of its node in the mother codeword."""

    LEFT = 0
    """Compute the ratios of the left half of a node."""
    RIGHT = 1
    """Compute the ratios of the right half, given the bits of the left half."""
    RIGHT_ONLY = 2
    """The same where all bits of the left half are zero."""
    JOIN = 3
    """Add the right half to the left half."""
    JOIN_EQUAL = 4
    """The same where all bits of the left half are zero."""
    ZEROS = 5
    """Decode a node whose bits are all frozen."""
    FREE = 6
    """Decode a node without frozen bits."""
    EQUAL = 7
    """Decode a repetition code: only the last bit is free."""
    EVEN = 8
    """Decode a parity-check code: only the first bit is frozen."""


Steps = NDArray[np.int32]


def plain_steps(frozen: Bools) -> Steps:
    """Return the steps of successive cancellation, bit by bit.

    Args:
        frozen: (size,) Whether a bit of the mother code is zero; the size is a power of two.
    """
    return _steps(frozen, (), skip_zeros=False)


def quick_steps(frozen: Bools) -> Steps:
    """Return the steps of fast simplified successive cancellation."""
    return _steps(
        frozen, (PolarStep.ZEROS, PolarStep.FREE, PolarStep.EQUAL, PolarStep.EVEN), skip_zeros=True
    )


def list_steps(frozen: Bools) -> Steps:
    """Return the steps of a list decoder, which needs the ratios of frozen bits for its metrics."""
    return _steps(frozen, (PolarStep.ZEROS, PolarStep.FREE, PolarStep.EQUAL), skip_zeros=False)


def _steps(frozen: Bools, special: tuple[PolarStep, ...], *, skip_zeros: bool) -> Steps:
    steps: list[tuple[int, int, int]] = []

    def visit(level: int, at: int) -> None:
        size = 1 << level
        node = frozen[at : at + size]
        kind = _kind(node)
        if kind is not None and (kind in special or size == 1):
            steps.append((kind, level, at))
            return
        half = size >> 1
        if skip_zeros and node[:half].all():
            steps.append((PolarStep.RIGHT_ONLY, level, at))
            visit(level - 1, at + half)
            steps.append((PolarStep.JOIN_EQUAL, level, at))
            return
        steps.append((PolarStep.LEFT, level, at))
        visit(level - 1, at)
        steps.append((PolarStep.RIGHT, level, at))
        visit(level - 1, at + half)
        steps.append((PolarStep.JOIN, level, at))

    visit(len(frozen).bit_length() - 1, 0)
    return np.array(steps, np.int32)


def _kind(node: Bools) -> PolarStep | None:
    """Return how a node is decoded at once, or None."""
    count = int(node.sum())
    if count == len(node):
        return PolarStep.ZEROS
    if count == 0:
        return PolarStep.FREE
    if count == len(node) - 1 and not node[-1]:
        return PolarStep.EQUAL
    return PolarStep.EVEN if count == 1 and node[0] else None
