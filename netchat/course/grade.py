"""Grades notebooks: runs each in a process of its own, and judges its answers in this one.

for grade in grade_notebook(Path("ada/01.ipynb"), Path("experiments")):
    print(grade.student, grade.exercise, grade.result)

What a notebook says of itself does not count. It may crash, loop, print without end, or rewrite the
checks: its answers come over as data, its functions are called in its own process, and the verdict
is made here, by the checks of the given course. It runs with the rights of whoever grades; for
notebooks of strangers use a container.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Any, TextIO

from netchat.course.answers import pack, unpack
from netchat.course.exercises import Exercise, load_exercises
from netchat.course.variant import Variant
from netchat.errors import NetchatError

__all__ = ["Grade", "grade_notebook", "write_csv"]

#: Bytes of one line that a notebook's process may send.
_LONGEST_LINE = 64 * 1024 * 1024

#: What is said of a notebook that writes to the channel between the two processes.
_DISTURBED = "disturbs the grading"

#: How often a notebook is run again without the cell that ended it.
_MOST_RUNS = 6


@dataclass(frozen=True)
class Grade:
    """What came of one exercise of one notebook.

    Attributes:
        notebook: the file.
        student: the name in its first cell; empty if it did not get so far.
        exercise: the exercise's number; empty if the notebook could not be graded at all.
        title: the exercise's.
        result: `passed`, `wrong`, `not answered`, `not reached` (no check ran) or `failed`.
        text: what the check says, or why it failed.
        note: cells that failed.
    """

    notebook: str
    student: str
    exercise: str
    title: str
    result: str
    text: str = ""
    note: str = ""


class _Gone(BaseException):
    """The student's process has ended, or takes too long. Not an answer: no check may catch it."""


class _StudentError(Exception):
    """Something that a student's function raised."""


