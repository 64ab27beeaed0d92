"""Grading of notebooks: each runs in a separate process, and its answers are judged in this one.

    for grade in grade_notebook(Path("ada/01.ipynb"), Path("experiments")):
        print(grade.student, grade.exercise, grade.result)

A notebook's own verdicts do not count. It may crash, loop, print endlessly, or rewrite the checks.
Its answers are transferred as data, its functions are called in its own process, and the checks of
the given course judge them here.
"""

from __future__ import annotations

import contextlib
import csv
import math
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from netchat.course.exercises import Exercise, Verdict, load_exercises
from netchat.course.private_checks import PrivateCheck, load_private_checks
from netchat.course.student_process import (
    DISTURBED,
    LIMIT_FACTOR,
    NotebookAnswers,
    StudentProcess,
    StudentProcessEnded,
    isolation,
)
from netchat.course.submission import Submission, read_submission
from netchat.course.variant import Variant
from netchat.errors import NetchatError
from netchat.wire.safe_text import show_line

__all__ = [
    "CheckResult",
    "Grade",
    "cell_text",
    "escape_formula",
    "failed",
    "grade_notebook",
    "grade_submission",
    "write_csv",
]

#: Maximum runs of a notebook; each run omits the cells that ended an earlier one.
_MOST_RUNS = 6

#: Maximum characters in one cell of the CSV.
_LONGEST = 2000

#: Timeout for starting a notebook's process, in seconds.
_START = 60.0

#: Maximum checks of a lesson, public and private, in the limit on CPU time.
_MOST_CHECKS = 60

#: Seconds beyond its limit after which an exercise's check is interrupted.
_SLACK = 1.0


#: Columns of the CSV.
_COLUMNS = ("notebook", "student", "exercise", "title", "result", "text", "note", "private")


@dataclass(frozen=True)
class CheckResult:
    """Result of one private check.

    Attributes:
        title: The check's title.
        result: `passed`, `wrong` or `not answered`.
        weight: Its share of the exercise's points.
        text: The check's message.
    """

    title: str
    result: str
    weight: float
    text: str = ""


@dataclass(frozen=True)
class Grade:
    """Result of one exercise of one notebook.

    Attributes:
        notebook: The file.
        student: The name in its first cell; empty if that cell did not run.
        exercise: The exercise's number; empty if the notebook could not be graded at all.
        title: The exercise's title.
        result: `passed`, `wrong`, `not answered`, `not reached` (no check ran) or `failed`.
        text: The check's message, or the reason for the failure.
        note: Cells that failed.
        checks: Results of the private checks; empty without private checks or an answer.
    """

    notebook: str
    student: str
    exercise: str
    title: str
    result: str
    text: str = ""
    note: str = ""
    checks: tuple[CheckResult, ...] = ()

    @classmethod
    def of(cls, data: dict[str, Any]) -> Grade:
        """Return the grade that `dataclasses.asdict` has turned into data.

        Raises:
            TypeError: It is not the data of a grade.
        """
        checks = tuple(CheckResult(**check) for check in data.get("checks", ()))
        return cls(**{**data, "checks": checks})


def grade_notebook(
    notebook: Path, course: Path, *, limit: float = 120.0, check_limit: float = 20.0
) -> list[Grade]:
    """Grade one notebook.

    Args:
        notebook: The file.
        course: The instructor's course folder; its checks are used, wherever the notebook is.
        limit: Seconds for all its cells; a cell that takes half of them is skipped in a second run. If
            other programs use the CPU, the cells get up to four times as long.
        check_limit: Seconds for the check of one exercise.

    Returns:
        One grade per exercise; a single one, with an empty exercise, if there was nothing to grade.
    """
    try:
        submission = read_submission(notebook)
    except NetchatError as error:
        return [failed(str(notebook), str(error))]
    return list(grade_submission(submission, course, limit, check_limit, isolation()[0]))


