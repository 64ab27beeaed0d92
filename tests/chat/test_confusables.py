"""UTS #39 skeletons, by Unicode's table."""

import unicodedata

import pytest

from netchat.chat.confusables import load_confusables, skeleton


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Nova", "Nov\u0251"),
        ("Nova", "N\u0585va"),
        ("paypal", "\u0440\u0430\u0443\u0440\u0430l"),
        ("maria", "rnaria"),
        ("Ian", "lan"),
        ("O", "0"),
        ("Å", "A\u030a"),
    ],
)
def test_texts_that_look_alike_have_the_same_skeleton(one, other):
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(("one", "other"), [("Nova", "nova"), ("Nova", "Vega"), ("李明", "李月")])
def test_texts_that_do_not_look_alike_differ(one, other):
    assert skeleton(one) != skeleton(other)


def test_the_table_is_complete_and_stable():
    table = load_confusables()
    assert len(table) > 5000
    for source, prototype in table.items():
        # A skeleton is a fixed point, and built from decomposed text; otherwise it could not be a key.
        assert unicodedata.normalize("NFD", chr(source)) == chr(source)
        assert skeleton(prototype) == prototype
