"""Tests of grading many notebooks: hostile ones cost no other student a grade, and runs resume."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from netchat.classroom.gradebook import Gradebook
from netchat.classroom.grading_run import GradingPlan, GradingRun, find_notebooks
from netchat.classroom.points import PointScheme
from netchat.classroom.roster import ClassRoster, Student
from netchat.course.student_process import isolation
from netchat.errors import NetchatError

CHECKS = """
from netchat.course import exercise, need
@exercise("1.1", "Double", given=lambda variant: len(variant.student))
def double(given, answer):
    need(answer == 2 * given, "That is not the double.")
@exercise("1.2", "Reverse")
def reverse(_, answer):
    need(answer("abc") == "cba", "It is not reversed.")
"""

BEGIN = "from netchat.course import begin\ncourse = begin(1, student={!r})"
DOUBLE = "course.check('1.1', 2 * course.given('1.1'))"
REVERSE = "course.check('1.2', lambda text: text[::-1])"

#: Cells of hostile notebooks. HOME is a folder with a secret, PORT a listening port of this machine, PID the
#: grader. Each leaves `secret` set if it got what it wanted.
HOSTILE = {
    "reads the home directory": "secret = open('HOME/secret.txt').read()",
    "lists the home directory": "import os\nsecret = os.listdir('HOME')",
    "reads other notebooks": "secret = open('HOME/handed-in/ada.ipynb').read()",
    "reads the private checks": "secret = open('HOME/private/lesson_01.py').read()",
    "writes outside": "open('HOME/planted', 'w').write('x'); secret = 1",
    "connects to this machine": "import socket\nsecret = socket.create_connection(('127.0.0.1', PORT), 2)",
    "connects out": "import socket\nsecret = socket.create_connection(('192.0.2.1', 53), 2)",
    "kills the grader": "import os, signal\nos.kill(PID, signal.SIGKILL); secret = 1",
    "kills everything": "import os, signal\nos.kill(-1, signal.SIGKILL)",
    "forks without end": (
        "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"
    ),
    "writes 10 GB": (
        "block = b'x' * (1 << 24)\nfor n in range(640):\n"
        "    with open(f'/tmp/{n % 100}', 'ab') as file: file.write(block)"
    ),
    "takes all memory": "x = []\nwhile True: x.append(bytearray(1 << 28))",
    "leaves detached children": (
        "import subprocess\n"
        "subprocess.Popen(['setsid', 'sh', '-c', 'trap \"\" HUP INT TERM; sleep 4321.5'])"
    ),
    "forges results": (
        "import os\nfor n in range(3, 64):\n    try:\n        os.write(n, b'"
        '{"done": {"student": "Ada", "lesson": 1, "answers": {}, "refused": {}}}\\n'
        '{"notebook": "x", "student": "Ada", "exercise": "1.1", "title": "t", "result": "passed"}\\n'
        "' * 50)\n    except OSError: pass"
    ),
    "mounts": "import ctypes\nlibc = ctypes.CDLL(None)\nassert libc.unshare(0x10000000); assert 0",
    "odd text": "raise type('\\ud800\\n=1', (Exception,), {})('\\x1b[2J\\ud800</td>,\"')",
    "odd name": "course = begin(1, student='\\ud800\\u202e=1\\n\\x00' * 5000)",
}


def write(path: Path, *cells: str) -> None:
    rows = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(json.dumps({"cells": rows}))


@pytest.fixture
def plan(tmp_path):
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "lesson_01.py").write_text(CHECKS)
    return GradingPlan(tmp_path, isolation()[0], 60.0, 20.0)


def graded(plan: GradingPlan, folder: Path, jobs: int = 1, state: Path | None = None):
    run = GradingRun(plan, state)
    found = {one.path: one for one in run.grade(find_notebooks([folder]), jobs)}
    return found, run


def results(one) -> list[str]:
    return [grade.result for grade in one.grades]


def test_grades_of_unchanged_notebooks_are_taken_from_an_earlier_run(plan, tmp_path):
    folder, state = tmp_path / "handed-in", tmp_path / "state.jsonl"
    write(folder / "a.ipynb", BEGIN.format("Ada"), DOUBLE)
    (folder / "broken.ipynb").write_text("{")
    found, run = graded(plan, folder, state=state)
    assert results(found["a.ipynb"]) == ["passed", "not reached"]
    assert (run.reused, len(state.read_text().splitlines())) == (0, 1)
    state.write_text(state.read_text() + '{"key": "tru')  # the run was killed
    (folder / "a.ipynb").rename(folder / "b.ipynb")
    again, run = graded(plan, folder, state=state)
    assert run.reused == 1
    assert again["b.ipynb"].grades[0].notebook.endswith("b.ipynb")
    assert results(again["b.ipynb"]) == results(found["a.ipynb"])
    # Another answer, and other checks, are graded again.
    write(folder / "b.ipynb", BEGIN.format("Ada"), DOUBLE, REVERSE)
    changed, run = graded(plan, folder, state=state)
    assert (run.reused, results(changed["b.ipynb"])) == (0, ["passed", "passed"])
    path = tmp_path / "checks" / "lesson_01.py"
    path.write_text(CHECKS.replace("2 * given", "3 * given"))
    changed, run = graded(plan, folder, state=state)
    assert (run.reused, results(changed["b.ipynb"])) == (0, ["wrong", "passed"])


def test_a_state_that_cannot_be_used_is_an_error(plan, tmp_path):
    (tmp_path / "state").mkdir()
    with pytest.raises(NetchatError, match="Cannot read"):
        GradingRun(plan, tmp_path / "state")


def test_paths_are_relative_to_the_given_folder(tmp_path):
    for name in ("s01/a.ipynb", "s01/.ipynb_checkpoints/a.ipynb", "b.ipynb"):
        write(tmp_path / "home-of-ada" / name)
    root = tmp_path / "home-of-ada"
    assert sorted(find_notebooks([root]).values()) == ["b.ipynb", "s01/a.ipynb"]
    assert next(iter(find_notebooks([root / "s01" / "a.ipynb", root]).values())) == "s01/a.ipynb"
    later = root / "s01" / "modules-2" / "a.ipynb"
    assert list(find_notebooks([later]).values()) == ["s01/modules-2/a.ipynb"]


@pytest.mark.parametrize("given", [".", "s1", "s1/modules-2", "s1/modules-2/for ada.ipynb"])
def test_paths_below_handed_in_begin_with_the_students_folder(tmp_path, monkeypatch, given):
    """So the shell may expand `handed-in/*`, and a file's name does not decide whose it is."""
    write(tmp_path / "handed-in" / "s1" / "modules-2" / "for ada.ipynb")
    monkeypatch.chdir(tmp_path / "handed-in")
    (path,) = find_notebooks([Path(given)]).values()
    assert path == "s1/modules-2/for ada.ipynb"
    monkeypatch.chdir(tmp_path / "handed-in" / "s1")
    (path,) = find_notebooks([Path("..") / given]).values()
    assert path == "s1/modules-2/for ada.ipynb"
    roster = ClassRoster([Student("s1", "Bob"), Student("s2", "Ada")])
    assert roster.owner_of(path) == roster.named("s1")


