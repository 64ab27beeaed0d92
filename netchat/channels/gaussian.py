"""Gaussian noise in single precision."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["normal", "receive"]


def normal(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw standard normal numbers, several times as fast as `rng.standard_normal`.

    Args:
        shape: Shape of the result.
        rng: Random generator, which seeds those of the kernel.
    """
    from netchat.channels import gaussian_kernels as kernels

    out = np.empty(shape, np.float32)
    kernels.normal(_state(rng, kernels.LANES), out.reshape(-1))
    return out


def receive(
    bits: NDArray[np.uint8], mean: float, deviation: float, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Transmit bits by BPSK; return their log-likelihood ratios and the hard decisions.

    Args:
        bits: Contiguous array of any shape.
        mean: Mean ratio of a zero; that of a one has the opposite sign.
        deviation: Standard deviation of the ratios.
        rng: Random generator.
    """
    from netchat.channels import gaussian_kernels as kernels

    ratios, decisions = np.empty(bits.shape, np.float32), np.empty(bits.shape, np.uint8)
    kernels.receive(
        _state(rng, kernels.LANES), bits.reshape(-1), np.float32(mean), np.float32(deviation),
        ratios.reshape(-1), decisions.reshape(-1),
    )  # fmt: skip
    return ratios, decisions


def _state(rng: np.random.Generator, lanes: int) -> NDArray[np.uint64]:
    """Return the seeded states of the generators, with their counters at 1."""
    state = np.ones((4, lanes), np.uint64)
    state[:3] = rng.bit_generator.random_raw(3 * lanes).reshape(3, -1)
    return state
