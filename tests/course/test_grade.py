"""Tests of grading: only the answers of a notebook count, not its actions or its output."""

import contextlib
import csv
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from netchat.classroom.gradebook import GradedNotebook
from netchat.cli.grade import _shared, grade
from netchat.course.grade import Grade, grade_notebook, grade_submission, write_csv
from netchat.course.grading_process import grade_apart
from netchat.course.student_process import StudentProcessEnded, isolation
from netchat.course.submission import Submission, read_submission
from netchat.errors import NotPermitted

ROOT = Path(__file__).parents[2]

#: A small course: numbers, functions, objects.
CHECKS = """
from netchat.course import exercise, need

@exercise("1.1", "Double", given=lambda variant: len(variant.student))
def double(given, answer):
    need(answer == 2 * given, "That is not the double.", "Add it to itself.")

@exercise("1.2", "A function")
def function(_, answer):
    for text in ("", "ab", "abc"):
        need(answer(text) == text[::-1], f"{text!r} is not turned round.")

@exercise("1.3", "An object")
def thing(_, answer):
    box = answer(3)
    box.put(b"x")
    need(box.size == 3 and bytes(box.content) == b"x" and list(box.shelf) == [1, (2, 3)], "no box")
"""

BEGIN = "from netchat.course import begin\ncourse = begin(1, student='Ada')"
DOUBLE = "course.check('1.1', 6)"
TURN = "course.check('1.2', lambda text: text[::-1])"
BOX = """
class Box:
    def __init__(self, size):
        self.size, self.content, self.shelf = size, bytearray(), [1, (2, 3)]
    def put(self, data):
        self.content += data
course.check('1.3', Box)
"""
#: Writes a line to every open file: one of them is the process's connection to the grader.
WRITE = """
import os
for number in range(3, 30):
    try:
        os.write(number, b'{}\\n')
    except OSError:
        pass
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    (folder / "checks").mkdir()
    (folder / "checks" / "lesson_01.py").write_text(CHECKS)
    return folder


@pytest.fixture
def graded(course, tmp_path):
    def run(*cells: str, **limits: float) -> dict[str, Grade]:
        path = notebook(tmp_path / "handed-in.ipynb", *cells)
        return {one.exercise: one for one in grade_notebook(path, course, **limits)}

    return run


def notebook(path: Path, *cells: str) -> Path:
    rows = [{"cell_type": "markdown", "source": ["text"]}]
    rows += [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    path.write_text(json.dumps({"cells": rows}))
    return path


def results(grades: dict[str, Grade]) -> list[str]:
    return [grades[number].result for number in ("1.1", "1.2", "1.3")]


def test_numbers_functions_and_objects_are_judged(graded):
    grades = graded(BEGIN, DOUBLE, TURN, BOX)
    assert results(grades) == ["passed"] * 3
    assert grades["1.1"].student == "Ada"


def test_wrong_and_missing_answers_say_so(graded):
    raising = "course.check('1.2', lambda text: text.index('z'))"
    grades = graded(BEGIN, "course.check('1.1', 7)", raising)
    assert results(grades) == ["wrong", "wrong", "not reached"]
    assert grades["1.1"].text == "That is not the double. Add it to itself."
    assert "raises ValueError: substring not found" in grades["1.2"].text
    dots = graded(BEGIN, "course.check('1.1', ...)", "course.check('1.2', lambda text: ...)")
    assert results(dots) == ["not answered", "not answered", "not reached"]


def test_the_last_answer_counts(graded):
    assert results(graded(BEGIN, "course.check('1.1', 7)", DOUBLE))[0] == "passed"


def test_cells_after_a_failed_or_endlessly_printing_cell_still_count(graded):
    grades = graded(BEGIN, "1 / 0", "for _ in range(300_000): print('x' * 100)", "(", DOUBLE)
    assert grades["1.1"].result == "passed"
    assert "cell 3: ZeroDivisionError: division by zero; cell 5: " in grades["1.1"].note


@pytest.mark.parametrize(
    ("action", "note"),
    [
        ("import os; os._exit(3)", "ended the notebook's process"),
        ("import sys; sys.exit()", "SystemExit"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended the notebook's process"),
        (WRITE.format('{"cell": [}'), "disturbs the grading"),
        (WRITE.format("[1]"), "disturbs the grading"),
    ],
)
def test_a_cell_that_ends_the_process_is_skipped(graded, action, note):
    grades = graded(BEGIN, DOUBLE, action, TURN)
    assert results(grades) == ["passed", "passed", "not reached"]
    assert note in grades["1.1"].note


def test_endless_cells_and_answers_time_out(graded):
    begun = time.monotonic()
    stubborn = "while True:\n  try:\n    while True: pass\n  except BaseException: pass"
    endless = "course.check('1.2', lambda text: [0 for _ in iter(int, 1)])"
    grades = graded(BEGIN, stubborn, DOUBLE, endless, BOX, limit=4, check_limit=1)
    assert results(grades) == ["passed", "wrong", "passed"]
    assert grades["1.2"].text == "the answer takes too long"
    assert "cell 3: takes too long" in grades["1.1"].note
    assert time.monotonic() - begun < 90


@contextlib.contextmanager
def busy_core(number):
    """Let four programs, each in a session of its own, compete for a core."""
    pin = f"import os; os.sched_setaffinity(0, {{{number}}})\nwhile True: pass"
    with contextlib.ExitStack() as closing:
        for _ in range(4):
            hog = subprocess.Popen([sys.executable, "-c", pin], start_new_session=True)
            closing.callback(hog.wait)
            closing.callback(hog.kill)
        yield


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux pins processes to a core")
@pytest.mark.slow
def test_the_time_that_other_programs_take_does_not_count(graded):
    core = min(os.sched_getaffinity(0))
    works = f"""
