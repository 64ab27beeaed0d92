"""Private checks: more checks of the same answers, in a folder that students do not have.

    @private_check("1.2", "Long texts", weight=2)
    def long_texts(variant: Variant, text_field: Any) -> None:
        need(text_field("x" * 60_000)[:2] == b"\\xea\\x60", "A text of 60,000 bytes has a wrong length.")

A private check gets what the public check of its exercise gets: the given values, and the answers. It
runs in the grader's process, where the notebook cannot read it. `netchat grade --checks FOLDER` runs
the checks in `FOLDER/lesson_NN.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netchat.course.exercises import Exercise, load_module
from netchat.course.variant import Variant
from netchat.errors import NetchatError

__all__ = ["PrivateCheck", "load_private_checks", "private_check"]


@dataclass(frozen=True)
class PrivateCheck:
    """An additional check of an exercise.

    Attributes:
        number: The exercise's number.
        title: A few words; students read it in their feedback.
        weight: Its share of the exercise's points; the public check has weight 1 by default.
        check: Called like the exercise's own check.
        make_given: Makes the given values; None for those of the exercise.
    """

    number: str
    title: str
    weight: float
    check: Callable[..., None]
    make_given: Callable[[Variant], Any] | None = None

    def of(self, exercise: Exercise) -> Exercise:
        """Return an exercise that judges the same answers by this check."""
        return Exercise(self.number, self.title, self.check, self.make_given or exercise.make_given)


def private_check(
    number: str,
    title: str,
    *,
    weight: float = 1.0,
    given: Callable[[Variant], Any] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that makes a function a private check of an exercise.

    Args:
        number: The exercise's number.
        title: A few words, for the student's feedback.
        weight: Its share of the exercise's points, positive.
        given: Makes the values for the check; by default those of the exercise.

    Raises:
        ValueError: The weight is not a positive number.
    """
    if not 0 < weight < math.inf:
        raise ValueError(f"private_check({number!r}): weight must be positive, got {weight}")

    def mark(check: Callable[..., None]) -> Callable[..., None]:
        private = PrivateCheck(number, title, weight, check, given)
        check.private_check = private  # type: ignore[attr-defined]
        return check

    return mark


def load_private_checks(
    folder: Path | None, lesson: int, exercises: dict[str, Exercise]
) -> dict[str, list[PrivateCheck]]:
    """Return the private checks of a lesson, by exercise.

    Args:
        folder: Folder of `lesson_NN.py` files, or None.
        lesson: The lesson's number.
        exercises: The lesson's exercises.

    Raises:
        NetchatError: The file does not load, or checks an exercise that does not exist.
    """
    found: dict[str, list[PrivateCheck]] = {}
    path = None if folder is None else folder / f"lesson_{lesson:02}.py"
    if path is None or not path.is_file():
        return found
    try:
        module = load_module(path, f"netchat_private_checks_{lesson:02}")
    except Exception as error:  # the instructor's code
        raise NetchatError(f"{path} does not load: {type(error).__name__}: {error}") from error
    for function in vars(module).values():
        check = getattr(function, "private_check", None)
        if isinstance(check, PrivateCheck):
            if check.number not in exercises:
                known = ", ".join(exercises)
                raise NetchatError(
                    f"{path}: lesson {lesson} has no exercise {check.number!r}; it has {known}"
                )
            found.setdefault(check.number, []).append(check)
    return found
