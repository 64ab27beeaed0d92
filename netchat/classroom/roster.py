"""Roster of a class: the students, and which of them handed in a file.

    roster = read_roster(Path("students.csv"))
    roster.owner_of("s07_01.ipynb")         # by the folder, id or name in the path
    roster.named("ada  BYRON")              # by name or alias, normalised

A roster is a CSV file, netchat's own or that of a learning platform.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from netchat.classroom.pages import file_name
from netchat.course.variant import identity
from netchat.errors import NetchatError
from netchat.wire.safe_text import show_line
from netchat.wording import cannot, cut, many

__all__ = ["HANDED_IN", "ClassRoster", "Student", "read_roster", "roster_csv"]

#: Headings of each column, normalised: netchat's own, and those of Moodle (in English, German and Spanish),
#: Canvas and Gradescope.
_HEADINGS = {
    "id": (
        *("id", "student id", "id number", "sid", "sis user id", "matriculation number"),
        *("id-nummer", "matrikelnummer", "número de id"),
    ),
    "name": ("name", "full name", "student", "student name"),
    "first": ("first name", "given name", "vorname", "nombre"),
    "last": ("last name", "surname", "family name", "nachname", "apellido(s)"),
    "email": ("email", "email address", "e-mail", "e-mail-adresse", "dirección de correo"),
    "aliases": ("aliases", "alias"),
    "section": ("section", "sections", "group", "groups", "gruppen", "grupos"),
    "login": ("login", "username", "sis login id", "anmeldename"),
    "canvas_id": ("canvas id",),
}

#: Key of a column that only exports of Canvas have; there, names have another order.
_IS_CANVAS = "exported by canvas"

#: Folder of a class with a folder per student.
HANDED_IN = "handed-in"

#: Maximum students, and bytes of the file.
_MOST_STUDENTS, _MOST_BYTES = 10_000, 4 * 1024**2

#: Maximum characters of an id: it becomes part of file names.
_LONGEST_ID = 64

#: Digits up to which a number is too short to identify a student in a file's name.
_SHORT_NUMBER = 3

_WORDS = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")  # noqa: RUF001 - an apostrophe that keyboards type


@dataclass(frozen=True)
class Student:
    """A student of the class.

    Attributes:
        id: Identifier, unique in the class; empty without a roster.
        name: Name, as in the student's notebooks.
        aliases: Other names that the student may use.
        email: Email address, or empty.
        section: Section or group, or empty.
        login: Login name, or empty.
        canvas_id: Number of the student in Canvas, or empty.
        last: Last name, with which `name` ends; empty if it is not known.
    """

    id: str
    name: str
    aliases: tuple[str, ...] = ()
    email: str = ""
    section: str = ""
    login: str = ""
    canvas_id: str = ""
    last: str = ""

    @property
    def first_and_last(self) -> tuple[str, str]:
        """The name in two parts; the last word is the last name unless the roster gives one."""
        if self.last and self.name.endswith(f" {self.last}"):
            return self.name[: -len(self.last) - 1], self.last
        first, _, last = self.name.rpartition(" ")
        return first, last


class ClassRoster:
    """The students of a class.

    Args:
        students: The students, in order.

    Raises:
        ValueError: Two students have the same id, or the same name or alias.
    """

    def __init__(self, students: Iterable[Student]) -> None:
        self.students: tuple[Student, ...] = tuple(students)
        """The students, in order."""
        self._by_id: dict[str, Student] = {}
        self._by_name: dict[str, Student] = {}
        self._by_folder = {file_name(one.id).casefold(): one for one in self.students}
        self._in_paths: list[tuple[re.Pattern[str], Student]] = []
        for student in self.students:
            key = identity(student.id)
            if key in self._by_id:
                raise ValueError(f"two students have the id {student.id!r}")
            self._by_id[key] = student
            for name in (student.name, *student.aliases):
                other = self._by_name.setdefault(identity(name), student)
                if other is not student:
                    raise ValueError(
                        f"{student.id} and {other.id} are both called {name!r}: change one name "
                        "or alias, because the name selects a student's numbers"
                    )
            self._in_paths += [(pattern, student) for pattern in _path_patterns(student)]

    def __iter__(self) -> Iterator[Student]:
        return iter(self.students)

    def __len__(self) -> int:
        return len(self.students)

    def named(self, name: str) -> Student | None:
        """Return the student with a name, alias or id, or None."""
        key = identity(name)
        return self._by_name.get(key) or self._by_id.get(key)

    def owner_of(self, path: str | PurePath) -> Student | None:
        """Return the student whose folder, id or name is in a path, or None.

        A student's folder in `handed-in` decides: whatever is below it has names that the student has
        chosen. Otherwise, the outermost folder with a match decides, and in it the leftmost match:
        learning platforms put the student's name or number there, before the student's own words.
        """
        parts = PurePath(path).parts
        folders = parts[1:-1] if parts[:1] == (HANDED_IN,) else parts[:-1]
        if folders and (owner := self._by_folder.get(folders[0].casefold())) is not None:
            return owner
        for part in parts:
            text = identity(part)
            found = [
                (match.start(), -len(match[0]), student)
                for pattern, student in self._in_paths
                if (match := pattern.search(text))
            ]
            if found:
                first = min((at, length) for at, length, _ in found)
                owners = {one.id: one for at, length, one in found if (at, length) == first}
                return next(iter(owners.values())) if len(owners) == 1 else None
        return None

    def similar_to(self, name: str) -> Student | None:
        """Return the student whose name or alias is most like a name, or None."""
        near = difflib.get_close_matches(identity(name)[:100], self._by_name, 1, 0.75)
        return self._by_name[near[0]] if near else None


def _path_patterns(student: Student) -> Iterator[re.Pattern[str]]:
    """Yield patterns that find a student in a normalised file name."""
    keys = [student.id, student.login, student.email, student.canvas_id]
    texts = [identity(key) for key in keys]
    texts = [text for text in texts if not (text.isdigit() and len(text) <= _SHORT_NUMBER)]
    for name in (student.name, *student.aliases):
        words = _WORDS.findall(identity(name))
        if len(words) < 2 and len("".join(words)) < 4:
            continue  # such a short word may be part of any file's name
        orders = [words, words[-1:] + words[:-1]]
        for order in orders:
            yield re.compile(rf"(?<![^\W_]){_spaced(order)}(?![^\W_])")
    for text in filter(None, texts):
        yield re.compile(rf"(?<![^\W_]){re.escape(text)}(?![^\W_])")


def _spaced(words: list[str]) -> str:
    """Return a pattern of words, with any separators between them, or none as in Canvas."""
    return r"[\W_]*".join(map(re.escape, words))


def read_roster(path: Path) -> ClassRoster:
    """Read a roster from a CSV file.

    It needs a column `id`, and `name` or `first name` and `last name`; `aliases` (separated by
    semicolons), `email`, `section`, `login` and `canvas id` are optional. Exports of Moodle, Canvas and
    Gradescope have such columns under other headings, which are known. Where an id is missing, the email
    address is used.

    Args:
        path: The file, in UTF-8 or UTF-16, separated by commas, semicolons or tabs.

    Raises:
        NetchatError: The file cannot be read, or it is not a roster.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise NetchatError(
                f"Cannot read {path}: it is larger than {_MOST_BYTES // 1024**2} MiB"
            )
        utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        text = data.decode("utf-16" if utf16 else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        hint = ". Save it as CSV in UTF-8." if isinstance(error, UnicodeDecodeError) else ""
        raise NetchatError(cannot("read", path, error) + hint) from error
    try:
        return ClassRoster(_students(text))
    except (ValueError, csv.Error) as error:
        raise NetchatError(f"{path} is not a roster: {error}") from error


def _students(text: str) -> Iterator[Student]:
    head = text.lstrip("\r\n").partition("\n")[0]
    separator = max(",;\t", key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    columns: dict[str, int] = {}
    count = 0
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if not columns:
            columns = _columns(row)
            continue
        student = _student(row, columns, rows.line_num)
        if student is None:
            continue
        count += 1
        if count > _MOST_STUDENTS:
            raise ValueError(f"it has more than {many(_MOST_STUDENTS, 'student')}")
        yield student
    if not count:
        raise ValueError("it lists no student")


def _columns(row: list[str]) -> dict[str, int]:
    heads = [identity(cell) for cell in row]
    found: dict[str, int] = {}
    if "sis user id" in heads and "id" in heads:  # Canvas: ID is its own number
        found["canvas_id"] = found[_IS_CANVAS] = heads.index("id")
        heads[heads.index("id")] = ""
    for column, names in _HEADINGS.items():
        places = [heads.index(name) for name in names if name in heads]
        if places:
            found[column] = places[0]
    named = "name" in found or {"first", "last"} <= found.keys()
    for other in ("email", "login"):  # rosters of Gradescope and Moodle may lack ids
        if "id" not in found and other in found:
            found["id"] = found[other]
    if "id" not in found or not named:
        got = cut(", ".join(repr(cell) for cell in row), 200)
        raise ValueError(
            "its first line must name the columns id (or email) and name (or first name and last name): "
            f"rename them, got {got}"
        )
    return found


def _student(row: list[str], columns: dict[str, int], line: int) -> Student | None:
    def cell(column: str) -> str:
        at = columns.get(column, len(row))
        return " ".join(row[at].split()) if at < len(row) else ""

    name = cell("name") or f"{cell('first')} {cell('last')}".strip()
    if _IS_CANVAS in columns and identity(name) in ("points possible", "student, test"):
        return None  # lines of Canvas that are no students
    if _IS_CANVAS in columns and name.count(",") == 1:  # Canvas: "Byron, Ada"
        last, first = name.split(",")
        name = f"{first.strip()} {last.strip()}"
    number = cell("id") or cell("email")  # many Moodle sites leave ID numbers empty
    for what, text in (("id", number), ("name", name)):
        if not identity(text):
            raise ValueError(f"line {line} has no {what}")
    if len(number) > _LONGEST_ID or show_line(number) != number:
        raise ValueError(
            f"line {line}: an id has at most {_LONGEST_ID} printable characters, got {cut(number)!r}"
        )
    aliases = tuple(filter(identity, (part.strip() for part in cell("aliases").split(";"))))
    rest = [cell(column) for column in ("email", "section", "login", "canvas_id", "last")]
    return Student(number, show_line(name), aliases, *rest)


def roster_csv(students: Iterable[Student]) -> str:
    """Return students as a CSV that `read_roster` reads."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["id", "name", "aliases", "email", "section", "login", "canvas id", "last name"]
    )
    for one in students:
        rest = (one.email, one.section, one.login, one.canvas_id, one.last)
        writer.writerow([one.id, one.name, "; ".join(one.aliases), *rest])
    return out.getvalue()
