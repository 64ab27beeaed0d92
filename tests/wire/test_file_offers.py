"""Offers of files as text, and names that are safe to create."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netchat.wire.file_offers import (
    FileOffer,
    clean_name,
    clean_type,
    describe_offer,
    offer_text,
    parse_offer,
)

HASH = bytes(range(32))

texts = st.text(max_size=40) | st.text("./\\: \u202e\u200b.aä\u0301-~", max_size=300)


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\win.ini", "win.ini"),
        ("/absolute", "absolute"),
        ("C:\\x.txt", "x.txt"),
        ("", "file"),
        (".", "file"),
        ("..", "file"),
        ("folder/", "file"),
        (".bashrc", "bashrc"),
        ("-rf", "rf"),
        ("a\nb\tc.txt", "a b c.txt"),
        ("evil\x00.txt", "evil.txt"),
        ("evil\x1b[31m.txt", "evil[31m.txt"),
        ("gpj.\u202eexe", "gpj.exe"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("a:b|c?.txt", "a_b_c_.txt"),
        ("name. . ", "name"),
        ("Zoe\u0308.txt", "Zo\xeb.txt"),
        ("x" * 300 + ".jpg", "x" * 196 + ".jpg"),
        ("\U0001f600" * 100, "\U0001f600" * 50),
        ("x." + "y" * 300, "x." + "y" * 198),
    ],
)
def test_clean_names(name, clean):
    assert clean_name(name) == clean


@given(texts)
@example("a" * 254 + "\u0301.png")
def test_a_clean_name_is_safe_everywhere_and_stays_the_same(name):
    clean = clean_name(name)
    assert clean_name(clean) == clean
    assert 0 < len(clean.encode()) <= 201
    assert not re.search(r'[/\\:*?"<>|\x00-\x1f\x7f]', clean)
    assert not clean.startswith((".", "-", " "))
    assert not clean.endswith((".", " "))


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32), texts, st.booleans())
def test_an_offer_survives_its_text(size, sha256, name, is_sealed):
    key = HASH if is_sealed else b""
    offer = FileOffer(size, sha256, "image/png", clean_name(name), key)
    assert parse_offer(offer_text(offer)) == offer


@given(st.text() | st.lists(st.text(), min_size=3, max_size=6).map("\n".join))
def test_any_other_text_is_no_offer_or_a_safe_one(text):
    offer = parse_offer(text)
    assert offer is None or offer.name == clean_name(offer.name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3\nab\n\nname",
        f"-3\n{HASH.hex()}\n\nname",
        f"٣\n{HASH.hex()}\n\nname",
        f"{2**63}\n{HASH.hex()}\n\nname",
        f"3\n{HASH.hex()[:-2]}\n\nname",
        f"3\n{'x' * 64}\n\nname",
        f"3\n{HASH.hex()}\n\nname\nabcd",
        f"3\n{HASH.hex()}\n\nname\n\n",
    ],
)
def test_malformed_offers(text):
    assert parse_offer(text) is None
    assert describe_offer(text) == "a file"


def test_what_users_read():
    text = offer_text(FileOffer(2_345_678, HASH, "IMAGE/PNG", "../a.png"))
    assert describe_offer(text) == "a.png (2.3 MB)"
    offer = parse_offer(text)
    assert offer is not None
    assert (offer.media_type, offer.name) == ("image/png", "a.png")


@pytest.mark.parametrize(
    "written", ["", "image", "image/", "text/html; charset=utf-8", "a/b\n", "/x"]
)
def test_other_texts_are_no_media_type(written):
    assert clean_type(written) == ""
