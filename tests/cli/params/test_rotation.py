"""Limits of files as options."""

import click
import pytest

from netchat.cli.params.rotation import LIMIT


@pytest.mark.parametrize(
    ("written", "limit"),
    [
        ("100MB", 10**8), ("64k", 64_000), ("5M", 5_000_000), ("7B", 7), ("1.5GB", 1_500_000_000),
        ("5m", 300.0), ("90s", 90.0), ("2h", 7200.0), ("1d", 86400.0), ("1500ms", 1.5),
        (5, 5), (5.0, 5.0),
    ],
)  # fmt: skip
def test_limits(written, limit):
    found = LIMIT.convert(written, None, None)
    assert (found, type(found)) == (limit, type(limit))


@pytest.mark.parametrize("written", ["", "5", "1e3", "5 m 3", "500ms", "0s", "MB", "-1s", "0MB"])
def test_other_texts_are_refused(written):
    with pytest.raises(click.BadParameter, match="must be a"):
        LIMIT.convert(written, None, None)
