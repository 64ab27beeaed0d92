"""Exceptions that carry more than a text."""

from __future__ import annotations

import pickle

from netchat.errors import FilterError


def test_a_filter_error_points_at_the_mistake() -> None:
    error = FilterError('room ==\t= "x"', 8, 9, "one = too many")
    assert str(error) == "column 9: one = too many"
    assert error.pointed() == 'room == = "x"\n        ^'
    assert FilterError("room ==", 7, 7, "expected a value").pointed() == "room ==\n       ^"
    assert (error.text, error.start, error.end, error.reason) == (
        'room ==\t= "x"', 8, 9, "one = too many",
    )  # fmt: skip


def test_a_filter_error_reaches_other_processes() -> None:
    error = pickle.loads(pickle.dumps(FilterError("a", 0, 1, "unknown field a")))
    assert (str(error), error.start, error.end) == ("column 1: unknown field a", 0, 1)