class _Process:
    """A student's process."""

    def __init__(self, notebook: Path, course: Path, cells: dict[int, str]) -> None:
        environment = {
            **os.environ,
            "NETCHAT_COURSE": str(course.resolve()),
            "NETCHAT_QUICK": "1",
            "MPLBACKEND": "Agg",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "netchat.course.student_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=os.name == "posix",
        )
        assert self._process.stdout is not None
        self._lines: queue.Queue[bytes] = queue.Queue(1000)
        self.deadline = 0.0
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()
        folder = str(notebook.resolve().parent)
        self._write({"folder": folder, "cells": cells})

    def hear(self) -> dict[str, Any]:
        """The next message."""
        try:
            line = self._lines.get(timeout=max(0.0, self.deadline - time.monotonic()))
            message = json.loads(line)
        except queue.Empty:
            raise _Gone("takes too long") from None
        except ValueError:
            raise _Gone("ended the notebook's process") from None
        if not isinstance(message, dict):
            raise _Gone(_DISTURBED)
        return message

    def ask(self, number: int, what: str, arguments: list[Any]) -> Any:
        """Have something done with one of its objects."""
        packed = pack(arguments, _refuse)
        self._write({"number": number, "what": what, "arguments": packed})
        answer = self.hear()
        if "error" in answer:
            name, text = (*map(str, answer["error"]), "")[:2]
            kinds = (
                (_StudentError, AttributeError) if name == "AttributeError" else (_StudentError,)
            )
            raise type(name if name.isidentifier() else "Error", kinds, {})(text)
        return self.unpacked(answer.get("result"))

    def unpacked(self, packed: Any) -> Any:
        """What it has sent, with proxies for its objects."""
        try:
            return unpack(packed, self.ask, _refuse)
        except (ValueError, TypeError, KeyError, RecursionError):
            raise _Gone(_DISTURBED) from None

    def end(self) -> None:
        """End it, and what it has started."""
        with contextlib.suppress(OSError):
            if os.name == "posix":
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError, ValueError):
                pipe.close()

    def _read(self, out: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            while line := out.readline(_LONGEST_LINE):
                self._lines.put(line)
        self._lines.put(b"")  # is no JSON: the process is gone

    def _write(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise _Gone("ended the notebook's process") from None


def grade_notebook(
    notebook: Path, course: Path, *, limit: float = 120.0, check_limit: float = 20.0
) -> list[Grade]:
    """Grade one notebook.

    Args:
        notebook: the file.
        course: the instructor's course folder: its checks count, wherever the notebook is.
        limit: seconds for all its cells; one that takes half of them is left out in a second run.
        check_limit: seconds for the check of one exercise.

    Returns:
        A grade an exercise; a single one, with an empty exercise, if there was nothing to grade.
    """
    return _Grading(notebook, course, limit, check_limit).grades()


class _Grading:
    """One notebook while it is graded."""

    def __init__(self, notebook: Path, course: Path, limit: float, check_limit: float) -> None:
        self.notebook, self.course = notebook, course
        self.limit, self.check_limit = limit, check_limit
        self.failed: dict[int, str] = {}  # cells that raised, or ended the process, and why
        self.left_out: set[int] = set()  # the latter

    def grades(self) -> list[Grade]:
        try:
            self.cells = _cells(self.notebook)
        except NetchatError as error:
            return [self._grade("", "", "", "failed", str(error))]
        done, process = self._run()
        if process is None or not isinstance(done, dict):
            if process is not None:
                process.end()
            why = "no lesson is begun in it" if process is not None else "its cells do not end"
            return [self._grade("", "", "", "failed", why)]
        try:
            student, lesson = str(done["student"]), int(done["lesson"])
            answers = dict(done["answers"])
            exercises = load_exercises(self.course, lesson)
        except (KeyError, TypeError, ValueError, FileNotFoundError) as error:
            process.end()
            return [self._grade("", "", "", "failed", f"its lesson is not known: {error}")]
        grades = []
        for number, one in exercises.items():
            if process is None:  # the last check ended it
                _, process = self._run()
            if number not in answers or process is None:
                grade = self._grade(student, number, one.title, "not reached")
            else:
                grade, process = self._judge(process, one, student, lesson, answers[number])
            grades.append(grade)
        if process is not None:
            process.end()
        return grades

    def _judge(
        self, process: _Process, one: Exercise, student: str, lesson: int, packed: Any
    ) -> tuple[Grade, _Process | None]:
        process.deadline = time.monotonic() + self.check_limit
        try:
            given = process.unpacked(packed)
            verdict = one.judge(Variant(student, lesson), tuple(given))
        except _Gone as gone:
            process.end()
            return self._grade(student, one.number, one.title, "wrong", f"the answer {gone}"), None
        text = f"{verdict.text} {verdict.hint}".strip()
        return self._grade(student, one.number, one.title, verdict.result, text), process

    def _run(self) -> tuple[Any, _Process | None]:
        """Run the cells; those that end the process or take too long are left out in the next run."""
        for _ in range(_MOST_RUNS):
            cell = -1
            left = {i: source for i, source in self.cells.items() if i not in self.left_out}
            process = _Process(self.notebook, self.course, left)
            ends = time.monotonic() + self.limit
            try:
                while True:
                    process.deadline = min(ends, time.monotonic() + self.limit / 2)
                    message = process.hear()
                    if "done" in message:
                        return message["done"], process
                    if message.get("failed") in left:
                        self.failed[message["failed"]] = str(message.get("error"))
                    cell = message["cell"] if message.get("cell") in left else cell
            except _Gone as gone:
                process.end()
                self.failed[cell] = str(gone)
                self.left_out.add(cell)
        return None, None

    def _grade(self, student: str, number: str, title: str, result: str, text: str = "") -> Grade:
        note = "; ".join(
            f"cell {i + 1}: {why.lstrip('*')}" for i, why in sorted(self.failed.items())
        )
        return Grade(str(self.notebook), student, number, title, result, text, note)


def write_csv(grades: Iterable[Grade], file: TextIO) -> None:
    """Write grades as CSV, a line an exercise."""
    out = csv.DictWriter(file, [field.name for field in fields(Grade)])
    out.writeheader()
    for grade in grades:
        out.writerow({name: _harmless(value) for name, value in asdict(grade).items()})


def _harmless(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: students choose what stands in it."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _cells(notebook: Path) -> dict[int, str]:
    """The sources of a notebook's code cells, by their place among all cells."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8-sig"))["cells"]
        return {
            index: "".join(cell["source"])
            for index, cell in enumerate(cells)
            if cell["cell_type"] == "code"
        }
    except OSError as error:
        raise NetchatError(f"it cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise NetchatError("it is no notebook") from error


def _refuse(*_: Any) -> Any:
    raise ValueError("there is nothing on this side")
