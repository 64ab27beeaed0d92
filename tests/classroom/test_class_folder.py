"""Tests of the folder of a class: what is in it, and what is not."""

import io
import json
import re
import stat
import zipfile
from itertools import combinations
from pathlib import Path

import pytest

from netchat.chat.names import lookalikes, validate_name
from netchat.classroom.class_folder import (
    ClassFolder,
    ClassSettings,
    chat_names,
    create_class,
    lessons_of_class,
    personalised,
)
from netchat.classroom.class_pages import projector_page, sheets_page, student_page, student_url
from netchat.classroom.roster import ClassRoster, Student
from netchat.errors import NetchatError

COURSE = Path(__file__).parents[2] / "experiments"

CLASS = ClassRoster([Student("s01", 'Ada "Countess" O\'Hara'), Student("s02", "Zoë\\n<b>")])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> ClassFolder:
    path = tmp_path_factory.mktemp("class") / "networks"
    return create_class(path, ClassSettings("Networks <2027>", [1], "192.0.2.1"), CLASS, COURSE)


def files_of(folder: ClassFolder, student: Student) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(folder.archive_of(student).read_bytes())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_each_student_has_notebooks_with_the_name_in_them(folder):
    for student in folder.roster:
        files = files_of(folder, student)
        (name,) = [one for one in files if one.endswith(".ipynb")]
        assert name.startswith("Networks-2027/experiments/01_")
        cells = json.loads(files[name])["cells"]
        first = next("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        values: dict = {}
        exec(first.splitlines()[0], values)
        assert values["STUDENT"] == student.name


def test_archives_hold_what_a_lesson_needs_and_no_solution(folder):
    names = files_of(folder, folder.roster.students[0])
    assert "Networks-2027/experiments/checks/lesson_01.py" in names
    assert "Networks-2027/captures/two-users.pcapng" in names
    assert not [name for name in names if "instructor" in name or "private" in name]


def test_archives_hold_the_wheel_that_the_instructions_install(folder):
    files = files_of(folder, folder.roster.students[0])
    text = files["Networks-2027/README.txt"].decode()
    wheel = re.search(r'"\./(.*)\[notebooks\]"', text)[1]
    assert f"Networks-2027/{wheel}" in files
    assert "venv\\Scripts\\activate" in text


def test_the_examples_of_private_checks_are_those_of_the_lessons(folder, tmp_path):
    assert folder.has_private_checks
    assert (folder.path / "checks" / "lesson_01.py").is_file()
    other = create_class(tmp_path / "c", ClassSettings("C", [2]), CLASS, COURSE)
    assert not other.has_private_checks
    assert (other.path / "checks" / "template.py").is_file()


def test_the_folder_opens_again(folder):
    again = ClassFolder(folder.path)
    assert again.settings == folder.settings
    assert [one.name for one in again.roster] == [one.name for one in CLASS]
    assert stat.S_IMODE((folder.path / "class.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_chat_names_are_accepted_and_different():
    students = [Student(str(n), name) for n, name in enumerate((
        "Ada Byron", "Ada-Byron", "AdaByron", "Teacher", "lan", "Ian", "O'Hara", "Zoë de la Cruz",
        "李 明", "<b>",
    ))]  # fmt: skip
    names = list(chat_names(students).values())
    assert [validate_name(name) for name in names] == [None] * len(students)
    assert all(not lookalikes(a) & lookalikes(b) for a, b in combinations([*names, "Teacher"], 2))
    assert names[0] == "AdaByron"
    assert "Zoë" in names[7]


def test_links_are_different_secrets(folder):
    links = folder.settings.links
    assert len(set(links.values())) == 2
    assert all(len(link) == 16 for link in links.values())
    assert folder.student_of(links["s02"].upper()).id == "s02"
    assert folder.student_of("\udce9") is None


def test_a_student_who_is_added_to_the_roster_gets_a_link(tmp_path):
    made = create_class(
        tmp_path / "c", ClassSettings("C", [1]), ClassRoster([Student("a", "A")]), COURSE
    )
    link = made.settings.links["a"]
    with (made.path / "students.csv").open("a") as file:
        file.write("b,B,,,\n")
    again = ClassFolder(made.path)
    assert [one.id for one in again.without_archive] == ["b"]
    assert again.add_archives(COURSE) == 1
    assert 'STUDENT = "B"' in str(files_of(again, again.roster.students[1])).replace("\\", "")
    assert again.add_archives(COURSE) == 0
    assert again.settings.links["a"] == link
    assert len(again.settings.links["b"]) == 16
    assert ClassFolder(made.path).settings.links == again.settings.links


def test_pages_are_escaped_and_complete(folder):
    sheets, projector = sheets_page(folder), projector_page(folder)
    own = [student_page(folder, one, ["<i>.ipynb"], "<u>") for one in folder.roster]
    for page in (sheets, projector, *own):
        assert "Networks &lt;2027&gt;" in page
        assert not any(tag in page for tag in ("<u>", "<i>.ipynb", "n<b>"))
    assert "Zoë\\n&lt;b&gt;" in sheets
    assert sheets.count("<svg") == 2
    for student in folder.roster:
        assert student_url(folder, student) in sheets
    assert "netchat client 192.0.2.1:6464" in projector


def test_groups_and_invitations_are_on_the_sheets(tmp_path):
    settings = ClassSettings("C", [1], rooms=["7K3F92MQ0T"], invitations={"s01": "INV-1"})
    made = create_class(tmp_path / "c", settings, CLASS, COURSE)
    sheets = sheets_page(made)
    assert sheets.count("7K3F9-2MQ0T") == 2
    assert sheets.count("INV-1") == 1
    assert "/r/7K3F92MQ0T" in student_page(made, made.roster.students[0], [])


def test_the_chat_of_the_pages_is_the_lobby_if_there_are_no_groups(folder):
    # The page's own address would create a room for each student.
    for text in (projector_page(folder), sheets_page(folder)):
        assert "http://192.0.2.1:6480/r/lobby" in text


def test_many_rooms_and_long_names_fit(tmp_path):
    settings = ClassSettings("C", [1], rooms=[f"7K3F92MQ{n:02}" for n in range(13)])
    long = ClassRoster([Student("s01", "María " * 12), Student("s02", "Bob")])
    made = create_class(tmp_path / "c", settings, long, COURSE)
    assert sheets_page(made).count("<h2 class=long>") == 1
    assert '<div class="rooms many">' in projector_page(made)


def test_a_card_grows_with_its_text(folder):
    # With a fixed height, a long name cut off the QR code, and a long address the invitation.
    card = re.search(r"\.student \{(.*?)\}", sheets_page(folder), re.DOTALL)[1]
    assert "min-height: 68mm" in card
    assert not re.search(r"(^|[ ;])height:|overflow: hidden|align-content", card)


def test_the_lessons_of_a_class_stand_beside_its_roster(folder, tmp_path):
    assert lessons_of_class(folder.path / "students.csv") == [1]
    assert lessons_of_class(tmp_path / "students.csv") is None
    for odd in ('{"name": "C"}', '{"name": "C", "lessons": []}'):
        (tmp_path / "class.json").write_text(odd)
        assert lessons_of_class(tmp_path / "students.csv") is None
    for wrong in ("[", "[]", '{"name": "C", "lessons": "1"}', '{"lessons": [1, "2"]}'):
        (tmp_path / "class.json").write_text(wrong)
        with pytest.raises(NetchatError, match="Name the lessons with --lessons"):
            lessons_of_class(tmp_path / "students.csv")


def test_errors(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(NetchatError, match="is not empty: choose another folder"):
        create_class(tmp_path / "full", ClassSettings("C", [1]), CLASS, COURSE)
    with pytest.raises(NetchatError, match="lesson 99 does not exist"):
        create_class(tmp_path / "c", ClassSettings("C", [99]), CLASS, COURSE)
    with pytest.raises(NetchatError, match="Create a class with: netchat class new"):
        ClassFolder(tmp_path)
    (tmp_path / "class.json").write_text('{"nme": 1}')
    with pytest.raises(NetchatError, match="is not the settings of a class"):
        ClassFolder(tmp_path)
    with pytest.raises(NetchatError, match="no line STUDENT"):
        personalised('{"cells": []}', "Ada")
