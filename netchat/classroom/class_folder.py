"""Folder of a class: roster, personalised notebooks, server settings, hand-ins.

networks-2027/
  class.json      name, lessons, addresses, and the secret link of each student
  students.csv    the roster
  server.toml     settings of the chat server, for `netchat --config server.toml serve`
  students/       one archive per student: notebooks with the name in them, and what they need
  handed-in/      one folder per student
  feedback/       a page per student, once the teacher copies it here from the results
  checks/         private checks, which students do not have
  sheets.html     a card per student, with a QR code, to print and cut
  projector.html  how to join, for the projector
"""

from __future__ import annotations

import ast
import io
import json
import re
import secrets
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from netchat.chat.names import lookalikes, suggest
from netchat.chat.room_codes import ALPHABET
from netchat.classroom.own_wheel import own_wheel
from netchat.classroom.pages import file_name, slug
from netchat.classroom.roster import HANDED_IN, ClassRoster, Student, read_roster, roster_csv
from netchat.errors import NetchatError
from netchat.files import make_private_folder, write_file
from netchat.wording import cannot

__all__ = [
    "CHECKS",
    "FEEDBACK",
    "TEACHER",
    "ClassFolder",
    "ClassSettings",
    "chat_names",
    "create_class",
    "lessons_of_class",
    "name_in",
    "personalised",
]

#: Name of the user that creates the rooms.
TEACHER = "Teacher"

#: Folders of private checks, and of the feedback that students may read.
CHECKS, FEEDBACK = "checks", "feedback"

_SETTINGS, _ROSTER, _SERVER = "class.json", "students.csv", "server.toml"

#: The line of a notebook that names the student.
_STUDENT = re.compile(r'^STUDENT = ".*?"[^\n]*', re.MULTILINE)

#: The same line as students may have written it.
_ASSIGNMENT = re.compile(r"^STUDENT *= *([^\n]{1,300})", re.MULTILINE)

#: Characters of a student's link, of 5 random bits each; none looks like another one.
_LINK_LENGTH = 16

#: Date of the files in an archive, so that equal contents make equal archives.
_DATE = (2020, 1, 1, 0, 0, 0)


@dataclass
class ClassSettings:
    """Settings of a class; all but the name have defaults.

    Attributes:
        name: Name of the class, for its pages.
        lessons: Numbers of the lessons.
        host: Address of the server, as the sheets show it.
        port: Port of the chat server.
        web_port: Port of the chat's page.
        class_port: Port of the class's page: notebooks and hand-ins.
        has_tls: Whether the chat server offers TLS.
        has_udp: Whether the chat server accepts links over UDP.
        has_accounts: Whether students register, with an invitation each.
        groups: Number of rooms besides the lobby.
        rooms: Codes of these rooms, once they exist.
        links: Secret part of each student's link, by id.
        invitations: Invitation of each student, by id.
    """

    name: str
    lessons: list[int] = field(default_factory=list)
    host: str = "127.0.0.1"
    port: int = 6464
    web_port: int = 6480
    class_port: int = 6481
    has_tls: bool = False
    has_udp: bool = False
    has_accounts: bool = False
    groups: int = 0
    rooms: list[str] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    invitations: dict[str, str] = field(default_factory=dict)


