"""Search for the end of a damaged range of numbers."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["after_damage"]


def after_damage(bad: int, last: int, readable: Callable[[int], bool]) -> int:
    """Return a readable number after `bad`, or `last + 1` without one.

    The search doubles its steps, then bisects the last one. It needs few reads, but may skip readable
    numbers between two damaged ranges.

    Args:
        bad: Unreadable number.
        last: Largest number.
        readable: Returns whether a number can be read.
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
