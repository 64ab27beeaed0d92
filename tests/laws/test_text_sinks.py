"""Every place that displays a peer's text, with characters that are hard to display.

A new place gets its line in `SINKS`. The page's is in `tests/web/page/test_text.py`.
"""

from __future__ import annotations

import contextlib
import io
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator

import click
import pytest

from netchat import wire
from netchat.chat.audit_text import audit_line
from netchat.chat.client_events import RoomEvent
from netchat.chat.effects import Log
from netchat.chat.names import validate_name
from netchat.chat.persistence import AuditRow
from netchat.chat.room_export import export_log
from netchat.chat.server_log import log_line
from netchat.chat.text import validate_text
from netchat.cli.console import console
from netchat.cli.render.codeword import print_text
from netchat.cli.render.frame_dump import frame_dump
from netchat.cli.render.transcript import describe
from netchat.packets import Conversation, DecodedMessage, Item, Notice, Trace
from netchat.packets.tcp.dissect import ACK
from netchat.packets.views.follow import ChatTranscript
from netchat.packets.views.ladder import Ladder
from netchat.packets.views.ladder_svg import ladder_svg
from netchat.packets.views.ladder_text import ladder_lines
from netchat.packets.views.lines import Lines
from netchat.packets.views.records import as_dict
from netchat.packets.views.stats import Stats
from netchat.packets.views.summary import summary
from netchat.packets.views.tree import hex_lines, tree_lines
from netchat.tui import lines as chat_lines
from netchat.tui.json_output import event_json, line_json
from netchat.wire.moderation_text import KINDS
from netchat.wire.safe_text import show_text
from tests.awkward import AWKWARD, HIDDEN, NO_XML, utf8
from tests.packets.segments import START

#: A sealed message: its fields hold no text that could be displayed.
_SEALED = wire.Sealed(12, 1, 1, 0, 0, b"", b"", bytes(64), b"", (), bytes(32), bytes(64))


def events(text: str) -> list[wire.Message]:
    """Return messages with a text in every text field."""
    membership = (wire.Membership(text, 3, text, 1, 1, 1),)
    return [
        wire.Hello(0, bytes(16), b"", text, text, (wire.Position(text, 1, 1),)),
        wire.Welcome(0, 1, 1, 1, 1, 1, 1, 1, b"", text, text, membership),
        wire.Error(100, 1, 1, text, text),
        wire.Bye(text),
        wire.Joined(1, 1, membership),
        wire.Roster(1, 1, 0, text, (wire.Member(text, 1),)),
        wire.Send(1, text, text),
        *(wire.Event(1, 1, 5, 1, kind, text, text, text) for kind in (1, 2, 3, 4, 99)),
        *(
            wire.Event(1, 1, 5, action, kind, text, text, f"{text}\n60\n{text}")
            for kind in KINDS
            for action in wire.ModeratorAction
        ),
        wire.Login(1, bytes(16), text, text),
        wire.Register(1, text, text, text),
        wire.AccountStatus(1, 2, text, b""),
        wire.Moderate(1, 4, 0, 60, text, text, text),
        wire.BanList(1, 0, text, (wire.BannedUser(1, 0, 1, text, text, text, text),)),
        wire.RoomState(2, 1, text, text),
        wire.SealedEvent(1, 1, 5, 1, text, text, (_SEALED,)),
        wire.Devices(1, 0, 1, bytes(16), text, (wire.DeviceKeys(text, 1, b"", b""),)),
    ]


def items(text: str) -> Iterator[Item]:
    said = Conversation(1, ("10.0.0.1", 50000), ("10.0.0.2", 6464), START, True, user=text)
    for message in events(text):
        raw = wire.encode(message if utf8(text) else wire.Ping(1))
        yield Trace(START, said, True, 1, ACK, 0, len(raw), -1, "")
        yield DecodedMessage(START, said, True, message, raw, (1,), False, 0, False)
    yield Notice(START, said, True, "closed", 2)


def _lines(text: str) -> list[str]:
    lines = Lines()
    return [lines.line(item) for item in items(text)]


def _tree(text: str) -> list[str]:
    return [line for item in items(text) for line in [*tree_lines(item), *hex_lines(item)]]


def _follow(text: str) -> list[str]:
    follow = ChatTranscript()
    found = [line for item in items(text) if (line := follow.line(item)) is not None]
    return [part for line in found for part in line.split("\n    ")]


def _stats(text: str) -> list[str]:
    stats = Stats()
    for item in items(text):
        stats.add(item)
    return stats.lines()


def _ladder(text: str) -> Ladder:
    ladder = Ladder()
    for item in items(text):
        ladder.add(item)
    return ladder


def _chat(text: str) -> list[str]:
    member = wire.Member(text, 1)
    found = [
        chat_lines.event_line(event, text)
        for event in events(text)
        if isinstance(event, wire.Event)
    ]
    found += [
        chat_lines.private_line(found_event, text, own=own)
        for own in (True, False)
        for found_event in events(text)
        if isinstance(found_event, wire.Event)
    ]
    found += [
        chat_lines.notice_line("n", text),
        chat_lines.error_line(chat_lines.shorten(text)),
        chat_lines.people_line("lobby", [member], chat_lines.LineKind.ANSWER),
    ]
    return [chat_lines.render(line, colour=False, one_line=True) for line in found]