class ClassFolder:
    """An existing folder of a class.

    Args:
        path: The folder.

    Raises:
        NetchatError: It is not the folder of a class.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        file = path / _SETTINGS
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            self.settings = _settings(data)
        except OSError as error:
            raise NetchatError(
                f"{cannot('read', file, error)}. Create a class with: netchat class new NAME"
            ) from error
        except (ValueError, TypeError) as error:
            raise NetchatError(f"{file} is not the settings of a class: {error}") from error
        self.roster: ClassRoster = read_roster(path / _ROSTER)
        self._add_links()
        self.chat_names: dict[str, str] = chat_names(self.roster)
        """Names that the chat accepts, by id: without spaces, and none looks like another one."""

    @property
    def server_file(self) -> Path:
        """The settings of the chat server."""
        return self.path / _SERVER

    @property
    def history(self) -> Path:
        """The history of the chat server."""
        return self.path / "history.db"

    @property
    def handed_in(self) -> Path:
        """The folder of hand-ins."""
        return self.path / HANDED_IN

    def archive_of(self, student: Student) -> Path:
        """Return the file with a student's notebooks."""
        return self.path / "students" / f"{file_name(student.id)}.zip"

    @property
    def without_archive(self) -> list[Student]:
        """The students who have no notebooks yet."""
        return [one for one in self.roster if not self.archive_of(one).is_file()]

    @property
    def has_private_checks(self) -> bool:
        """Whether there are private checks."""
        return any((self.path / CHECKS).glob("lesson_[0-9][0-9].py"))

    def add_archives(self, course: Path) -> int:
        """Write the notebooks of students who have none yet; return the number of these students.

        Args:
            course: The course's folder.

        Raises:
            NetchatError: A lesson does not exist, or a file cannot be written.
        """
        new = self.without_archive
        if not new:
            return 0
        wheel, data = own_wheel()
        common = {**_common_files(course), "README.txt": _README.format(wheel=wheel).encode()}
        notebooks = _notebooks(course, self.settings.lessons)
        top = slug(self.settings.name) or "class"
        for student in new:
            own = {
                f"experiments/{name}": personalised(text, student.name) for name, text in notebooks
            }
            _write(self.archive_of(student), _archive(top, {**common, wheel: data, **own}))
            make_private_folder(self.handed_in / file_name(student.id))
        return len(new)

    def feedback_of(self, student: Student) -> Path:
        """Return the file with a student's feedback, which need not exist."""
        return self.path / FEEDBACK / f"{file_name(student.id)}.html"

    def student_of(self, link: str) -> Student | None:
        """Return the student with a link, or None; in constant time for a wrong link."""
        found = None
        for student in self.roster:
            expected = self.settings.links[student.id]
            if secrets.compare_digest(expected.encode(), link.lower().encode(errors="replace")):
                found = student
        return found

    def room_of(self, student: Student) -> tuple[int, str] | None:
        """Return the number and the code of a student's room, or None for the lobby."""
        rooms = self.settings.rooms
        if not rooms:
            return None
        at = self.roster.students.index(student) % len(rooms)
        return at + 1, rooms[at]

    def save(self) -> None:
        """Write the settings."""
        _write(self.path / _SETTINGS, json.dumps(asdict(self.settings), indent=1) + "\n")
        (self.path / _SETTINGS).chmod(0o600)

    def _add_links(self) -> None:
        """Give a link to each student who was added to the roster."""
        new = [one for one in self.roster if one.id not in self.settings.links]
        for student in new:
            letters = (secrets.choice(ALPHABET) for _ in range(_LINK_LENGTH))
            self.settings.links[student.id] = "".join(letters).lower()
        if new:
            self.save()


def create_class(
    path: Path, settings: ClassSettings, students: ClassRoster, course: Path
) -> ClassFolder:
    """Create the folder of a class.

    Args:
        path: The folder, which must not exist or be empty.
        settings: Settings of the class.
        students: The students.
        course: The course's folder.

    Raises:
        NetchatError: The folder has content, a lesson does not exist, or a file cannot be written.
    """
    try:
        if path.exists() and any(path.iterdir()):
            raise NetchatError(
                f"{path} is not empty: choose another folder with --folder, or delete this one if it "
                "was a trial"
            )
        for folder in (path, path / "students", path / HANDED_IN, path / CHECKS):
            make_private_folder(folder)
        _notebooks(course, settings.lessons)  # an error, if one does not exist
        _write(path / _ROSTER, roster_csv(students))
        _write(path / _SERVER, _server_settings(settings))
        checks = [f"lesson_{lesson:02}.py" for lesson in settings.lessons]
        for name in ("template.py", "points.toml", *checks):
            source = course / "instructor" / "checks" / name
            if source.is_file():
                _write(path / CHECKS / name, source.read_bytes())
        _write(path / _SETTINGS, json.dumps(asdict(settings), indent=1) + "\n")
        made = ClassFolder(path)
        made.add_archives(course)
    except OSError as error:
        raise NetchatError(cannot("write", error.filename or path, error)) from error
    made.save()
    return made


def lessons_of_class(roster: Path) -> list[int] | None:
    """Return the lessons of the class whose roster a file is; None for another roster.

    Raises:
        NetchatError: There are settings of a class beside the roster, but they are invalid.
    """
    file = roster.parent / _SETTINGS
    try:
        if not file.is_file():
            return None
        lessons = _settings(json.loads(file.read_text(encoding="utf-8"))).lessons
        if not isinstance(lessons, list) or not all(type(one) is int for one in lessons):
            raise TypeError("lessons must be a list of numbers")
    except OSError as error:
        raise NetchatError(cannot("read", file, error)) from error
    except (ValueError, TypeError) as error:
        raise NetchatError(
            f"{file} is not the settings of a class: {error}. Name the lessons with --lessons"
        ) from error
    return lessons or None


