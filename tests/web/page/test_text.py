"""Tests of the page's codes, names and text against the Python functions."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.chat.room_codes import new_code, read_code, show_code
from netchat.chat.text import show_text, validate_text
from netchat.web.site import PAGE
from netchat.wire.safe_text import INVISIBLE

NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(
    NODE is None, reason="node is not installed: apt-get install nodejs"
)

ASK = """
import { createInterface } from "node:readline";
const text = await import("./text.js");
for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...values] = JSON.parse(line);
  console.log(JSON.stringify(text[name](...values)));
}
"""


@pytest.fixture(scope="module")
def js(tmp_path_factory):
    """Return a function that calls functions of `text.js`."""
    folder = tmp_path_factory.mktemp("page")
    shutil.copy(PAGE / "text.js", folder)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "ask.mjs").write_text(ASK)
    with subprocess.Popen(
        [str(NODE), "ask.mjs"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:

        def ask(name, *values):
            process.stdin.write(json.dumps([name, *values]) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
HARMFUL = st.text(
    st.sampled_from(
        "ab1\n\r\t\x00\x1b\x7f\x85\xad\u0301\u0489\u061c\u0645\u115f\u180b\u200b\u200d\u202e\u2066\u263a"
        "\u3164\ufdd0\ufe0f\ufeff\uffff😀🏴葛\U000e0041\U000e0067\U000e007f\U000e0100\U0010ffff"
    )
)


@given(text=TEXT | HARMFUL)
def test_text_is_escaped_as_in_python(js, text):
    assert js("showText", text) == show_text(text)


@pytest.mark.parametrize("context", ["a{}b", "☺{}☺", "م{}م", "葛{}", "🏴{}", "a{0}{0}{0}"])
@pytest.mark.slow
def test_every_invisible_character_is_escaped_as_in_python(js, context):
    every = [
        chr(n) for n in range(0x110000) if INVISIBLE.match(chr(n)) and not 0xD800 <= n < 0xE000
    ]
    text = "\n".join(context.format(character) for character in every)
    assert js("showText", text) == show_text(text)


@pytest.mark.parametrize("text", ["👩‍👩‍👧‍👦 ❤️‍🔥 1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "می‌خواهم", "葛󠄀"])
def test_invisible_characters_needed_in_writing_are_kept(js, text):
    assert js("showText", text) == show_text(text) == text


def test_stacks_of_combining_marks_are_limited(js):
    text = "Z" + "\u0301" * 1000
    assert js("showText", text) == show_text(text) == text[:9] + "\\u0301" * 992


@given(text=(TEXT | HARMFUL).filter(bool))
def test_the_page_refuses_the_same_texts_as_the_server(js, text):
    assert bool(js("textProblem", text, 0)) == bool(validate_text(text))


@pytest.mark.parametrize("text", ["x" * 10, "é" * 6, "😀" * 3])
def test_size_limit_counts_utf8_bytes(js, text):
    size = len(text.encode())
    assert js("textProblem", text, size) == ""
    assert f"at most {size - 1} bytes, got {size}" in js("textProblem", text, size - 1)


@given(
    written=st.text(
        st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcloi- lobby"), max_size=14
    )
)
def test_codes_are_parsed_as_on_the_server(js, written):
    assert js("readCode", written) == (read_code(written) or "")


def test_a_code_in_every_form(js):
    code = new_code()
    for written in (
        code,
        show_code(code),
        code.lower(),
        f" {code[:3]} {code[3:]} ",
        f"http://x:1/r/{code}?a#b",
    ):
        assert js("readCode", written) == code
    assert js("showCode", code) == show_code(code)
    assert js("readCode", "LOBBY") == "lobby"


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("see https://example.org/a_(b)?c=d#e, please", ["https://example.org/a_(b)?c=d#e"]),
        ("(http://example.org)", ["http://example.org"]),
        ("http://example.org/Frame_(networking).", ["http://example.org/Frame_(networking)"]),
        ("javascript:alert(1) data:text/html,x ftp://x", []),
        ("http://a http://b", ["http://a", "http://b"]),
        ('"http://a"onclick=x', ["http://a"]),
        ("http://a" + ").)" * 20_000, ["http://a"]),
        ("", []),
    ],
)
def test_links_in_a_text(js, text, links):
    pieces = js("pieces", text)
    assert "".join(piece["text"] for piece in pieces) == text
    assert [piece["link"] for piece in pieces if "link" in piece] == links


@given(text=TEXT)
def test_splitting_links_keeps_all_text(js, text):
    text = f"{text}http://{text}"
    assert "".join(piece["text"] for piece in js("pieces", text)) == text


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Nova", "No"),
        ("sourav.k", "SK"),
        ("AdaLove", "AL"),
        ("éva", "Év"),
        ("7up", "7u"),
        ("a_b", "AB"),
        ("Ada Lovelace", "AL"),
        ("Student17", "S17"),
        ("Guest 4", "G4"),
        ("صباح", "ص"),
        ("🦊fox", "🦊f"),
    ],
)
def test_initials(js, name, initials):
    assert js("initials", name) == initials
    assert js("colour", name) == js("colour", name.upper())


FIRST_NAMES = (
    "Ada Aisha Alan Alba Alex Ali Amir Ana Anna Ben Bruno Carla Carlos Chen Clara Dan Dana David Elena Eli "
    "Emil Emma Eva Felix Finn Gita Hana Hugo Ida Ines Ivan Jan Jonas Julia Kai Karim Lea Lena Leo Lina Lucas "
    "Maja Maria Mark Maya Mia Nils Nina Noah Nora Nova Omar Oskar Paul Ravi Rosa Sam Sara Tom Vera"
)

#: The names of sixty people in one room, three times.
CLASSES = [
    [f"Student{number}" for number in range(1, 61)],
    [f"guest-{number:02}" for number in range(60)],
    FIRST_NAMES.split(),
]


@pytest.mark.parametrize("names", CLASSES, ids=["numbers", "padded", "first names"])
def test_avatars_tell_sixty_people_apart(js, names):
    looks = [(js("initials", name), *js("colour", name).values()) for name in names]
    assert len(looks) == 60
    assert len(set(looks)) >= 58  # of these first names, two pairs differ in their names only
    colours = {look[1:] for look in looks}
    assert len(colours) >= 25
    assert all(0 <= hue < 360 and tone in (0, 1, 2) for hue, tone in colours)


def test_sentences_begin_with_a_capital(js):
    assert js("sentence", "the sender has left") == "The sender has left"
    assert js("sentence", "thelma has new keys") == "thelma has new keys"  # a name stays as it is
