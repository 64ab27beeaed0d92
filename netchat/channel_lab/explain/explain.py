"""Explanation of one codeword of the line, with what its family of codes shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from netchat.channel_lab.explain.block_view import BlockView, view_block
from netchat.channel_lab.explain.crc import explain_crc, explain_frame_crc
from netchat.channel_lab.explain.kinds import Kind, kind_of
from netchat.channel_lab.explain.ldpc import explain_ldpc
from netchat.channel_lab.explain.linear import explain_linear
from netchat.channel_lab.explain.polar import explain_polar
from netchat.channel_lab.explain.reed_solomon import explain_reed_solomon
from netchat.channel_lab.explain.repetition import explain_repetition
from netchat.channel_lab.explain.trellis import explain_trellis
from netchat.channel_lab.explain.turbo import explain_turbo
from netchat.channel_lab.line import Passage, compute_passage, received_data
from netchat.channel_lab.state import LabState, StateError

__all__ = ["explain", "explain_block"]


#: Shown instead of equations, for a code of the server's owner.
_NOT_LINEAR = (
    "This code calls itself linear, but what it sent breaks its own parity equations. Its class needs "
    "linear=False; netchat codes check finds such mistakes."
)


def _is_linear(passage: Passage) -> bool:
    """Return whether the codewords satisfy the parity equations; an owner's code may not."""
    zeros = np.zeros((1, passage.code.k), np.uint8)
    words = np.concatenate([passage.word, passage.code.encode(zeros)])
    return not (words @ passage.code.H.T % 2).any()


def _explain_nothing(view: BlockView) -> dict[str, Any]:
    return {"steps": [view.verdict()], "long": []}


_EXPLAINED: dict[Kind, Callable[[BlockView], dict[str, Any]]] = {
    "hamming": explain_linear,
    "linear": explain_linear,
    "reed_solomon": explain_reed_solomon,
    "trellis": explain_trellis,
    "ldpc": explain_ldpc,
    "polar": explain_polar,
    "turbo": explain_turbo,
    "repetition": explain_repetition,
    "crc": explain_crc,
    "none": _explain_nothing,
}


def explain(state: LabState, plugins: Mapping[str, str]) -> dict[str, Any]:
    """Explain how the library decoded a codeword of the line.

    Raises:
        StateError: The state is invalid, or has no such block.
    """
    return explain_block(compute_passage(state, plugins), state.block)


def explain_block(passage: Passage, block: int) -> dict[str, Any]:
    """Explain a codeword of a passage.

    Raises:
        StateError: There is no such block.
    """
    if block >= passage.blocks:
        raise StateError(
            f"block must be from 0 to {passage.blocks - 1} for this text, got {block}", "block"
        )
    view, kind, note = view_block(passage, block), kind_of(passage.code), {}
    if kind == "linear" and not _is_linear(passage):
        kind, note = "none", {"note": _NOT_LINEAR}
    found = {
        "kind": kind,
        "title": passage.code.name,
        "about": passage.code.citation,
        "block": block,
        "blocks": passage.blocks,
        "decoder_input": "soft" if passage.is_soft else "hard",
        "failed": view.failed,
        "verdict": view.verdict(),
        **_EXPLAINED[kind](view),
        **note,
    }
    if passage.state.carry == "frame":
        found["crc"] = explain_frame_crc(received_data(passage))
    if passage.order is not None:
        found["interleaver"] = _interleaver(passage, block)
    return found


def _interleaver(passage: Passage, block: int) -> dict[str, Any]:
    """Return where the interleaver sends the bits of a block."""
    assert passage.order is not None
    size, depth = passage.block_bits, passage.state.depth
    rows = min(depth, passage.blocks - block // depth * depth)  # the last group may be smaller
    unit = "bytes" if passage.code.bits_per_symbol == 8 else "bits"
    place = passage.order.argsort()[block * size : (block + 1) * size]
    return {
        "depth": depth,
        "unit": passage.code.bits_per_symbol,
        "line": place.tolist(),
        "steps": [
            f"The interleaver writes {rows} codewords as rows and sends the columns. Neighbours of this "
            f"codeword are {rows} {unit} apart on the line, so that a burst of {rows} hits each codeword "
            "once."
        ],
    }
