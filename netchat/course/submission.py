"""A submitted notebook, read as a whole before any of it runs."""

from __future__ import annotations

import json
import stat
from dataclasses import dataclass
from pathlib import Path

from netchat.errors import NetchatError

__all__ = ["Submission", "read_submission"]

#: Maximum bytes of a notebook, which may hold pictures, and of a module; maximum number of modules.
_LONGEST_NOTEBOOK, _LONGEST_MODULE, _MOST_MODULES = 64 * 1024**2, 1024**2, 50


@dataclass(frozen=True)
class Submission:
    """A notebook, and the modules beside it.

    Attributes:
        notebook: Its file.
        cells: The sources of its code cells, by their position among all cells.
        modules: The sources of Python modules in its folder, by their names.
    """

    notebook: str
    cells: dict[int, str]
    modules: dict[str, str]


def read_submission(notebook: Path) -> Submission:
    """Read a notebook.

    Args:
        notebook: Its file.

    Raises:
        NetchatError: It cannot be read, or it is not a notebook.
    """
    try:
        cells = json.loads(_read(notebook, _LONGEST_NOTEBOOK).decode("utf-8-sig"))["cells"]
        sources = {
            index: "".join(cell["source"])
            for index, cell in enumerate(cells)
            if cell["cell_type"] == "code"
        }
    except OSError as error:
        raise NetchatError(f"it cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NetchatError("it is not a notebook") from error
    return Submission(str(notebook), sources, _modules(notebook.parent))


def _modules(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.glob("*.py"))[:_MOST_MODULES]:
        if path.is_symlink():  # it may lead to another student's work, or to the grader's files
            continue
        try:
            source = _read(path, _LONGEST_MODULE)
        except OSError:
            continue
        found[path.name] = source.decode(errors="surrogateescape")
    return found


def _read(path: Path, most: int) -> bytes:
    """Read a regular file; other files may never end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("it is not a regular file")
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(f"it is larger than {most // 1024**2} MiB")
    return data
