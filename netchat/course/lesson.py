"""A lesson as a notebook uses it: the student's values and the self-checks.

For example:

    from netchat.course import begin

    course = begin(1, student="Ada")
    text = course.given("1.1")
    course.check("1.1", len(text), 12)
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from netchat.course.answer_marshalling import as_graded
from netchat.course.exercises import Exercise, Verdict, load_exercises
from netchat.course.variant import Variant
from netchat.errors import NetchatError

__all__ = ["Lesson", "begin", "begun", "find_course"]

T = TypeVar("T")

#: The lessons begun in this process; the grader reads the answers here.
begun: list[Lesson] = []

#: Receives the answers instead of the checks while a notebook is graded.
recorder: Callable[[Lesson, str, tuple[Any, ...]], None] | None = None


class Lesson:
    """A lesson for one student.

    Args:
        number: The lesson's number.
        student: The student's name: the random seed of the given values.
        folder: The course's folder.

    Attributes:
        variant: The student's own random numbers.
        quick: Whether the notebook should run within a minute; `NETCHAT_QUICK=0` makes it thorough.
        folder: The course's folder.
        captures: The folder of captures.
        answers: The answers of the last `check` of each exercise.
    """

    def __init__(self, number: int, student: str, folder: Path) -> None:
        self.variant: Variant = Variant(student, number)
        self.quick: bool = os.environ.get("NETCHAT_QUICK", "1") != "0"
        self.folder = folder
        self.captures: Path = folder.parent / "captures"
        self.answers: dict[str, tuple[Any, ...]] = {}
        self._exercises = load_exercises(folder, number)

    def given(self, number: str) -> Any:
        """Return the values that an exercise gives to this student.

        Raises:
            NetchatError: This lesson has no such exercise.
        """
        return self._exercise(number).make_given(self.variant)

    def check(self, number: str, *answer: Any) -> None:
        """Check an answer, and print the verdict.

        Args:
            number: The exercise's number.
            answer: The answer; several values if the exercise has several.

        Raises:
            NetchatError: This lesson has no such exercise.
        """
        chosen = self._exercise(number)
        self.answers[number] = answer
        if recorder is not None:
            recorder(self, number, answer)
            return
        print(self._verdict(chosen, answer))  # noqa: T201 - for the notebook's page

    def size(self, quick: T, thorough: T) -> T:
        """Return the size of an experiment for the current mode."""
        return quick if self.quick else thorough

    def may_capture(self) -> bool:
        """Return whether packets can be captured here; if not, print what is skipped."""
        try:
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
        except (AttributeError, OSError):  # not available on macOS and Windows
            print("Skipped: capturing live needs Linux and root.")  # noqa: T201
            return False
        return True

    def _verdict(self, chosen: Exercise, answer: tuple[Any, ...]) -> Verdict:
        try:
            given = as_graded(answer)
        except ValueError as error:
            return chosen.refuse(str(error))
        return chosen.judge(self.variant, given)

    def _exercise(self, number: str) -> Exercise:
        if number not in self._exercises:
            known = ", ".join(self._exercises)
            raise NetchatError(f"this lesson has no exercise {number!r}; it has {known}")
        return self._exercises[number]

    def __repr__(self) -> str:
        pace = "quick" if self.quick else "thorough"
        return f"<Lesson {self.variant.lesson} for {self.variant.student!r}, {pace}>"


def begin(number: int, student: str) -> Lesson:
    """Begin a lesson.

    Args:
        number: The lesson's number.
        student: The student's name.

    Raises:
        NetchatError: The course's files are not found, or the name is not a text.
    """
    if not isinstance(student, str):
        raise NetchatError(f'student must be a name, such as "Ada", got {student!r}')
    lesson = Lesson(number, student, find_course())
    begun.append(lesson)
    return lesson


def find_course(start: Path | None = None) -> Path:
    """Return the course's folder: `NETCHAT_COURSE`, or the nearest one.

    Args:
        start: Folder where the search starts; by default the current folder.

    Raises:
        NetchatError: It is not found.
    """
    configured = os.environ.get("NETCHAT_COURSE")
    start = Path.cwd() if start is None else start.resolve()
    tried = (
        [Path(configured)]
        if configured
        else [p for up in (start, *start.parents) for p in (up, up / "experiments")]
    )
    for folder in tried:
        if (folder / "checks" / "lesson_01.py").is_file():
            return folder.resolve()
    raise NetchatError(
        f"no course found in {start} or above: start Jupyter in the folder experiments/ of "
        "netchat (make notebooks does), or set NETCHAT_COURSE to that folder"
    )
