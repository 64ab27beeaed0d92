"""Votes of repetition codes."""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.channel_lab.explain.block_view import BlockView

__all__ = ["explain_repetition"]


_BIT_0, _BIT_1 = "positive, so the bit is 0", "negative, so the bit is 1"


def explain_repetition(view: BlockView) -> dict[str, Any]:
    """Explain a block of a repetition code: the copies of one bit."""
    n = view.code.n
    kept = ~view.erased
    votes = [int((kept & (view.hard == value)).sum()) for value in (0, 1)]
    ratios = view.decoder_ratios
    group: dict[str, Any] = {
        "values": [None if lost else int(bit) for bit, lost in zip(view.hard, view.erased, strict=True)],
        "decided": None if view.failed else int(view.message[0]),
        "votes": votes,
    }  # fmt: skip
    if view.is_soft:
        total = float(ratios.sum())
        group |= {"ratios": np.round(ratios.astype(np.float64), 2).tolist(), "sum": round(total, 2)}
        lines = [
            f"The decoder adds the {n} log-likelihood ratios. The sum is {total:.2f}: "
            f"{'undecided' if not total else _BIT_0 if total > 0 else _BIT_1}."
        ]
        unlike = int(np.sign(votes[0] - votes[1]))
        if unlike and unlike != np.sign(total):
            lines.append("A majority of the hard decisions would say the opposite.")
    else:
        lines = [f"Votes of the {n} copies: {votes[0]} for 0, {votes[1]} for 1."]
        if view.erased.any():
            lines.append(f"{int(view.erased.sum())} copies are erased and do not count.")
    return {"groups": [group], "steps": [*lines, view.verdict()], "long": []}
