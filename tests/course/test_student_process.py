"""Tests that any output of a notebook's process becomes rows of a CSV, without an exception."""

import csv
import io
import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netchat.course.student_process
from netchat.course.grade import grade_submission, write_csv
from netchat.course.lesson import find_course
from netchat.course.student_process import NotebookAnswers, StudentProcess, StudentProcessEnded
from netchat.course.submission import Submission
from tests.course.test_answer_marshalling import JSON

COURSE = find_course(Path(__file__))
DONE = {"student": "Ada", "lesson": 6, "answers": {}, "refused": {}}


class Scripted:
    """A process that sends scripted output and ignores its input."""

    returncode = 0

    def __init__(self, said: bytes) -> None:
        self.stdin = Path(os.devnull).open("wb", buffering=0)  # noqa: SIM115
        self.stdout = io.BytesIO(said)

    def wait(self, timeout=None) -> int:
        return 0

    kill = wait


def graded(said: bytes) -> list[dict[str, str]]:
    """Return the CSV rows of a notebook whose process sends this in each run."""

    def start(level, course, seconds):
        return Scripted(said), os.open(os.devnull, os.O_RDONLY)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(netchat.course.student_process, "_start", start)
        submission = Submission("a.ipynb", {0: "", 1: ""}, {})
        grades = list(grade_submission(submission, COURSE, 5.0, 1.0, "rights"))
    file = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
    write_csv(grades, file)
    text = file.buffer.getvalue().decode()
    assert text.count("\n") == len(grades) + 1  # a line each
    return list(csv.DictReader(io.StringIO(text)))


def lines(*messages) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


PACKED = st.fixed_dictionaries({"kind": st.just("list"), "value": st.lists(JSON, max_size=4)})
ANSWERS = st.dictionaries(st.sampled_from([f"6.{n}" for n in range(1, 7)]), PACKED | JSON)
MESSAGES = (
    JSON
    | st.fixed_dictionaries({"cell": JSON | st.integers(0, 1)})
    | st.fixed_dictionaries({"failed": JSON | st.integers(0, 1), "error": JSON | st.text()})
    | st.fixed_dictionaries({"result": JSON})
    | st.fixed_dictionaries({"error": JSON | st.lists(st.text(), min_size=2, max_size=2)})
    | st.fixed_dictionaries(
        {
            "done": JSON
            | st.fixed_dictionaries(
                {
                    "student": JSON | st.text(),
                    "lesson": JSON | st.just(6),
                    "answers": JSON | ANSWERS,
                    "refused": JSON | st.dictionaries(st.text(), st.text()),
                }
            )
            | st.fixed_dictionaries(
                {
                    "student": st.text(),
                    "lesson": st.just(6),
                    "answers": ANSWERS.filter(
                        lambda answers: all(isinstance(a, dict) for a in answers.values())
                    ),
                    "refused": st.just({}),
                }
            )
        }
    )
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.builds(lines, MESSAGES) | st.binary(max_size=20), max_size=6).map(b"".join))
def test_any_bytes_become_rows(said):
    rows = graded(said)
    assert rows
    assert all(row["result"] for row in rows)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"[" * 100_000 + b"\n",
        b'{"done": ' * 10_000 + b"\n",
        b"1" * 10_000 + b"\n",
        b"\xff\n",
        lines([]),
        lines({"failed": []}),
        lines({"failed": 0}),
        lines({"failed": 0, "error": 5}),
        lines({"cell": True}),
        lines({"cell": "0"}),
        lines({"done": []}),
        lines({"done": {**DONE, "answers": {"6.1": 5}}}),
        lines({"done": {**DONE, "answers": []}}),
        lines({"done": {**DONE, "student": 5}}),
        lines({"done": {**DONE, "lesson": True}}),
        lines({"done": {**DONE, "refused": {"6.1": 1}}}),
    ],
)
def test_an_invalid_message_fails_only_this_notebook(said):
    assert [row["result"] for row in graded(said)] == ["failed"]


def test_an_unknown_lesson_is_a_failure():
    for lesson in (0, -1, 99, 10**30):
        (row,) = graded(lines({"done": {**DONE, "lesson": lesson}}))
        assert row["text"].startswith("its lesson is unknown")


def test_texts_are_single_lines_and_never_formulas():
    name = "=cmd|' /C calc'!A0\n\x1b[2J\udce9" + "x" * 5000
    rows = graded(
        lines({"failed": 0, "error": "@SUM\r\n\u202e"}, {"done": {**DONE, "student": name}})
    )
    assert len(rows) == 6
    assert rows[0]["student"].startswith(r"'=cmd|' /C calc'!A0\n\x1b[2J\udce9xx")
    assert len(rows[0]["student"]) < 2100
    assert rows[0]["note"] == r"cell 1: @SUM\r\n\u202e"


def test_a_cell_with_a_formula_begins_with_an_apostrophe():
    for begin in ("=", "+", "-", "@", " =", "＝", "＠"):  # noqa: RUF001
        assert graded(lines({"done": {**DONE, "student": begin}}))[0]["student"] == f"'{begin}"


def test_json_that_would_fill_the_memory_is_not_parsed(monkeypatch):
    monkeypatch.setattr(netchat.course.student_process, "_MOST_STRUCTURE", 50)
    assert graded(lines({"cell": 0, "x": [{}] * 60}))[0]["note"] == "disturbs the grading"
    monkeypatch.setattr(netchat.course.student_process, "_LONGEST_LINE", 50)
    assert graded(lines({"cell": 0, "x": "y" * 60}))[0]["note"] == "disturbs the grading"


def test_a_done_message_has_the_right_types():
    assert NotebookAnswers.of(DONE) == NotebookAnswers("Ada", 6, {}, {})
    with pytest.raises(StudentProcessEnded):
        NotebookAnswers.of({**DONE, "lesson": "6"})


def test_the_end_is_reported_at_once_and_again_if_the_reader_fails(monkeypatch):
    class Failing(io.BytesIO):
        def readline(self, size=-1):
            raise MemoryError

    process = Scripted(b"")
    process.stdout = Failing()
    monkeypatch.setattr(
        netchat.course.student_process,
        "_start",
        lambda *_: (process, os.open(os.devnull, os.O_RDONLY)),
    )
    submission = Submission("a.ipynb", {0: ""}, {})
    student = StudentProcess(submission, submission.cells, COURSE, "rights", time.monotonic() + 5)
    for _ in range(2):
        with pytest.raises(StudentProcessEnded, match="ended the notebook's process"):
            student.receive()
    student.end()
