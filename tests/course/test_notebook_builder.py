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


@pytest.mark.timeout(300)
@pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.stem for lesson in LESSONS])
def test_runs_from_top_to_bottom_and_its_solutions_pass(tmp_path, lesson):
    environment = {**os.environ, "NETCHAT_QUICK": "1", "IPYTHONDIR": str(tmp_path)}
    kernel = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.course.kernel", str(lesson)],
        capture_output=True, text=True, cwd=ROOT, env=environment, timeout=280,
    )  # fmt: skip
    assert kernel.returncode == 0, kernel.stderr
    result = json.loads(kernel.stdout)
    exercises = sum("exercise" in cell.metadata for cell in notebook_of(lesson).cells)
    assert result["student"].count("not answered yet") == exercises
    assert result["solved"].count("public checks passed") == exercises
    assert "✗" not in result["student"] + result["solved"]
