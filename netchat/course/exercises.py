"""Exercises and their self-checks.

    @exercise("1.1", "Characters and bytes", given=my_text)
    def characters_and_bytes(given: str, characters: Any, size: Any) -> None:
        need(characters == len(given), "That is not the number of characters.", "What does len() …")

A check says nothing if the answer has the property that was asked for. Else it raises `Wrong`, in
words that say what is wrong with *this* answer and where to look, and never what is right.
"""

from __future__ import annotations

import copy
import importlib.util
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import EllipsisType
from typing import Any

import numpy as np

from netchat.course.variant import Variant

__all__ = [
    "Called",
    "Exercise",
    "NotAnswered",
    "Verdict",
    "Wrong",
    "exercise",
    "load_exercises",
    "need",
    "real_number",
    "whole_number",
]


class Wrong(Exception):
    """An answer does not have the property that was asked for.

    Args:
        text: what is wrong with it, in plain words.
        hint: where to look.
    """

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint


class NotAnswered(Exception):
    """The dots of an exercise are still there."""


@dataclass(frozen=True)
class Verdict:
    """What a self-check says.

    Attributes:
        number: the exercise's, such as `1.2`.
        title: the exercise's.
        result: `passed`, `wrong` or `not answered`.
        text: what is wrong.
        hint: where to look.
    """

    number: str
    title: str
    result: str
    text: str = ""
    hint: str = ""

    def __str__(self) -> str:
        head = f"{self.number} {self.title}"
        if self.result == "passed":
            return f"✓ {head}: public checks passed."
        if self.result == "not answered":
            return f"· {head}: not answered yet. Put your answer in the place of the dots."
        hint = f"\n  Hint: {self.hint}" if self.hint else ""
        return f"✗ {head}: {self.text}{hint}"


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes:
        number: such as `1.2`: lesson and exercise.
        title: a few words.
        check: called with what is given and the answers; raises `Wrong`.
        make_given: what is given, of a student's variant.
    """

    number: str
    title: str
    check: Callable[..., None]
    make_given: Callable[[Variant], Any]

    def judge(self, variant: Variant, answers: tuple[Any, ...]) -> Verdict:
        """Check answers; whatever they are, this does not raise."""
        try:
            if any(_open(answer) for answer in answers):
                raise NotAnswered
            self.check(self.make_given(variant), *map(_careful, answers))
        except NotAnswered:
            return Verdict(self.number, self.title, "not answered")
        except Wrong as wrong:
            return Verdict(self.number, self.title, "wrong", str(wrong), wrong.hint)
        except Exception as error:  # the answer is of a kind that the check did not think of
            text = f"The check can do nothing with this answer ({type(error).__name__}: {error})."
            hint = "Is it of the type that the exercise asks for?"
            return Verdict(self.number, self.title, "wrong", text, hint)
        return Verdict(self.number, self.title, "passed")

    def refuse(self, reason: str) -> Verdict:
        """Return the verdict on an answer that cannot be handed to the check."""
        text = f"This answer cannot be graded: {reason}."
        return Verdict(self.number, self.title, "wrong", text)


class Called:
    """A student's function or object: what it raises is a wrong answer, with its arguments.

    Args:
        thing: it.
    """

    def __init__(self, thing: Any) -> None:
        self._thing = thing

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Call it with copies, so that it cannot change what the check still needs."""
        name = getattr(self._thing, "__name__", "your function")
        try:
            result = self._thing(*copy.deepcopy(args), **copy.deepcopy(named))
        except (Wrong, NotAnswered):
            raise
        except Exception as error:
            shown = ", ".join(_brief(arg) for arg in args)
            raise Wrong(
                f"{name}({shown}) ends with {type(error).__name__}: {error}",
                "Call it with these arguments in a cell of your own, and follow it line by line.",
            ) from error
        if _open(result):
            raise NotAnswered
        return result

    def __getattr__(self, name: str) -> Any:
        return _careful(getattr(self._thing, name))


def exercise(
    number: str, title: str, *, given: Callable[[Variant], Any] = lambda variant: variant
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function the self-check of an exercise.

    Args:
        number: the exercise's.
        title: a few words.
        given: makes what the exercise gives to a student; the variant itself by default.
    """

    def mark(check: Callable[..., None]) -> Callable[..., None]:
        check.exercise = Exercise(number, title, check, given)  # type: ignore[attr-defined]
        return check

    return mark


def load_exercises(folder: Path, lesson: int) -> dict[str, Exercise]:
    """The exercises of a lesson, by number, from its file of checks.

    Args:
        folder: the course's folder.
        lesson: its number.

    Raises:
        FileNotFoundError: there is no such file.
    """
    path = folder / "checks" / f"lesson_{lesson:02}.py"
    if not path.is_file():
        raise FileNotFoundError(f"lesson {lesson} has no checks: {path} is not there")
    # By its path, and anew each time: no other module of that name can take its place.
    name = f"netchat_course_checks_{lesson:02}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = [e for f in vars(module).values() if (e := getattr(f, "exercise", None)) is not None]
    return {e.number: e for e in found if isinstance(e, Exercise)}


def need(condition: object, text: str, hint: str = "") -> None:
    """Raise `Wrong` unless a condition holds."""
    if not condition:
        raise Wrong(text, hint)


def real_number(value: Any, what: str) -> float:
    """An answer that has to be a finite number.

    Raises:
        Wrong: it is none.
    """
    if isinstance(value, (str, bytes, bytearray, bool, np.bool_, np.ndarray)):
        raise Wrong(f"{what} is a number; {_brief(value)} is none.")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise Wrong(f"{what} is a number; {_brief(value)} is none.") from None
    except OverflowError:
        raise Wrong(f"{what} is too large for a number of that kind.") from None
    need(math.isfinite(number), f"{what} is a finite number, not {number}.")
    return number


def whole_number(value: Any, what: str) -> int:
    """An answer that has to be a whole number.

    Raises:
        Wrong: it is none.
    """
    number, exact = 0, False
    if isinstance(value, (str, bytes, bytearray, bool, np.bool_, np.ndarray)):
        raise Wrong(f"{what} is a whole number; {_brief(value)} is none.")
    try:
        number = int(value)
        exact = bool(number == value)
    except (TypeError, ValueError, OverflowError):
        exact = False
    need(exact, f"{what} is a whole number; {_brief(value)} is none.")
    return number


def _open(answer: Any) -> bool:
    """Whether an answer still has the dots in it."""
    if isinstance(answer, EllipsisType):
        return True
    if isinstance(answer, dict):
        return any(map(_open, answer.values()))
    return isinstance(answer, (list, tuple)) and any(map(_open, answer))


def _careful(answer: Any) -> Any:
    return Called(answer) if callable(answer) and not isinstance(answer, Called) else answer


def _brief(value: Any) -> str:
    try:
        shown = repr(value)
    except ValueError:  # Python does not write more than 4,300 digits
        shown = "a number of thousands of digits"
    return shown if len(shown) <= 80 else f"{shown[:77]}…"
