"""One notebook is graded in a process of its own, so that nothing it answers stops the others.

The process that collects the grades (`grade_apart`) keeps to a deadline and survives whatever
happens to the one that judges. Its order, in JSON, comes on standard input; grades, a line
each, leave on standard output.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from netchat.course.grade import Grade, failed, grade_submission
from netchat.course.submission import Submission

__all__ = ["grade_apart"]

#: Bytes of memory in which answers are judged.
_MOST_MEMORY = 8 << 30

#: Exercises that a lesson has at most, and seconds in which everything else is done.
_MOST_EXERCISES, _SLACK = 12, 30.0


def grade_apart(
    submission: Submission, course: Path, limit: float, check_limit: float, level: str
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
    }
    command = [sys.executable, "-P", "-m", "netchat.course.grading_process"]
    with subprocess.Popen(  # noqa: S603 - it is our own program
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            patience = limit + _MOST_EXERCISES * (check_limit + 2) + _SLACK
            out, problem = process.communicate(json.dumps(order).encode(), patience)
        except BaseException as error:
            process.kill()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            out, problem = process.communicate()
            problem = b"it takes too long"
    grades = list(_grades(out))
    if process.returncode or not grades:
        why = problem.decode(errors="replace").strip().rpartition("\n")[2]
        grades.append(failed(submission.notebook, f"its grading was given up: {why}"))
    return grades


def _grades(out: bytes) -> Iterator[Grade]:
    for line in out.splitlines():
        with contextlib.suppress(ValueError):  # the last one was cut off
            yield Grade(**json.loads(line))


def main() -> None:
    """Grade what the order says."""
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
    for grade in grade_submission(submission, course, limit, check_limit, order["level"]):
        print(json.dumps(asdict(grade)), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
