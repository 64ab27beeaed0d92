"""Tests of every lesson: generated from its source; solutions pass and common mistakes do not."""

import ast
import contextlib
import functools
import io
import json
from pathlib import Path

import pytest

import netchat.course
from netchat.course.answer_marshalling import as_graded, pack, perform, unpack
from netchat.course.lesson import begun
from netchat.course.notebook_builder import lessons, notebook_of, solutions_of, solve, text_of
from netchat.course.variant import Variant

ROOT = Path(__file__).parents[2]
COURSE = ROOT / "experiments"
LESSONS = [pytest.param(lesson, id=lesson.stem) for lesson in lessons(COURSE)]
NAMES = ("Ada", "Björn", "Chidi", "Dolores", "Emre", "Fatima", "Grace", "Hiro", "Inês", "李雷")
STUDENTS = (*NAMES, *(f"Student {number}" for number in range(10)))

#: Students per lesson for whom mistakes are tried: fewer where checks are slow, because they run a
#: server, decode thousands of blocks, or play a policy.
MOST = len(STUDENTS)
COUNTS = {
    "02": 10, "03": 10, "04": 6, "08": 8, "09": 6, "11": 2, "12": 3, "13": 10, "14": 10, "15": 10, "16": 10,
    "17": 10,
}  # fmt: skip


#: Cached cells of the lessons; reading them takes longer than running most of them.
parsed = functools.cache(notebook_of)


class Desk:
    """A student's notebook, in which only the cells that exercises depend on are run."""

    def __init__(self, lesson: Path, student: str) -> None:
        notebook = parsed(lesson)
        self.names = {}
        for cell in notebook.cells:
            if "base" in cell.metadata.get("tags", ()):
                run(cell.source.replace('STUDENT = "Ada"', f"STUDENT = {student!r}"), self.names)
        self.course = begun[-1]
        self.cells = {
            c.metadata["exercise"]: c.source for c in notebook.cells if "exercise" in c.metadata
        }

    def verdict(self, number: str, cell: str, names: dict | None = None):
        """Return the verdict of the self-check after a cell."""
        self.course.answers.clear()
        run(cell, self.names if names is None else names)
        return self.judge(number, as_graded(self.course.answers[number]))

    def judge(self, number: str, answers: tuple):
        return self.course._exercise(number).judge(self.course.variant, answers)


def sent_over(answers: tuple) -> tuple:
    """Return answers as the grader gets them: through JSON, with proxies for functions and objects."""
    things = []

    def keep(thing) -> int:
        things.append(thing)
        return len(things) - 1

    def through(value, ask, kept, keep):
        return unpack(json.loads(json.dumps(pack(value, keep))), ask, kept)

    def ask(number: int, what: str, arguments: list):
        there = through(arguments, None, things.__getitem__, None)
        return through(perform(things[number], what, there), ask, None, keep)

    return tuple(through(list(answers), ask, None, keep))


def run(cell: str, names: dict) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(cell, "<cell>", "exec"), names)


@pytest.fixture(autouse=True)
def in_the_course(monkeypatch):
    monkeypatch.chdir(COURSE)
    monkeypatch.delenv("NETCHAT_QUICK", raising=False)


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_notebook_is_generated_from_its_source(lesson):
    made = text_of(notebook_of(lesson))
    assert lesson.with_suffix(".ipynb").read_text() == made, "run `make docs`"
    assert '"outputs": []' in made


PICTURES = {
    name
    for name in netchat.course.__all__
    if getattr(getattr(netchat.course, name), "__annotations__", {}).get("return") == "Picture"
}


def discarded_pictures(source: str) -> list[str]:
    """Return the statements that make a picture which a notebook does not display."""
    body = ast.parse(source).body
    return [
        ast.unparse(node)
        for node in ast.walk(ast.Module(body, []))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and getattr(node.value.func, "id", "") in PICTURES
        and node is not body[-1]
    ]


def test_discarded_pictures_are_found():
    assert "show" in PICTURES
    assert discarded_pictures("if True:\n    show(a, 'b')") == ["show(a, 'b')"]
    assert discarded_pictures("show(a, 'b')\nprint(1)") == ["show(a, 'b')"]
    assert not discarded_pictures("print(1)\ndisplay(show(a, 'b'))\nshow(a, 'b')")


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_picture_is_displayed(lesson):
    cells = [one.source for one in parsed(lesson).cells if one.cell_type == "code"]
    assert [one for cell in cells for one in discarded_pictures(cell)] == []


@pytest.mark.parametrize("lesson", LESSONS)
def test_has_exercises_and_a_solution_for_each(lesson):
    exercises = [
        c.metadata["exercise"] for c in notebook_of(lesson).cells if "exercise" in c.metadata
    ]
    assert len(exercises) >= 3
    assert list(solutions_of(lesson)) == exercises
    assert exercises == list(Desk(lesson, "Ada").course._exercises)
    assert all(solution.mistakes for solution in solutions_of(lesson).values())
    assert not any("exercise" in cell.metadata for cell in solve(lesson).cells)


@pytest.mark.parametrize("lesson", LESSONS)
def test_unanswered_exercises_are_not_answered(lesson):
    desk = Desk(lesson, "Ada")
    for number, cell in desk.cells.items():
        assert (number, desk.verdict(number, cell).result) == (number, "not answered")


