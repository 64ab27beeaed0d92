"""Received codewords for the tests of the explanations, decoded by the library."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netchat.channel_lab.explain.block_view import BlockView
from netchat.channel_lab.explain.explain import explain_block
from netchat.channel_lab.line import compute_passage
from netchat.channel_lab.state import parse_state
from netchat.channels import get as get_channel
from netchat.coding import Code, get

__all__ = ["blocks", "explained", "view_of"]


def view_of(
    code: Code,
    message: np.ndarray,
    hard: np.ndarray,
    erased: np.ndarray | None = None,
    ratios: np.ndarray | None = None,
) -> BlockView:
    """Decode one received word with the library, and return what an explanation gets."""
    octets = code.alphabet == "byte"
    erased = np.zeros(len(hard), np.bool_) if erased is None else erased
    hard = np.where(erased, 0, hard).astype(np.uint8)
    soft = None if ratios is None else np.where(erased, 0, ratios).astype(np.float32)
    word = np.packbits(hard) if octets else hard
    lost = erased.reshape(code.n, -1).any(axis=1)
    result = code.decode(word, lost, soft)
    believed = code.encode(result.message)
    if octets:
        believed = np.unpackbits(believed)
    if result.corrected < 0:
        believed = hard
    given = np.where(hard == 0, 1, -1).astype(np.float32) if soft is None else soft
    return BlockView(
        code, hard, erased, given, soft is not None, result.message, int(result.corrected), message, believed
    )  # fmt: skip


def blocks(spec: str, channel: str, count: int, seed: int = 1) -> Iterator[BlockView]:
    """Yield random messages after a channel."""
    code = get(spec)
    at_rate = get_channel(channel).at_rate(code.rate)
    rng = np.random.Generator(np.random.SFC64(seed))
    for _ in range(count):
        message = rng.integers(0, 256 if code.alphabet == "byte" else 2, code.k, dtype=np.uint8)
        word = code.encode(message)
        bits = np.unpackbits(word) if code.alphabet == "byte" else word
        out = at_rate.transmit(bits, rng)
        is_soft = code.soft and at_rate.is_soft and code.alphabet == "bit"
        ratios = at_rate.ratios(out) if is_soft else None
        yield view_of(code, message, out.block, out.erasures, ratios)


def explained(**state) -> dict:
    """Return the explanation of a block of the line."""
    parsed = parse_state(state, {})
    return explain_block(compute_passage(parsed, {}), parsed.block)
