"""User names: which are allowed, which are the same, what is suggested."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netchat.chat.names import clean_name, name_problem, skeleton, suggest
from netchat.wire import MAX_NAME


@pytest.mark.parametrize(
    "name", ["Nova", "sourav.b", "Zoë", "李明", "علي", "x_1-2", "Ångström", "9"]
)
def test_ordinary_names_are_allowed(name):
    assert name_problem(clean_name(name)) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "at least one"),
        ("x" * (MAX_NAME + 1), "at most 24"),
        ("No va", "character 3 is SPACE"),
        ("No\nva", "character 3 is U+000A"),
        ("No\x1bva", "character 3 is U+001B"),
        ("Nova\u202e", "character 5 is RIGHT-TO-LEFT OVERRIDE"),
        ("No\u200bva", "character 3 is ZERO WIDTH SPACE"),
        ("No\u200dva", "character 3 is ZERO WIDTH JOINER"),
        ("Nova\u00ad", "character 5 is SOFT HYPHEN"),
        ("@nova", "character 1 is COMMERCIAL AT"),
        ("_nova", "begins with"),
        ("\u0301nova", "begins with"),
        ("server", "reserved"),
        ("LOBBY", "reserved"),
        ("p\u0430ypal", "mixes CYRILLIC and LATIN"),
        ("\u039dova", "mixes GREEK and LATIN"),
    ],
)
def test_what_is_wrong_is_said(name, why):
    assert why in (name_problem(name) or "")


@pytest.mark.parametrize(
    "invisible",
    [
        "\u034f",
        "\u115f",
        "\u1160",
        "\u17b4",
        "\u180b",
        "\u180f",
        "\u3164",
        "\ufe0f",
        "\uffa0",
        "\U000e0101",
    ],
)
def test_letters_and_marks_that_nobody_sees_are_refused(invisible):
    # They are letters or marks to Unicode: the category alone lets them through.
    assert unicodedata.category(invisible)[0] in "LM"
    name = clean_name(f"Nova{invisible}")
    assert name_problem(name) is not None
    assert invisible not in suggest(name, lambda _: False)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Nova", "nova"),
        ("Straße", "STRASSE"),
        ("ﬁn", "fin"),
        ("\uff2eova", "Nova"),
        ("é", "e\u0301"),
    ],
)
def test_names_that_look_the_same_are_the_same(one, other):
    assert skeleton(one) == skeleton(other)


def test_different_names_differ():
    assert skeleton("nova") != skeleton("nova2")


def test_space_around_a_name_is_not_part_of_it():
    assert clean_name("  Nova \t") == "Nova"


@given(st.text(max_size=30))
@example("\u0345")
@example("ΰ")
def test_cleaning_and_folding_twice_changes_nothing(name):
    assert clean_name(clean_name(name)) == clean_name(name)
    if name_problem(clean_name(name)) is None:
        assert skeleton(skeleton(name)) == skeleton(name)


@given(st.text(max_size=60), st.integers(0, 30))
def test_a_suggestion_is_allowed_and_free(name, busy):
    taken: set[str] = set()
    for _ in range(busy):
        found = suggest(name, taken.__contains__)
        assert name_problem(found) is None
        assert found == clean_name(found)
        assert skeleton(found) not in taken
        taken.add(skeleton(found))


def test_a_suggestion_is_near_the_wish():
    taken = {"nova", "nova2"}
    assert suggest("Nova", taken.__contains__) == "Nova3"
    assert suggest("server", taken.__contains__) == "guest"
    assert suggest("\u202e", taken.__contains__) == "guest"


def test_there_is_a_suggestion_beyond_ten_thousand():
    taken = {"guest", *(f"guest{n}" for n in range(2, 10_001))}
    found = suggest("", taken.__contains__)
    assert found.startswith("guest")
    assert found not in taken