def grade_submission(
    submission: Submission,
    course: Path,
    limit: float,
    check_limit: float,
    level: str,
    private: Path | None = None,
) -> Iterator[Grade]:
    """Grade a submission; like `grade_notebook`, but yield one grade after the other.

    Args:
        submission: The notebook as it was read.
        course: The instructor's course folder.
        limit: Seconds for all its cells, however often they are run.
        check_limit: Seconds for the check of one exercise.
        level: Isolation level of its process, from `student_process.isolation`.
        private: Folder of private checks, or None.

    Raises:
        NetchatError: The private checks do not load.
    """
    return _Grading(submission, course, limit, check_limit, level, private).grades()


def failed(notebook: str, why: str) -> Grade:
    """Return the only grade of a notebook that could not be graded."""
    return Grade(cell_text(notebook), "", "", "", "failed", cell_text(why))


class _Grading:
    """A notebook during grading."""

    def __init__(
        self,
        submission: Submission,
        course: Path,
        limit: float,
        check_limit: float,
        level: str,
        private: Path | None,
    ) -> None:
        self.submission, self.course, self.level, self.private = submission, course, level, private
        self.seconds = math.ceil(limit + _MOST_CHECKS * check_limit)
        self.limit, self.left, self.half, self.check_limit = limit, limit, limit / 2, check_limit
        self.extra = (LIMIT_FACTOR - 1) * limit  # for all runs together
        self.failed: dict[int, str] = {}  # reasons, by cell that raised or ended the process
        self.skipped: set[int] = set()  # cells that ended the process
        self.student = ""

    def grades(self) -> Iterator[Grade]:
        done, process = self._run()
        try:
            if done is None:
                yield self._grade("", "", "failed", self._no_answers(process))
                return
            self.student = done.student
            try:
                exercises = load_exercises(self.course, done.lesson)
            except FileNotFoundError as error:
                yield self._grade("", "", "failed", f"its lesson is unknown: {error}")
                return
            private = load_private_checks(self.private, done.lesson, exercises)
            for number, one in exercises.items():
                if number in done.refused:
                    verdict = one.refuse(done.refused[number])
                    yield self._grade(number, one.title, verdict.result, verdict.text)
                    continue
                if process is None and number in done.answers:  # the previous check ended it
                    _, process = self._run()
                if process is None or number not in done.answers:
                    yield self._grade(number, one.title, "not reached")
                    continue
                grade, process = self._judge(process, one, done, private.get(number, []))
                yield grade
        finally:
            if process is not None:
                process.end()

    def _no_answers(self, process: StudentProcess | None) -> str:
        if process is not None:
            return "it does not begin a lesson"
        start = self.failed.get(-1)
        return f"before its first cell, it {start}" if start else "its cells do not end"

    def _judge(
        self,
        process: StudentProcess,
        one: Exercise,
        done: NotebookAnswers,
        private: list[PrivateCheck],
    ) -> tuple[Grade, StudentProcess | None]:
        """Judge an answer by its public and its private checks; return the process that is left."""
        left: StudentProcess | None = process
        verdict, left = self._verdict(process, one, done)
        results = []
        for check in private if verdict.result != "not answered" else []:
            if left is None:  # the previous check ended it
                _, left = self._run()
            found = Verdict(one.number, check.title, "wrong", "the notebook did not run again")
            if left is not None:
                found, left = self._verdict(left, check.of(one), done)
            text = cell_text(f"{found.text} {found.hint}".strip())
            results.append(CheckResult(cell_text(check.title), found.result, check.weight, text))
        text = f"{verdict.text} {verdict.hint}".strip()
        return self._grade(one.number, one.title, verdict.result, text, tuple(results)), left

    def _verdict(
        self, process: StudentProcess, one: Exercise, done: NotebookAnswers
    ) -> tuple[Verdict, StudentProcess | None]:
        process.deadline = time.monotonic() + self.check_limit
        try:
            with _interrupted_after(self.check_limit + _SLACK):
                given = process.unpacked(done.answers[one.number])
                return one.judge(Variant(done.student, done.lesson), tuple(given)), process
        except StudentProcessEnded as gone:
            process.end()
            return Verdict(one.number, one.title, "wrong", f"the answer {gone}"), None

    def _run(self) -> tuple[NotebookAnswers | None, StudentProcess | None]:
        """Run the cells; skip those that end the process or take too long in the next run."""
        for _ in range(_MOST_RUNS):
            if self.left <= 0:
                break
            cell, begun = -1, 0.0
            cells = {i: s for i, s in self.submission.cells.items() if i not in self.skipped}
            started = time.monotonic() + _START
            process = StudentProcess(
                self.submission, cells, self.course, self.level, started, self.seconds, self.limit,
                self.extra,
            )  # fmt: skip
            try:
                while True:
                    message = process.receive()
                    begun = begun or time.monotonic() - process.extension
                    if "done" in message:
                        done = (
                            None if message["done"] is None else NotebookAnswers.of(message["done"])
                        )
                        self._count(process, begun)
                        process.most_extension = 0.0  # a check has a limit of its own
                        return done, process
                    cell = self._record(message, cells, cell)
                    end = begun + self.left + process.extension
                    process.deadline = min(end, time.monotonic() + self.half)
            except StudentProcessEnded as gone:
                process.end()
                self._count(process, begun)
                self.failed[cell] = str(gone)
                self.skipped.add(cell)
            except BaseException:
                process.end()
                raise
        return None, None

    def _count(self, process: StudentProcess, begun: float) -> None:
        """Subtract a run from the time and the extension that are left."""
        self.extra -= process.extension
        if begun:
            self.left -= time.monotonic() - begun - process.extension

    def _record(self, message: dict[str, Any], cells: dict[int, str], cell: int) -> int:
        """Record a process's message about a cell, and return the current cell."""
        match message:
            case {"cell": int() as number} if number in cells:
                return number
            case {"failed": int() as number, "error": str() as error} if number in cells:
                self.failed[number] = error
                return cell
        raise StudentProcessEnded(DISTURBED)

    def _grade(
        self,
        number: str,
        title: str,
        result: str,
        text: str = "",
        checks: tuple[CheckResult, ...] = (),
    ) -> Grade:
        note = "; ".join(
            f"cell {i + 1}: {why.lstrip('*')}" if i >= 0 else why
            for i, why in sorted(self.failed.items())
        )
        return Grade(
            cell_text(self.submission.notebook),
            cell_text(self.student),
            cell_text(number),
            cell_text(title),
            result,
            cell_text(text),
            cell_text(note),
            checks,
        )


@contextlib.contextmanager
def _interrupted_after(seconds: float) -> Iterator[None]:
    """Interrupt a check that runs too long; possible only in the main thread."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield
        return

    def interrupt(*_: Any) -> None:
        raise StudentProcessEnded("takes too long")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def write_csv(grades: Iterable[Grade], file: TextIO) -> None:
    """Write grades as CSV, one line per exercise, as soon as they are available."""
    out = csv.DictWriter(file, _COLUMNS)
    out.writeheader()
    for grade in grades:
        row = {name: getattr(grade, name, "") for name in _COLUMNS}
        row["private"] = "; ".join(f"{check.title}: {check.result}" for check in grade.checks)
        out.writerow({name: escape_formula(value) for name, value in row.items()})
        file.flush()


def cell_text(text: str) -> str:
    """Return any text as one line that every encoding of Unicode can represent."""
    short = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return show_line(short).encode(errors="backslashreplace").decode()


def escape_formula(text: str) -> str:
    """Return a CSV cell that no spreadsheet treats as a formula, since students choose its text."""
    begins = text.lstrip()
    return f"'{text}" if begins.startswith(tuple("=+-@＝＋－＠")) else text  # noqa: RUF001