import os, time
os.sched_setaffinity(0, {{{core}}})
while time.process_time() < 2.5: pass
"""
    with busy_core(core):
        grades = graded(BEGIN, works, DOUBLE, limit=4)
    assert results(grades) == ["passed", "not reached", "not reached"]
    assert "cell 3" not in grades["1.1"].note


def test_a_notebook_is_extended_once_however_often_it_runs(monkeypatch):
    now = [0.0]

    class Clock:
        monotonic = staticmethod(lambda: now[0])

    class Starved:
        """A process that hangs in its first cell, and always seems to get too little CPU time."""

        def __init__(
            self, submission, cells, course, level, deadline, seconds, limit, most_extension
        ):
            self.deadline, self.extension, self.most_extension = deadline, 0.0, most_extension
            self.messages = [{"cell": min(cells)}]

        def receive(self):
            now[0] += 1
            if self.messages:
                return self.messages.pop()
            self.extension += self.most_extension
            now[0] = max(now[0], self.deadline + self.most_extension)
            raise StudentProcessEnded("takes too long")

        def end(self):
            pass

    monkeypatch.setattr("netchat.course.grade.time", Clock)
    monkeypatch.setattr("netchat.course.grade.StudentProcess", Starved)
    submission = Submission("a.ipynb", dict.fromkeys(range(9), ""), {})
    grades = list(grade_submission(submission, ROOT, 100.0, 20.0, "", None))
    assert [grade.result for grade in grades] == ["failed"]
    assert 300 < now[0] < 4 * 100 + 10


TAMPERING = """
import netchat.course.exercises as e, netchat.course as c, netchat.course.grade as g
always = lambda self, variant, answers: e.Verdict(self.number, self.title, "passed")
e.Exercise.judge = always
e.need = c.need = lambda *a: None
for one in course._exercises.values():
    object.__setattr__(one, "check", lambda *a: None)
check = course.check
course.check = lambda *a: print("✓ public checks passed")
g.load_exercises = lambda *a: {}
class Same:
    def __eq__(self, other): return True
    def __hash__(self): return 0
check('1.1', Same())
check('1.2', lambda text: Same())
check('1.3', "public checks passed")
"""


def test_tampering_with_the_checks_changes_nothing(graded):
    assert results(graded(BEGIN, TAMPERING)) == ["wrong"] * 3


def test_an_answer_never_runs_code_in_the_grader(graded, tmp_path):
    trap = f"""
