"""What a notebook begins with: the lesson, the student, and what is theirs.

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

from netchat.course.answers import as_graded
from netchat.course.exercises import Exercise, Verdict, load_exercises
from netchat.course.variant import Variant
from netchat.errors import NetchatError

__all__ = ["Lesson", "begin", "begun", "find_course"]

T = TypeVar("T")

#: The lessons that were begun in this process: whoever grades a notebook finds its answers there.
begun: list[Lesson] = []

#: Takes the answers in the place of the checks, while a notebook is graded: the grader judges them.
recorder: Callable[[Lesson, str, tuple[Any, ...]], None] | None = None


class Lesson:
    """A lesson, as a student has it.

    Args:
        number: the lesson's.
        student: the student's name: seeds what is given.
        folder: the course's folder.

    Attributes:
        variant: the student's own chance.
        quick: whether the notebook should be done within a minute; `NETCHAT_QUICK=0` makes it
            thorough.
        folder: the course's folder.
        captures: the folder of captures.
        answers: what was answered, by exercise: that of the last `check`.
    """

    def __init__(self, number: int, student: str, folder: Path) -> None:
        self.variant = Variant(student, number)
        self.quick = os.environ.get("NETCHAT_QUICK", "1") != "0"
        self.folder = folder
        self.captures = folder.parent / "captures"
        self.answers: dict[str, tuple[Any, ...]] = {}
        self._exercises = load_exercises(folder, number)

    def given(self, number: str) -> Any:
        """What an exercise gives to this student.

        Raises:
            NetchatError: this lesson has no such exercise.
        """
        return self._exercise(number).make_given(self.variant)

    def check(self, number: str, *answer: Any) -> None:
        """Check an answer, and say so.

        Args:
            number: the exercise's.
            answer: the answer; several if the exercise asks for several.

        Raises:
            NetchatError: this lesson has no such exercise.
        """
        chosen = self._exercise(number)
        self.answers[number] = answer
        if recorder is not None:
            recorder(self, number, answer)
            return
        print(self._verdict(chosen, answer))  # noqa: T201 - for the notebook's page

    def size(self, quick: T, thorough: T) -> T:
        """One of two sizes of an experiment."""
        return quick if self.quick else thorough

    def may_capture(self) -> bool:
        """Whether packets can be captured here; if not, says in a line what is skipped."""
        try:
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
        except (AttributeError, OSError):  # no such thing on macOS and Windows
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
        number: the lesson's.
        student: the student's name.

    Raises:
        NetchatError: the course's files are not found, or the name is not a text.
    """
    if not isinstance(student, str):
        raise NetchatError(f'student must be a name, such as "Ada", got {student!r}')
    lesson = Lesson(number, student, find_course())
    begun.append(lesson)
    return lesson


def find_course(start: Path | None = None) -> Path:
    """The course's folder: what `NETCHAT_COURSE` says, or the one around here.

    Args:
        start: where to begin to look; the current folder by default.

    Raises:
        NetchatError: it is not found.
    """
    said = os.environ.get("NETCHAT_COURSE")
    start = Path.cwd() if start is None else start.resolve()
    tried = (
        [Path(said)]
        if said
        else [p for up in (start, *start.parents) for p in (up, up / "experiments")]
    )
    for folder in tried:
        if (folder / "checks" / "lesson_01.py").is_file():
            return folder.resolve()
    raise NetchatError(
        f"the course is not found from {start}: start Jupyter in the folder experiments/ of "
        "netchat (make notebooks does), or let NETCHAT_COURSE name that folder"
    )
