"""Tests of `netchat grade` on the command line."""

import csv
import io
import json
import sys

import pytest
from click.testing import CliRunner

from netchat.cli.grade import _level
from netchat.cli.main import cli

CHECKS = """
from netchat.course import exercise, need
@exercise("1.1", "Double", given=lambda variant: len(variant.student))
def double(given, answer):
    need(answer == 2 * given, "That is not the double.")
"""
PRIVATE = """
from netchat.course import need, private_check
@private_check("1.1", "Even")
def even(given, answer):
    need(answer % 2 == 0, "It is odd.")
"""


@pytest.fixture
def folder(tmp_path):
    for name, text in (("checks", CHECKS), ("private", PRIVATE)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lesson_01.py").write_text(text)
    (tmp_path / "students.csv").write_text("id,name\ns01,Ada Byron\ns02,Bob Moss\n")
    (tmp_path / "handed-in").mkdir()
    begin = "from netchat.course import begin\ncourse = begin(1, student='Ada Byron')"
    cells = [{"cell_type": "code", "source": [text]} for text in (begin, "course.check('1.1', 2)")]
    (tmp_path / "handed-in" / "s01.ipynb").write_text(json.dumps({"cells": cells}))
    return tmp_path


def run(folder, *arguments: str):
    command = ["grade", str(folder / "handed-in"), "--course", str(folder), "--no-sandbox"]
    return CliRunner().invoke(cli, [*command, *arguments])


def test_a_report_with_roster_and_private_checks(folder):
    report = folder / "results"
    options = ["--roster", str(folder / "students.csv"), "--checks", str(folder / "private")]
    (folder / "private" / "points.toml").write_text("default = 4\n")
    result = run(folder, *options, "--report", str(report))
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "1 of 2 students handed in." in result.stderr
    assert "Nothing from 1 student: s02 Bob Moss" in result.stderr
    assert sorted(path.name for path in report.iterdir()) == [
        "canvas.csv", "feedback", "grades.csv", "gradescope.csv", "moodle.csv", "overview.html",
        "state.jsonl", "students.csv",
    ]  # fmt: skip
    (row, _) = csv.DictReader(io.StringIO((report / "students.csv").read_text("utf-8-sig")))
    assert (row["id"], row["points"], row["of"]) == ("s01", "2", "4")
    (row,) = csv.DictReader(io.StringIO((report / "grades.csv").read_text("utf-8")))
    assert (row["result"], row["private"]) == ("wrong", "Even: passed")
    assert "Even" in (report / "feedback" / "s01.html").read_text("utf-8")
    again = run(folder, *options, "--report", str(report), "-o", str(folder / "long.csv"))
    assert "1 notebook had not changed since an earlier run." in again.stderr
    assert (folder / "long.csv").read_bytes()


@pytest.mark.parametrize(
    ("class_json", "options", "expected"),
    [
        (None, (), True),
        (None, ("--lessons", "1-3"), True),
        (None, ("--lessons", "2-3,5"), False),
        ('{"name": "C", "lessons": [2]}', (), False),
        ('{"name": "C", "lessons": [2]}', ("--lessons", "1"), True),
    ],
)
def test_only_the_lessons_of_the_class_count(folder, class_json, options, expected):
    if class_json is not None:
        (folder / "class.json").write_text(class_json)
    report = folder / "results"
    roster = str(folder / "students.csv")
    result = run(folder, "--roster", roster, "--report", str(report), *options)
    assert result.exit_code == 0, result.output
    (row, _) = csv.DictReader(io.StringIO((report / "students.csv").read_text("utf-8-sig")))
    assert ("lesson 1" in row) is expected
    assert ("which the class does not have" in result.stderr) is not expected
    grades = list(csv.DictReader(io.StringIO((report / "grades.csv").read_text("utf-8"))))
    assert bool(grades) is expected


def test_lessons_must_be_numbers(folder):
    result = run(folder, "--lessons", "x")
    assert result.exit_code == 2
    assert "must be numbers such as 1-3,5, got 'x'" in result.stderr


def test_without_a_sandbox_only_the_option_grades(folder, monkeypatch):
    monkeypatch.setattr("netchat.course.student_process.isolation", lambda: ("rights", "no reason"))
    command = ["grade", str(folder / "handed-in"), "--course", str(folder)]
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 1
    assert "No sandbox is available here: no reason." in str(result.exception)
    assert "--no-sandbox" in str(result.exception)


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")
@pytest.mark.parametrize(
    ("machine", "warns"), [("riscv64", True), ("x86_64", False), ("aarch64", False)]
)
def test_a_processor_without_a_filter_is_a_warning(machine, warns, monkeypatch, capsys):
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr("netchat.course.student_process.isolation", lambda: ("namespaces", ""))
    assert _level(allowed=False) == "namespaces"
    warning = capsys.readouterr().err
    assert ("the seccomp filter is for x86-64 and ARM64, not for riscv64." in warning) == warns
    assert warning.count("\n") == warns


def test_lab_grade_is_the_same_command():
    texts = [
        CliRunner().invoke(cli, [*name, "--help"]).stdout for name in (["grade"], ["lab", "grade"])
    ]
    assert texts[0].partition("\n")[2] == texts[1].partition("\n")[2]
    assert "--roster" in texts[0]


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("students.csv", "name\nAda\n", "is not a roster"),
        ("private/lesson_01.py", "1 / 0", "does not load: ZeroDivisionError"),
        ("private/lesson_07.py", PRIVATE, "lesson 7 has no checks"),
        ("points.toml", "x = 1", "its keys must be"),
    ],
)
def test_invalid_files_of_the_teacher_stop_the_run_before_it_starts(folder, file, text, reason):
    (folder / "points.toml").write_text("")
    (folder / file).write_text(text)
    result = run(
        folder, "--roster", str(folder / "students.csv"), "--checks", str(folder / "private"),
        "--points", str(folder / "points.toml"),
    )  # fmt: skip
    assert result.exit_code == 1
    assert reason in str(result.exception)
    assert "passed" not in result.stderr


def test_checks_without_a_lesson_are_a_usage_error(folder):
    result = run(folder, "--checks", str(folder / "handed-in"))
    assert result.exit_code == 2
    assert "has no file lesson_NN.py" in result.stderr


def test_missing_packages_are_named_before_any_notebook_runs(folder, monkeypatch):
    monkeypatch.setattr("netchat.cli.grade._PACKAGES", ("json", "no_such_package"))
    result = run(folder)
    assert result.exit_code != 0
    assert "Grading needs no_such_package" in str(result.exception) + result.stderr
    assert "make solutions" in str(result.exception) + result.stderr
