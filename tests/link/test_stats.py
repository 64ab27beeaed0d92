"""Goodput over a sliding window."""

from __future__ import annotations

from netchat.link.stats import Goodput


def test_goodput_is_averaged_over_the_window() -> None:
    goodput = Goodput(seconds=5.0)
    assert goodput.rate(0.0) == 0
    goodput.add(0.0, 600)
    goodput.add(0.4, 400)  # in the same slot
    assert goodput.rate(0.4) == 1000 / 0.5
    assert goodput.rate(4.0) == 1000 / 4

    goodput.add(6.0, 100)
    assert goodput.rate(6.0) == 100 / 0.5
    assert goodput.rate(12.0) == 0
