"""Tests of private checks: how they load, and what they add to a grade."""

import json
import time
from pathlib import Path

import pytest

from netchat.course.exercises import load_exercises
from netchat.course.grade import CheckResult, Grade, grade_submission
from netchat.course.grading_process import grade_apart
from netchat.course.lesson import find_course
from netchat.course.notebook_builder import lessons, solutions_of
from netchat.course.private_checks import load_private_checks, private_check
from netchat.course.student_process import isolation
from netchat.course.submission import Submission
from netchat.course.variant import Variant
from netchat.errors import NetchatError

COURSE = find_course(Path(__file__))
EXAMPLES = COURSE / "instructor" / "checks"

CHECKS = """
from netchat.course import exercise, need
@exercise("1.1", "Double", given=lambda variant: 21)
def double(given, answer):
    need(answer(given) == 42, "Not the double.")
"""

PRIVATE = """
from netchat.course import need, private_check
@private_check("1.1", "Zero", weight=2)
def zero(given, answer):
    need(answer(0) == 0, "Zero is not doubled.")
@private_check("1.1", "Ends", weight=1)
def ends(given, answer):
    need(answer(given + 1) == 44, "22 is not doubled.")
@private_check("1.1", "Own values", given=lambda variant: variant.student)
def own(given, answer):
    need(answer(given) == given * 2, f"{given!r} is not doubled.")
"""


@pytest.fixture
def course(tmp_path):
    for folder, text in (("checks", CHECKS), ("private", PRIVATE)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "lesson_01.py").write_text(text)
    return tmp_path


def graded(course: Path, answer: str, check_limit: float = 20.0) -> Grade:
    cells = {
        0: "from netchat.course import begin\ncourse = begin(1, student='Ada')",
        1: f"course.check('1.1', {answer})",
    }
    one = Submission("a.ipynb", cells, {})
    level = isolation()[0]
    (grade,) = grade_submission(one, course, 60, check_limit, level, course / "private")
    return grade


def test_private_checks_judge_the_same_answer(course):
    grade = graded(course, "lambda x: 42 if x else 0")
    assert grade.result == "passed"
    assert grade.checks == (
        CheckResult("Zero", "passed", 2),
        CheckResult("Ends", "wrong", 1, "22 is not doubled."),
        CheckResult("Own values", "wrong", 1, "'Ada' is not doubled."),
    )


def test_a_private_check_that_ends_the_process_does_not_affect_the_next(course):
    answer = "lambda x: __import__('os')._exit(1) if x == 0 else x * 2"
    grade = graded(course, answer)
    assert [check.result for check in grade.checks] == ["wrong", "passed", "passed"]
    assert grade.checks[0].text == "the answer ended the notebook's process"


@pytest.mark.thorough
def test_an_endless_private_check_is_wrong(course):
    begun = time.monotonic()
    grade = graded(course, "lambda x: x * 2 if x else [0 for _ in iter(int, 1)]", 1.0)
    assert [check.result for check in grade.checks] == ["wrong", "passed", "passed"]
    assert time.monotonic() - begun < 60


def test_an_open_exercise_has_no_private_results(course):
    assert graded(course, "...").checks == ()


def test_the_notebook_cannot_read_private_checks(course):
    if isolation()[0] != "namespaces":
        pytest.skip("this machine does not permit namespaces")
    path = str(course / "private" / "lesson_01.py")
    assert graded(course, f"open({path!r}).read() and None").result == "not reached"


@pytest.mark.thorough
def test_results_of_private_checks_survive_the_grading_process(course):
    cells = {
        0: "from netchat.course import begin\ncourse = begin(1, student='Ada')",
        1: "course.check('1.1', lambda x: x * 2)",
    }
    submission = Submission("a.ipynb", cells, {})
    level = isolation()[0]
    (grade,) = grade_apart(submission, course, 60, 20, level, course / "private")
    assert [check.weight for check in grade.checks] == [2, 1, 1]
    assert grade == Grade.of(json.loads(json.dumps(grade, default=vars)))


def test_files_of_private_checks_that_do_not_fit_are_errors(course):
    exercises = load_exercises(course, 1)
    assert load_private_checks(None, 1, exercises) == {}
    assert load_private_checks(course / "private", 2, exercises) == {}
    path = course / "private" / "lesson_01.py"
    path.write_text(PRIVATE.replace('"1.1"', '"1.7"'))
    with pytest.raises(NetchatError, match=r"no exercise '1.7'; it has 1\.1"):
        load_private_checks(course / "private", 1, exercises)
    path.write_text("import nothing_of_that_name")
    with pytest.raises(NetchatError, match="does not load: ModuleNotFoundError"):
        load_private_checks(course / "private", 1, exercises)
    with pytest.raises(ValueError, match="weight must be positive"):
        private_check("1.1", "x", weight=0)


def solved(number: str, code: str) -> tuple:
    """Return the answer in a cell of the solutions, without the process of a notebook."""
    answers = []

    class Recorder:
        given = staticmethod(lambda n: exercises[n].make_given(variant))
        check = staticmethod(lambda n, *answer: answers.append(answer))

    variant = Variant("Ada", 1)
    exercises = load_exercises(COURSE, 1)
    exec(code, {"course": Recorder})
    return answers[-1]


def test_the_examples_accept_the_solutions_and_give_partial_credit():
    exercises = load_exercises(COURSE, 1)
    private = load_private_checks(EXAMPLES, 1, exercises)
    variant = Variant("Ada", 1)
    solutions = solutions_of(lessons(COURSE)[0])
    for number, checks in private.items():
        answer = solved(number, solutions[number].code)
        for check in checks:
            assert check.of(exercises[number]).judge(variant, answer).result == "passed", check
    # A length of one byte passes for short texts only.
    short = (lambda text: len(text).to_bytes(2, "big") + text.encode(),)
    results = [one.of(exercises["1.2"]).judge(variant, short).result for one in private["1.2"]]
    assert results == ["passed", "wrong"]


def test_the_template_loads():
    text = (EXAMPLES / "template.py").read_text(encoding="utf-8")
    names: dict = {}
    exec(text, names)
    assert names["random_text"].private_check.weight == 2
