"""Tests of the gradebook: which notebook belongs to whom, and that none costs another student points."""

import csv
import io

import pytest

from netchat.classroom.exports import canvas, gradescope, moodle, students
from netchat.classroom.feedback import feedback_page, overview_page
from netchat.classroom.gradebook import Gradebook, GradedNotebook
from netchat.classroom.points import PointScheme
from netchat.classroom.report import summary, write_report
from netchat.classroom.roster import ClassRoster, Student
from netchat.course.grade import CheckResult, Grade, cell_text, failed

CLASS = ClassRoster(
    [Student("s01", "Ada Byron"), Student("s02", "Bob Moss"), Student("s03", "Cy Dee")]
)
LESSON = frozenset(range(100))


def notebook(path: str, name: str, *results: str, lesson: int = 1, prints=frozenset()):
    grades = tuple(
        Grade(path, name, f"{lesson}.{n}", f"Title {n}", result, "Not yet." * (result == "wrong"))
        for n, result in enumerate(results, 1)
    )
    return GradedNotebook(path, grades, prints)


def book(*notebooks, roster=CLASS, scheme=None, **lessons) -> Gradebook:
    return Gradebook(notebooks, scheme or PointScheme(), roster, **lessons)


def points(made: Gradebook) -> dict[str, float]:
    return {row.student.id or row.student.name: row.earned for row in made.rows}


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_path_decides_before_the_name_in_the_notebook():
    made = book(
        notebook("s01/a.ipynb", "Ada Byron", "passed", "wrong"),
        notebook("x.ipynb", "bob  MOSS", "passed", "passed"),
        notebook("s03/a.ipynb", "any word", "passed", "passed"),
    )
    assert points(made) == {"s01": 1, "s02": 2, "s03": 2}
    assert made.rows[2].notes == ["s03/a.ipynb has the name 'any word' in its first cell"]
    assert made.unknown == []


def test_a_notebook_with_another_students_name_counts_for_no_student():
    made = book(
        notebook("s01/a.ipynb", "Ada Byron", "passed", "passed"),
        notebook("s02/a.ipynb", "Ada Byron", "wrong", "wrong"),
    )
    assert points(made) == {"s01": 2, "s02": 0, "s03": 0}
    assert "name of Ada Byron (s01)" in made.rows[1].notes[0]
    assert [one.id for one in made.missing] == ["s03"]
    page = feedback_page(made, made.rows[1])
    assert "another student" in page
    assert "Ada" not in page


@pytest.mark.parametrize("roster", [CLASS, None])
def test_a_worse_notebook_in_a_students_name_costs_nothing(roster):
    own = notebook("Ada.ipynb", "Ada Byron", "passed", "wrong")
    made = book(own, notebook("z.ipynb", "ADA BYRON", "wrong", "not reached"), roster=roster)
    assert made.rows[0].earned == 1
    assert made.rows[0].lessons[0].grades[1].result == "wrong"
    assert "2 notebooks, of which the best results count" in made.rows[0].notes[0]


def test_the_best_result_of_each_exercise_counts():
    made = book(
        notebook("s01/a.ipynb", "Ada Byron", "passed", "not answered"),
        notebook("s01/a-2.ipynb", "Ada Byron", "wrong", "passed"),
    )
    assert points(made)["s01"] == 2


def test_notebooks_without_an_owner_are_listed_with_a_guess():
    made = book(
        notebook("x.ipynb", "Ada Byrom", "passed"),
        notebook("y.ipynb", "", "passed"),
        GradedNotebook("z.ipynb", (failed("z.ipynb", "it is not a notebook"),)),
    )
    assert made.unknown == [
        ("x.ipynb", "the roster has no 'Ada Byrom'; did Ada Byron (s01) hand it in?"),
        ("y.ipynb", "it has no name"),
        ("z.ipynb", "it is not a notebook"),
    ]
    assert len(made.missing) == 3


def test_a_notebook_that_cannot_be_graded_was_still_handed_in():
    made = book(GradedNotebook("s01.ipynb", (failed("s01.ipynb", "it is not a notebook"),)))
    assert [one.id for one in made.missing] == ["s02", "s03"]
    assert made.rows[0].failures == [("s01.ipynb", "it is not a notebook")]
    assert made.rows[0].earned == 0


def test_copies_are_flagged_but_not_between_two_versions_of_one_student():
    prints = frozenset(range(1000, 1050))
    made = book(
        notebook("s01/a.ipynb", "Ada Byron", "passed", prints=LESSON | prints),
        notebook("s01/a-2.ipynb", "Ada Byron", "passed", prints=LESSON | prints),
        notebook("s02/a.ipynb", "Bob Moss", "passed", prints=LESSON | prints),
        lessons={1: LESSON},
    )
    assert [(one.first, one.second) for one in made.pairs] == [
        ("s01/a.ipynb", "s02/a.ipynb"), ("s01/a-2.ipynb", "s02/a.ipynb"),
    ]  # fmt: skip
    assert "almost the same code (100%)" in "\n".join(summary(made))


@pytest.mark.parametrize("name", ["Student", "Cy Dee", ""], ids=["unknown", "another", "none"])
@pytest.mark.parametrize("paths", [("s01/a.ipynb", "s02/a.ipynb"), ("s01/a.ipynb", "x.ipynb")])
def test_copies_of_different_students_are_flagged_whatever_name_they_bear(name, paths):
    prints = frozenset(range(1000, 1050))
    made = book(*(notebook(path, name, "passed", prints=prints) for path in paths))
    assert [(one.first, one.second) for one in made.pairs] == [paths]


