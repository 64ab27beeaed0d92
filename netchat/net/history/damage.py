"""Finds the end of a damaged part of something that is numbered."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["after_damage"]


def after_damage(bad: int, last: int, readable: Callable[[int], bool]) -> int:
    """Return a number after `bad` that can be read, or `last + 1`.

    It takes ever longer steps, then bisects the last one, so it needs few looks, but may leave out
    readable numbers between two damaged parts.
    """
    step = 1
    while bad + step <= last and not readable(bad + step):
        bad, step = bad + step, step * 2
    good = bad + step
    if good > last:
        return last + 1
    while good - bad > 1:
        middle = (bad + good) // 2
        if readable(middle):
            good = middle
        else:
            bad = middle
    return good
