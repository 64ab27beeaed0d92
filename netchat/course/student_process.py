"""Process that runs a student's notebook, from the grader's side.

The notebook may write anything to it: each message is validated before it is used, and every wait has
a deadline.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import queue
import select
import signal
import site
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import netchat
from netchat.course.answer_marshalling import MOST_BYTES, MOST_ITEMS, pack, unpack
from netchat.course.sandbox import LEVELS
from netchat.course.submission import Submission
from netchat.course.syscall_filter import compile_filter
from netchat.errors import NotPermitted

__all__ = [
    "DISTURBED",
    "LIMIT_FACTOR",
    "NotebookAnswers",
    "StudentError",
    "StudentProcess",
    "StudentProcessEnded",
    "isolation",
]

#: Reason given if a notebook writes to the channel between the two processes.
DISTURBED = "disturbs the grading"

_ENDED = "ended the notebook's process"
_LATE = "takes too long"

#: Maximum bytes of a line: base64 takes four for three.
_LONGEST_LINE = MOST_BYTES // 3 * 4 + 1024**2

#: Maximum structural JSON characters in a line: each may cost a hundred bytes of memory.
_MOST_STRUCTURE = 5 * MOST_ITEMS

#: Maximum time of a notebook that gets too little CPU time, as a multiple of its limit.
LIMIT_FACTOR = 4

#: Time by which a deadline is extended at once, in seconds.
_EXTENSION = 2.0

#: Timeout for ending the sandbox, in seconds.
_TIMEOUT = 5.0

#: Maximum CPU time of each of its processes in seconds, unless the grader's limits are known.
_MOST_CPU = 3600

#: Environment variables passed to the student's process; none may contain secrets.
_VARIABLES = ("LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "TZ")


class StudentProcessEnded(BaseException):
    """The student's process has ended or timed out; not an `Exception`, so no check catches it."""


class StudentError(Exception):
    """An exception raised by a student's function."""


@dataclass(frozen=True)
class NotebookAnswers:
    """The answers of a notebook.

    Attributes:
        student: The name in its first cell.
        lesson: The lesson's number.
        answers: Packed answers, by exercise.
        refused: The reason why an answer cannot be graded, by exercise.
    """

    student: str
    lesson: int
    answers: dict[str, Any]
    refused: dict[str, str]

    @classmethod
    def of(cls, message: Any) -> NotebookAnswers:
        """Validate a message of a student's process, and return it.

        Raises:
            StudentProcessEnded: The message is invalid.
        """
        match message:
            case {
                "student": str() as student,
                "lesson": int() as lesson,
                "answers": dict() as answers,
                "refused": dict() as refused,
            } if (
                type(lesson) is int
                and all(isinstance(a, dict) and a.get("kind") == "list" for a in answers.values())
                and all(isinstance(reason, str) for reason in refused.values())
            ):
                return cls(student, lesson, answers, refused)
        raise StudentProcessEnded(DISTURBED)


