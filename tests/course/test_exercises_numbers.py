"""Tests that numbers of every type get the same verdict in a notebook and from the grader."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from netchat.course.answer_marshalling import as_graded
from netchat.course.exercises import Wrong, real_number, whole_number
from netchat.course.notebook_builder import solutions_of
from tests.course.test_lesson import LESSONS, Desk, in_the_course, sent_over

__all__ = ["in_the_course"]


def int64(value):
    return np.int64(value) if isinstance(value, int) and abs(value) < 1 << 62 else value


#: Types that convert without loss: the verdict is that of a plain number.
SAME = {
    "numpy": lambda v: int64(v) if isinstance(v, int) else np.float64(v),
    "long double": lambda v: v if isinstance(v, int) else np.longdouble(v),
    "array of no dimensions": lambda v: np.array(int64(v)),
    "Fraction": lambda v: Fraction(v) if math.isfinite(v) else v,
    "Decimal": Decimal,
}

#: Values that are not numbers or change in conversion: both verdicts must only be equal.
OTHER = {
    "float32": np.float32,
    "float16": np.float16,
    "float": float,
    "bool": bool,
    "complex": complex,
    "numpy's complex": np.complex128,
    "NaN": lambda _: math.nan,
    "infinity": lambda _: math.inf,
    "text": str,
    "array of one": lambda v: np.array([v], dtype=float),
    "huge": lambda _: 10**400,
    "none": lambda _: None,
}


def changed(value, change):
    """Return an answer with all of its numbers changed, including those that its functions return."""
    if type(value) in (int, float):
        return change(value)
    if type(value) in (list, tuple):
        return type(value)(changed(item, change) for item in value)
    if callable(value) and not isinstance(value, type):
        return lambda *arguments, **named: changed(value(*arguments, **named), change)
    return value


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize(
    "lesson", [one for one in LESSONS if one.id[:2] not in ("02", "04", "11", "12")]
)
def test_notebook_and_grader_agree(lesson):
    desk = Desk(lesson, "Ada")
    for number, solution in solutions_of(lesson).items():
        desk.verdict(number, solution.code)
        right = desk.course.answers[number]
        for name, change in {**SAME, **OTHER}.items():
            answers = tuple(changed(answer, change) for answer in right)
            here = desk.judge(number, as_graded(answers))
            there = desk.judge(number, sent_over(answers))
            assert here == there, f"{number}, {name}"
            if name in SAME:
                assert here.result == "passed", f"{name}: {here}"


@pytest.mark.parametrize("value", [True, "1", b"1", None, 1j, np.array([1.0]), math.nan, 10**400])
def test_other_types_are_wrong(value):
    (given,) = as_graded((value,))
    with pytest.raises(
        Wrong, match=r"^p must be a (finite )?number(, got | up to 1.8e\+308, got )"
    ):
        real_number(given, "p")
    if type(value) is not int:
        with pytest.raises(Wrong, match="n must be a whole number"):
            whole_number(given, "n")
