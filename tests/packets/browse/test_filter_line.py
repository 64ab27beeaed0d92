"""The filter's syntax and completion."""

from __future__ import annotations

import pytest

from netchat.packets.browse.filter_line import CaptureFilter, filter_completions, parse_filter
from netchat.wire import Event, Send


def test_options_are_those_of_inspect():
    assert parse_filter("").is_empty
    assert parse_filter("  --user 'Nova Ex' ") == CaptureFilter(user="nova ex")
    found = parse_filter("--room=7K3F9-2MQ0T --type send --type EVENT --conversation 3")
    assert found.rooms == {"7K3F9-2MQ0T", "7k3f9-2mq0t", "7K3F92MQ0T"}
    assert found.types == {Send.TYPE, Event.TYPE}
    assert found.conversation == 3
    assert not found.is_empty


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("--user", "--user needs a value"),
        ("Nova", "unknown option 'Nova'"),
        ("--type FROB", "unknown message type 'FROB'"),
        ("--conversation x", "must be a number from 1, got 'x'"),
        ("--conversation 0", "must be a number from 1, got '0'"),
        ("--user 'Nova", "a quotation mark is not closed"),
    ],
)
def test_errors_say_what_is_wrong(line, problem):
    with pytest.raises(ValueError, match=r".") as error:
        parse_filter(line)
    assert problem in str(error.value)


def test_completions():
    def complete(line: str) -> list[str]:
        return filter_completions(line, ["Nova", "Bo Li"], ["lobby"], [Send.TYPE])

    assert complete("") == ["--user ", "--room ", "--type ", "--conversation "]
    assert complete("--r") == ["--room "]
    assert complete("--user ") == ["--user 'Bo Li' ", "--user Nova "]
    assert complete("--user no") == ["--user Nova "]
    assert complete("--user Nova --u") == []  # once is enough
    assert complete("--type SEND --t") == ["--type SEND --type "]
    assert complete("--type se")[0] == "--type SEND "  # what the capture has comes first
    assert "--type SEALED_SEND " in complete("--type se")
    assert complete("--conversation ") == []
    assert complete("--room lobby") == []
    for line in ("--user Nova ", "--room lobby ", "--type SEND "):
        parse_filter(line)
