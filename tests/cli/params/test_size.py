"""Sizes of files as options."""

import click
import pytest

from netchat.cli.params.size import SIZE


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("4096", 4096), ("64kB", 64_000), ("64k", 64_000), ("100MB", 10**8), ("1.5 GB", 1_500_000_000),
        ("2t", 2 * 10**12), ("7B", 7), (5, 5),
    ],
)  # fmt: skip
def test_sizes(written, size):
    assert SIZE.convert(written, None, None) == size


@pytest.mark.parametrize(
    "written", ["", "0", "-1", "MB", "1XB", "1e9", "nan", "0.0001", "9999999T"]
)
def test_other_texts_are_refused(written):
    with pytest.raises(click.BadParameter, match="must be a size such as"):
        SIZE.convert(written, None, None)