def _console(text: str) -> list[str]:
    out = io.StringIO()
    console(as_json=False, out=out)(Log("joined", {"name": text, "software": text, "why": text}))
    return out.getvalue().split("\n")[:-1]


def _exported(suffix: str, text: str) -> list[str]:
    """Return the lines of a room's log, without the breaks of texts with several lines."""
    found = [event for event in events(text) if isinstance(event, wire.Event)]
    exported = export_log(found, suffix, "lobby", text if suffix == "html" else "")
    return exported.replace("\r\n", "\n").split("\n")[:-1]


def _decoded_text(text: str) -> list[str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        print_text("sent", text.encode(errors="replace"))
    return out.getvalue().split("\n")[:-1]


def _frame_dump(text: str) -> list[str]:
    if not utf8(text):
        return []
    return [
        click.unstyle(line)
        for message in events(text)
        for line in frame_dump(wire.encode(message), 100)
    ]


#: Functions that display a peer's text as lines of a terminal.
SINKS: dict[str, Callable[[str], list[str]]] = {
    "show_text": lambda text: [show_text(text)],
    "capture lines": _lines,
    "capture tree": _tree,
    "capture follow": _follow,
    "capture stats": _stats,
    "capture summary": lambda text: [summary(message) for message in events(text)],
    "capture ladder": lambda text: [line.text for line in ladder_lines(_ladder(text), 100)],
    "chat lines": _chat,
    "frame lines": lambda text: [describe(message) for message in events(text)],
    "frame dump": _frame_dump,
    "server console": _console,
    "server notes": lambda text: [log_line(Log("left", {"name": text, "why": text}))],
    "codewords": _decoded_text,
    "log as text": lambda text: _exported("txt", text),
    "log as CSV": lambda text: _exported("csv", text),
    "log as HTML": lambda text: _exported("html", text),
    "audit log": lambda text: [
        show_text(audit_line(AuditRow(1, 1, text, action, "lobby", text, 60, text))).replace(
            "\n", " "
        )
        for action in wire.ModeratorAction
    ],
}

#: Functions that write JSON.
JSON_SINKS: dict[str, Callable[[str], list[str]]] = {
    "capture": lambda text: [
        json.dumps(as_dict(item)) for item in items(text) if not isinstance(item, Trace)
    ],
    "client": lambda text: (
        [
            event_json(RoomEvent(event, wire.RoomKind.LOBBY, text, False, False))
            for event in events(text)
            if isinstance(event, wire.Event)
        ]
        + [line_json(chat_lines.notice_line("n", text))]
    ),
    "console": lambda text: _json_console(text),
}


def _json_console(text: str) -> list[str]:
    out = io.StringIO()
    console(as_json=True, out=out)(Log("joined", {"name": text}))
    return out.getvalue().split("\n")[:-1]


@pytest.mark.parametrize("kind", AWKWARD)
@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.slow
def test_a_terminal_gets_nothing_that_it_obeys_or_hides(sink: str, kind: str) -> None:
    for line in SINKS[sink](AWKWARD[kind]):
        line.encode()
        assert show_text(line) == line
        assert "\n" not in line


@pytest.mark.parametrize("sink", SINKS)
def test_no_hidden_character_gets_through(sink: str) -> None:
    hidden = set(HIDDEN)
    for at in range(0, len(HIDDEN), 600):
        for line in SINKS[sink]("x".join(HIDDEN[at : at + 600 : 7])):
            assert not hidden & set(line)


@pytest.mark.parametrize("kind", AWKWARD)
@pytest.mark.parametrize("sink", JSON_SINKS)
def test_json_is_ascii_on_one_line(sink: str, kind: str) -> None:
    for line in JSON_SINKS[sink](AWKWARD[kind]):
        assert line.isascii()
        assert line.isprintable()
        assert isinstance(json.loads(line), dict)


@pytest.mark.parametrize("kind", AWKWARD)
def test_svg_is_well_formed(kind: str) -> None:
    svg = ladder_svg(_ladder(AWKWARD[kind]), AWKWARD[kind])
    svg.encode()
    assert not NO_XML & set(svg)
    ElementTree.fromstring(svg)


@pytest.mark.filterwarnings("ignore:Glyph")  # of a script that the font lacks
@pytest.mark.parametrize("kind", AWKWARD)
def test_pictures_hold_any_title(kind: str) -> None:
    pytest.importorskip("matplotlib")
    from netchat.course.pictures import bit_grid

    picture = bit_grid([[0, 1]], title=AWKWARD[kind][:40], rows=[AWKWARD[kind][:20]])
    assert not NO_XML & set(picture.svg)
    ElementTree.fromstring(picture.svg)


@pytest.mark.parametrize("kind", AWKWARD)
def test_the_server_refuses_what_no_view_could_display(kind: str) -> None:
    text = AWKWARD[kind]
    refused = kind in ("controls", "terminal commands", "hidden", "noncharacters", "separators")
    assert (validate_text(text) is not None) is refused
    if kind not in ("right to left", "wide"):
        assert validate_name(text[:20]) is not None
