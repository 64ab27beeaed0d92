"""`netchat lab grade`: grade students' notebooks by their self-checks."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from netchat.chat.text import show_text
from netchat.cli.params.duration import DURATION
from netchat.exit_codes import FAILED
from netchat.wording import cannot, many

if TYPE_CHECKING:
    from netchat.course.grade import Grade

__all__ = ["grade"]


@click.command(short_help="Grade students' notebooks by their self-checks; write a CSV.")
@click.argument(
    "notebooks", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path),
    metavar="NOTEBOOK...",
)  # fmt: skip
@click.option(
    "--course", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the course, whose checks are used.  [default: experiments/ here or above]",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.File("w", encoding="utf-8", lazy=False), default="-",
    help="File for the CSV.  [default: standard output]",
)  # fmt: skip
@click.option(
    "--limit", type=DURATION, default="2m", show_default=True,
    help="Time limit for the cells of one notebook, over all runs. A cell that takes half of it is "
    "skipped.",
)  # fmt: skip
@click.option(
    "--check-limit", type=DURATION, default="20s", show_default=True,
    help="Time limit for the check of one exercise.",
)  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(1), default=1, show_default=True,
    help="Number of notebooks graded in parallel.",
)  # fmt: skip
def grade(
    notebooks: tuple[Path, ...],
    course: Path | None,
    output: TextIO,
    limit: float,
    check_limit: float,
    jobs: int,
) -> None:
    """Run each NOTEBOOK (or all in a folder) in a separate process, and check its answers.

    The CSV has one line per exercise: passed, wrong, not answered, not reached (its check was not
    run) or failed, with the message of the check. Cells that fail, loop or end the process are
    skipped and noted; the other cells still count. A notebook cannot change the checks or the
    result. On Linux it runs in separate namespaces, without access to your files or to other
    notebooks; if that is not possible, a warning says so.

    \b
    Examples:
      netchat lab grade handed-in/*/01*.ipynb -o grades.csv
      netchat lab grade handed-in --jobs 4 --limit 1m > grades.csv
    """
    from netchat.course.grade import write_csv
    from netchat.course.student_process import isolation

    folder = _course(course)
    files = list(dict.fromkeys(_files(notebooks)))
    if not files:
        raise click.UsageError("No notebook (*.ipynb) found in the given folders.")
    level, missing = isolation()
    if missing:
        click.echo(f"Not isolated: {missing}. Grade untrusted notebooks in a container.", err=True)
    graded: list[Grade] = []

    def rows() -> Iterator[Grade]:
        for grades in _graded(files, folder, limit, check_limit, jobs, level):
            graded.extend(grades)
            click.echo(show_text(_summary(grades)), err=True)
            yield from grades

    try:
        write_csv(rows(), output)
        output.flush()  # an error while click closes the file would not be reported
    except OSError as error:
        raise click.ClickException(cannot("write", output.name, error)) from error
    for line in _shared(graded):
        click.echo(show_text(line), err=True)
    if any(not one.exercise for one in graded):
        sys.exit(FAILED)


def _course(given: Path | None) -> Path:
    from netchat.course.lesson import find_course
    from netchat.errors import NetchatError

    if given is None:
        try:
            return find_course()
        except NetchatError as error:
            raise click.UsageError(
                f"No course found in {Path.cwd()} or above: name its folder, experiments/ in a "
                "clone of netchat, with --course FOLDER or NETCHAT_COURSE."
            ) from error
    if not (given / "checks" / "lesson_01.py").is_file():
        raise click.UsageError(
            f"--course must be the folder experiments/ of a clone of netchat, got {given}, which "
            "has no checks/lesson_01.py."
        )
    return given


def _graded(
    files: list[Path], folder: Path, limit: float, check_limit: float, jobs: int, level: str
) -> Iterator[list[Grade]]:
    from concurrent.futures import ThreadPoolExecutor

    from netchat.course.grade import failed
    from netchat.course.grading_process import grade_apart
    from netchat.course.submission import Submission, read_submission
    from netchat.errors import NetchatError

    def read(file: Path) -> Submission | Grade:
        try:
            return read_submission(file)
        except NetchatError as error:
            return failed(str(file), str(error))

    def one(submission: Submission | Grade) -> list[Grade]:
        if not isinstance(submission, Submission):
            return [submission]
        try:
            return grade_apart(submission, folder, limit, check_limit, level)
        except Exception as error:  # a fault in one notebook must not stop the others
            return [failed(submission.notebook, f"its grading failed: {error}")]

    submissions = [read(file) for file in files]  # read every file before running any notebook
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(one, submissions)


def _summary(grades: list[Grade]) -> str:
    results = Counter(one.result for one in grades)
    counts = ", ".join(f"{count} {result}" for result, count in results.items())
    who = f" ({grades[0].student})" if grades[0].student else ""
    why = f": {grades[-1].text}" if not grades[-1].exercise else ""
    return f"{grades[0].notebook}{who}: {counts}{why}"


def _files(given: tuple[Path, ...]) -> Iterator[Path]:
    for path in given:
        if path.is_dir():
            found = sorted(path.rglob("*.ipynb"))
            yield from (file for file in found if ".ipynb_checkpoints" not in file.parts)
        else:
            yield path


def _shared(graded: list[Grade]) -> Iterator[str]:
    """Yield a line for each student name that several notebooks of a lesson share.

    The name selects the student's numbers, so such notebooks have the same answers.
    """
    from netchat.course.variant import identity

    owners: dict[tuple[str, str], dict[str, str]] = {}
    for one in graded:
        if one.exercise:
            key = identity(one.student), one.exercise.split(".")[0]
            owners.setdefault(key, {})[one.notebook] = one.student
    for (_, lesson), files in owners.items():
        if len(files) > 1:
            names = " and ".join(repr(name) for name in sorted(set(files.values())))
            notebooks = many(len(files), "notebook")
            yield f"lesson {lesson}: {notebooks} have the name {names}: {', '.join(sorted(files))}"
