"""Parity equations and syndromes of linear codes, and the circles of the Hamming code (7,4)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchat.channel_lab.explain.block_view import BlockView
from netchat.coding import Code
from netchat.coding.arrays import Rows
from netchat.coding.block.hadamard import LARGEST_K
from netchat.wording import many

__all__ = ["explain_linear", "parity_checks"]

#: Likeliest codewords that are listed for soft decisions.
_CANDIDATES = 5


def parity_checks(code: Code) -> Rows:
    """Return the parity-check matrix, in the rows that the encoder computes."""
    return code.H


def explain_linear(view: BlockView) -> dict[str, Any]:
    """Explain a block of a linear code over bits."""
    code = view.code
    checks = parity_checks(code)
    likeliest = _likeliest(view) if view.is_soft and code.k <= LARGEST_K else None
    attempts = _attempts(view, checks)
    shown = next((one for one in attempts if one["accepted"]), attempts[0])
    received = np.array(shown["received"], np.uint8)
    syndrome = checks @ received % 2
    changed = np.flatnonzero(view.believed != received) if not view.failed else np.zeros(0, np.intp)
    position = int(changed[0]) if len(changed) == 1 else None
    return {
        "n": code.n,
        "k": code.k,
        "H": checks.tolist(),
        "G": code.G.tolist(),
        "data": code.data_positions.tolist() if code.systematic else None,
        "received": received.tolist(),
        "erased": np.flatnonzero(view.erased).tolist(),
        "syndrome": syndrome.tolist(),
        "equations": [
            {"positions": np.flatnonzero(row).tolist(), "sum": int(value)}
            for row, value in zip(checks, syndrome, strict=True)
        ],
        "position": position,
        "coset_leader": None if view.failed else changed.tolist(),
        "attempts": attempts if view.erased.any() and likeliest is None else [],
        "candidates": likeliest,
        "circle": _circles(checks) if (code.n, code.k) == (7, 4) else None,
        "steps": _steps(view, checks, syndrome, changed, attempts, likeliest),
        "long": _long(checks, received, syndrome),
    }


def _attempts(view: BlockView, checks: Rows) -> list[dict[str, Any]]:
    """Return the words that a hard decoder tries: one, or with erasures two, filled with 0 and with 1."""
    if not view.erased.any():
        return [
            {"fill": None, "received": view.hard.tolist(),
             "syndrome": (checks @ view.hard % 2).tolist(), "accepted": True}
        ]  # fmt: skip
    code, found = view.code, []
    for fill in (0, 1):
        word = np.where(view.erased, np.uint8(fill), view.hard)
        result = code.decode(word)
        decided = code.encode(result.message)
        wrong = int(((decided != view.hard) & ~view.erased).sum())
        near = 2 * wrong + int(view.erased.sum()) < code.minimum_distance
        found.append(
            {
                "fill": fill,
                "received": word.tolist(),
                "syndrome": (checks @ word % 2).tolist(),
                "accepted": bool(result.corrected >= 0 and near),
            }
        )
    return found


def _likeliest(view: BlockView) -> list[dict[str, Any]]:
    """Return the codewords with the largest correlations with the ratios, the likeliest first."""
    code = view.code
    ratios = view.decoder_ratios.astype(np.float64)
    numbers = np.arange(1 << code.k)
    messages = ((numbers[:, None] >> np.arange(code.k)) & 1).astype(np.uint8)
    words = code.encode(messages)
    correlations: NDArray[np.float64] = (1 - 2.0 * words) @ ratios
    best = np.argsort(-correlations, kind="stable")[:_CANDIDATES]
    return [
        {
            "message": messages[at].tolist(),
            "correlation": round(float(correlations[at]), 3),
            "differs": np.flatnonzero((words[at] != view.hard) | view.erased).tolist(),
        }
        for at in best
    ]


def _circles(checks: Rows) -> dict[str, Any]:
    """Return the three circles of the code (7,4): which bits are in each, and the region of each bit."""
    return {
        "circles": [np.flatnonzero(row).tolist() for row in checks],
        "regions": [
            "".join("ABC"[row] for row in np.flatnonzero(checks[:, bit]))
            for bit in range(checks.shape[1])
        ],
    }


def _steps(
    view: BlockView,
    checks: Rows,
    syndrome: Rows,
    changed: NDArray[np.intp],
    attempts: list[dict[str, Any]],
    likeliest: list[dict[str, Any]] | None,
) -> list[str]:
    shown = "".join(map(str, syndrome.tolist()))
    lines: list[str] = []
    if view.erased.any() and likeliest is None:
        lines.append(
            f"{many(int(view.erased.sum()), 'bit')} erased: the decoder fills them with 0, then with 1, and "
            "keeps a result that no other codeword can match."
        )
        if not any(one["accepted"] for one in attempts):
            lines.append("Neither attempt gives such a codeword.")
    lines.append(
        f"The sender chose the parity bits so that each of the {len(checks)} equations counts an even number "
        "of ones."
    )
    if not syndrome.any():
        lines.append(f"All of them hold: the syndrome, 0 for each even number, is {shown}.")
    else:
        failing = [str(row + 1) for row in np.flatnonzero(syndrome)]
        lines.append(
            f"{many(len(failing), 'equation')} of {len(checks)} ({', '.join(failing)}) "
            f"{'is' if len(failing) == 1 else 'are'} odd now. With 0 for even and 1 for odd, this is the "
            f"syndrome {shown}: the clue to the errors, found without knowledge of what was sent."
        )
    if likeliest is not None:
        lines.append(
            "The decoder compares the received values with all codewords and takes the one with the largest "
            f"correlation, {likeliest[0]['correlation']:g}; the next one has {likeliest[1]['correlation']:g}."
        )
    elif len(changed) == 1:
        bit = int(changed[0]) + 1
        lines.append(
            f"Only bit {bit} is in exactly these equations: the syndrome is column {bit} of H. One error in "
            f"bit {bit} explains it, so the decoder changes this bit."
        )
    elif len(changed) > 1:
        places = ", ".join(str(at + 1) for at in changed.tolist())
        lines.append(f"It is the sum of the columns {places} of H: errors there explain it.")
    elif syndrome.any() and view.failed:
        most = (view.code.minimum_distance - 1) // 2
        lines.append(
            f"No pattern of at most {many(most, 'error')} has this syndrome, and of those with more errors, "
            "several have it: the decoder raises the alarm instead of guessing."
        )
    lines += _mistaken(view, changed)
    return [*lines, view.verdict()]


def _mistaken(view: BlockView, changed: NDArray[np.intp]) -> list[str]:
    """Say which errors the decoder has mistaken for others, which the receiver cannot know."""
    sent = view.code.encode(view.sent)
    hit = np.flatnonzero((sent != view.hard) | view.erased)
    if view.failed or not len(hit) or np.array_equal(view.believed, sent):
        return []
    places = ", ".join(str(at + 1) for at in hit[:8].tolist()) + ", …" * (len(hit) > 8)
    text = f"But the channel hit {many(len(hit), 'bit')} ({places})"
    if not len(changed):
        return [
            f"{text}, and made another codeword of the one that was sent: no decoder can see that."
        ]
    damaged = len(np.setdiff1d(changed, hit))
    return [
        f"{text}. Their syndrome is the same as that of the pattern above, which the decoder takes for "
        "likelier" + (f", so it damages {many(damaged, 'good bit')}." if damaged else ".")
    ]


def _long(checks: Rows, received: Rows, syndrome: Rows) -> list[str]:
    lines = []
    for row, value in zip(checks, syndrome, strict=True):
        places = np.flatnonzero(row)
        terms = " + ".join(f"b{at + 1}" for at in places)
        values = " + ".join(str(received[at]) for at in places)
        lines.append(f"{terms} = {values} = {value}")
    return lines
