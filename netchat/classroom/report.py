"""Folder with the results of a class: tables, feedback pages, and an overview."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from netchat.classroom.exports import FORMATS
from netchat.classroom.feedback import feedback_file, feedback_page, overview_page
from netchat.classroom.gradebook import Gradebook
from netchat.course.grade import Grade, write_csv
from netchat.errors import NetchatError
from netchat.files import make_private_folder, write_file
from netchat.wording import cannot, many

__all__ = ["STATE", "summary", "write_report"]

#: File with the grades of earlier runs.
STATE = "state.jsonl"

#: Folder of the feedback pages.
_FEEDBACK = "feedback"


def write_report(folder: Path, book: Gradebook, grades: Iterable[Grade]) -> None:
    """Write all tables and pages of a class.

    Args:
        folder: The folder; it is created, readable only by its owner.
        book: The gradebook.
        grades: All grades, for the table with one line per exercise.

    Raises:
        NetchatError: A file cannot be written.
    """
    long = io.StringIO()
    write_csv(grades, long)
    files = {"grades.csv": long.getvalue(), "overview.html": overview_page(book, _FEEDBACK)}
    files |= {f"{name}.csv": make(book) for name, make in FORMATS.items()}
    pages = {feedback_file(row): feedback_page(book, row) for row in book.rows}
    files |= {f"{_FEEDBACK}/{name}": text for name, text in pages.items()}
    path = folder
    try:
        make_private_folder(folder / _FEEDBACK)
        for name, text in files.items():
            path = folder / name
            # Excel recognises UTF-8 by a byte order mark; learning platforms may not expect one.
            write_file(path, f"\ufeff{text}" if name == "students.csv" else text)
    except OSError as error:
        raise NetchatError(cannot("write", path, error)) from error


def summary(book: Gradebook) -> Iterator[str]:
    """Yield what an instructor should know, line by line."""
    if book.roster is not None:
        handed_in = len(book.rows) - len(book.missing)
        yield f"{handed_in} of {many(len(book.rows), 'student')} handed in."
    if book.missing:
        names = ", ".join(f"{one.id} {one.name}" for one in book.missing)
        yield f"Nothing from {many(len(book.missing), 'student')}: {names}"
    for path, why in book.unknown:
        yield f"{path}: belongs to no student: {why}"
    for row in book.rows:
        for path, why in row.failures:
            yield f"{path}: could not be graded: {why}"
        yield from row.notes
    for pair in book.pairs:
        yield f"{pair.first} and {pair.second}: almost the same code ({pair.share:.0%})"
