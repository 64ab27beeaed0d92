"""Grading of one notebook in a separate process, so that it cannot affect the others.

The process that collects the grades (`grade_apart`) enforces a deadline and survives any crash of the
process that judges. The order is JSON on standard input; grades are written to standard output, one
per line.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from netchat.course.grade import Grade, failed, grade_submission
from netchat.course.student_process import LIMIT_FACTOR
from netchat.course.submission import Submission

__all__ = ["grade_apart"]

#: From <sys/prctl.h>.
_PDEATHSIG = 1

#: Memory limit of the judging process, in bytes.
_MOST_MEMORY = 8 << 30

#: Maximum exercises of a lesson, with private checks, and seconds for everything else.
_MOST_EXERCISES, _MOST_CHECKS, _SLACK = 12, 60, 30.0


def grade_apart(
    submission: Submission,
    course: Path,
    limit: float,
    check_limit: float,
    level: str,
    private: Path | None = None,
) -> list[Grade]:
    """Grade a notebook in another process; like `grade.grade_submission`."""
    cells = {str(index): source for index, source in submission.cells.items()}
    order = {
        "notebook": submission.notebook,
        "cells": cells,
        "modules": submission.modules,
        "course": str(course.resolve()),
        "limits": [limit, check_limit],
        "level": level,
        "private": None if private is None else str(private.resolve()),
    }
    command = [sys.executable, "-P", "-m", "netchat.course.grading_process"]
    with subprocess.Popen(  # noqa: S603 - it is our own program
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            checks = _MOST_EXERCISES if private is None else _MOST_CHECKS
            timeout = LIMIT_FACTOR * limit + checks * (check_limit + 2) + _SLACK
            out, problem = process.communicate(json.dumps(order).encode(), timeout)
        except BaseException as error:
            process.kill()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            out, problem = process.communicate()
            problem = b"it takes too long"
    grades = list(_grades(out))
    if process.returncode or not grades:
        why = problem.decode(errors="replace").strip().rpartition("\n")[2]
        grades.append(failed(submission.notebook, f"its grading failed: {why}"))
    return grades


def _grades(out: bytes) -> Iterator[Grade]:
    for line in out.splitlines():
        with contextlib.suppress(ValueError):  # the last line may be truncated
            yield Grade.of(json.loads(line))


def _end_with_parent() -> None:
    """End this process, and with it the notebook's, if the process that collects the grades is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def main() -> None:
    """Grade the notebook in the order on standard input."""
    _end_with_parent()
    with contextlib.suppress(ImportError):  # Windows
        import resource

        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        most = _MOST_MEMORY if hard == resource.RLIM_INFINITY else min(_MOST_MEMORY, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS has no such limit
            resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    order = json.load(sys.stdin.buffer)
    cells = {int(index): source for index, source in order["cells"].items()}
    submission = Submission(order["notebook"], cells, order["modules"])
    limit, check_limit = order["limits"]
    course = Path(order["course"])
    private = None if order["private"] is None else Path(order["private"])
    for grade in grade_submission(submission, course, limit, check_limit, order["level"], private):
        print(json.dumps(asdict(grade)), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
