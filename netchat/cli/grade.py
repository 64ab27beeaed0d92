"""`netchat grade`: grade students' notebooks by the checks of their exercises."""

from __future__ import annotations

import importlib.util
import platform
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from netchat.chat.text import show_text
from netchat.cli.params.duration import DURATION
from netchat.cli.params.lessons import parse_lessons
from netchat.cli.progress import progress_bar
from netchat.errors import NetchatError, NotPermitted
from netchat.exit_codes import FAILED
from netchat.wording import cannot, many

if TYPE_CHECKING:
    from netchat.classroom.gradebook import Gradebook, GradedNotebook
    from netchat.classroom.points import PointScheme
    from netchat.classroom.roster import ClassRoster
    from netchat.course.grade import Grade

__all__ = ["find_course_folder", "grade"]

#: Packages that run a notebook's cells and draw its figures.
_PACKAGES = ("IPython", "matplotlib")


@click.command(short_help="Grade students' notebooks; write tables and feedback.")
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
    help="File for the CSV with one line per exercise.  [default: standard output, or grades.csv of "
    "--report]",
)  # fmt: skip
@click.option(
    "--report", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
    help="Folder for the results: one line per student for Moodle, Canvas and Gradescope, a feedback page "
    "per student, an overview. A repeated run continues there, with the notebooks that are new or have "
    "changed.",
)  # fmt: skip
@click.option(
    "--roster", "roster_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="CSV of the class, with columns id, name and optionally aliases, email and section.",
)  # fmt: skip
@click.option(
    "--lessons", callback=parse_lessons, metavar="NUMBERS",
    help="Lessons that count, such as 1-3,5.  [default: those of the class in the folder of --roster, or "
    "all]",
)  # fmt: skip
@click.option(
    "--checks", "private", type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Folder of private checks (lesson_NN.py), for partial credit.",
)  # fmt: skip
@click.option(
    "--points", "points_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="TOML file with the points of exercises.  [default: points.toml of --checks, or 1 each]",
)  # fmt: skip
@click.option(
    "--limit", type=DURATION, default="2m", show_default=True,
    help="Time limit for the cells of one notebook, over all runs. A cell that takes half of it is "
    "skipped. If other programs use the CPU, a notebook gets up to four times as long.",
)  # fmt: skip
@click.option(
    "--check-limit", type=DURATION, default="20s", show_default=True,
    help="Time limit for the check of one exercise.",
)  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(1), default=1, show_default=True,
    help="Number of notebooks graded in parallel.",
)  # fmt: skip
@click.option(
    "--no-sandbox", is_flag=True,
    help="Grade even on a machine that cannot isolate notebooks, which then run with more rights than they "
    "should. Only for notebooks that you trust, or in a container of their own.",
)  # fmt: skip
def grade(
    notebooks: tuple[Path, ...],
    course: Path | None,
    output: TextIO,
    report: Path | None,
    roster_file: Path | None,
    lessons: list[int] | None,
    private: Path | None,
    points_file: Path | None,
    limit: float,
    check_limit: float,
    jobs: int,
    no_sandbox: bool,
) -> None:
    """Run each NOTEBOOK (or all in a folder) in a sandbox, and check its answers.

    The CSV has one line per exercise: passed, wrong, not answered, not reached (its check was not
    run) or failed, with the message of the check. Cells that fail, loop or end the process are
    skipped and noted; the other cells still count. A notebook cannot change the checks or the
    result.

    On Linux a notebook runs in namespaces of its own, without access to your files, to other
    notebooks or to the network, and with a filter on system calls. Where that is not possible, only
    --no-sandbox grades.

    \b
    Examples:
      netchat grade handed-in/*/01*.ipynb -o grades.csv
      netchat grade handed-in --jobs 4 --limit 1m > grades.csv
      netchat grade handed-in --roster students.csv --report results
      netchat grade handed-in --checks experiments/instructor/checks --report results
    """
    from netchat.classroom.class_folder import lessons_of_class
    from netchat.classroom.grading_run import GradingPlan, GradingRun, find_notebooks
    from netchat.classroom.points import PointScheme, read_points
    from netchat.classroom.report import STATE
    from netchat.classroom.roster import read_roster

    _need_packages()
    folder = find_course_folder(course)
    files = find_notebooks(notebooks)
    if not files:
        raise click.UsageError("No notebook (*.ipynb) found in the given folders.")
    roster = None if roster_file is None else read_roster(roster_file)
    if lessons is None and roster_file is not None:
        lessons = lessons_of_class(roster_file)
    if private is not None:
        _try_checks(private, folder)
        default = private / "points.toml"
        points_file = default if points_file is None and default.is_file() else points_file
    scheme = PointScheme() if points_file is None else read_points(points_file)
    plan = GradingPlan(folder, _level(allowed=no_sandbox), limit, check_limit, private)
    if report is not None:
        _make_folder(report)
    run = GradingRun(plan, None if report is None else report / STATE)
    graded: list[GradedNotebook] = []

    def rows() -> Iterator[Grade]:
        with progress_bar() as show:
            for one in run.grade(files, jobs):
                graded.append(one)
                show(
                    len(graded) / len(files),
                    f"{len(graded)} of {len(files)}  {show_text(one.path)}",
                )
                if not sys.stderr.isatty():
                    click.echo(show_text(_summary(one.grades)), err=True)
                if lessons is None or one.lesson in (0, *lessons):
                    yield from one.grades

    source = click.get_current_context().get_parameter_source("output")
    if report is None or source is not click.core.ParameterSource.DEFAULT:
        _write(rows(), output)
    else:
        for _ in rows():
            pass
    if run.reused:
        text = f"{many(run.reused, 'notebook')} had not changed since an earlier run."
        click.echo(text, err=True)
    if report is not None or roster is not None:
        _finish(graded, scheme, roster, lessons, folder, report)
    for line in () if roster is not None else _shared(graded):
        click.echo(show_text(line), err=True)
    if any(not one.exercise for notebook in graded for one in notebook.grades):
        sys.exit(FAILED)


