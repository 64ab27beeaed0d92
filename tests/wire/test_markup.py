"""Code and mentions in texts; the page's parser passes the same vectors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.wire.markup import BLOCK, CODE, MarkupPiece, mentioned_names, parse_markup

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "markup.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["text"] or "empty")
def test_vectors(vector):
    assert parse_markup(vector["text"]) == [MarkupPiece(*piece) for piece in vector["pieces"]]


def shown_plainly(pieces):
    """Return what remains of a text without its marks and spaces."""
    return "".join("".join(piece.text.split()).replace("`", "") for piece in pieces)


@given(st.text(st.sampled_from("`@a.-_ \nÄ\u0308👍"), max_size=60))
def test_no_character_but_marks_and_languages_is_lost(text):
    pieces = parse_markup(text)
    assert shown_plainly(pieces) == "".join(text.split()).replace("`", "") or any(
        piece.language for piece in pieces
    )
    assert all(piece.text for piece in pieces)
    assert not any("\n" in piece.text for piece in pieces if piece.kind == CODE)


@pytest.mark.parametrize(
    "text",
    [
        "`" * 16_000,
        "` `` " * 4_000,
        "".join("`" * (n % 150 + 1) + " " for n in range(300)),
        "`\n" * 8_000,
        "```\n" * 5_000,
        "```x\n" * 4_000,
        "@" * 16_000,
        "@a" * 8_000,
        "@" + "a" * 16_000,
    ],
)
def test_hostile_texts(text):
    pieces = parse_markup(text)
    assert shown_plainly(pieces) == text.replace("`", "").replace(" ", "").replace("\n", "") or (
        pieces[0].kind == BLOCK
    )


def test_names():
    assert mentioned_names("@Ann and `@Bo`, @zoë.") == ["Ann", "zoë"]


def test_a_block_keeps_its_code():
    (piece,) = parse_markup("```py\n\tif x:\n\n```")
    assert piece == MarkupPiece(BLOCK, "\tif x:\n", "py")
