"""Exercises and their self-checks.

    @exercise("1.1", "Characters and bytes", given=my_text)
    def characters_and_bytes(given: str, characters: Any, size: Any) -> None:
        need(characters == len(given), "That is not the number of characters.", "What does len() …")

A check raises `Wrong` unless the answer has the required property. Its message says what is wrong with
*this* answer and where to look, and never what is right.
"""

from __future__ import annotations

import copy
import importlib.util
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import EllipsisType, ModuleType
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
    "load_module",
    "need",
    "real_number",
    "whole_number",
]


class Wrong(Exception):
    """An answer lacks the required property.

    Args:
        text: What is wrong with it, in plain words.
        hint: Where to look.
    """

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint


class NotAnswered(Exception):
    """The exercise still contains its dots."""


@dataclass(frozen=True)
class Verdict:
    """Result of a self-check.

    Attributes:
        number: The exercise's number, such as `1.2`.
        title: The exercise's title.
        result: `passed`, `wrong` or `not answered`.
        text: What is wrong.
        hint: Where to look.
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
            return f"· {head}: not answered yet. Put your answer in place of the dots."
        hint = f"\n  Hint: {self.hint}" if self.hint else ""
        return f"✗ {head}: {self.text}{hint}"


@dataclass(frozen=True)
class Exercise:
    """An exercise of a lesson.

    Attributes:
        number: Lesson and exercise, such as `1.2`.
        title: A few words.
        check: Called with the given values and the answers; raises `Wrong`.
        make_given: Makes the given values for a student's variant.
    """

    number: str
    title: str
    check: Callable[..., None]
    make_given: Callable[[Variant], Any]

    def judge(self, variant: Variant, answers: tuple[Any, ...]) -> Verdict:
        """Return the verdict on answers; never raise, whatever they are."""
        try:
            if any(_is_open(answer) for answer in answers):
                raise NotAnswered
            self.check(self.make_given(variant), *map(_wrapped, answers))
        except NotAnswered:
            return Verdict(self.number, self.title, "not answered")
        except Wrong as wrong:
            return Verdict(self.number, self.title, "wrong", str(wrong), wrong.hint)
        except Exception as error:  # an answer that the check did not expect
            text = f"The check cannot use this answer ({type(error).__name__}: {error})."
            hint = "Does it have the type that the exercise expects?"
            if isinstance(error, TypeError) and "is not callable" in str(error):
                hint = "If it is your function, pass its name only: the check calls it."
            return Verdict(self.number, self.title, "wrong", text, hint)
        return Verdict(self.number, self.title, "passed")

    def refuse(self, reason: str) -> Verdict:
        """Return the verdict on an answer that cannot be passed to the check."""
        text = f"This answer cannot be graded: {reason}."
        return Verdict(self.number, self.title, "wrong", text)


class Called:
    """A student's function or object, whose exceptions become `Wrong` with its arguments.

    Args:
        thing: The function or object.
    """

    def __init__(self, thing: Any) -> None:
        self._thing = thing

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Call it with copies, so that it cannot change the check's own values."""
        name = getattr(self._thing, "__name__", "your function")
        try:
            result = self._thing(*copy.deepcopy(args), **copy.deepcopy(named))
        except (Wrong, NotAnswered):
            raise
        except Exception as error:
            shown = ", ".join(_brief(arg) for arg in args)
            raise Wrong(
                f"{name}({shown}) raises {type(error).__name__}: {error}",
                "Call it with these arguments in a cell of your own, and follow it line by line.",
            ) from error
        if _is_open(result):
            raise NotAnswered
        return result

    def __getattr__(self, name: str) -> Any:
        return _wrapped(getattr(self._thing, name))


def exercise(
    number: str, title: str, *, given: Callable[[Variant], Any] = lambda variant: variant
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that makes a function the self-check of an exercise.

    Args:
        number: The exercise's number.
        title: A few words.
        given: Makes the values that the exercise gives to a student; by default the variant itself.
    """

    def mark(check: Callable[..., None]) -> Callable[..., None]:
        check.exercise = Exercise(number, title, check, given)  # type: ignore[attr-defined]
        return check

    return mark


def load_exercises(folder: Path, lesson: int) -> dict[str, Exercise]:
    """Return the exercises of a lesson by number, from its file of checks.

    Args:
        folder: The course's folder.
        lesson: The lesson's number.

    Raises:
        FileNotFoundError: There is no such file.
    """
    path = folder / "checks" / f"lesson_{lesson:02}.py"
    if not path.is_file():
        raise FileNotFoundError(f"lesson {lesson} has no checks: {path} does not exist")
    module = load_module(path, f"netchat_course_checks_{lesson:02}")
    found = [e for f in vars(module).values() if (e := getattr(f, "exercise", None)) is not None]
    return {e.number: e for e in found if isinstance(e, Exercise)}


def load_module(path: Path, name: str) -> ModuleType:
    """Load a module by its path, on each call, so that no other module of that name is used instead."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def need(condition: object, text: str, hint: str = "") -> None:
    """Raise `Wrong` unless a condition holds."""
    if not condition:
        raise Wrong(text, hint)


def real_number(value: Any, what: str) -> float:
    """Return an answer as a finite number.

    Raises:
        Wrong: It is not a finite number.
    """
    if isinstance(value, (str, bytes, bytearray, bool, np.bool_, np.ndarray)):
        raise Wrong(f"{what} must be a number, got {_brief(value)}.")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise Wrong(f"{what} must be a number, got {_brief(value)}.") from None
    except OverflowError:
        most = f"{sys.float_info.max:.3g}"
        raise Wrong(f"{what} must be a number up to {most}, got {_brief(value)}.") from None
    need(math.isfinite(number), f"{what} must be a finite number, got {number}.")
    return number


def whole_number(value: Any, what: str) -> int:
    """Return an answer as an integer.

    Raises:
        Wrong: It is not a whole number.
    """
    number, exact = 0, False
    if isinstance(value, (str, bytes, bytearray, bool, np.bool_, np.ndarray)):
        raise Wrong(f"{what} must be a whole number, got {_brief(value)}.")
    try:
        number = int(value)
        exact = bool(number == value)
    except (TypeError, ValueError, OverflowError):
        exact = False
    need(exact, f"{what} must be a whole number, got {_brief(value)}.")
    return number


def _is_open(answer: Any) -> bool:
    """Return whether an answer still contains dots."""
    if isinstance(answer, EllipsisType):
        return True
    if isinstance(answer, dict):
        return any(map(_is_open, answer.values()))
    return isinstance(answer, (list, tuple)) and any(map(_is_open, answer))


def _wrapped(answer: Any) -> Any:
    return Called(answer) if callable(answer) and not isinstance(answer, Called) else answer


def _brief(value: Any) -> str:
    try:
        shown = repr(value)
    except ValueError:  # Python refuses to print more than 4,300 digits
        shown = "a number with thousands of digits"
    return shown if len(shown) <= 80 else f"{shown[:77]}…"
