"""User names: which are allowed, which are the same, what is suggested."""

import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netchat.chat.names import MAX_STACK, fold, lookalikes, normalize_name, suggest, validate_name
from netchat.wire import MAX_NAME


@pytest.mark.parametrize(
    "name",
    [
        "Nova",
        "sourav.b",
        "Zoë",
        "李明",
        "علي",
        "x_1-2",
        "Ångström",
        "9",
        "Lê_Ngọc_Ánh",
        "रवि",
        "やまだ太郎",
        "Kim김",
        "〇九",
        "Col·laboració",
    ],
)
def test_ordinary_names_are_allowed(name):
    assert validate_name(normalize_name(name)) is None


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
        ("_nova", "must begin with"),
        ("\u0301nova", "must begin with"),
        ("server", "reserved"),
        ("LOBBY", "reserved"),
        ("p\u0430ypal", "mix CYRILLIC and LATIN"),
        ("\u039dova", "mix GREEK and LATIN"),
        ("N\u0585va", "mix ARMENIAN and LATIN"),
        ("No\u0591va", "mix HEBREW and LATIN"),
        ("Nova3\u0663", "digits of different number systems"),
        ("No" + "\u0323" * (MAX_STACK + 1), f"at most {MAX_STACK} combining marks in a row"),
        ("Nova\U0001f680", "character 5 is ROCKET"),
        ("Nova\uffff", "character 5 is U+FFFF"),
        ("Nova\U000e0041", "character 5 is TAG LATIN CAPITAL LETTER A"),
        ("No\u203fva", "character 3 is UNDERTIE"),
        ("\u0455\u0435rv\u0435r", "mix CYRILLIC and LATIN"),
        ("1obby", "reserved"),
    ],
)
def test_refused_names(name, why):
    assert why in (validate_name(name) or "")


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
def test_invisible_letters_and_marks_are_refused(invisible):
    # They are letters or marks to Unicode: the category alone lets them through.
    assert unicodedata.category(invisible)[0] in "LM"
    name = normalize_name(f"Nova{invisible}")
    assert validate_name(name) is not None
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
    assert fold(one) == fold(other)
    assert lookalikes(one) & lookalikes(other)


@pytest.mark.parametrize("other", ["Nov\u0251", "N\u0585va", "\u039dova", "N0va", "nova"])
def test_names_that_look_alike_share_a_skeleton(other):
    assert lookalikes("Nova") & lookalikes(other)


def test_different_names_differ():
    assert fold("nova") != fold("nova2")
    assert not lookalikes("nova") & lookalikes("nova2")


@pytest.mark.parametrize("use", [normalize_name, fold, lookalikes, validate_name])
def test_a_long_text_costs_nothing(use):
    # NFKC sorts marks in a row in quadratic time: 32,000 of them take seconds.
    text = "a" + "\u0301\u0323" * 100_000
    before = time.thread_time()
    use(text)
    suggest(text, lambda _: False)
    assert time.thread_time() - before < 0.02


def test_space_around_a_name_is_not_part_of_it():
    assert normalize_name("  Nova \t") == "Nova"


@given(st.text(max_size=30))
@example("\u0345")
@example("ΰ")
def test_cleaning_and_folding_twice_changes_nothing(name):
    assert normalize_name(normalize_name(name)) == normalize_name(name)
    assert fold(fold(name)) == fold(name)


@given(st.text(max_size=60), st.integers(0, 30))
def test_a_suggestion_is_allowed_and_free(name, busy):
    taken: set[str] = set()
    for _ in range(busy):
        found = suggest(name, taken.__contains__)
        assert validate_name(found) is None
        assert found == normalize_name(found)
        assert found not in taken
        taken.add(found)


def test_a_suggestion_resembles_the_requested_name():
    taken = {"Nova", "Nova2"}
    assert suggest("Nova", taken.__contains__) == "Nova3"
    assert suggest("server", taken.__contains__) == "guest"
    assert suggest("\u202e", taken.__contains__) == "guest"


def test_a_suggestion_is_found_in_a_few_steps_among_many_users():
    taken = {"guest", *(f"guest{n}" for n in range(2, 100_000))}
    asked = []
    found = suggest("", lambda name: asked.append(name) or name in taken)
    assert validate_name(found) is None
    assert len(asked) < 50


def test_numbers_are_counted_once_random_ones_are_taken():
    tried = []

    def taken(name):
        tried.append(name)
        return len(tried) <= 1 + 8 + 5 * 8  # the name, 2 to 9, and eight random ones of each length

    assert suggest("Nova", taken) == "Nova10"
    assert max(map(len, tried)) == len("Nova") + 6
