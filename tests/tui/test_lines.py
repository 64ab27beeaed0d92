"""Events as lines: their format, and escaping of hostile text."""

import pytest

from netchat.tui.lines import (
    Line,
    LineKind,
    error_line,
    event_line,
    notice_line,
    past_line,
    people_line,
    private_line,
    render,
    room_name,
    shorten,
)
from netchat.wire import Event, EventKind, Member

NOON = 1_700_000_000_000_000


def event(kind: EventKind, sender: str, text: str = "", room: str = "lobby") -> Event:
    return Event(7, NOON, 0, 0, kind, room, sender, text)


def plain(line: Line, *, one_line: bool = True) -> str:
    return render(line, colour=False, one_line=one_line)


def test_the_example_in_the_docstring():
    lines = [
        event_line(event(EventKind.JOIN, "Sourav")),
        event_line(event(EventKind.CHAT, "Sourav", "Hello everyone")),
        private_line(event(EventKind.CHAT, "Nova", "psst"), "Nova", own=False),
        event_line(event(EventKind.LEAVE, "Nova", "connection lost")),
    ]
    assert [plain(line) for line in lines] == [
        "[join] Sourav joined the chat",
        "Sourav: Hello everyone",
        "Nova -> you: psst",
        "[leave] Nova left the chat",
    ]
    assert {line.kind for line in lines} == {LineKind.EVENT}


@pytest.mark.parametrize(
    ("room", "place"), [("lobby", "chat"), ("7K3F92MQ0T", "room"), ("@BBGDYAFX6G", "chat")]
)
def test_joins_and_leaves_name_the_room_or_the_chat(room, place):
    """A leave in a private room means that the peer has left the chat."""
    assert (
        plain(event_line(event(EventKind.JOIN, "Eve", room=room)))
        == f"[join] Eve joined the {place}"
    )
    assert (
        plain(event_line(event(EventKind.LEAVE, "Eve", room=room)))
        == f"[leave] Eve left the {place}"
    )


def test_a_sent_private_message_names_the_recipient():
    line = private_line(event(EventKind.CHAT, "Sourav", "psst"), "Nova", own=True)
    assert plain(line) == "you -> Nova: psst"


def test_a_rename_shows_both_names():
    assert plain(event_line(event(EventKind.RENAME, "Nova", "Lisa"))) == "[rename] Nova is now Lisa"


def test_a_line_of_another_room_names_the_room():
    line = event_line(event(EventKind.CHAT, "Nova", "hi"), "7K3F9-2MQ0T")
    assert plain(line) == "[7K3F9-2MQ0T] Nova: hi"


def test_history_lines_start_with_the_time():
    assert plain(past_line(event(EventKind.CHAT, "Nova", "hi"))).startswith("2023-11-1")
    assert plain(past_line(event(EventKind.CHAT, "Nova", "hi"))).endswith("  #7 Nova: hi")


def test_member_lists_mark_who_is_away():
    members = [Member("Lisa", 0), Member("Nova", 1)]
    assert (
        plain(people_line("the lobby", members, LineKind.ANSWER))
        == "[who] 2 in the lobby: Lisa, Nova (away)"
    )
    many = plain(people_line("room 7K3F9-2MQ0T", members, LineKind.NOTICE, 30))
    assert many == ("[who] 30 in room 7K3F9-2MQ0T: Lisa, Nova (away) and 28 more (/who lists them)")


def test_a_line_feed_cannot_forge_a_line():
    line = event_line(event(EventKind.CHAT, "Eve", "hi\n[leave] Nova left the chat"))
    assert plain(line) == "Eve: hi\\n[leave] Nova left the chat"
    assert plain(line, one_line=False) == "Eve: hi\n    [leave] Nova left the chat"


@pytest.mark.parametrize("harmful", ["\x1b[2J", "\r", "\x07", "\x9b2J", "\u202e", "\u2028", "\x85"])
@pytest.mark.parametrize("colour", [False, True])
def test_control_characters_are_escaped_everywhere(harmful, colour):
    everywhere = f"a{harmful}b"
    lines = [
        event_line(event(EventKind.CHAT, everywhere, everywhere), everywhere),
        event_line(event(EventKind.RENAME, everywhere, everywhere)),
        private_line(event(EventKind.CHAT, everywhere, everywhere), everywhere, own=True),
        people_line(everywhere, [Member(everywhere, 0)], LineKind.ANSWER),
        past_line(event(EventKind.JOIN, everywhere)),
        notice_line("x", everywhere),
        error_line(everywhere),
    ]
    for line in lines:
        assert harmful not in render(line, colour=colour, one_line=False)


def test_colours_are_optional_and_constant_for_a_name():
    first = render(event_line(event(EventKind.CHAT, "Nova", "hi")), colour=True, one_line=True)
    second = render(event_line(event(EventKind.CHAT, "Nova", "ho")), colour=True, one_line=True)
    assert first.startswith("\x1b[1;")
    assert first.split(":")[0] == second.split(":")[0]
    assert first.endswith(": hi")
    assert "\x1b" not in plain(error_line("no"))


def test_an_event_of_an_unknown_kind_is_shown():
    assert plain(event_line(Event(1, NOON, 0, 0, 99, "lobby", "Nova", "?"))) == "Nova: ?"  # type: ignore[arg-type]


def test_room_names_and_truncation():
    assert room_name("lobby") == "the lobby"
    assert room_name("7K3F92MQ0T") == "room 7K3F9-2MQ0T"
    assert shorten("one\ntwo") == "one two"
    assert len(shorten("x" * 500)) == 60


def test_code_and_mentions_stand_out_in_colour():
    line = event_line(event(EventKind.CHAT, "Nova", "run `x` @Nova @Bo\n```py\na\n\x1bb\n```\nok"))
    assert render(line, colour=False, one_line=True).endswith(
        "run `x` @Nova @Bo\\n```py\\na\\n\\x1bb\\n```\\nok"
    )
    shown = render(line, colour=True, one_line=False, own_name="nova", indent=2)
    assert "run \x1b[36mx\x1b[0m \x1b[1;7m@Nova\x1b[0m \x1b[1m@Bo\x1b[0m" in shown
    assert shown.endswith("\x1b[36m\n  a\n  \\x1bb\n  \x1b[0mok")
    piped = render(line, colour=True, one_line=True)
    assert "`x`" in piped
    assert "\n" not in piped
