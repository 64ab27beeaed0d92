"""Completion of the filter line, and filters made from options."""

from __future__ import annotations

import pytest

from netchat.packets import Damage, read_capture
from netchat.packets.browse.filter_line import filter_completions, filter_of_options
from netchat.packets.filters import all_of, make_filter, parse
from tests.packets.opened import CAPTURES


def complete(line: str) -> list[str]:
    return filter_completions(line, ["Nova", "Bo Li"], ["lobby"])


def test_completions_continue_the_line_by_one_word():
    assert "user " in complete("us")
    assert complete("user ")[0] == "user == "
    assert complete("user == ") == ['user == "Bo Li" ', 'user == "Nova" ']
    assert complete("user == N") == ['user == "Nova" ']
    assert complete('room == "l') == ['room == "lobby" ']
    assert complete("type == SE")[0].startswith("type == SE")
    assert 'user == "Nova" and ' in complete('user == "Nova" ')
    assert complete("no such") == []


@pytest.mark.parametrize("path", CAPTURES[:3] + CAPTURES[-3:], ids=lambda path: path.stem)
@pytest.mark.parametrize(
    ("expression", "options"),
    [
        ("", {"user": "Nova"}),
        ("", {"user": 'A "quoted" \\ name', "types": []}),
        ("", {"room": "lobby", "types": ["send"]}),
        ("", {"types": ["SEND", "event"]}),
        ("damaged or to_server", {"user": "Nova"}),
        ("to_server", {}),
    ],
)
def test_the_filter_of_options_selects_what_they_select(path, expression, options):
    values = {"room": None, "user": None, "types": ()} | options
    wanted = all_of(make_filter(**values), parse(expression) if expression else None)
    line = parse(filter_of_options(expression, **values))
    for item in read_capture(path):
        if isinstance(item, Damage):  # a filter tests what a damaged frame seems to say
            continue
        assert line(item) == wanted(item), item


def test_without_options_there_is_no_filter():
    assert filter_of_options("", room=None, user=None, types=()) == ""
