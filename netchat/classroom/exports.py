"""Tables of points for learning platforms, one line per student."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence

from netchat.classroom.gradebook import Gradebook, LessonResult
from netchat.classroom.points import show_points
from netchat.course.grade import cell_text, escape_formula

__all__ = ["FORMATS", "SIGNS", "canvas", "gradescope", "moodle", "students"]

#: Maximum characters of the feedback in a cell.
_LONGEST = 1500

#: Sign of each result.
SIGNS = {"passed": "✓", "wrong": "✗", "not answered": "·", "not reached": "·", "failed": "✗"}


def students(book: Gradebook) -> str:
    """Return the points of each student and lesson, with remarks for the instructor."""
    lessons = [f"lesson {lesson}" for lesson in book.lessons]
    head = ["id", "name", "email", "section", *lessons, "points", "of", "missing", "notes"]
    rows = []
    for row in book.rows:
        one = row.student
        gone = [f"lesson {r.lesson}" for r in row.lessons if not r.was_handed_in]
        notes = [*row.notes, *(f"{path}: {why}" for path, why in row.failures)]
        points = [_points(result) for result in row.lessons]
        total = [show_points(row.earned), show_points(row.most)]
        cells = [one.id, _free(one.name), _free(one.email), _free(one.section), *points, *total]
        rows.append([*cells, ", ".join(gone), _free("; ".join(notes))])
    return _csv([head, *rows])


def moodle(book: Gradebook) -> str:
    """Return a table for Moodle (Grades, Import, CSV file).

    Map *ID number* (or the email address) to the user, and each lesson's points and feedback to the
    assignment: Moodle wants both in one import. https://docs.moodle.org/en/Grade_import
    """
    head = ["ID number", "First name", "Last name", "Email address"]
    for lesson in book.lessons:
        head += [f"Lesson {lesson}", f"Lesson {lesson} (feedback)"]
    rows = []
    for row in book.rows:
        one = row.student
        cells = [one.id, *map(_free, one.first_and_last), _free(one.email)]
        for result in row.lessons:
            cells += [_points(result), _feedback(book, result)]
        rows.append(cells)
    return _csv([head, *rows])


def canvas(book: Gradebook) -> str:
    """Return a table for Canvas (Grades, Import).

    A column whose name is that of an assignment fills it; for another name, Canvas offers to create
    an assignment.
    """
    lessons = [f"Lesson {lesson}" for lesson in book.lessons]
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *lessons]
    most = [show_points(_most(book, lesson)) for lesson in book.lessons]
    rows = [["    Points Possible", "", "", "", "", *most]]
    for row in book.rows:
        one = row.student
        first, last = one.first_and_last
        name = f"{last}, {first}" if first else last
        login = one.login or one.email
        cells = [_free(name), one.canvas_id, one.id, _free(login), _free(one.section)]
        rows.append([*cells, *map(_points, row.lessons)])
    return _csv([head, *rows])


def gradescope(book: Gradebook) -> str:
    """Return a table with the columns of Gradescope's own grade export."""
    head = ["First Name", "Last Name", "SID", "Email", "Sections"]
    for lesson in book.lessons:
        head += [f"Lesson {lesson}", f"Lesson {lesson} - Max Points"]
    head += ["Total Score", "Max Points"]
    rows = []
    for row in book.rows:
        one = row.student
        cells = [*map(_free, one.first_and_last), one.id, _free(one.email), _free(one.section)]
        for result in row.lessons:
            cells += [_points(result), show_points(result.most)]
        rows.append([*cells, show_points(row.earned), show_points(row.most)])
    return _csv([head, *rows])


#: Each table by the name of its file.
FORMATS: dict[str, Callable[[Gradebook], str]] = {
    "students": students,
    "moodle": moodle,
    "canvas": canvas,
    "gradescope": gradescope,
}


def _most(book: Gradebook, lesson: int) -> float:
    return sum(map(book.scheme.most, book.exercises[lesson]))


def _points(result: LessonResult) -> str:
    """Return a lesson's points; empty if nothing was handed in, so that an import changes nothing."""
    return show_points(result.earned) if result.was_handed_in else ""


def _feedback(book: Gradebook, result: LessonResult) -> str:
    lines = []
    for grade in result.grades:
        earned, most = book.scheme.earned(grade), book.scheme.most(grade.exercise)
        text = "" if grade.result == "passed" else f" {grade.text}".rstrip()
        sign = SIGNS.get(grade.result, grade.result)
        lines.append(f"{grade.exercise} {sign} {show_points(earned)}/{show_points(most)}{text}")
    text = "; ".join(lines)
    return _free(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")


def _free(text: str) -> str:
    """Return a cell with text that others have written."""
    return escape_formula(cell_text(text))


def _csv(rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue()
