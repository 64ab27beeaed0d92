import re
from pathlib import Path

import pytest

from netchat.chat.large_replies import LOOK_BACK
from netchat.chat.settings import Settings
from netchat.wire import MESSAGES, ErrorCode, EventKind, RoomKind, fields_of
from netchat.wire.document import protocol_document
from netchat.wire.spec import records

DOCUMENT = protocol_document()
ROOT = Path(__file__).parents[2]


def test_committed_document_is_up_to_date():
    committed = (ROOT / "docs" / "PROTOCOL.md").read_text(encoding="utf-8")
    assert committed == DOCUMENT, "run: netchat protocol --write"


def test_nothing_is_left_to_fill_in():
    assert "{{" not in DOCUMENT
    assert DOCUMENT.endswith("\n")
    assert DOCUMENT.count("```") % 2 == 0


@pytest.mark.parametrize("declared", [*MESSAGES.values(), *records()], ids=lambda d: d.__name__)
def test_every_message_has_its_section(declared):
    title = getattr(declared, "NAME", declared.__name__)
    section = DOCUMENT.split(f"\n### {title}\n")[1].split("\n#")[0]
    assert "0 1 2 3 4 5" in section
    for field in fields_of(declared):
        assert f"| `{field.name}` |" in section
        assert field.doc in section


@pytest.mark.parametrize("value", [*ErrorCode, *EventKind, *RoomKind], ids=lambda v: v.name)
def test_every_named_value_is_explained(value):
    assert f"| {value.value} | `{value.name}` | {value.doc} |" in DOCUMENT


def test_links_lead_somewhere():
    titles = re.findall(r"^#+ (.+)$", DOCUMENT, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles}
    assert len(anchors) == len(titles)
    assert set(re.findall(r"\]\(#([^)]+)\)", DOCUMENT)) <= anchors


def test_times_in_the_prose_are_the_servers_defaults():
    defaults = Settings()
    prose = " ".join(DOCUMENT.split())
    assert f"a client has {defaults.handshake_timeout:g} seconds to send HELLO" in prose
    assert f"{defaults.frame_timeout:g} seconds to complete a frame" in prose
    assert f"After {defaults.ping_after:g} seconds of silence" in prose
    assert f"after {defaults.silence_timeout:g} seconds without one" in prose
    assert f"After {defaults.stall_timeout:g} seconds it closes the connection (`STALLED`)" in prose
    assert f"last {LOOK_BACK} events" in prose


def test_tables_are_rectangular():
    for table in re.findall(r"(?:^\|.*\|\n)+", DOCUMENT, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1