@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_hostile_notebooks_get_nothing_and_cost_no_other_student_a_grade(plan, tmp_path):
    if plan.level != "namespaces":
        pytest.skip("this machine does not permit namespaces")
    import socket

    home = tmp_path / "home"
    folder = home / "handed-in"
    write(folder / "ada.ipynb", BEGIN.format("Ada"), DOUBLE, REVERSE)
    (home / "private").mkdir()
    (home / "secret.txt").write_text("secret")
    (home / "private" / "lesson_01.py").write_text("")
    for path in (tmp_path, home):
        path.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        for number, cell in enumerate(HOSTILE.values()):
            cell = cell.replace("HOME", str(home)).replace("PORT", port)
            cell = cell.replace("PID", str(os.getpid()))
            stolen = "course.check('1.1', 2 * course.given('1.1') if 'secret' in dir() else None)"
            write(folder / f"h{number}.ipynb", BEGIN.format(f"H{number}"), cell, stolen, REVERSE)
        write(folder / "zoe.ipynb", BEGIN.format("Zoë"), DOUBLE, REVERSE)
        begun = time.monotonic()
        quick = GradingPlan(plan.course, plan.level, 12.0, 10.0)
        found, _ = graded(quick, folder, jobs=2)
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert len(found) == len(HOSTILE) + 2
    for name in ("ada", "zoe"):
        assert results(found[f"{name}.ipynb"]) == ["passed", "passed"]
    for number, what in enumerate(HOSTILE):
        first = found[f"h{number}.ipynb"].grades[0]
        assert first.result != "passed", what
    assert not (home / "planted").exists()
    assert not [
        p for p in psutil.process_iter(["cmdline"]) if "sleep 4321.5" in str(p.info["cmdline"])
    ]
    assert time.monotonic() - begun < 800
    students = [Student("ada", "Ada"), Student("zoe", "Zoë")]
    students += [Student(f"h{n}", f"H{n}") for n in range(len(HOSTILE))]
    book = Gradebook(found.values(), PointScheme(), ClassRoster(students))
    earned = {row.student.id: row.earned for row in book.rows}
    assert (earned["ada"], earned["zoe"]) == (2, 2)


@pytest.mark.skipif(sys.platform != "linux", reason="needs prctl")
def test_a_killed_run_leaves_no_process(plan, tmp_path):
    seconds = f"{4000 + os.getpid()}.5"  # identified by its argument
    write(tmp_path / "a.ipynb", BEGIN.format("Ada"), f"import os\nos.system('sleep {seconds}')")
    command = ["grade", str(tmp_path / "a.ipynb"), "--course", str(tmp_path), "--no-sandbox"]

    def sleeping() -> bool:
        return any(seconds in (p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"]))

    def wait_for(expected: bool) -> None:
        until = time.monotonic() + 60
        while sleeping() is not expected and time.monotonic() < until:
            time.sleep(0.1)
        assert sleeping() is expected

    with subprocess.Popen(
        [sys.executable, "-m", "netchat", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        wait_for(True)
        process.kill()
    wait_for(False)


def test_a_forged_line_is_no_result(plan, tmp_path):
    folder = tmp_path / "handed-in"
    write(folder / "a.ipynb", BEGIN.format("Ada"), HOSTILE["forges results"], REVERSE)
    write(folder / "b.ipynb", BEGIN.format("Bob"), DOUBLE, REVERSE)
    found, _ = graded(plan, folder, jobs=2)
    assert "passed" not in results(found["a.ipynb"])[:1]
    assert results(found["b.ipynb"]) == ["passed", "passed"]
