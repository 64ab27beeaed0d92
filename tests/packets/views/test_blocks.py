"""Views of a link's blocks."""

from __future__ import annotations

import json
import re

import pytest

from netchat import wire
from netchat.link.header import HEAD_SIZE, Header, Kind
from netchat.packets import Block, Item
from netchat.packets.views.blocks import block_summary
from netchat.packets.views.follow import ChatTranscript
from netchat.packets.views.ladder import Ladder
from netchat.packets.views.ladder_svg import ladder_svg
from netchat.packets.views.ladder_text import ladder_lines
from netchat.packets.views.lines import Lines
from netchat.packets.views.records import as_dict
from netchat.packets.views.stats import Stats
from netchat.packets.views.tree import hex_lines, tree_lines
from tests.packets.chatter import decode
from tests.packets.forged import block_of, open_of
from tests.packets.linked_talk import linked_talk
from tests.packets.segments import Talk

OPEN = Header(Kind.OPEN, 1, 7, 0, 100, 0xFFFFFE, 64, 100, 0xFFFFFE, 0, 0, 0, 0)
DATA = OPEN._replace(kind=Kind.DATA, code=0, number=102)
SAID = [
    (0, wire.Hello(0, bytes(16), b"", "Nova", "test", ())),
    (1, wire.Welcome(0, 1, 77, 5, 65536, 16384, 120, 0, bytes(32), "Nova", "test", ())),
    (0, wire.Send(1, "lobby", "Hello everybody, this is a noisy line " * 3)),
    (1, wire.Event(1, 1, 77, 1, 1, "lobby", "Nova", "Hello everybody, this is a noisy line " * 3)),
]


@pytest.fixture(scope="module")
def noisy() -> list[Item]:
    talk, _ = linked_talk(SAID, "rs:255,251", "bsc:4e-3", seed=3)
    return decode(talk.close().packets, trace=True)


def of(data: bytes) -> Block:
    """Return the last of some blocks."""
    talk = Talk().open()
    talk.say(0, data)
    return [item for item in decode(talk.packets) if isinstance(item, Block)][-1]


FIRST = block_of(OPEN, open_of("rs:255,223"))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (FIRST, "asks for rs:255,223, hybrid ARQ: intact"),
        (FIRST + block_of(DATA, b"12345"), "#2 bytes 0 to 5 in uncoded: intact"),
        (FIRST + block_of(DATA, b"1") * 2, "#2 bytes 0 to 1 in uncoded: intact [retransmitted]"),
        (FIRST + block_of(DATA._replace(kind=Kind.ACK, ack=142)), "acknowledges everything up to byte 42"),
        (
            FIRST + block_of(DATA, b"12345")[:-1] + b"\0",
            "#2 bytes 0 to 5 in uncoded: FAILED, more errors than the code corrects",
        ),
        (
            FIRST[:4] + bytes([FIRST[4] ^ 1]) + FIRST[5:],
            "asks for rs:255,223, hybrid ARQ: 1 symbol corrected",
        ),
        (FIRST + block_of(OPEN._replace(kind=Kind.CLOSE), b"so \x1b\n long"),
         '"so \\x1b\\n long": intact'),
        (FIRST + block_of(DATA._replace(link=8), b"1"),
         "#2 bytes 0 to 1 in uncoded: ignored, belongs to another link"),
        (block_of(OPEN, b"\0\x03\x1b[mx"), "invalid OPEN"),
    ],
)  # fmt: skip
def test_a_block_in_a_line(data: bytes, text: str) -> None:
    assert block_summary(of(data)).startswith(text)


def test_changed_bytes_are_marked_with_and_without_colour() -> None:
    frame = wire.encode(wire.Send(1, "lobby", "Hello"))
    block = bytearray(block_of(DATA._replace(code=4), frame))
    at = frame.index(b"lobby")
    block[HEAD_SIZE + at] ^= ord("l") ^ ord("d")
    block[4 + 4] ^= 0x40  # the header's length
    item = of(FIRST + bytes(block))
    text = "\n".join(tree_lines(item))
    assert "40→00 26" in text.replace("length         38", "")
    assert re.search(r"64 6f 62 62 79 .*dobby", text)
    assert re.search(r"sent  +6c +l$", text, re.MULTILINE)
    assert "64 bytes arrived unchanged" in text
    marked: list[tuple[str, str]] = []

    def paint(shown: str, kind: str) -> str:
        marked.append((shown, kind))
        return f"<{shown}>"

    assert "<d>obby" in "\n".join(tree_lines(item, paint))
    assert ("64", "broken") in marked
    assert ("6c", "sent") in marked
    assert ("40→00", "broken") in marked
    assert hex_lines(item)[0].startswith("      0000  1a cf fc 1d")


def test_any_byte_of_a_failed_block_may_be_wrong() -> None:
    item = of(FIRST + block_of(DATA, b"x" * 40)[:-1] + b"\0")
    assert "44 bytes, any of which may be wrong" in "\n".join(tree_lines(item))


def test_lines_and_json(noisy: list[Item]) -> None:
    lines = Lines()
    text = [lines.line(item) for item in noisy]
    assert any("[] OPEN   asks for rs:255,251" in line for line in text)
    assert any("FAILED" in line for line in text)
    assert all(line.isprintable() for line in text)
    rows = [json.loads(json.dumps(as_dict(item))) for item in noisy if isinstance(item, Block)]
    assert {"item", "kind", "header", "code", "outcome", "corrected", "again", "payload"} <= set(
        rows[0]
    )
    repaired = [row for row in rows if row["repairs"]]
    for row in repaired:
        raw = bytes.fromhex(row["raw"])
        assert all(raw[r["at"]] == r["arrived"] != r["sent"] for r in row["repairs"])
    assert repaired


def test_stats(noisy: list[Item]) -> None:
    stats = Stats()
    for item in noisy:
        stats.add(item)
    (row,) = stats.as_dicts()
    seen = [item for item in noisy if isinstance(item, Block) and item.to_server]
    told = row["to_server"]["link"]
    assert told["blocks"] == len(seen)
    assert told["corrected"] == sum(item.corrected for item in seen) > 0
    assert told["bit_error_rate"] == pytest.approx(4e-3, rel=0.5)
    text = "\n".join(stats.lines())
    assert f"{len(seen)} blocks" in text
    assert f"{told['corrected']} symbols corrected" in text
    assert "of the bits were wrong" in text


def test_ladder(noisy: list[Item]) -> None:
    ladder = Ladder()
    for item in noisy:
        ladder.add(item)
    kinds = {row.kind for row in ladder.rows()}
    assert {"message", "block", "failed", "ack", "control"} <= kinds
    text = "\n".join(line.text for line in ladder_lines(ladder, 120))
    assert "[DATA]" in text
    assert "SEND lobby #1" in text
    picture = ladder_svg(ladder, "noisy")
    assert "could not be decoded" in picture
    assert "[ACCEPT]" in picture


def test_follow_shows_the_chat_and_not_the_link(noisy: list[Item]) -> None:
    follow = ChatTranscript()
    lines = [line for item in noisy if (line := follow.line(item)) is not None]
    assert lines == [f"[lobby] Nova: {'Hello everybody, this is a noisy line ' * 3}"]
