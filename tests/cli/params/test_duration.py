"""Durations on the command line."""

import re

import click
import pytest

from netchat.cli.params.duration import DURATION


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("90", 90.0),
        ("90s", 90.0),
        ("5m", 300.0),
        ("2h", 7200.0),
        ("30d", 2_592_000.0),
        ("4100ms", 4.1),
        ("60000ms", 60.0),
        ("0.5ms", 0.0005),
        ("0", 0.0),
    ],
)
def test_a_duration_is_the_number_that_was_written(written, seconds):
    assert DURATION.convert(written, None, None) == seconds


@pytest.mark.parametrize("written", ["", "x", "1x", "-1", "nan", "inf", "ms", "1e400"])
def test_an_invalid_duration_is_refused(written):
    said = f"must be a duration such as 90, 90s, 5m, 2h or 30d, got {written!r}."
    with pytest.raises(click.BadParameter, match=re.escape(said)):
        DURATION.convert(written, None, None)
