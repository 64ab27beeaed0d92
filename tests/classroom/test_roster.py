"""Tests of rosters: their formats, and the owner of a file."""

import pytest

from netchat.classroom.exports import canvas
from netchat.classroom.gradebook import Gradebook
from netchat.classroom.pages import file_name
from netchat.classroom.points import PointScheme
from netchat.classroom.roster import ClassRoster, Student, read_roster, roster_csv
from netchat.errors import NetchatError


def read(tmp_path, text: str, encoding: str = "utf-8") -> ClassRoster:
    path = tmp_path / "students.csv"
    path.write_bytes(text.encode(encoding))
    return read_roster(path)


MOODLE = "First name,Surname,ID number,Email address\nAda,Byron,1001,a@x.org\nZoë,de la Cruz,1002,z@x.org\n"
CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Lesson 1\n"
    '"    Points Possible",,,,,5\n'
    '"Byron, Ada",77,1001,ada,A,\n'
)
GRADESCOPE = "First Name,Last Name,SID,Email,Sections\nAda,Byron,1001,a@x.org,A\n"


def test_the_own_format(tmp_path):
    one, two = read(tmp_path, "id,name,aliases\ns01,Ada  Byron,Countess; Ada\n\ns02,Bob\n")
    assert (one.id, one.name, one.aliases) == ("s01", "Ada Byron", ("Countess", "Ada"))
    assert (two.name, two.aliases) == ("Bob", ())


def test_formats_of_learning_platforms(tmp_path):
    ada, zoe = read(tmp_path, MOODLE)
    assert (ada.id, ada.name, ada.email) == ("1001", "Ada Byron", "a@x.org")
    assert zoe.name == "Zoë de la Cruz"
    (ada,) = read(tmp_path, CANVAS)
    assert (ada.id, ada.name, ada.canvas_id, ada.login) == ("1001", "Ada Byron", "77", "ada")
    (ada,) = read(tmp_path, GRADESCOPE)
    assert (ada.id, ada.name, ada.section) == ("1001", "Ada Byron", "A")


@pytest.mark.parametrize(("separator", "encoding"), [(";", "utf-8-sig"), ("\t", "utf-16")])
def test_separators_and_encodings_of_spreadsheets(tmp_path, separator, encoding):
    text = "id,name\r\ns1,Zoë\r\n".replace(",", separator)
    assert [one.name for one in read(tmp_path, text, encoding)] == ["Zoë"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it lists no student"),
        ("id,name\n", "it lists no student"),
        (
            "a,b\n1,2\n",
            "columns id (or email) and name (or first name and last name): rename them, got 'a'",
        ),
        ("id,name\n,Ada\n", "line 2 has no id"),
        ("id,name\ns1, \u200b\n", "line 2 has no name"),
        ("id,name\ns1,Ada\nS1,Bob\n", "two students have the id 'S1'"),
        ("id,name\ns1,Ada\ns2,ADA\n", "s2 and s1 are both called 'ADA'"),
        ("id,name,aliases\ns1,Ada,\ns2,Bob,ada\n", "are both called 'ada'"),
        ("id,name\ns\x1b1,Ada\n", "an id has at most 64 printable characters"),
        ("id,name\n" + "s" * 65 + ",Ada\n", "an id has at most 64 printable characters"),
        ('id,name\n"s1,Ada\n' + "x" * 140_000, "field larger than field limit"),
    ],
)
def test_files_that_are_no_rosters(tmp_path, text, reason):
    with pytest.raises(NetchatError, match="is not a roster") as raised:
        read(tmp_path, text)
    assert reason in str(raised.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(NetchatError, match=r"not UTF-8\. Save it as CSV"):
        read(tmp_path, "id,name\ns1,Zoë\n", "latin-1")
    with pytest.raises(NetchatError, match="Cannot read"):
        read_roster(tmp_path / "none.csv")
    with pytest.raises(NetchatError, match="larger than 4 MiB"):
        read(tmp_path, "x" * (4 * 1024**2 + 1))


CLASS = ClassRoster(
    [
        Student("s01", "Ada Byron", ("Countess",)),
        Student("s02", "Zoë de la Cruz", email="zoe@x.org"),
        Student("2041", "Bob O'Hara", login="bohara"),
        Student("7", "Cy"),
    ]
)


def test_names_and_aliases_are_normalised():
    assert CLASS.named(" ADA\u00a0 byron").id == "s01"
    assert CLASS.named("countess").id == "s01"
    assert CLASS.named("Zoe\u0308 de la Cruz").id == "s02"  # decomposed
    assert CLASS.named("S02").id == "s02"
    assert CLASS.named("Ada") is None
    assert CLASS.similar_to("Ada Byrom").id == "s01"
    assert CLASS.similar_to("Xerxes") is None


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("s01/01_a_message.ipynb", "s01"),
        ("S01_01.ipynb", "s01"),
        ("week 1/s02/01.ipynb", "s02"),
        ("Ada Byron_12345_assignsubmission_file/01.ipynb", "s01"),  # Moodle
        ("byronada_77_9_01.ipynb", "s01"),  # Canvas
        ("delacruzzoë_1_2_01.ipynb", None),  # Canvas cannot know which words are the last name
        ("cruzzoedela.ipynb", None),
        ("zoe@x.org/01.ipynb", "s02"),
        ("2041.ipynb", "2041"),
        ("x_bohara.ipynb", "2041"),
        ("Bob O'Hara.ipynb", "2041"),
        ("12041.ipynb", None),  # part of a longer number
        ("s011.ipynb", None),
        ("lesson 7/01.ipynb", None),  # too short to be an id in a path
        ("cy.ipynb", None),  # too short to be a name in a path
        ("01.ipynb", None),
        # The platform wrote the beginning; the student chose the rest.
        ("Ada Byron_1_assignsubmission_file/s02.ipynb", "s01"),
        ("byronada_77_9_s02.ipynb", "s01"),
    ],
)
def test_the_owner_of_a_path(path, owner):
    found = CLASS.owner_of(path)
    assert (found.id if found else None) == owner


