"""Tests that every notebook runs in a real kernel, as students get it and solved."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from netchat.course.notebook_builder import lessons, notebook_of

ROOT = Path(__file__).parents[2]
LESSONS = lessons(ROOT / "experiments")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """Start a process that runs lessons in one kernel."""
    folder = tmp_path_factory.mktemp("ipython")
    environment = {**os.environ, "NETCHAT_QUICK": "1", "IPYTHONDIR": str(folder)}
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.course.kernel"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment,
    ) as process:  # fmt: skip
        try:
            yield process
            process.stdin.close()
            assert process.wait(60) == 0
        finally:
            process.kill()


@pytest.mark.thorough
@pytest.mark.timeout(300)
@pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.stem for lesson in LESSONS])
def test_runs_from_top_to_bottom_and_its_solutions_pass(kernel, lesson):
    print(lesson, file=kernel.stdin, flush=True)
    result = json.loads(kernel.stdout.readline())
    assert result.keys() == {"student", "solved"}, result["error"]
    exercises = sum("exercise" in cell.metadata for cell in notebook_of(lesson).cells)
    assert result["student"].count("not answered yet") == exercises
    assert result["solved"].count("public checks passed") == exercises
    assert "✗" not in result["student"] + result["solved"]