def personalised(notebook: str, name: str) -> bytes:
    """Return a notebook with a student's name in its first cell.

    Raises:
        NetchatError: It has no cell with a name.
    """
    data = json.loads(notebook)
    for cell in data["cells"]:
        source = "".join(cell["source"])
        found = _STUDENT.search(source)
        if cell["cell_type"] == "code" and found is not None:
            begin, end = found.span()
            name = json.dumps(name, ensure_ascii=False)
            source = f"{source[:begin]}STUDENT = {name}{source[end:]}"
            cell["source"] = source.splitlines(keepends=True)
            return (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode()
    raise NetchatError("the notebook has no line STUDENT = …")


def name_in(notebook: bytes) -> str | None:
    """Return the name in a notebook's line STUDENT, or None if it has no such line.

    Raises:
        ValueError: It is not a notebook.
    """
    try:
        cells = json.loads(notebook.decode("utf-8-sig"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError("it is not a notebook") from error
    for source in sources:
        found = _ASSIGNMENT.search(source)
        if found is not None:
            with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
                name = ast.literal_eval(found[1])
                return name if isinstance(name, str) else None
    return None


def chat_names(students: Iterable[Student]) -> dict[str, str]:
    """Return a name for the chat for each student, by id."""
    used = set(lookalikes(TEACHER))
    names = {}
    for student in students:
        names[student.id] = suggest(student.name, lambda one: not used.isdisjoint(lookalikes(one)))
        used.update(lookalikes(names[student.id]))
    return names


def _settings(data: Any) -> ClassSettings:
    if not isinstance(data, dict):
        raise TypeError("an object is expected")
    return ClassSettings(**data)


def _notebooks(course: Path, lessons: Iterable[int]) -> list[tuple[str, str]]:
    found = []
    for lesson in lessons:
        paths = sorted(course.glob(f"{lesson:02}_*.ipynb"))
        if not paths:
            raise NetchatError(f"lesson {lesson} does not exist in {course}")
        found.append((paths[0].name, paths[0].read_text(encoding="utf-8")))
    return found


def _common_files(course: Path) -> dict[str, bytes]:
    """Return the files that all students need, by their path in the archive; no solutions."""
    files = {}
    for path in [*course.glob("*.py"), *(course / "checks").glob("*.py")]:
        files[f"experiments/{path.relative_to(course).as_posix()}"] = path.read_bytes()
    for path in (course.parent / "captures").glob("*"):
        if path.is_file():
            files[f"captures/{path.name}"] = path.read_bytes()
    return files


def _archive(top: str, files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in sorted(files):
            kind = zipfile.ZIP_STORED if name.endswith(".whl") else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(f"{top}/{name}", _DATE), files[name], kind)
    return out.getvalue()


def _server_settings(settings: ClassSettings) -> str:
    accounts = "required" if settings.has_accounts else "off"
    lines = [
        "# Settings of the chat server: netchat class serve uses them, and so does",
        "# netchat --config server.toml serve in this folder.",
        "[serve]",
        "lan = true",
        f"port = {settings.port}",
        f"web-port = {settings.web_port}",
        'history = "history.db"',
        f"udp = {str(settings.has_udp).lower()}",
        f'tls = "{"optional" if settings.has_tls else "off"}"',
        f'accounts = "{accounts}"',
        *(['registration = "invitation"'] if settings.has_accounts else []),
        'room-ttl = "180d" # rooms of groups stay while the class is at home',
        'keep = "180d"',
        "max-per-address = 0 # a whole class may share one address",
    ]
    return "\n".join(lines) + "\n"


_README = """\
Your notebooks of this class.

1. Install Python 3.11 or newer. Then open a terminal in this folder, and run once:

     python -m venv venv
     source venv/bin/activate          (Windows: venv\\Scripts\\activate)
     python -m pip install "./{wheel}[notebooks]"

2. Each time, run in this folder:

     source venv/bin/activate          (Windows: venv\\Scripts\\activate)
     jupyter lab experiments

3. Your name is in the first cell of each notebook. Leave it there: it selects your numbers.
4. Save the notebook, and hand it in on your page: scan the QR code on your sheet.
"""


def _write(path: Path, content: str | bytes) -> None:
    try:
        write_file(path, content)
    except OSError as error:
        raise NetchatError(cannot("write", path, error)) from error
