"""Tests of points: weights, partial credit, and their file."""

import pytest

from netchat.classroom.points import PointScheme, read_points
from netchat.course.grade import CheckResult, Grade
from netchat.errors import NetchatError


def grade(result: str, *checks: tuple[str, float]) -> Grade:
    private = tuple(CheckResult("x", one, weight) for one, weight in checks)
    return Grade("a", "Ada", "1.2", "", result, checks=private)


@pytest.mark.parametrize(
    ("one", "earned"),
    [
        (grade("passed"), 4),
        (grade("wrong"), 0),
        (grade("not reached"), 0),
        (grade("passed", ("passed", 2), ("passed", 1)), 4),
        (grade("wrong", ("passed", 2), ("wrong", 1)), 2),
        (grade("passed", ("wrong", 2), ("wrong", 1)), 1),
    ],
)
def test_checks_share_the_points_of_an_exercise(one, earned):
    assert PointScheme(points={"1.2": 4}).earned(one) == pytest.approx(earned)


def test_the_public_check_may_have_no_weight():
    scheme = PointScheme(public=0)
    assert scheme.earned(grade("passed", ("wrong", 1))) == 0
    assert scheme.earned(grade("passed", ("passed", 1))) == 1


def test_an_exercise_without_private_checks_is_decided_by_the_public_one():
    scheme = PointScheme(public=0, points={"1.2": 4})
    assert scheme.earned(grade("passed")) == 4
    assert scheme.earned(grade("wrong")) == 0
    assert scheme.earned(grade("passed", ("wrong", 0))) == 4  # a check without weight


def test_the_file(tmp_path):
    path = tmp_path / "points.toml"
    path.write_text('default = 2\n[points]\n"1.2" = 3.5\n')
    scheme = read_points(path)
    assert (scheme.most("1.1"), scheme.most("1.2"), scheme.public) == (2, 3.5, 1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("other = 1", "got other"),
        ("points = 3", "points that are no table"),
        ("default = -1", "default must be a number of points, got -1"),
        ("default = inf", "got inf"),
        ("default = nan", "got nan"),
        ("public = true", "got True"),
        ('[points]\n"1.1" = "a"', r"\[points\] '1.1' must be a number"),
        ("[", "Cannot read"),
    ],
)
def test_invalid_files(tmp_path, text, reason):
    path = tmp_path / "points.toml"
    path.write_text(text)
    with pytest.raises(NetchatError, match=reason):
        read_points(path)
