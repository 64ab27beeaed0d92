"""Feedback for students and an overview for the instructor, as HTML pages."""

from __future__ import annotations

from netchat.classroom.exports import SIGNS
from netchat.classroom.gradebook import Gradebook, LessonResult, StudentRow
from netchat.classroom.pages import escape, file_name, page
from netchat.classroom.points import show_points
from netchat.course.grade import Grade
from netchat.wording import many

__all__ = ["feedback_file", "feedback_page", "overview_page"]

_WORDS = {
    "passed": "passed",
    "wrong": "not right yet",
    "not answered": "not answered",
    "not reached": "not reached: its check was not run",
}

_OTHER_NAME = (
    "It does not count, because the name in its first cell is another student's. Put your own name "
    "there, run all cells, and correct your answers: your numbers are different."
)

_OTHER_LESSON = "It does not count, because it is of a lesson that the class does not have."


def feedback_file(row: StudentRow) -> str:
    """Return the name of a student's feedback page."""
    return f"{file_name(row.student.id or row.student.name)}.html"


def feedback_page(book: Gradebook, row: StudentRow) -> str:
    """Return the feedback page of a student, as HTML."""
    who = f" · {escape(row.student.id)}" if row.student.id else ""
    parts = [
        f"<h1>{escape(row.student.name)}</h1>",
        f'<p class="muted">Feedback{who}</p>',
    ]
    if len(row.lessons) > 1:
        parts.append(f'<div class="card">{_heading("All lessons", row.earned, row.most)}</div>')
    parts += [_lesson(book, result) for result in row.lessons]
    problems = [(path, f"It could not be graded: {why}.") for path, why in row.failures]
    problems += [(path, _OTHER_NAME) for path in row.rejected]
    problems += [(path, _OTHER_LESSON) for path in row.strays]
    if problems:
        lines = "".join(
            f"<li><span class=failed>✗</span><b>{escape(path)}</b><p>{escape(why)}</p></li>"
            for path, why in problems
        )
        parts.append(f'<div class="card"><h2>Notebooks with problems</h2><ul>{lines}</ul></div>')
    return page(f"Feedback for {row.student.name}", "\n".join(parts))


def overview_page(book: Gradebook, folder: str) -> str:
    """Return the overview of a class for the instructor, as HTML.

    Args:
        book: The gradebook.
        folder: Path of the feedback pages, from this page.
    """
    heads = "".join(f'<th class="number">Lesson {lesson}</th>' for lesson in book.lessons)
    lines = []
    for row in book.rows:
        cells = "".join(
            f'<td class="number">{show_points(one.earned) if one.was_handed_in else "-"}</td>'
            for one in row.lessons
        )
        link = f'<a href="{folder}/{feedback_file(row)}">{escape(row.student.name)}</a>'
        lines.append(
            f"<tr><td>{escape(row.student.id)}</td><td>{link}</td>{cells}"
            f'<td class="number">{show_points(row.earned)}</td></tr>'
        )
    table = (
        f'<table><tr><th>Id</th><th>Name</th>{heads}<th class="number">Points</th></tr>'
        f"{''.join(lines)}</table>"
    )
    parts = [
        "<h1>Results</h1>",
        f'<p class="muted">{many(len(book.rows), "student")}, '
        f"{many(len(book.missing), 'student')} without a notebook</p>",
        f'<div class="card">{table}</div>',
        _list("Nothing handed in", [f"{one.id} {one.name}" for one in book.missing]),
        _list("Notebooks that belong to no student", [f"{a}: {b}" for a, b in book.unknown]),
        _list(
            "Remarks",
            [
                f"{row.student.name}: {note}"
                for row in book.rows
                for note in (*row.notes, *(f"{path}: {why}" for path, why in row.failures))
            ],
        ),
        _list(
            "Almost the same code",
            [f"{one.first} and {one.second}: {one.share:.0%}" for one in book.pairs],
        ),
    ]
    return page("Results", "\n".join(filter(None, parts)))


def _lesson(book: Gradebook, result: LessonResult) -> str:
    heading = _heading(f"Lesson {result.lesson}", result.earned, result.most)
    if not result.was_handed_in:
        return f'<div class="card">{heading}<p class="muted">No notebook was handed in.</p></div>'
    lines = "".join(_exercise(book, grade) for grade in result.grades)
    notes = "".join(
        f'<p class="muted">Some cells did not run: {escape(note)}</p>'
        for note in dict.fromkeys(grade.note for grade in result.grades if grade.note)
    )
    return f'<div class="card">{heading}<ul>{lines}</ul>{notes}</div>'


def _heading(title: str, earned: float, most: float) -> str:
    share = 100 * earned / most if most else 0
    return (
        f'<div class="head"><h2>{escape(title)}</h2>'
        f'<span class="points">{show_points(earned)} of {show_points(most)}</span></div>'
        f'<div class="bar"><i style="width:{share:.1f}%"></i></div>'
    )


def _exercise(book: Gradebook, grade: Grade) -> str:
    earned, most = book.scheme.earned(grade), book.scheme.most(grade.exercise)
    parts = [
        f'<span class="{escape(grade.result.replace(" ", "-"))}">{SIGNS.get(grade.result, "·")}</span>',
        f"<b>{escape(grade.exercise)} {escape(grade.title)}</b>",
        f'<span class="points">{show_points(earned)} / {show_points(most)}</span>',
    ]
    if grade.result != "passed":
        parts.append(f"<p>{escape(grade.text or _WORDS.get(grade.result, grade.result))}</p>")
    for check in grade.checks:
        text = "" if check.result == "passed" else f" {escape(check.text)}"
        parts.append(
            f'<p><span class="{escape(check.result)}">{SIGNS.get(check.result, "·")}</span> '
            f"{escape(check.title)}:{text or ' passed'}</p>"
        )
    return f"<li>{''.join(parts)}</li>"


def _list(title: str, lines: list[str]) -> str:
    if not lines:
        return ""
    rows = "".join(f"<li><span>•</span><span>{escape(line)}</span></li>" for line in lines)
    return f'<div class="card"><h2>{escape(title)} ({len(lines)})</h2><ul>{rows}</ul></div>'
