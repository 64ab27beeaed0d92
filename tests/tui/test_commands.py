"""Parsing and completion of the user's input."""

import pytest

from netchat.tui.commands import COMMANDS, ParsedLine, completions, help_lines, parse

ROOMS = ["lobby", "7K3F92MQ0T"]
NAMES = ["Nova", "Noah", "Sourav"]


@pytest.mark.parametrize(
    ("line", "verb", "words"),
    [
        ("Hello everyone", "say", ("Hello everyone",)),
        ("  indented \t", "say", ("  indented",)),
        ("and/or", "say", ("and/or",)),
        ("//who", "say", ("/who",)),
        ("/who", "who", ()),
        ("/WHO 7k3f9-2mq0t ", "who", ("7k3f9-2mq0t",)),
        ("/msg Nova psst, you", "msg", ("Nova", "psst, you")),
        ("/msg Nova  two  spaces", "msg", ("Nova", "two  spaces")),
        ("/join 7K3F9-2MQ0T", "join", ("7K3F9-2MQ0T",)),
        ("/create", "create", ()),
        ("/leave", "leave", ()),
        ("/rooms", "rooms", ()),
        ("/room lobby", "room", ("lobby",)),
        ("/history", "history", ()),
        ("/history 5", "history", ("5",)),
        ("/nick Lisa", "nick", ("Lisa",)),
        ("/help", "help", ()),
        ("/quit", "quit", ()),
        ("/exit", "quit", ()),
        ("quit", "quit", ()),
        (" exit ", "quit", ()),
        ("quit it", "say", ("quit it",)),
    ],
)
def test_a_line_is_parsed(line, verb, words):
    assert parse(line) == ParsedLine(verb, words)


@pytest.mark.parametrize("line", ["", "   ", "\t"])
def test_a_blank_line_is_ignored(line):
    assert parse(line) is None


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("/histroy", "did you mean /history?"),
        ("/ext", "did you mean /exit?"),
        ("/xyzzy", "/help lists the commands"),
        ("/", "/help lists the commands"),
        ("/ who", "/help lists the commands"),
        ("/msg", "/msg NAME TEXT"),
        ("/msg Nova", "/msg NAME TEXT"),
        ("/join", "/join CODE"),
        ("/create it now", "/create"),
        ("/nick", "/nick NAME"),
        ("/history all", "must be a positive number"),
        ("/history 0", "must be a positive number"),
        ("/history -3", "must be a positive number"),
    ],
)
def test_an_error_shows_the_syntax(line, hint):
    with pytest.raises(ValueError) as caught:
        parse(line)
    assert hint in str(caught.value)


def test_the_help_has_every_command():
    text = "\n".join(help_lines(2))
    assert all(f"/{verb}" in text for verb in COMMANDS)


@pytest.mark.parametrize(("role", "has_kick", "has_op"), [(0, False, False), (1, True, False)])
def test_the_help_has_only_what_the_user_may_do(role, has_kick, has_op):
    text = "\n".join(help_lines(role))
    assert ("/kick" in text, "/op" in text) == (has_kick, has_op)
    assert completions("/kic", [], [], role) == (4, ["/kick"] if has_kick else [])


def test_a_reason_may_have_spaces():
    assert parse("/kick Nova be nice") == ParsedLine("kick", ("Nova", "be nice"))
    assert parse("/mute Nova 10m be quiet now") == ParsedLine(
        "mute", ("Nova", "10m", "be quiet now")
    )
    assert parse("/title Physics 9b") == ParsedLine("title", ("Physics 9b",))
    assert parse("/title") == ParsedLine("title")
    with pytest.raises(ValueError, match="Usage: /unmute NAME"):
        parse("/unmute Nova now")


@pytest.mark.parametrize(
    ("before", "replaced", "offered"),
    [
        ("/wh", 3, ["/who"]),
        ("/ro", 3, ["/room", "/rooms"]),
        ("/msg n", 1, ["Nova", "Noah"]),
        ("/msg Nova so", 2, ["Sourav"]),
        ("/room ", 0, ["lobby", "7K3F9-2MQ0T"]),
        ("/leave 7k", 2, ["7K3F9-2MQ0T"]),
        ("/help ", 0, []),
        ("hello nov", 3, ["Nova"]),
        ("Sou", 3, ["Sourav"]),
        ("", 0, []),
        ("hello ", 0, []),
    ],
)
def test_tab_completes(before, replaced, offered):
    assert completions(before, NAMES, ROOMS) == (replaced, offered)
