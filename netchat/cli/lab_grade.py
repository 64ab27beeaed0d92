"""`netchat lab grade`: run the checks on students' notebooks."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from netchat.chat.text import show_text
from netchat.cli.duration import DURATION
from netchat.cli.exits import FAILED
from netchat.wording import many

if TYPE_CHECKING:
    from netchat.course.grade import Grade

__all__ = ["grade"]


@click.command(short_help="Run the self-checks on students' notebooks, and write a CSV.")
@click.argument(
    "notebooks", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path),
    metavar="NOTEBOOK...",
)  # fmt: skip
@click.option(
    "--course", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the course: its checks count.  [default: experiments/ here or above]",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.File("w", encoding="utf-8", lazy=False), default="-",
    help="File for the CSV.  [default: standard output]",
)  # fmt: skip
@click.option(
    "--limit", type=DURATION, default="2m", show_default=True,
    help="For the cells of one notebook. A cell that takes half of it is left out.",
)  # fmt: skip
@click.option(
    "--check-limit", type=DURATION, default="20s", show_default=True,
    help="For the check of one exercise.",
)  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(1), default=1, show_default=True,
    help="Notebooks at a time.",
)  # fmt: skip
def grade(
    notebooks: tuple[Path, ...],
    course: Path | None,
    output: TextIO,
    limit: float,
    check_limit: float,
    jobs: int,
) -> None:
    """Run each NOTEBOOK (or all in a folder) in a process of its own; judge its answers by the checks.

    A line of CSV for each exercise: passed, wrong, not answered, not reached (its check was not
    run) or failed, with what the check says. Cells that fail, loop or end the process are left out
    and noted, and the rest still counts. A notebook cannot change the checks or the verdict; but it
    runs with your rights: use a container for those of strangers.

    \b
    Examples:
      netchat lab grade handed-in/*/01*.ipynb -o grades.csv
      netchat lab grade handed-in --jobs 4 --limit 1m > grades.csv
    """
    from netchat.course.grade import write_csv
    from netchat.course.lesson import find_course

    folder = course if course is not None else find_course()
    files = list(dict.fromkeys(_files(notebooks)))
    if not files:
        raise click.UsageError("There is no notebook (*.ipynb) in there.")
    graded = []
    for grades in _graded(files, folder, limit, check_limit, jobs):
        graded += grades
        results = Counter(one.result for one in grades)
        counts = ", ".join(f"{count} {result}" for result, count in results.items())
        who = f" ({grades[0].student})" if grades[0].student else ""
        why = f": {grades[0].text}" if not grades[0].exercise else ""
        click.echo(show_text(f"{grades[0].notebook}{who}: {counts}{why}"), err=True)
    write_csv(graded, output)
    for line in _shared(graded):
        click.echo(show_text(line), err=True)
    if any(not one.exercise for one in graded):
        sys.exit(FAILED)


def _graded(
    files: list[Path], folder: Path, limit: float, check_limit: float, jobs: int
) -> Iterator[list[Grade]]:
    from concurrent.futures import ThreadPoolExecutor

    from netchat.course.grade import grade_notebook

    def one(file: Path) -> list[Grade]:
        return grade_notebook(file, folder, limit=limit, check_limit=check_limit)

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(one, files)


def _files(given: tuple[Path, ...]) -> Iterator[Path]:
    for path in given:
        if path.is_dir():
            found = sorted(path.rglob("*.ipynb"))
            yield from (file for file in found if ".ipynb_checkpoints" not in file.parts)
        else:
            yield path


def _shared(graded: list[Grade]) -> Iterator[str]:
    """Two notebooks of one lesson with one name have the same numbers: worth a look."""
    owners: dict[tuple[str, str], set[str]] = {}
    for one in graded:
        if one.exercise:
            owners.setdefault((one.student, one.exercise.split(".")[0]), set()).add(one.notebook)
    for (student, lesson), files in owners.items():
        if len(files) > 1:
            notebooks = many(len(files), "notebook")
            yield f"lesson {lesson}: {notebooks} are of {student!r}: {', '.join(sorted(files))}"
