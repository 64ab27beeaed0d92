"""The fields of filters have the dissector's names."""

from __future__ import annotations

import subprocess

import pytest

from netchat.packets.filters import FieldKind, FilterField, filter_fields, find_field
from netchat.packets.filters.fields import alternatives, resembling
from netchat.packets.wireshark.dissector import DISSECTOR
from tests.packets.sharks import TSHARK, needs_tshark

#: Fields of the dissector that describe Wireshark's view, or bytes that netchat decodes itself.
_ONLY_THERE = {
    "netchat.body", "netchat.begins", "netchat.response_in", "netchat.response_to",
    "netchat.response_time", "netchat.block.marker", "netchat.block.rest", "netchat.block.payload",
    "netchat.block.version", "netchat.block.crc", "netchat.bad_version", "netchat.unknown_type",
    "netchat.bad_flags", "netchat.malformed", "netchat.truncated", "netchat.no_frame",
    "netchat.block_damaged",
}  # fmt: skip


@pytest.fixture(scope="module")
def sharks_fields() -> set[str]:
    """Return the names of tshark's fields."""
    done = subprocess.run(
        [TSHARK or "tshark", "-G", "fields", "-X", f"lua_script:{DISSECTOR}"],
        capture_output=True, check=True, timeout=120, encoding="utf-8", errors="replace",
    )  # fmt: skip
    rows = (line.split("\t") for line in done.stdout.splitlines())
    return {row[2] for row in rows if row[0] in ("F", "P") and len(row) > 2}


@needs_tshark
@pytest.mark.slow
def test_tshark_has_the_same_fields(sharks_fields: set[str]) -> None:
    ours = set(filter_fields())
    theirs = {name for name in sharks_fields if name.startswith("netchat.")}
    assert theirs - ours == _ONLY_THERE
    assert {name for name in ours if "." in name} - sharks_fields == set()


def test_names_without_the_prefix() -> None:
    assert find_field("send.text") is find_field("netchat.send.text")
    assert find_field("room") is find_field("netchat.room")
    assert find_field("type") is find_field("netchat.type")
    # The short names of what netchat measures; the message's fields keep the prefix.
    for name in ("time", "size"):
        short, long = find_field(name), find_field(f"netchat.{name}")
        assert isinstance(short, FilterField)
        assert short is not long is not None
    assert find_field("device").kind is FieldKind.FLAG
    assert find_field("nonsense") is None
    assert find_field("netchat.user") is None


def test_hints() -> None:
    assert "event.kind" in alternatives("kind")
    assert alternatives("nonsense") == []
    assert resembling("netchat.romo")[0] == "room"


def test_every_field_is_described() -> None:
    assert [name for name, field in filter_fields().items() if not field.doc] == []
