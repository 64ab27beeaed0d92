"""All views: hostile input is escaped."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given

from netchat import wire
from netchat.packets import Item
from netchat.packets.views.follow import ChatTranscript
from netchat.packets.views.ladder import Ladder
from netchat.packets.views.ladder_svg import ladder_svg
from netchat.packets.views.ladder_text import ladder_lines
from netchat.packets.views.lines import Lines
from netchat.packets.views.records import as_dict
from netchat.packets.views.stats import Stats
from netchat.packets.views.tree import hex_lines, tree_lines
from tests.packets.chatter import decode
from tests.packets.segments import Talk
from tests.packets.story import EVIL, HARMFUL, decoded
from tests.wire.strategies import messages


def shown(item: Item) -> list[str]:
    ladder, stats = Ladder(), Stats()
    stats.add(item)
    return [
        *(text for line in [ChatTranscript().line(item)] if line for text in line.split("\n    ")),
        Lines().line(item),
        *tree_lines(item),
        *hex_lines(item),
        *stats.lines(),
        json.dumps(as_dict(item)),
        *(text for _, text in ladder_lines(ladder, 80)),
    ]


@given(messages)
def test_any_message_is_shown_on_one_line_and_does_no_harm(message: wire.Message) -> None:
    for text in shown(decoded(message)):
        assert not HARMFUL & set(text)


@pytest.mark.parametrize(
    "message",
    [
        wire.Send(1, EVIL, EVIL),
        wire.Event(1, 1, 0, 0, 1, EVIL, EVIL, EVIL),
        wire.Event(1, 1, 0, 0, 2, EVIL, EVIL, EVIL),
        wire.Event(1, 1, 0, 0, 99, EVIL, EVIL, EVIL),
        wire.Hello(0, b"", b"", EVIL, EVIL, (wire.Position(EVIL, 1, 1),)),
        wire.Welcome(0, 1, 1, 1, 1, 1, 1, 1, b"", EVIL, EVIL, (wire.Membership(EVIL, 3, EVIL, 1, 1, 1),)),
        wire.Error(1, 1, 1, EVIL, EVIL),
        wire.Joined(1, 1, (wire.Membership(EVIL, 3, EVIL, 1, 1, 1),)),
        wire.Roster(1, 1, 0, EVIL, (wire.Member(EVIL, 1),)),
        wire.Bye(EVIL),
    ],
    ids=lambda m: m.NAME,
)  # fmt: skip
def test_hostile_texts_are_escaped(message: wire.Message) -> None:
    for text in shown(decoded(message)):
        assert not HARMFUL & set(text), text


def test_hostile_names_in_a_ladder_are_escaped() -> None:
    talk = Talk().open()
    talk.say(0, wire.encode(wire.Hello(0, b"", b"", f"<b>{EVIL}", "</svg>", ())))
    ladder = Ladder()
    for item in decode(talk.packets, trace=True):
        ladder.add(item)
    for line in ladder_lines(ladder, 90):
        assert not HARMFUL & set(line.text)
    svg = ladder_svg(ladder, "<script>&amp;")
    ElementTree.fromstring(svg)
    assert "<script>" not in svg
    assert "<b>" not in svg
    assert not (HARMFUL - {"\n"}) & set(svg)
