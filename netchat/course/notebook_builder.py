"""From the sources of a lesson to notebooks: the one for students, and the solved one.

A lesson is `experiments/NN_title.md`, as Jupytext reads it; `NN_title.ipynb` beside it is made from
it, without outputs. Its solutions are `experiments/instructor/NN_title.md`: for each exercise a
heading (`## 1.2 ...`), a text, the cell that solves it, and cells with common mistakes, which the
self-check must refuse:

    ## 1.2 The length in front

    The length counts bytes, so the text is encoded first.

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
    """A wrong answer that people give.

    Attributes:
        why: what they did, in a line.
        code: the cell.
    """

    why: str
    code: str


class Solution(NamedTuple):
    """How an exercise is solved.

    Attributes:
        number: the exercise's.
        text: what there is to say about it.
        code: the cell that stands in the place of the exercise's.
        mistakes: wrong answers.
    """

    number: str
    text: str
    code: str
    mistakes: tuple[Mistake, ...]


def lessons(folder: Path) -> list[Path]:
    """The sources of all lessons, in order."""
    return sorted(folder.glob("[0-9][0-9]_*.md"))


def notebook_of(lesson: Path) -> Any:
    """The notebook that a lesson's source makes; the same one each time.

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
    """What stands in a notebook's file."""
    import nbformat

    return str(nbformat.writes(notebook, indent=1, ensure_ascii=False)) + "\n"


def solutions_of(lesson: Path) -> dict[str, Solution]:
    """The solutions of a lesson, by the exercises' numbers.

    Raises:
        NetchatError: a solution has no cell that solves it.
    """
    path = lesson.parent / SOLUTIONS / lesson.name
    return {solution.number: solution for solution in _read(path)}


def solve(lesson: Path) -> Any:
    """The lesson's notebook with every exercise's cell replaced by its solution.

    Raises:
        NetchatError: the exercises of the lesson and its solutions are not the same ones.
    """
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
            raise NetchatError(f"{path.name}: {number} does not begin with a cell that solves it")
        mistakes, end = [], cells[0].end()
        for cell in cells[1:]:
            mistakes.append(Mistake(section[end : cell.start()].strip(), cell[2].rstrip()))
            end = cell.end()
        text = section[: cells[0].start()].strip()
        yield Solution(number, text, cells[0][2].rstrip(), tuple(mistakes))