class StudentProcess:
    """A student's process.

    Args:
        submission: The notebook.
        cells: The cells to run.
        course: The course's folder.
        level: Isolation level, from `isolation`.
        deadline: Deadline for sending the cells.
        seconds: Maximum CPU time of each of its processes.
        limit: Maximum CPU time in seconds for which deadlines are extended.
        most_extension: Maximum of `extension`.

    Attributes:
        deadline: Deadline for the next message.
        extension: Seconds by which deadlines were extended, because the machine was too busy.
        most_extension: Maximum of `extension`; 0 extends no deadline.
    """

    def __init__(
        self,
        submission: Submission,
        cells: dict[int, str],
        course: Path,
        level: str,
        deadline: float,
        seconds: int = _MOST_CPU,
        limit: float = 0.0,
        most_extension: float = 0.0,
    ) -> None:
        self.deadline, self.extension, self.most_extension = deadline, 0.0, most_extension
        self._limit, self._used, self._sampled = limit, 0.0, time.monotonic()
        self._process, self._lifeline = _start(level, course.resolve(), seconds)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if os.name == "posix":
            os.set_blocking(self._process.stdin.fileno(), False)
        self._lines: queue.Queue[bytes] = queue.Queue(4)
        self._over = False
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), daemon=True
        )
        self._reader.start()
        with contextlib.suppress(StudentProcessEnded):  # `receive` reports it
            self._write({"modules": submission.modules, "cells": cells})

    def receive(self) -> dict[str, Any]:
        """Return the next message.

        Raises:
            StudentProcessEnded: No valid message arrives in time.
        """
        line = None
        while line is None:
            try:
                line = self._lines.get(timeout=max(0.0, self.deadline - time.monotonic()))
            except queue.Empty:
                if not self._is_starved():
                    raise StudentProcessEnded(_LATE) from None
                more = max(0.0, time.monotonic() - self.deadline) + _EXTENSION
                self.extension += more
                self.deadline += more
        if not line:
            self._lines.put(b"")  # for the next call
            raise StudentProcessEnded(_ENDED)
        if not line.endswith(b"\n") or sum(map(line.count, (b"[", b"{", b","))) > _MOST_STRUCTURE:
            raise StudentProcessEnded(DISTURBED)
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            raise StudentProcessEnded(DISTURBED) from None
        if not isinstance(message, dict):
            raise StudentProcessEnded(DISTURBED)
        return message

    def _is_starved(self) -> bool:
        """Return whether the notebook is ready to run, but got less than half a core since the last call."""
        import psutil

        if self.extension + _EXTENSION > self.most_extension:
            return False
        used, is_ready = 0.0, False
        with contextlib.suppress(psutil.Error):
            launcher = psutil.Process(self._process.pid)
            for one in (launcher, *launcher.children(recursive=True)):
                with contextlib.suppress(psutil.Error):  # it has just ended
                    used += sum(one.cpu_times()[:4])  # its own, and that of its children that ended
                    is_ready |= one.status() == psutil.STATUS_RUNNING
        now = time.monotonic()
        is_slow = used - self._used < (now - self._sampled) / 2
        self._used, self._sampled = used, now
        return is_ready and is_slow and used < self._limit

    def ask(self, number: int, what: str, arguments: list[Any]) -> Any:
        """Request an operation on one of its objects, and return the result.

        Raises:
            StudentError: The operation raised an exception.
            StudentProcessEnded: No valid answer arrives in time.
        """
        self._write({"number": number, "what": what, "arguments": pack(arguments, _refuse)})
        answer = self.receive()
        match answer:
            case {"error": [str() as name, str() as text]}:
                kinds: tuple[type, ...] = (StudentError,)
                kinds += (AttributeError,) if name == "AttributeError" else ()
                raise type(name if name.isidentifier() else "Error", kinds, {})(text)
            case {"result": result}:
                return self.unpacked(result)
        raise StudentProcessEnded(DISTURBED)

    def unpacked(self, packed: Any) -> Any:
        """Return the unpacked value, with proxies for the process's objects."""
        try:
            return unpack(packed, self.ask, _refuse)
        except (ValueError, RecursionError):
            raise StudentProcessEnded(DISTURBED) from None

    def end(self) -> None:
        """Kill it and every process that it has started."""
        self._over = True
        if self._lifeline is not None:
            os.close(self._lifeline)
        else:
            _end_tree(self._process)
        try:
            self._process.wait(_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        until = time.monotonic() + _TIMEOUT
        while self._reader.is_alive() and time.monotonic() < until:
            with contextlib.suppress(queue.Empty):
                self._lines.get(timeout=0.01)  # the reader may be blocked on a full queue
        # The reader closes its pipe. If it is still blocked, closing the pipe here would also block.

    def _read(self, out: IO[bytes]) -> None:
        try:
            with contextlib.suppress(OSError, ValueError, MemoryError), out:
                while not self._over and (line := out.readline(_LONGEST_LINE)):
                    self._lines.put(line)
        finally:
            self._lines.put(b"")  # marks the end

    def _write(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        rest = memoryview(json.dumps(message).encode() + b"\n")
        pipe = self._process.stdin.fileno()
        try:
            while rest:
                if os.name == "posix":
                    timeout = max(0.0, self.deadline - time.monotonic())
                    if not select.select([], [pipe], [], timeout)[1]:
                        raise StudentProcessEnded(_LATE)
                with contextlib.suppress(BlockingIOError):
                    rest = rest[os.write(pipe, rest) :]
        except OSError:
            raise StudentProcessEnded(_ENDED) from None


@functools.cache
def isolation() -> tuple[str, str]:
    """Return the isolation level that this machine supports, and what is missing, or "".

    Raises:
        NotPermitted: The notebook would run as root.
    """
    if os.name != "posix":
        return "", "notebooks run with your rights (Windows offers no isolation)"
    reason = ""
    for level in LEVELS:
        if level == "user" and os.geteuid():
            continue
        if level == "rights" and os.geteuid():
            return level, f"notebooks run with your rights ({reason})"
        if level == "rights":
            raise NotPermitted(
                f"Notebooks would run as root, because they cannot be isolated here ({reason}). "
                "Grade as another user, or in a container that permits namespaces."
            )
        process, lifeline = _start(level, None)
        out, problem = process.communicate()
        os.close(lifeline or 0)
        if out.strip() == b"here":
            missing = f"notebooks can read what every user of this machine can read ({reason})"
            return level, missing if level == "user" else ""
        reason = reason or problem.decode(errors="replace").strip().rpartition("\n")[2]
    raise AssertionError


def _start(
    level: str, course: Path | None, seconds: int = _MOST_CPU
) -> tuple[subprocess.Popen[bytes], int | None]:
    """Start a student's process; without a course, only test that it starts."""
    package = Path(netchat.__file__).parent
    variables = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    variables |= {
        "MPLBACKEND": "Agg",
        "NETCHAT_COURSE": str(course),
        "NETCHAT_QUICK": "1",
        "PYTHONPATH": str(package.parent),
        "PYTHONWARNINGS": "ignore",
    }
    command = [sys.executable, "-P", "-m", "netchat.course.student_program"]
    if course is None:
        command = [sys.executable, "-P", "-c", "import netchat.course; print('here')"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    pipes["stderr"] = subprocess.DEVNULL if course else subprocess.PIPE
    if not level:
        return subprocess.Popen(command, env=variables, **pipes), None  # noqa: S603
    theirs, ours = os.pipe()
    order = {
        "level": level,
        "command": command,
        "lifeline": theirs,
        "readable": _readable(package),
        "copies": _copies(course) if course else [],
        "kernels": sorted({str(path.parent) for path in package.rglob("__pycache__/*.nbi")}),
        "variables": variables,
        "filter": compile_filter().hex(),
        "seconds": seconds,
    }
    launcher = [sys.executable, "-I", str(package / "course" / "sandbox.py"), json.dumps(order)]
    try:
        return subprocess.Popen(launcher, pass_fds=[theirs], **pipes), ours  # noqa: S603
    finally:
        os.close(theirs)


def _copies(course: Path) -> list[tuple[str, str]]:
    """Return the files of a course that notebooks need, and their targets; no solutions."""
    modules = [(str(path), f"course/{path.name}") for path in course.glob("*.py")]
    checks, captures = course / "checks", course.parent / "captures"
    return [(str(checks), "course/checks"), (str(captures), "captures"), *modules]


def _readable(package: Path) -> list[str]:
    """Return the paths of Python, the installed packages and netchat."""
    paths = {sys.prefix, sys.base_prefix, sys.exec_prefix, *site.getsitepackages(), str(package)}
    paths |= {site.getusersitepackages()} if site.ENABLE_USER_SITE else set()
    links = [Path(sys.executable)]
    while links[-1].is_symlink():
        links.append(links[-1].parent / links[-1].readlink())
    paths |= {str(link.parent) for link in links}
    return sorted(paths | {str(Path(path).resolve()) for path in paths})


def _end_tree(process: subprocess.Popen[bytes]) -> None:
    import psutil

    with contextlib.suppress(psutil.Error):
        for one in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                one.send_signal(signal.SIGTERM)
    process.kill()


def _refuse(*_: Any) -> Any:
    raise ValueError("the grader has no objects to refer to")