def _need_packages() -> None:
    """Refuse to grade without the packages that every notebook needs, before the first one fails."""
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise NetchatError(
            f"Grading needs {' and '.join(missing)}. Install what notebooks need: make solutions, in a clone "
            'of netchat; elsewhere: python -m pip install "netchat[notebooks]"'
        )


def _level(*, allowed: bool) -> str:
    """Return the isolation level; refuse one without a sandbox unless it is allowed."""
    from netchat.course.student_process import isolation
    from netchat.course.syscall_filter import compile_filter

    level, missing = isolation()
    if missing and not allowed:
        raise NotPermitted(
            f"No sandbox is available here: {missing}. Grade on Linux where namespaces are permitted; or "
            "with --no-sandbox, notebooks that you trust, or as another user or in a container."
        )
    if missing:
        click.echo(f"Not isolated: {missing}. Grade untrusted notebooks in a container.", err=True)
    if level and sys.platform == "linux" and not compile_filter():
        click.echo(
            f"No system call is filtered: the seccomp filter is for x86-64 and ARM64, not for "
            f"{platform.machine()}. Grade untrusted notebooks in a virtual machine.",
            err=True,
        )
    return level


def _write(rows: Iterator[Grade], output: TextIO) -> None:
    from netchat.course.grade import write_csv

    try:
        write_csv(rows, output)
        output.flush()  # an error while click closes the file would not be reported
    except OSError as error:
        raise click.ClickException(cannot("write", output.name, error)) from error


def _make_folder(report: Path) -> None:
    from netchat.files import make_private_folder

    try:
        make_private_folder(report)
    except OSError as error:
        raise click.ClickException(cannot("create", report, error)) from error


def _try_checks(private: Path, course: Path) -> None:
    """Load all private checks, so that an error in one of them stops the run before it starts."""
    from netchat.course.exercises import load_exercises
    from netchat.course.private_checks import load_private_checks

    found = sorted(private.glob("lesson_[0-9][0-9].py"))
    if not found:
        raise click.UsageError(
            f"--checks {private} has no file lesson_NN.py: write one from template.py, or omit --checks."
        )
    for path in found:
        lesson = int(path.stem[-2:])
        try:
            load_private_checks(private, lesson, load_exercises(course, lesson))
        except FileNotFoundError as error:
            raise NetchatError(f"{path}: {error}") from error


def _finish(
    graded: list[GradedNotebook],
    scheme: PointScheme,
    roster: ClassRoster | None,
    only: list[int] | None,
    course: Path,
    report: Path | None,
) -> None:
    from netchat.classroom.gradebook import Gradebook
    from netchat.classroom.report import summary, write_report

    lessons = {one.lesson for one in graded}
    book: Gradebook = Gradebook(graded, scheme, roster, _handed_out(course, lessons), only)
    if report is not None:
        counted = (one for one in graded if only is None or one.lesson in (0, *only))
        write_report(report, book, (grade for one in counted for grade in one.grades))
    for line in summary(book):
        click.echo(show_text(line), err=True)
    if report is not None:
        click.echo(f"Results in {report}: start with {report / 'overview.html'}", err=True)


def _handed_out(course: Path, lessons: set[int]) -> dict[int, frozenset[int]]:
    """Return the fingerprints of lessons as students get them."""
    from netchat.classroom.similarity import fingerprints
    from netchat.course.submission import read_submission

    found = {}
    for lesson in lessons:
        for path in sorted(course.glob(f"{lesson:02}_*.ipynb")):
            found[lesson] = fingerprints(read_submission(path).cells.values())
    return found


def find_course_folder(given: Path | None) -> Path:
    """Return the folder of the course, given or found from the current folder.

    Raises:
        UsageError: It is not the folder of the course, or it is not found.
    """
    from netchat.course.lesson import find_course

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


def _summary(grades: tuple[Grade, ...]) -> str:
    results = Counter(one.result for one in grades)
    counts = ", ".join(f"{count} {result}" for result, count in results.items())
    who = f" ({grades[0].student})" if grades[0].student else ""
    why = f": {grades[-1].text}" if not grades[-1].exercise else ""
    return f"{grades[0].notebook}{who}: {counts}{why}"


def _shared(graded: list[GradedNotebook]) -> Iterator[str]:
    """Yield a line for each student name that several notebooks of a lesson share.

    The name selects the student's numbers, so such notebooks have the same answers.
    """
    from netchat.course.variant import identity

    owners: dict[tuple[str, int], dict[str, str]] = {}
    for one in graded:
        if one.lesson:
            owners.setdefault((identity(one.name), one.lesson), {})[one.grades[0].notebook] = (
                one.name
            )
    for (_, lesson), files in owners.items():
        if len(files) > 1:
            names = " and ".join(repr(name) for name in sorted(set(files.values())))
            notebooks = many(len(files), "notebook")
            yield f"lesson {lesson}: {notebooks} have the name {names}: {', '.join(sorted(files))}"
