"""Durations on the command line."""

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
def test_what_is_no_duration(written):
    with pytest.raises(click.BadParameter, match="is no duration; write 90, 90s, 5m, 2h or 30d"):
        DURATION.convert(written, None, None)
