"""The process in which a student's notebook runs to be graded: `grade` starts it.

It runs the cells, tells which one it is at, hands over the answers, and then does with the student's
functions what it is asked to. Lines of JSON on standard input and output; whatever the notebook
prints goes nowhere.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, TextIO

from netchat.course.answers import pack, unpack

__all__: list[str] = []

#: Bytes of memory that a notebook may ask for, and of a file that it may write.
MOST_MEMORY, MOST_FILE = 8 * 1024**3, 256 * 1024**2

#: Items of an iterator that are handed over.
MOST_ITEMS = 100_000


class _Student:
    """What the notebook left behind, for the one who grades."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._kept: list[Any] = []

    def tell(self, **message: Any) -> None:
        self._out.write(json.dumps(message) + "\n")
        self._out.flush()

    def packed(self, value: Any) -> Any:
        return pack(value, self._keep)

    def run(self, cells: dict[int, str]) -> None:
        """Run cells as a notebook would; one that fails does not keep the next from running."""
        from IPython.core.interactiveshell import InteractiveShell

        shell: Any = InteractiveShell.instance()
        shell.history_manager.enabled = False
        for index, source in cells.items():
            self.tell(cell=index)
            result = shell.run_cell(source, store_history=False)
            error = result.error_before_exec or result.error_in_exec
            if error is not None:
                self.tell(failed=index, error=f"{type(error).__name__}: {error}"[:500])

    def hand_over(self) -> None:
        """Tell what was answered."""
        from netchat.course.lesson import begun

        lesson = begun[-1] if begun else None
        if lesson is None:
            self.tell(done=None)
            return
        answers = {}
        for number, given in lesson.answers.items():
            try:
                answers[number] = self.packed(list(given))
            except (ValueError, RecursionError) as error:
                answers[number] = self.packed([f"this answer cannot be looked at: {error}"])
        variant = lesson.variant
        self.tell(done={"student": variant.student, "lesson": variant.lesson, "answers": answers})

    def serve(self, requests: TextIO) -> None:
        """Do what is asked with objects that were handed over."""
        for line in requests:
            request = json.loads(line)
            try:
                arguments = unpack(request["arguments"], _nothing, self._kept.__getitem__)
                result = _do(self._kept[request["number"]], request["what"], arguments)
                self.tell(result=self.packed(result))
            except Exception as error:  # the student's; told to whoever checks
                self.tell(error=[type(error).__name__, str(error)[:2000]])

    def _keep(self, thing: Any) -> int:
        self._kept.append(thing)
        return len(self._kept) - 1


def _do(thing: Any, what: str, arguments: list[Any]) -> Any:
    match what:
        case "call":
            return thing(*arguments[0], **arguments[1])
        case "attribute":
            return getattr(thing, arguments[0])
        case "item":
            return thing[arguments[0]]
        case "length":
            return len(thing)
        case "items":
            return [item for item, _ in zip(thing, range(MOST_ITEMS), strict=False)]
        case "bytes":
            return bytes(thing)
    raise ValueError(what)


def _nothing(*_: Any) -> Any:
    raise ValueError("there is nothing on this side")


def _limit() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, most in ((resource.RLIMIT_AS, MOST_MEMORY), (resource.RLIMIT_FSIZE, MOST_FILE)):
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(
            kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard)
        )


def main() -> None:
    """Take the cells from the first line of the input, and go on as the module says."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    _limit()
    order = json.loads(requests.readline())
    sys.path.append(order["folder"])  # modules of the student's own; they hide nobody else's
    student = _Student(out)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["IPYTHONDIR"] = str(Path(folder) / "ipython")
        os.chdir(folder)
        student.run({int(index): source for index, source in order["cells"].items()})
        student.hand_over()
        student.serve(requests)


if __name__ == "__main__":
    main()
