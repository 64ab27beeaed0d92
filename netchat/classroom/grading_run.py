"""Grading of many notebooks: in parallel, and resumable.

The state of a run is a file with one line of JSON per graded notebook. Its key is a hash of everything
that the grades depend on: the notebook, the modules beside it, the checks and the limits. A run that
is repeated takes the grades of unchanged notebooks from there.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from netchat.classroom.gradebook import GradedNotebook
from netchat.classroom.pages import version_of
from netchat.classroom.roster import HANDED_IN
from netchat.classroom.similarity import fingerprints
from netchat.course.grade import Grade, cell_text, failed
from netchat.course.grading_process import grade_apart
from netchat.course.submission import Submission, read_submission
from netchat.errors import NetchatError
from netchat.version import __version__
from netchat.wording import cannot

__all__ = ["GradingPlan", "GradingRun", "find_notebooks"]

#: Folders of Jupyter's own copies.
_COPIES = ".ipynb_checkpoints"


@dataclass(frozen=True)
class GradingPlan:
    """Parameters of grading, the same for all notebooks.

    Attributes:
        course: The instructor's course folder.
        level: Isolation level, from `student_process.isolation`.
        limit: Seconds for the cells of a notebook.
        check_limit: Seconds for the check of one exercise.
        private: Folder of private checks, or None.
    """

    course: Path
    level: str
    limit: float
    check_limit: float
    private: Path | None = None

    def digest(self) -> bytes:
        """Return a hash of the checks and the limits."""
        content = hashlib.sha256(f"{__version__} {self.limit} {self.check_limit}".encode())
        for folder in (self.course / "checks", self.private):
            for path in sorted(folder.glob("lesson_*.py")) if folder is not None else ():
                content.update(f"\0{path.name}\0".encode(errors="surrogatepass"))
                with suppress(OSError):
                    content.update(path.read_bytes())
        return content.digest()


def find_notebooks(given: Iterable[Path]) -> dict[Path, str]:
    """Return the notebooks in files and folders, with the paths that identify their students.

    The path of a file below a folder `handed-in` is relative to it, so that it begins with the
    student's folder, whether the teacher has named `handed-in` or what is in it. Elsewhere, the path
    of a file in a folder is relative to that folder. Of a file that is given by its name, it is the
    file's name with its folder's, and with the student's if that folder has a later version of the
    student's modules.
    """
    found: dict[Path, str] = {}
    for path in given:
        whole = Path(os.path.abspath(path))  # noqa: PTH100 - absolute() keeps "..", resolve() no links
        root = next((one for one in whole.parents if one.name == HANDED_IN), None)
        if path.is_dir():
            files = [file for file in sorted(path.rglob("*.ipynb")) if _COPIES not in file.parts]
            root = root or whole
        else:
            files = [path]
            count = 3 if version_of(whole.parent) > 1 else 2
            root = root or list(whole.parents)[:count][-1]
        for file in files:
            found.setdefault(file, str((whole / file.relative_to(path)).relative_to(root)))
    return found


class GradingRun:
    """A run that grades notebooks, and remembers those that are done.

    Args:
        plan: How they are graded.
        state: File with the grades of earlier runs; None remembers nothing.

    Attributes:
        reused: Number of notebooks whose grades came from an earlier run.

    Raises:
        NetchatError: The file cannot be read.
    """

    def __init__(self, plan: GradingPlan, state: Path | None = None) -> None:
        self.plan, self.state = plan, state
        self.reused = 0
        self._digest = plan.digest()
        self._lock = threading.Lock()
        self._known = {} if state is None else _read_state(state)

    def grade(self, notebooks: dict[Path, str], jobs: int) -> Iterator[GradedNotebook]:
        """Grade notebooks, and yield each as soon as it and all before it are done.

        Every file is read before any notebook runs. A fault in one notebook does not stop the others.

        Args:
            notebooks: Files, with the paths that identify their students.
            jobs: Number of notebooks graded in parallel.
        """
        read = [(file, shown, self._read(file)) for file, shown in notebooks.items()]
        with ThreadPoolExecutor(jobs) as pool:
            try:
                yield from pool.map(lambda one: self._graded(*one), read)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    @staticmethod
    def _read(file: Path) -> Submission | Grade:
        try:
            return read_submission(file)
        except NetchatError as error:
            return failed(str(file), str(error))
        except Exception as error:  # a file that no test has thought of
            return failed(str(file), f"it cannot be read: {type(error).__name__}: {error}")

    def _graded(self, file: Path, shown: str, one: Submission | Grade) -> GradedNotebook:
        if not isinstance(one, Submission):
            return GradedNotebook(cell_text(shown), (one,))
        prints = fingerprints(one.cells.values())
        key = self._key(one)
        grades = self._known.get(key)
        if grades is not None:
            with self._lock:
                self.reused += 1
            grades = [replace(grade, notebook=cell_text(str(file))) for grade in grades]
            return GradedNotebook(cell_text(shown), tuple(grades), prints)
        try:
            plan = self.plan
            grades = grade_apart(
                one, plan.course, plan.limit, plan.check_limit, plan.level, plan.private
            )
        except Exception as error:  # a fault in one notebook must not stop the others
            grades = [failed(one.notebook, f"its grading failed: {error}")]
        if all(grade.exercise for grade in grades):  # a failure may be this machine's
            self._remember(key, grades)
        return GradedNotebook(cell_text(shown), tuple(grades), prints)

    def _key(self, one: Submission) -> str:
        content = json.dumps([one.cells, one.modules], sort_keys=True).encode()
        return hashlib.sha256(self._digest + content).hexdigest()

    def _remember(self, key: str, grades: list[Grade]) -> None:
        if self.state is None:
            return
        line = json.dumps({"key": key, "grades": [asdict(grade) for grade in grades]})
        try:
            with self._lock, self.state.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
        except OSError as error:
            raise NetchatError(cannot("write", self.state, error)) from error


def _read_state(path: Path) -> dict[str, list[Grade]]:
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise NetchatError(cannot("read", path, error)) from error
    found = {}
    for line in text.splitlines():
        # A run that was killed may have written half of its last line.
        with suppress(ValueError, KeyError, TypeError):
            data = json.loads(line)
            found[str(data["key"])] = [Grade.of(grade) for grade in data["grades"]]
    return found
