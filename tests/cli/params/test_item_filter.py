"""Options that select items: their completion and their conversions."""

from __future__ import annotations

import click
import pytest
from click.shell_completion import ShellComplete

from netchat.cli.main import cli
from netchat.cli.params.item_filter import FIELD, FILTER, check_fields, selection
from netchat.packets.filters import find_field, parse


def completed(*words: str) -> list[str]:
    done = ShellComplete(cli, {}, "netchat", "_NETCHAT_COMPLETE")
    return [item.value for item in done.get_completions([*words[:-1]], words[-1])]


def test_tab_completion() -> None:
    assert completed("inspect", "--filter", "type == SEN") == ["type == SEND"]
    assert completed("sniff", "-e", "netchat.send.t") == ["netchat.send.text"]
    assert "damaged" in completed("replay", "-Y", "")
    assert "not" not in completed("inspect", "-e", "n")


def test_converted_values_stay() -> None:
    test, field = parse("send"), find_field("room")
    assert FILTER.convert(test, None, None) is test
    assert FIELD.convert(field, None, None) is field


def test_selection() -> None:
    assert selection(None, None, None, ()) is None
    test = parse("send")
    assert selection(test, None, None, ()) is test
    assert selection(test, "lobby", None, ()) is not test


def test_check_fields() -> None:
    field = find_field("room")
    assert field is not None
    check_fields(None, (), others=True)
    check_fields("fields", (field,), others=False)
    for form, fields, others in (
        ("fields", (), False),
        ("text", (field,), False),
        (None, (field,), True),
    ):
        with pytest.raises(click.UsageError):
            check_fields(form, fields, others=others)