@pytest.mark.parametrize("number", ["zoe@x.org", "7", "Müller/1", "con"])
@pytest.mark.parametrize("above", ["", "handed-in/"])
def test_the_folder_of_hand_ins_decides_before_names_that_students_choose(number, above):
    roster = ClassRoster([Student("s01", "Ada Byron"), Student(number, "Bob Moss")])
    own = f"{above}{file_name(number)}"
    for path in ("s01.ipynb", "Ada Byron.ipynb", "modules-2/s01.ipynb"):
        assert roster.owner_of(f"{own}/{path}").id == number
        assert roster.owner_of(f"{above}{file_name(number).upper()}/{path}").id == number
    assert roster.owner_of(f"s01/{file_name(number)}/a.ipynb").id == "s01"


def test_odd_paths_have_no_owner():
    for path in ("\udce9", "\x00", "a" * 5000, "../../etc/passwd", ""):
        assert CLASS.owner_of(path) is None


def test_what_is_written_is_read_again(tmp_path):
    odd = Student("9", "Byron, Ada", ("A", "B"), "a@x.org", "B", "ada", "77")
    points = Student("10", "Points Possible", canvas_id="78")
    given = [*CLASS, odd, points]
    assert list(read(tmp_path, roster_csv(given))) == given


def test_an_export_of_canvas_keeps_login_and_number(tmp_path):
    again = read(tmp_path, roster_csv(read(tmp_path, CANVAS)))
    (row,) = Gradebook([], PointScheme(), again).rows
    assert (row.student.login, row.student.canvas_id) == ("ada", "77")
    assert (
        canvas(Gradebook([], PointScheme(), again)).splitlines()[2] == '"Byron, Ada",77,1001,ada,A'
    )


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("Vorname,Nachname,ID-Nummer,E-Mail-Adresse,Gruppen", "Jörg,Müller,17,j@x.org,A"),
        ("Nombre;Apellido(s);Número de ID;Dirección de correo;Grupos", "Jörg;Müller;17;j@x.org;A"),
    ],
)
def test_exports_of_moodle_in_other_languages(tmp_path, head, row):
    path = tmp_path / "participants.csv"
    path.write_text(f"{head}\n{row}\n", encoding="utf-8-sig")
    (one,) = read_roster(path)
    assert (one.id, one.name, one.email, one.section) == ("17", "Jörg Müller", "j@x.org", "A")


def test_without_id_numbers_the_email_address_identifies(tmp_path):
    path = tmp_path / "participants.csv"
    path.write_text(
        "First name,Last name,ID number,Email address\nAda,Byron,,a@x.org\nBob,Moss,7,b@x.org\n"
    )
    assert [one.id for one in read_roster(path)] == ["a@x.org", "7"]
    path.write_text("First name,Last name,Username\nAda,Byron,ada1\n")
    assert [one.id for one in read_roster(path)] == ["ada1"]


def test_the_last_name_of_a_roster_is_kept(tmp_path):
    path = tmp_path / "participants.csv"
    head = "First name,Last name,ID number"
    path.write_text(f'{head}\nJohn,"Smith, Jr.",1\nMaría,de la Cruz,2\nCher,,3\n', encoding="utf-8")
    parts = [("John", "Smith, Jr."), ("María", "de la Cruz"), ("", "Cher")]
    students = read_roster(path)
    assert [one.first_and_last for one in students] == parts
    path.write_text(roster_csv(students), encoding="utf-8")
    assert [one.first_and_last for one in read_roster(path)] == parts
