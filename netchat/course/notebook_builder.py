"""Notebooks generated from the sources of a lesson: the students' one, and the solved one.

A lesson is `experiments/NN_title.md`, as Jupytext reads it; `NN_title.ipynb` beside it is made from
it, without outputs. Its solutions are `experiments/instructor/NN_title.md`: for each exercise a
heading (`## 1.2 ...`), a text, the cell that solves it, and cells with common mistakes, which the
self-check must refuse:

    ## 1.2 A length prefix

    The length counts bytes, so encode the text first.

    ```python
    def text_field(text): ...
    course.check("1.2", text_field)
    ```

    Counts characters:

    ```python mistake
    ...
    ```
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from netchat.errors import NetchatError

__all__ = ["Mistake", "Solution", "lessons", "notebook_of", "solutions_of", "solve", "text_of"]

#: The folder of solutions, beside the lessons.
SOLUTIONS = "instructor"

_HEADING = re.compile(r"^## (\d+\.\d+)\b.*\n", re.MULTILINE)
_CODE = re.compile(r"^```python(| mistake)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

_METADATA = {
    "jupytext": {"formats": "ipynb,md"},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class Mistake(NamedTuple):
    """A common wrong answer.

    Attributes:
        why: The mistake, in one line.
        code: The cell.
    """

    why: str
    code: str


class Solution(NamedTuple):
    """The solution of an exercise.

    Attributes:
        number: The exercise's number.
        text: The explanation.
        code: The cell that replaces the exercise's cell.
        mistakes: Common wrong answers.
    """

    number: str
    text: str
    code: str
    mistakes: tuple[Mistake, ...]


def lessons(folder: Path) -> list[Path]:
    """Return the sources of all lessons, in order."""
    return sorted(folder.glob("[0-9][0-9]_*.md"))


def notebook_of(lesson: Path) -> Any:
    """Generate the notebook of a lesson's source, always the same.

    Raises:
        NetchatError: Jupytext is not installed.
    """
    try:
        import jupytext
    except ImportError as error:
        raise NetchatError(
            'Notebooks need Jupytext: python -m pip install "netchat[notebooks]"'
        ) from error
    notebook = jupytext.read(lesson)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:02}"  # else they are random, and differ each time
    notebook.metadata = _METADATA
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def text_of(notebook: Any) -> str:
    """Return the content of a notebook's file."""
    import nbformat

    return str(nbformat.writes(notebook, indent=1, ensure_ascii=False)) + "\n"


def solutions_of(lesson: Path) -> dict[str, Solution]:
    """Return the solutions of a lesson, by the exercises' numbers.

    Raises:
        NetchatError: A solution has no cell that solves the exercise.
    """
    path = lesson.parent / SOLUTIONS / lesson.name
    return {solution.number: solution for solution in _read(path)}


def solve(lesson: Path) -> Any:
    """Return the lesson's notebook with every exercise's cell replaced by its solution."""
    import nbformat

    notebook, solutions, cells = notebook_of(lesson), solutions_of(lesson), []
    for cell in notebook.cells:
        number = cell.metadata.get("exercise")
        if number is None:
            cells.append(cell)
            continue
        solution = solutions.pop(number, None)
        if solution is None:
            raise NetchatError(f"{lesson.name}: exercise {number} has no solution")
        text = nbformat.v4.new_markdown_cell(f"*Solution.* {solution.text}", id=f"{cell.id}-why")
        code = nbformat.v4.new_code_cell(solution.code, id=cell.id)
        cells += [text, code]
    if solutions:
        raise NetchatError(f"{lesson.name}: no exercise for the solutions {', '.join(solutions)}")
    notebook.cells = cells
    return notebook


def _read(path: Path) -> Iterator[Solution]:
    pieces = _HEADING.split(path.read_text(encoding="utf-8-sig"))[1:]
    for number, section in zip(pieces[::2], pieces[1::2], strict=True):
        cells = list(_CODE.finditer(section))
        if not cells or cells[0][1]:
            raise NetchatError(f"{path.name}: {number} must begin with a cell that solves it")
        mistakes, end = [], cells[0].end()
        for cell in cells[1:]:
            mistakes.append(Mistake(section[end : cell.start()].strip(), cell[2].rstrip()))
            end = cell.end()
        text = section[: cells[0].start()].strip()
        yield Solution(number, text, cells[0][2].rstrip(), tuple(mistakes))