def test_notebooks_that_belong_to_no_student_are_compared():
    prints = frozenset(range(1000, 1050))
    made = book(*(notebook(path, "Student", "passed", prints=prints) for path in ("x", "y")))
    assert [(one.first, one.second) for one in made.pairs] == [("x", "y")]
    made = book(*(notebook(p, "Student", "passed", prints=prints) for p in ("x", "y")), roster=None)
    assert made.pairs == []  # one student


def test_a_notebook_of_a_lesson_that_the_class_does_not_have_changes_no_total():
    own = notebook("s01/a.ipynb", "Ada Byron", "passed", "wrong")
    strays = [
        notebook("s02/b.ipynb", "Bob Moss", "passed", lesson=7),
        notebook("x.ipynb", "Xerxes", "passed", lesson=7),
    ]
    alone, made = book(own), book(own, *strays, only={1, 2})
    for table in (moodle, canvas, gradescope):
        assert table(made) == table(alone)
    assert made.lessons == [1]
    assert made.rows[1].notes == [
        "s02/b.ipynb is of lesson 7, which the class does not have, so it does not count"
    ]
    assert [one.id for one in made.missing] == ["s03"]
    assert "does not have" in feedback_page(made, made.rows[1])
    assert [path for path, _ in made.unknown] == ["x.ipynb"]


def test_the_tables_of_learning_platforms():
    made = book(
        notebook("s01/a.ipynb", "Ada Byron", "passed", "wrong"),
        notebook("s01/b.ipynb", "Ada Byron", "passed", lesson=2),
        notebook("s02/a.ipynb", "Bob Moss", "not answered", "passed"),
        scheme=PointScheme(points={"1.2": 2.5}),
    )
    one, two, three = rows(moodle(made))
    assert (one["ID number"], one["First name"], one["Last name"]) == ("s01", "Ada", "Byron")
    assert (one["Lesson 1"], one["Lesson 2"], two["Lesson 1"]) == ("1", "1", "2.5")
    assert one["Lesson 1 (feedback)"] == "1.1 ✓ 1/1; 1.2 ✗ 0/2.5 Not yet."
    assert (two["Lesson 2"], three["Lesson 1"]) == ("", "")  # an import must not set zeros
    head, one, *_ = rows(canvas(made))
    assert (head["Student"].strip(), head["Lesson 1"]) == ("Points Possible", "3.5")
    assert (one["Student"], one["SIS User ID"], one["Lesson 2"]) == ("Byron, Ada", "s01", "1")
    one, *_ = rows(gradescope(made))
    assert (one["SID"], one["Lesson 1 - Max Points"], one["Max Points"]) == ("s01", "3.5", "4.5")
    one, two, three = rows(students(made))
    assert (one["points"], one["of"], two["missing"]) == ("2", "4.5", "lesson 2")
    assert three["missing"] == "lesson 1, lesson 2"


#: Texts that break CSV, HTML, terminals or encodings.
ODD = [
    "</title><script>alert(1)</script>", "=HYPERLINK(1)", "a\r\nb,c\"d'", "\udce9\x00\x1b[2J",
    "\u202eevil", "x" * 10_000, "' onmouseover='x", "&lt;", "\ufeff", "👩‍👩‍👧" * 100,
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("roster", [CLASS, None], ids=["roster", "names"])
def test_odd_texts_in_every_field_stay_in_their_cell(odd, roster, tmp_path):
    text = cell_text(odd)
    check = CheckResult(text, text, 1, text)
    hostile = Grade(text, text, "1.1", text, "wrong", text, text, (check,))
    made = book(
        GradedNotebook(text, (hostile,)),
        GradedNotebook("s02/a.ipynb", (hostile,)),
        notebook("s01/a.ipynb", "Ada Byron", "passed"),
        GradedNotebook(f"s03/{text}", (failed(text, text),)),
        roster=roster,
    )
    ada = next(row for row in made.rows if row.student.name == "Ada Byron")
    assert ada.earned == 1
    grades = [hostile, *(grade for row in made.rows for one in row.lessons for grade in one.grades)]
    write_report(tmp_path / "out", made, grades)
    for name in ("students", "moodle", "canvas", "gradescope"):
        table = rows((tmp_path / "out" / f"{name}.csv").read_text(encoding="utf-8-sig"))
        assert len(table) == len(made.rows) + (name == "canvas")
        cells = [cell for row in table for cell in row.values()]
        assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for cell in cells)
    pages = [feedback_page(made, row) for row in made.rows] + [overview_page(made, "feedback")]
    for page in pages:
        assert "<script" not in page
        assert "onmouseover='" not in page
        assert page.isprintable() or not set(page) & {"\x00", "\x1b", "\u202e"}
        page.encode()
    assert "\n".join(summary(made)).encode()


def test_files_of_different_students_have_different_names(tmp_path):
    names = ("a/b", "a b", "a-b", "CON", "con", "..", "日本", "日木")
    made = book(
        *(notebook(f"{n}.ipynb", name, "passed") for n, name in enumerate(names)), roster=None
    )
    write_report(tmp_path / "out", made, [])
    found = {path.name.casefold() for path in (tmp_path / "out" / "feedback").iterdir()}
    assert len(found) == len(made.rows) == 7  # CON and con are one name
