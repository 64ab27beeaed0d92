"""Program that runs a student's notebook for grading; `student_process` starts it, in a sandbox.

It runs the cells, reports each cell that it starts, sends the answers, and then performs the grader's
requests on the student's functions. Messages are lines of JSON on standard input and output;
the notebook's own output is discarded.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, TextIO

import netchat.course.lesson as lessons
from netchat.course.answer_marshalling import pack, perform, unpack

__all__: list[str] = []

#: Maximum characters reported of an error's text.
_LONGEST_TEXT = 2000

#: Magics of a notebook's kernel that only affect the display.
_PAGE_MAGICS = ("autosave", "clear", "connect_info", "edit", "less", "man", "more", "qtconsole")


class _Student:
    """The notebook's answers and objects, for the grader."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._kept: list[Any] = []
        self._cell = -1
        self._answers: dict[int, dict[str, Any]] = {}  # packed, by the identity of their lesson
        self._refused: dict[int, dict[str, str]] = {}  # reasons why they cannot be sent

    def send(self, **message: Any) -> None:
        self._out.write(json.dumps(message) + "\n")
        self._out.flush()

    def record(self, lesson: lessons.Lesson, number: str, answer: tuple[Any, ...]) -> None:
        """Store an answer in its present state; the last one of an exercise counts."""
        answers = self._answers.setdefault(id(lesson), {})
        refused = self._refused.setdefault(id(lesson), {})
        answers.pop(number, None)
        refused.pop(number, None)
        try:
            answers[number] = pack(list(answer), self._keep)
        except (ValueError, RecursionError) as error:
            refused[number] = str(error)
            self.send(failed=self._cell, error=f"the answer to {number} cannot be graded: {error}")

    def run(self, cells: dict[int, str]) -> None:
        """Run cells as a notebook would; after a failed cell, the next one still runs."""
        shell = _shell()
        if any("InlineBackend" in source for source in cells.values()):
            _configure_inline(shell)  # only if needed: it imports Matplotlib
        for index, source in cells.items():
            self._cell = index
            self.send(cell=index)
            try:
                result = shell.run_cell(source, store_history=False)
                error = result.error_before_exec or result.error_in_exec
            except Exception as raised:  # by IPython itself, if the source is not text
                error = raised
            if error is not None:
                self.send(failed=index, error=": ".join(_described(error))[:500])

    def send_answers(self) -> None:
        """Send the answers."""
        if not lessons.begun:
            self.send(done=None)
            return
        lesson = lessons.begun[-1]
        self.send(
            done={
                "student": str(lesson.variant.student),
                "lesson": int(lesson.variant.lesson),
                "answers": self._answers.get(id(lesson), {}),
                "refused": self._refused.get(id(lesson), {}),
            }
        )

    def serve(self, requests: TextIO) -> None:
        """Perform requests on the objects that were sent."""
        for line in requests:
            request = json.loads(line)
            try:
                arguments = unpack(request["arguments"], _nothing, self._kept.__getitem__)
                result = perform(self._kept[request["number"]], request["what"], arguments)
                message = {"result": pack(result, self._keep)}
            except Exception as error:  # the student's; reported to the check
                message = {"error": _described(error)}
            self.send(**message)

    def _keep(self, thing: Any) -> int:
        self._kept.append(thing)
        return len(self._kept) - 1


def _shell() -> Any:
    """Return an IPython shell as in a notebook, without a display."""
    from IPython.core.interactiveshell import InteractiveShell

    class Shell(InteractiveShell):  # type: ignore[misc, no-untyped-call, unused-ignore]
        def enable_matplotlib(self, gui: Any = None) -> tuple[Any, str]:  # noqa: ARG002
            return None, "agg"

        def enable_gui(self, gui: Any = None) -> None:
            pass

        def ask_exit(self) -> None:
            pass

    shell: Any = Shell.instance(display_page=True)
    shell.history_manager.enabled = False
    for name in _PAGE_MAGICS:
        shell.register_magic_function(lambda *_: None, "line", name)
    return shell


def _configure_inline(shell: Any) -> None:
    """Enable `%config InlineBackend...`, which sets the format of a notebook's figures."""
    from matplotlib_inline.config import InlineBackend

    shell.configurables.append(InlineBackend.instance(parent=shell))


def _described(error: BaseException) -> list[str]:
    """Return an exception's class and text, even if its `__str__` raises."""
    try:
        return [str(type(error).__name__)[:100], str(error)[:_LONGEST_TEXT]]
    except Exception:  # its __str__ raises
        return ["Exception", "(it has no text)"]


def _nothing(*_: Any) -> Any:
    raise ValueError("this process holds no proxies")


def main() -> None:
    """Run the cells from the first line of the input, then serve requests."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    order = json.loads(requests.readline())
    student = _Student(out)
    lessons.recorder = student.record
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["IPYTHONDIR"] = str(Path(folder) / "ipython")
        modules, work = Path(folder, "modules"), Path(folder, "work")
        for name, source in order["modules"].items():
            path = modules / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(source.encode(errors="surrogateescape"))
        sys.path.append(str(modules))  # the student's own; they cannot shadow other modules
        work.mkdir()
        os.chdir(work)
        student.run({int(index): source for index, source in order["cells"].items()})
        student.send_answers()
        student.serve(requests)


if __name__ == "__main__":
    main()
