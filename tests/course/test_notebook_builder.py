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
def results(tmp_path_factory):
    environment = {
        **os.environ,
        "NETCHAT_QUICK": "1",
        "IPYTHONDIR": str(tmp_path_factory.mktemp("ipython")),
    }
    kernels = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.course.kernel", *map(str, half)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment,
        )
        for half in (LESSONS[::2], LESSONS[1::2])
        if half
    ]  # fmt: skip
    found = {}
    for kernel in kernels:
        printed, problem = kernel.communicate(timeout=580)
        for line in printed.splitlines():
            result = json.loads(line)
            found[result["lesson"]] = result
        if kernel.returncode:  # the failure is in the lesson after the last printed one
            found[""] = found.get("", "") + problem
    return found


@pytest.mark.timeout(600)  # the first test waits for all notebooks
@pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.stem for lesson in LESSONS])
def test_runs_from_top_to_bottom_and_its_solutions_pass(results, lesson):
    assert lesson.stem in results, results[""]
    result = results[lesson.stem]
    exercises = sum("exercise" in cell.metadata for cell in notebook_of(lesson).cells)
    assert result["student"].count("not answered yet") == exercises
    assert result["solved"].count("public checks passed") == exercises
    assert "✗" not in result["student"] + result["solved"]