def hints_of(lesson: Path) -> set[str]:
    """Return all hints in the checks of a lesson."""
    checks = COURSE / "checks" / f"lesson_{lesson.name[:2]}.py"
    place = {"need": 2, "Wrong": 1}  # among the arguments
    return {
        ast.literal_eval(node.args[place[node.func.id]])
        for node in ast.walk(ast.parse(checks.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and len(node.args) > place.get(node.func.id, len(node.args))
    }


@pytest.mark.thorough
@pytest.mark.parametrize("lesson", LESSONS)
def test_solutions_pass_and_mistakes_fail_for_every_student(lesson):
    solutions, hints = solutions_of(lesson), set()
    for student in STUDENTS[: COUNTS.get(lesson.name[:2], MOST)]:
        desk = Desk(lesson, student)
        for number, solution in solutions.items():
            verdict = desk.verdict(number, solution.code)
            assert verdict.result == "passed", f"{student}: {verdict}"
            for mistake in solution.mistakes:
                verdict = desk.verdict(number, mistake.code, dict(desk.names))
                assert verdict.result == "wrong", f"{student}: {number}, {mistake.why} passes"
                assert "cannot use this answer" not in verdict.text, str(verdict)
                assert "NameError" not in verdict.text, str(verdict)
                hints.add(verdict.hint)
    assert hints_of(lesson) <= hints, "each of these hints needs a mistake in instructor/"


NAMED = {
    "6.2": ("Adds the carries only once", "including the one that adding a carry produces"),
    "8.1": (
        "Forgets that the bad state is entered",
        "then p_gb from the balance of both transitions",
    ),
    "8.3": ("Forgets the modulus", "Take the remainder, by % q"),
    "13.4": ("Does not reverse the bits", "The way back finds the last bit first"),
    "13.5": ("Gives the speed in kilobits", "Give the speed in bits per second"),
    "15.1": ("Forgets that the header", "The next record begins after the five bytes"),
    "15.2": ("Looks only at the first", "It may be in any of the extensions"),
    "15.3": ("Puts the number at the wrong end", "Only the nonce changes from record to record"),
    "15.4": ("Hands each of them", "You have one key in common with Alice"),
    "15.5": ("Compares the sizes only roughly", "Do you compare the exact sizes?"),
    "15.6": ("Rounds the lengths up", "is exceeded if you round up afterwards"),
    "7.4": ("Returns the list index as the position", "Positions count from 1"),
    "17.1": ("Takes every number between", "a sender may skip numbers"),
    "17.2": ("Forgets to halve", "how often does the result contain θ"),
    "17.3": ("Gives seconds per second", "1 ppm is 1e-6"),
    "17.4": ("Counts lost packets of all sizes", "they may have been lost by chance"),
    "17.5": ("Takes all neighbours", "only pairs whose second packet waited"),
    "14.1": ("Takes a bit that is 0 for an erased one", "0 counts as false"),
    "14.2": ("Runs over the first axis", "along the last axis"),
    "14.4": ("Never stops", "return the list [p], without another call"),
    "14.5": ("Returns the codeword", "Return the inputs"),
}


@pytest.mark.parametrize(("number", "student"), [("2.5", "Seed 54"), ("5.2", "Seed 60")])
def test_no_random_variant_lets_a_mistake_pass(number, student):
    (lesson,) = COURSE.glob(f"{int(number.split('.')[0]):02}_*.md")
    desk, solution = Desk(lesson, student), solutions_of(lesson)[number]
    assert desk.verdict(number, solution.code).result == "passed"
    for mistake in solution.mistakes:
        assert desk.verdict(number, mistake.code).result == "wrong", mistake.why


@pytest.mark.thorough
@pytest.mark.parametrize("number", NAMED)
def test_these_mistakes_get_their_hint_for_sixty_students(number):
    why, hint = NAMED[number]
    (lesson,) = COURSE.glob(f"{int(number.split('.')[0]):02}_*.md")
    solution = solutions_of(lesson)[number]
    (mistake,) = (m for m in solution.mistakes if m.why.startswith(why))
    desk = Desk(lesson, "Nadia Okafor")
    for earlier in list(solutions_of(lesson).values()):
        run(earlier.code, desk.names)
        if earlier.number == number:
            break
    for student in ("Nadia Okafor", *(f"Student {n}" for n in range(60))):
        one = Desk(lesson, student)
        names = {**desk.names, "course": one.course}
        run(solution.code, names)  # with this student's values
        verdict = one.verdict(number, mistake.code, names)
        assert hint in verdict.hint, f"{student}: {verdict}"


@pytest.mark.parametrize("lesson", LESSONS)
def test_solutions_also_pass_from_another_process(lesson):
    desk = Desk(lesson, "Ada")
    for number, solution in solutions_of(lesson).items():
        desk.verdict(number, solution.code)
        verdict = desk.judge(number, sent_over(desk.course.answers[number]))
        assert verdict.result == "passed", str(verdict)


@pytest.mark.parametrize("lesson", LESSONS)
def test_students_have_different_values(lesson):
    ada, ben = Desk(lesson, "Ada").course, Desk(lesson, "Björn").course
    given = [
        number
        for number in ada._exercises
        if not isinstance(ada.given(number), Variant)
        and repr(ada.given(number)) != repr(ben.given(number))
    ]
    assert given
    again = Desk(lesson, " ADA ").course
    assert [repr(ada.given(n)) for n in given] == [repr(again.given(n)) for n in given]
