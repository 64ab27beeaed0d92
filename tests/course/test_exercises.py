import pytest

from netchat.course.exercises import Exercise, Wrong, load_exercises, need, whole_number
from netchat.course.lesson import begin, find_course
from netchat.course.variant import Variant
from netchat.errors import NetchatError

ADA = Variant("Ada", 1)


def judged(check, *answers):
    return Exercise("1.1", "A title", check, lambda variant: variant.lesson).judge(ADA, answers)


def test_a_verdict_has_the_error_and_the_hint():
    def check(given, answer):
        need(answer == given, "Not that.", "Over there.")

    assert str(judged(check, 1)) == "✓ 1.1 A title: public checks passed."
    assert str(judged(check, 2)) == "✗ 1.1 A title: Not that.\n  Hint: Over there."
    assert judged(check, ...).result == "not answered"
    assert judged(check, [1, {"a": ...}]).result == "not answered"


def test_a_function_that_raises_is_a_wrong_answer_with_its_arguments():
    def check(_given, answer):
        answer("xyz")

    assert "int('xyz') raises ValueError" in judged(check, int).text
    assert judged(check, lambda _: ...).result == "not answered"
    assert judged(check, 7).text.startswith("The check cannot use this answer (TypeError")
    assert "pass its name only" in judged(check, 7).hint
    assert "type that the exercise expects" in judged(lambda _, x: x + 1, "7").hint


def test_a_function_cannot_change_its_arguments():
    def check(_given, answer):
        data = [3, 1, 2]
        answer(data)
        need(data == [3, 1, 2], "changed")

    assert judged(check, lambda data: data.sort()).result == "passed"


@pytest.mark.parametrize(
    ("value", "right"),
    [
        (3, True),
        (3.0, True),
        ("3", False),
        (3.5, False),
        (True, False),
        (None, False),
        (float("inf"), False),
    ],
)
def test_whole_numbers(value, right):
    if right:
        assert whole_number(value, "n") == 3
    else:
        with pytest.raises(Wrong, match="n must be a whole number"):
            whole_number(value, "n")


def test_a_variant_depends_on_the_normalised_name():
    assert ADA.seed("x") == Variant("  aDA ", 1).seed("x")
    assert (
        len({ADA.seed("x"), ADA.seed("y"), Variant("Ada", 2).seed("x"), Variant("Bo", 1).seed("x")})
        == 4
    )
    assert len(set(ADA.people("x", 19))) == 19
    assert ADA.numpy("x").random() == ADA.numpy("x").random()


def test_the_course_is_found_from_subfolders_and_by_the_environment(monkeypatch, tmp_path):
    course = find_course()
    monkeypatch.chdir(course / "checks")
    assert find_course() == course
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NetchatError, match="make notebooks"):
        find_course()
    monkeypatch.setenv("NETCHAT_COURSE", str(course))
    assert begin(1, "Ada").captures.is_dir()


def test_an_unknown_exercise_is_named_in_the_error(monkeypatch):
    with pytest.raises(NetchatError, match=r"no exercise '1.9'; it has 1.1, "):
        begin(1, "Ada").check("1.9", 3)
    with pytest.raises(FileNotFoundError, match="lesson 99"):
        load_exercises(find_course(), 99)


def test_quick_mode_is_the_default(monkeypatch):
    assert begin(1, "Ada").size(quick=1, thorough=2) == 1
    monkeypatch.setenv("NETCHAT_QUICK", "0")
    assert begin(1, "Ada").size(quick=1, thorough=2) == 2
