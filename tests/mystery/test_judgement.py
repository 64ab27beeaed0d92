"""Judgement of answers, and the parts of faults."""

import pytest

from netchat.errors import LabError
from netchat.mystery import KINDS, Answer, Fault, draw, judge


def right(mystery):
    return Answer(mystery.fault.kind, mystery.fault.place, mystery.fault.size)


@pytest.mark.parametrize("level", range(1, 6))
@pytest.mark.parametrize("kind", KINDS)
def test_the_right_answer_solves(kind, level):
    mystery = draw("Ada", level, kind=kind)
    judgement = judge(mystery, right(mystery))
    assert judgement.is_solved
    assert KINDS[kind].evidence in judgement.text


def test_a_wrong_kind_does_not_reveal_the_right_one():
    mystery = draw(3, 2, kind="mtu")
    judgement = judge(mystery, Answer("loss", mystery.fault.place, 0.1))
    assert not judgement.kind
    assert KINDS["mtu"].evidence not in judgement.text
    assert f"{mystery.fault.size:g}" not in judgement.text


def test_a_wrong_place_and_a_wrong_size():
    mystery = draw(3, 2, kind="delay")
    fault = mystery.fault
    back = " > ".join(fault.place.split(" > ")[::-1])
    assert judge(mystery, Answer("delay", back, fault.size)).text.startswith(
        "Yes, it is delay, but not"
    )
    for factor, word in ((1.4, "too large"), (0.7, "too small")):
        judgement = judge(mystery, Answer("delay", fault.place, fault.size * factor))
        assert (judgement.kind, judgement.place, judgement.size) == (True, True, False)
        assert word in judgement.text
    assert judge(mystery, Answer("delay", fault.place, fault.size * 1.2)).is_solved


def test_a_size_in_another_unit():
    mystery = draw(3, 2, kind="delay")
    for factor, word in ((1000, "far too large"), (1e-3, "far too small")):
        answer = Answer("delay", mystery.fault.place, mystery.fault.size * factor)
        text = judge(mystery, answer).text
        assert f"Your size is {word}: is it in this unit?" in text
        assert "Give it as: additional seconds." in text
    zero = Answer("delay", mystery.fault.place, 0)
    assert judge(mystery, zero).text.endswith("Your size is too small.")


@pytest.mark.parametrize("kind", ["asymmetric-path", " Asymmetric path", "ASYMMETRIC_PATH"])
def test_spellings_of_a_kind(kind):
    mystery = draw(4, 1, kind="asymmetric-path")
    assert judge(mystery, Answer(kind, mystery.fault.place, mystery.fault.size)).is_solved
    assert Fault(kind, "h1 > h2", 3).kind == "asymmetric-path"


def test_the_sign_of_a_skew_counts():
    mystery = draw(4, 2, kind="clock-skew")
    answer = Answer("clock-skew", mystery.fault.place, -mystery.fault.size)
    assert "Check its sign" in judge(mystery, answer).text


def test_hops_are_exact():
    mystery = draw(4, 1, kind="asymmetric-path")
    answer = Answer("asymmetric-path", mystery.fault.place, mystery.fault.size + 1)
    assert "It must be exact" in judge(mystery, answer).text


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer("rain", "h1 > h2", 1), "unknown fault 'rain'; must be one of loss, "),
        (Answer("loss", "h1", 1), "must be a direction such as 'h2 > h1'"),
        (Answer("loss", "h1 > h1", 1), "must be a direction"),
        (Answer("clock-skew", "h1 > h2", 1), "must be a host, h1, h2, h3, got 'h1 > h2'"),
        (Answer("loss", "h1 > h2", float("nan")), "the size must be a finite number, got nan"),
    ],
)
def test_impossible_answers(answer, says):
    with pytest.raises(LabError, match=says):
        judge(draw(1), answer)


@pytest.mark.parametrize("place", ["h2 > h1", "h2>h1", " H2 -> h1 ", "h2 → h1", "h2 to h1"])
def test_spellings_of_a_place(place):
    assert Fault("loss", place, 0.1).place == "h2 > h1"


def test_unknown_fault():
    with pytest.raises(LabError, match="unknown fault 'rain'"):
        Fault("rain", "h1", 1)
