"""The process in which a student's notebook runs to be graded: `student` starts it, in a sandbox.

It runs the cells, reports which one it has reached, hands over the answers, and then does with the
student's functions what it is asked to do. Messages are lines of JSON on standard input and output;
whatever the notebook prints is discarded.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, TextIO

import netchat.course.lesson as lessons
from netchat.course.answers import pack, perform, unpack

__all__: list[str] = []

#: Characters of an error's text that are reported.
_LONGEST_TEXT = 2000

#: Magics of a notebook's kernel that do something on the page only.
_PAGE_MAGICS = ("autosave", "clear", "connect_info", "edit", "less", "man", "more", "qtconsole")


class _Student:
    """What the notebook left behind, for the grader."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._kept: list[Any] = []
        self._cell = -1
        self._answers: dict[int, dict[str, Any]] = {}  # packed, by the identity of their lesson
        self._refused: dict[int, dict[str, str]] = {}  # why they cannot be handed over

    def tell(self, **message: Any) -> None:
        self._out.write(json.dumps(message) + "\n")
        self._out.flush()

    def record(self, lesson: lessons.Lesson, number: str, answer: tuple[Any, ...]) -> None:
        """Keep an answer as it is now; the last one of an exercise counts."""
        answers = self._answers.setdefault(id(lesson), {})
        refused = self._refused.setdefault(id(lesson), {})
        answers.pop(number, None)
        refused.pop(number, None)
        try:
            answers[number] = pack(list(answer), self._keep)
        except (ValueError, RecursionError) as error:
            refused[number] = str(error)
            self.tell(failed=self._cell, error=f"the answer to {number} cannot be graded: {error}")

    def run(self, cells: dict[int, str]) -> None:
        """Run cells as a notebook would; one that fails does not keep the next from running."""
        shell = _shell()
        if any("InlineBackend" in source for source in cells.values()):
            _configure_inline(shell)  # not always: it imports Matplotlib
        for index, source in cells.items():
            self._cell = index
            self.tell(cell=index)
            try:
                result = shell.run_cell(source, store_history=False)
                error = result.error_before_exec or result.error_in_exec
            except Exception as raised:  # by IPython itself, for a source that is no text
                error = raised
            if error is not None:
                self.tell(failed=index, error=": ".join(_described(error))[:500])

    def hand_over(self) -> None:
        """Report the answers."""
        if not lessons.begun:
            self.tell(done=None)
            return
        lesson = lessons.begun[-1]
        self.tell(
            done={
                "student": str(lesson.variant.student),
                "lesson": int(lesson.variant.lesson),
                "answers": self._answers.get(id(lesson), {}),
                "refused": self._refused.get(id(lesson), {}),
            }
        )

    def serve(self, requests: TextIO) -> None:
        """Do what is asked with objects that were handed over."""
        for line in requests:
            request = json.loads(line)
            try:
                arguments = unpack(request["arguments"], _nothing, self._kept.__getitem__)
                result = perform(self._kept[request["number"]], request["what"], arguments)
                message = {"result": pack(result, self._keep)}
            except Exception as error:  # the student's; reported to the check
                message = {"error": _described(error)}
            self.tell(**message)

    def _keep(self, thing: Any) -> int:
        self._kept.append(thing)
        return len(self._kept) - 1


def _shell() -> Any:
    """IPython as a notebook has it, without a page: what draws or pages does nothing."""
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
    """Let `%config InlineBackend...` set what a notebook's pictures would look like."""
    from matplotlib_inline.config import InlineBackend

    shell.configurables.append(InlineBackend.instance(parent=shell))


def _described(error: BaseException) -> list[str]:
    """An exception's class and text, whatever its class does when it is asked for them."""
    try:
        return [str(type(error).__name__)[:100], str(error)[:_LONGEST_TEXT]]
    except Exception:  # its __str__ raises
        return ["Exception", "(it has no text)"]


def _nothing(*_: Any) -> Any:
    raise ValueError("there is nothing on this side")


def main() -> None:
    """Take the cells from the first line of the input, and go on as the module says."""
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
        sys.path.append(str(modules))  # the student's own; they hide no other module
        work.mkdir()
        os.chdir(work)
        student.run({int(index): source for index, source in order["cells"].items()})
        student.hand_over()
        student.serve(requests)


if __name__ == "__main__":
    main()
