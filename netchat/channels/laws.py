"""Laws that every channel must obey: functions that search for a counterexample.

A law takes a channel and a random generator, and returns None or a sentence that describes the
counterexample.

    for result in check("my_channel.py:MyChannel:0.1"):
        print(result.law, result.counterexample or "holds")
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from netchat.channels.channel import Channel, ErrorChannel, Received, bsc_capacity
from netchat.channels.registry import get
from netchat.laws import LawResult, check_laws

__all__ = ["LAWS", "Law", "check"]

Law = Callable[[Channel, np.random.Generator], str | None]

_ALPHABETS: tuple[Literal["bit", "byte"], ...] = ("bit", "byte")


def parameters_are_possible(channel: Channel, rng: np.random.Generator) -> str | None:  # noqa: ARG001
    """Capacity and memory are possible, and name and spec are given."""
    if channel.capacity is not None and not 0 <= channel.capacity <= 1:
        return f"capacity is {channel.capacity}; it must be from 0 to 1, or None if no formula is known."
    if not channel.memory >= 0:
        return f"memory is {channel.memory} bits; it must be at least 0."
    if not channel.name or not channel.spec:
        return "name or spec is empty."
    if not isinstance(channel.at_rate(0.5), Channel):
        return "at_rate does not return a channel."
    return None


def shapes_and_types(channel: Channel, rng: np.random.Generator) -> str | None:
    """Shapes equal those of the input, and types are as documented."""
    for alphabet in _ALPHABETS:
        for shape in ((0,), (1,), (40, 30), (2, 3, 5)):
            out = channel.transmit(_block(alphabet, shape, rng), rng, alphabet)
            if out.block.shape != shape or out.block.dtype != np.uint8:
                return f"the output for {alphabet}s of shape {shape} is {out.block.dtype} {out.block.shape}."
            if alphabet == "bit" and out.block.max(initial=0) > 1:
                return "the output contains a bit that is neither 0 nor 1."
            for name, array, dtype in (
                ("erasures", out.erasures, np.bool_), ("soft", out.soft, np.float32)
            ):  # fmt: skip
                if array is not None and (array.shape != shape or array.dtype != dtype):
                    return (
                        f"{name} of {alphabet}s of shape {shape} are {array.dtype} {array.shape}."
                    )
    return None


def arguments_are_unchanged(channel: Channel, rng: np.random.Generator) -> str | None:
    """Transmit does not modify its argument."""
    for alphabet in _ALPHABETS:
        block = _block(alphabet, (500,), rng)
        before = block.copy()
        out = channel.transmit(block, rng, alphabet)
        out.block[...] = 0
        if (block != before).any():
            return f"transmit modifies its argument of {alphabet}s, or returns a view of it."
    return None


def results_are_reproducible(channel: Channel, rng: np.random.Generator) -> str | None:
    """Results depend only on the block and the random generator, not on earlier calls."""
    seed = int(rng.integers(2**32))
    for alphabet in _ALPHABETS:
        block = _block(alphabet, (40, 30), rng)
        one = channel.transmit(block, _generator(seed), alphabet)
        channel.transmit(_block(alphabet, (77,), rng), rng, alphabet)
        two = channel.transmit(block, _generator(seed), alphabet)
        if not all(_equal(a, b) for a, b in zip(_parts(one), _parts(two), strict=True)):
            return (
                f"the second transmission of the same {alphabet}s with the same generator differs."
            )
    return None


def erasures_are_reported(channel: Channel, rng: np.random.Generator) -> str | None:
    """All methods report erasures or none does, and in-place methods modify their argument."""
    seed = int(rng.integers(2**32))
    octets = _block("byte", (60, 50), rng)
    words = rng.integers(0, 2**64, (7, 30), dtype=np.uint64)
    erases = channel.transmit(_block("bit", (9,), rng), rng).erasures is not None
    for name, result, shape in (
        ("corrupt_bytes", channel.corrupt_bytes(octets.copy(), rng), octets.shape),
        ("corrupt_bit_sliced", channel.corrupt_bit_sliced(words.copy(), rng), words.shape),
    ):
        if (result is not None) != erases:
            return f"only one of transmit and {name} reports erasures."
        if result is not None and result.shape != shape:
            return f"{name} returns erasures of shape {result.shape} for {shape}."
    sent = channel.transmit(octets, _generator(seed), "byte").block
    channel.corrupt_bytes(octets, _generator(seed))
    if (sent != octets).any():
        return "corrupt_bytes and transmit give different results for the same bytes and generator."
    return None


def layouts_have_one_rate(channel: Channel, rng: np.random.Generator) -> str | None:
    """Bits, bytes and bit slices have the same rate of errors and erasures."""
    frames = 64 * 40 if channel.memory < 100 else 64 * 400
    sent = rng.integers(0, 2, (frames, 24), dtype=np.uint8)
    rates = []
    out = channel.transmit(sent, rng)
    rates.append(_wrong(sent, out.block, out.erasures))
    octets = np.packbits(sent, axis=1)
    lost = channel.corrupt_bytes(octets, rng)
    bits = None if lost is None else np.repeat(lost, 8, axis=1)
    if bits is None:  # erasures of bits and of bytes are not comparable
        rates.append(_wrong(sent, np.unpackbits(octets, axis=1), bits))
    packed = np.ascontiguousarray(np.packbits(sent, axis=0, bitorder="little").T)
    words = packed.view("<u8").astype(np.uint64)
    gone = channel.corrupt_bit_sliced(words, rng)
    rows, missing = (None if w is None else _rows(w) for w in (words, gone))
    assert rows is not None
    rates.append(_wrong(sent, rows, missing))
    mean = sum(rates) / len(rates)
    # Errors in bursts are correlated: the effective sample is smaller by the memory.
    scatter = np.sqrt(mean * (1 - mean) * (1 + 2 * channel.memory) / sent.size)
    if max(rates) - min(rates) > 7 * scatter + 1e-12:
        return f"the rates of wrong or erased bits differ: {', '.join(f'{rate:.4g}' for rate in rates)}."
    return None


def soft_values_agree(channel: Channel, rng: np.random.Generator) -> str | None:
    """Signs of the log-likelihood ratios agree with the hard decisions."""
    out = channel.transmit(_block("bit", (2000,), rng), rng)
    ratios = channel.ratios(out)
    if ratios is None:
        return None
    if ratios.shape != out.block.shape or np.isnan(ratios).any():
        return "ratios differ from the bits in shape, or are not numbers."
    if isinstance(channel, ErrorChannel) and channel.p > 0.5:  # hard decisions are usually wrong
        return None
    if ((ratios < 0) & (out.block == 0)).any() or ((ratios > 0) & (out.block == 1)).any():
        return "a hard decision contradicts the sign of its ratio."
    return None


def error_rate_is_right(channel: Channel, rng: np.random.Generator) -> str | None:
    """Error rates equal `p` and agree with the Markov chain."""
    if not isinstance(channel, ErrorChannel):
        return None
    if not 0 <= channel.p <= 1:
        return f"p is {channel.p}; it must be from 0 to 1."
    chain = channel.markov_chain()
    moves = chain.start @ chain.transitions
    if not np.allclose(chain.transitions.sum(axis=1), 1) or not np.allclose(moves, chain.start):
        return "markov_chain: rows of `transitions` do not sum to 1, or `start` is not stationary."
    if not np.isclose(chain.start @ chain.error, channel.p, rtol=1e-9, atol=0):
        return f"markov_chain has an error rate of {chain.start @ chain.error:g}, but p is {channel.p:g}."
    least = bsc_capacity(channel.p)
    if channel.capacity is not None and channel.capacity < least - 1e-12:
        return f"capacity {channel.capacity:g} is below {least:g}, that of a BSC with the same p."
    bits = 200_000 if channel.memory < 100 else 2_000_000
    wrong = len(channel.positions(bits, rng)) / bits
    scatter = np.sqrt(channel.p * (1 - channel.p) * (1 + 2 * channel.memory) / bits)
    if abs(wrong - channel.p) > 6 * scatter + 1e-12:
        return f"the measured error rate is {wrong:g}, but p is {channel.p:g}."
    return None


def spec_creates_an_equal_channel(channel: Channel, rng: np.random.Generator) -> str | None:  # noqa: ARG001
    """Worker processes can create the same channel from its spec."""
    try:
        again = get(channel.spec)
    except ValueError as error:
        return f"no channel can be created from its spec {channel.spec!r}: {error}"
    if again.name != channel.name:
        return f"its spec {channel.spec!r} creates {again.name}, not {channel.name}."
    return None


LAWS: tuple[Law, ...] = (
    parameters_are_possible,
    shapes_and_types,
    arguments_are_unchanged,
    results_are_reproducible,
    erasures_are_reported,
    layouts_have_one_rate,
    soft_values_agree,
    error_rate_is_right,
    spec_creates_an_equal_channel,
)


def check(channel: Channel | str, seed: int = 0) -> list[LawResult]:
    """Check a channel against every law; an exception counts as a counterexample.

    Args:
        channel: Channel, or its specification.
        seed: Random seed of the test cases.

    >>> all(result.counterexample is None for result in check("bsc:0.1"))
    True
    """
    return check_laws(LAWS, get(channel), lambda: _generator(seed))


def _generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(seed))


def _block(
    alphabet: Literal["bit", "byte"], shape: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.uint8]:
    return rng.integers(0, 2 if alphabet == "bit" else 256, shape, dtype=np.uint8)


def _parts(out: Received) -> tuple[NDArray[np.generic] | None, ...]:
    return out.block, out.erasures, out.soft


def _equal(one: NDArray[np.generic] | None, two: NDArray[np.generic] | None) -> bool:
    if one is None or two is None:
        return one is two
    return bool((one == two).all())


def _wrong(
    sent: NDArray[np.uint8], received: NDArray[np.uint8], lost: NDArray[np.generic] | None
) -> float:
    """Return the fraction of bits that are wrong or erased."""
    return float((sent != received).mean() if lost is None else (lost != 0).mean())


def _rows(bit_slices: NDArray[np.uint64]) -> NDArray[np.uint8]:
    octets = np.ascontiguousarray(bit_slices, dtype="<u8").view(np.uint8)
    return np.unpackbits(np.ascontiguousarray(octets.T), axis=0, bitorder="little")
