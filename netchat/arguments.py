"""Checks of the types of arguments, with errors that name the argument."""

from __future__ import annotations

import operator
from typing import Any

__all__ = ["real_number", "whole_number"]


def whole_number(name: str, value: Any) -> int:
    """Return an argument as an int; NumPy's integers count as integers.

    Raises:
        TypeError: The value is not an integer.

    >>> whole_number("n", 7.5)
    Traceback (most recent call last):
    TypeError: Argument 'n' must be an integer, got 7.5.
    """
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"Argument {name!r} must be an integer, got {value!r}.") from None


def real_number(name: str, value: Any) -> float:
    """Return an argument as a float.

    Raises:
        TypeError: The value is not a number.

    >>> real_number("p", "0.1")
    Traceback (most recent call last):
    TypeError: Argument 'p' must be a number, got '0.1'.
    """
    try:
        return float(value + 0)  # adding excludes texts, which float accepts
    except TypeError:
        raise TypeError(f"Argument {name!r} must be a number, got {value!r}.") from None
