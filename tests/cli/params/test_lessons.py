"""Tests of lists of lessons on the command line."""

import click
import pytest

from netchat.cli.params.lessons import parse_lessons


def parse(text: str | None):
    param = click.Option(["--lessons"])
    return parse_lessons(click.Context(click.Command("x")), param, text)


@pytest.mark.parametrize(
    ("text", "lessons"),
    [(None, None), ("3", [3]), ("1-3,5", [1, 2, 3, 5]), ("5, 1-2,2", [1, 2, 5]), ("2-2", [2])],
)
def test_lessons(text, lessons):
    assert parse(text) == lessons


@pytest.mark.parametrize("text", ["", "0", "3-1", "1,", "1-", "-1", "x", "1-2-3", "100"])
def test_other_texts_are_refused(text):
    with pytest.raises(click.BadParameter, match="must be numbers such as 1-3,5"):
        parse(text)
