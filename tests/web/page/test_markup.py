"""Tests of the page's code and mentions against those of Python, and against the shared vectors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.wire.markup import parse_markup
from tests.web.node import NODE, run

pytestmark = pytest.mark.skipif(
    NODE is None, reason="node is not installed: apt-get install nodejs"
)

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "markup.json").read_text(encoding="utf-8")
)

ASK = """
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
const { mentions, parseMarkup } = await import(`${pathToFileURL(process.env.PAGE)}/markup.js`);
const { texts, asked } = JSON.parse(readFileSync(0, "utf-8"));
console.log(JSON.stringify({
  pieces: texts.map((text) =>
    parseMarkup(text).map(({ kind, text: piece, language }) => [kind, piece, language ?? ""])),
  named: asked.map(([text, name]) => mentions(text, name)),
}));
"""

#: Texts of which a parser could take too long.
HOSTILE = [
    "`" * 16_000,
    "` `` " * 4_000,
    "`\n" * 8_000,
    "```\n" * 5_000,
    "@a" * 8_000,
    "@" + "a" * 16_000,
]

#: Texts and names, and whether the text mentions the name.
MENTIONED = [
    ("for @nova, please", "Nova", True),
    ("@novalis", "Nova", False),
    ("Nova without the sign", "Nova", False),
    ("mail@nova", "Nova", False),
    ("`@nova`", "Nova", False),
    ("@NOVA.", "nova", True),
    ("@李", "李", True),
]


def ask(folder: Path, texts: list[str], asked: list[tuple[str, str]]) -> dict:
    (folder / "ask.mjs").write_text(ASK)
    return json.loads(
        run(folder, str(folder / "ask.mjs"), text=json.dumps({"texts": texts, "asked": asked}))
    )


def test_vectors_and_hostile_texts(tmp_path: Path) -> None:
    texts = [*(vector["text"] for vector in VECTORS), *HOSTILE]
    found = ask(tmp_path, texts, [])["pieces"]
    for vector, pieces in zip(VECTORS, found, strict=False):
        assert [
            piece[: len(want)] for piece, want in zip(pieces, vector["pieces"], strict=True)
        ] == vector["pieces"]
    for text, pieces in zip(texts, found, strict=True):
        assert pieces == [list(piece) for piece in parse_markup(text)]


def test_random_texts_are_parsed_as_by_python(tmp_path: Path) -> None:
    texts: list[str] = []

    @given(st.text(st.sampled_from("`@ab.-_ \n\t\x85\ufeffÄ\u0308👍\U0001d518"), max_size=40))
    def collect(text: str) -> None:
        texts.append(text)

    collect()
    texts += [text.replace("`", "```\n") for text in texts]
    found = ask(tmp_path, texts, [])["pieces"]
    for text, pieces in zip(texts, found, strict=True):
        assert pieces == [list(piece) for piece in parse_markup(text)], text


def test_mentions(tmp_path: Path) -> None:
    found = ask(tmp_path, [], [(text, name) for text, name, _ in MENTIONED])["named"]
    assert found == [is_mentioned for _, _, is_mentioned in MENTIONED]