class Trap:
    def __reduce__(self):
        return open, ({str(tmp_path / "trap")!r}, "w")
    def __repr__(self):
        open({str(tmp_path / "here")!r}, "w").write(str(__import__("os").getpid()))
        return "3"
course.check('1.1', Trap())
course.check('1.2', lambda text: Trap())
"""
    assert results(graded(BEGIN, trap))[:2] == ["wrong", "wrong"]
    assert not (tmp_path / "trap").exists()
    here = tmp_path / "here"
    assert not here.exists() or int(here.read_text()) != os.getpid()


def test_an_oversized_answer_is_wrong_and_the_others_count(graded):
    huge = "import numpy as np; course.check('1.1', np.zeros(50_000_000, np.uint8))"
    loop = "x = []; x.append(x); course.check('1.2', x)"
    assert results(graded(BEGIN, huge, loop, BOX)) == ["wrong", "wrong", "passed"]


def test_invalid_notebooks_fail_with_the_reason(graded, course, tmp_path):
    assert graded("x = 1")[""].text == "it does not begin a lesson"
    lost = graded(
        "from netchat.course.lesson import begun, Lesson",
        "from netchat.course import Variant",
        "one = Lesson.__new__(Lesson)",
        "one.variant, one.answers = Variant('Ada', 9), {}",
        "begun.append(one)",
    )
    assert "its lesson is unknown" in lost[""].text
    path = tmp_path / "broken.ipynb"
    path.write_text("{")
    assert [(g.result, g.text) for g in grade_notebook(path, course)] == [
        ("failed", "it is not a notebook")
    ]


def test_the_csv_has_one_line_per_exercise_and_no_formulas():
    file = io.StringIO()
    write_csv([Grade("a.ipynb", "=cmd()", "1.1", "Double", "wrong", "-1, it says")], file)
    (row,) = csv.DictReader(io.StringIO(file.getvalue()))
    assert (row["student"], row["text"]) == ("'=cmd()", "'-1, it says")


def test_the_command_grades_folders_and_reports_duplicate_names(course, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        notebook(tmp_path / name / "01.ipynb", BEGIN, DOUBLE)
    output = tmp_path / "grades.csv"
    arguments = [str(tmp_path), "--course", str(course), "--jobs", "2", "-o", str(output)]
    result = CliRunner().invoke(grade, arguments)
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader(io.StringIO(output.read_text())))
    assert [row["result"] for row in rows] == ["passed", "not reached", "not reached"] * 2
    assert "01.ipynb (Ada): 1 passed, 2 not reached" in result.stderr
    assert "lesson 1: 2 notebooks have the name 'Ada'" in result.stderr


def test_the_command_reports_missing_notebooks(tmp_path, course):
    result = CliRunner().invoke(grade, [str(tmp_path), "--course", str(course)])
    assert result.exit_code == 2
    assert "No notebook" in result.stderr
    notebook(tmp_path / "x.ipynb", "x = 1")
    result = CliRunner().invoke(grade, [str(tmp_path), "--course", str(course)])
    assert result.exit_code == 1
    assert "1 failed: it does not begin a lesson" in result.stderr


def test_the_command_outside_a_clone_names_its_option(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NETCHAT_COURSE", raising=False)
    path = notebook(tmp_path / "x.ipynb", BEGIN)
    for arguments in ([], ["--course", str(tmp_path)]):
        result = CliRunner().invoke(grade, [str(path), *arguments])
        assert result.exit_code == 2
        assert "--course" in result.stderr
        assert "experiments/" in result.stderr


def rows_of(tmp_path, course, *arguments: str) -> tuple[list[dict[str, str]], str]:
    output = tmp_path / "grades.csv"
    result = CliRunner().invoke(
        grade, [*arguments, "--course", str(course), "-o", str(output)], catch_exceptions=False
    )
    return list(csv.DictReader(io.StringIO(output.read_text(encoding="utf-8")))), result.stderr


def test_one_bad_notebook_does_not_affect_the_others(course, tmp_path):
    folder = tmp_path / "handed-in"
    folder.mkdir()
    notebook(folder / "1.ipynb", BEGIN, DOUBLE)
    notebook(
        folder / "2.ipynb", BEGIN.replace("Ada", "Bob"), DOUBLE, r"raise ValueError('\udce9\n=1')"
    )
    (folder / "3.ipynb").write_text("[" * 100_000)
    (folder / "4.ipynb").mkdir()
    os.mkfifo(folder / "5.ipynb")
    (folder / "6.ipynb").write_text(json.dumps({"cells": [{"cell_type": "code", "source": [5]}]}))
    notebook(folder / "7.ipynb", BEGIN.replace("Ada", "Cyd"), "'\ud800'", DOUBLE)
    rows, _ = rows_of(tmp_path, course, str(folder))
    found = {}
    for row in rows:
        found.setdefault(row["notebook"][-7], []).append(row["result"])
    passed = ["passed", "not reached", "not reached"]
    failed = ["failed"]
    assert found == {
        "1": passed, "2": passed, "3": failed, "4": failed, "5": failed, "6": failed, "7": passed,
    }  # fmt: skip
    assert rows[3]["note"] == r"cell 4: ValueError: \udce9\n=1"


def test_differently_typed_names_are_one_student():
    names = ("Ada Byron", "ada byron", " ADA  Byron ", "Ａda Byron", "Bob")  # noqa: RUF001
    grades = [Grade(f"{n}.ipynb", name, "1.1", "", "passed") for n, name in enumerate(names)]
    graded = [GradedNotebook(one.notebook, (one,)) for one in grades]
    (said,) = _shared(graded)
    assert said.startswith(
        "lesson 1: 4 notebooks have the name ' ADA  Byron ' and 'Ada Byron' and "
    )
    assert said.endswith(": 0.ipynb, 1.ipynb, 2.ipynb, 3.ipynb")


def test_notebooks_are_read_before_any_of_them_runs(course, tmp_path, monkeypatch):
    monkeypatch.setattr("netchat.course.student_process.isolation", lambda: ("rights", ""))
    second = tmp_path / "2.ipynb"
    notebook(tmp_path / "1.ipynb", BEGIN, f"open({str(second)!r}, 'w').write('gone')", DOUBLE)
    notebook(second, BEGIN.replace("Ada", "Bob"), DOUBLE)
    rows, _ = rows_of(tmp_path, course, str(tmp_path))
    assert second.read_text() == "gone"
    assert [row["result"] for row in rows] == ["passed", "not reached", "not reached"] * 2


def test_modules_beside_a_notebook_can_be_imported(graded, tmp_path):
    (tmp_path / "mine.py").write_text("def turn(text):\n    return text[::-1]\n")
    grades = graded(BEGIN, "from mine import turn\ncourse.check('1.2', turn)")
    assert grades["1.2"].result == "passed"


MAGICS = (
    "%matplotlib inline", "%matplotlib widget", "%pylab inline", "%%time", "%%capture", "!ls", "?len",
    "len?", "files = !ls", "%load_ext autoreload\n%autoreload 2", "%time 1", "%timeit -n1 -r1 1",
    "%config InlineBackend.figure_format = 'retina'", "%autosave 10", "%connect_info", "%who",
    "%env X=1", "%cd .", "import asyncio; await asyncio.sleep(0)", "%xmode Plain",
)  # fmt: skip


def test_answers_in_cells_with_magics_count(graded):
    cells = [f"{magic}\ntotal = globals().get('total', 0) + 1" for magic in MAGICS]
    grades = graded(BEGIN, *cells, f"%matplotlib inline\nassert total == {len(cells)}\n{DOUBLE}")
    assert grades["1.1"].note == ""
    assert grades["1.1"].result == "passed"


@pytest.mark.parametrize(
    "huge", ["'x' * 100_000_000", "b'x' * 100_000_000", "[0] * 2_000_000", "1 << 10**9"]
)
def test_an_answer_of_100_megabytes_is_wrong_and_its_own_cell_is_named(graded, huge):
    grades = graded(BEGIN, f"course.check('1.1', {huge})", TURN)
    assert results(grades) == ["wrong", "passed", "not reached"]
    assert "cannot be graded: it " in grades["1.1"].text
    assert grades["1.2"].note.startswith("cell 3: the answer to 1.1 cannot be graded")
    assert "cell 4" not in grades["1.2"].note


def test_an_integer_with_many_digits_is_an_answer(graded):
    grades = graded(BEGIN, "course.check('1.1', 10**5000)", TURN)
    assert results(grades)[:2] == ["wrong", "passed"]


def test_an_unprintable_exception_fails_only_its_cell(graded):
    strange = "class E(Exception):\n  def __str__(self): raise self\nraise E"
    grades = graded(BEGIN, strange, DOUBLE)
    assert grades["1.1"].result == "passed"
    assert grades["1.1"].note.startswith("cell 3: ")


def test_later_changes_to_a_checked_answer_do_not_count(graded):
    grades = graded(BEGIN, "answer = {'a': 1}\ncourse.check('1.2', answer)\nanswer.clear()", DOUBLE)
    assert "dict" in grades["1.2"].text


def test_a_detached_child_does_not_block_the_grader(graded):
    child = "import os, time\nif os.fork() == 0:\n  os.setsid(); time.sleep(200); os._exit(0)"
    begun = time.monotonic()
    assert graded(BEGIN, child, DOUBLE)["1.1"].result == "passed"
    assert time.monotonic() - begun < 30  # and not 200


def test_cells_that_run_again_do_not_extend_the_limit(graded):
    begun = time.monotonic()
    grades = graded(BEGIN, *["while True: pass"] * 5, DOUBLE, limit=2)
    assert grades[""].text == "its cells do not end"
    assert time.monotonic() - begun < 15  # five cells, each of half the limit


def test_a_check_that_hangs_or_crashes_fails_only_its_notebook(tmp_path):
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "lesson_01.py").write_text(
        "import os\nfrom netchat.course import exercise\n"
        "@exercise('1.1', 'a')\ndef one(_, answer):\n    pass\n"
        "@exercise('1.2', 'b')\ndef two(_, answer):\n    while answer: pass\n"
        "@exercise('1.3', 'c')\ndef three(_, answer):\n    os._exit(3)\n"
    )
    cells = (BEGIN, *(f"course.check('1.{n}', 1)" for n in (1, 2, 3)))
    submission = read_submission(notebook(tmp_path / "a.ipynb", *cells))
    grades = grade_apart(submission, tmp_path, 30, 0.5, isolation()[0])
    assert [(one.exercise, one.result) for one in grades] == [
        ("1.1", "passed"), ("1.2", "wrong"), ("", "failed"),
    ]  # fmt: skip
    assert grades[1].text == "the answer takes too long"
    assert grades[2].text.startswith("its grading failed")


def test_secrets_in_the_environment_are_not_passed_on(graded, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "x")
    grades = graded(BEGIN, "import os\nassert 'SECRET_TOKEN' not in os.environ", DOUBLE)
    assert grades["1.1"].note == ""


def test_root_refuses_to_grade_without_isolation(monkeypatch):
    monkeypatch.setattr("netchat.course.student_process.LEVELS", ("rights",))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    isolation.cache_clear()
    try:
        with pytest.raises(NotPermitted, match="would run as root"):
            isolation()
        monkeypatch.setattr("os.geteuid", lambda: 1000)
        assert isolation()[0] == "rights"
        assert "with your rights" in isolation()[1]
    finally:
        isolation.cache_clear()


def test_a_module_that_is_a_symlink_is_not_read(tmp_path):
    (tmp_path / "secret").write_text("KEY = 1")
    made = notebook(tmp_path / "a.ipynb", "1")
    (tmp_path / "helper.py").symlink_to(tmp_path / "secret")
    (tmp_path / "own.py").write_text("OWN = 2")
    assert read_submission(made).modules == {"own.py": "OWN = 2"}
