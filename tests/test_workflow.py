"""The workflow of the public host: it parses, and runs what the Makefile has."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))


def test_it_tests_each_python_on_each_platform() -> None:
    matrix = WORKFLOW["jobs"]["test"]["strategy"]["matrix"]
    assert [name.partition("-")[0] for name in matrix["os"]] == ["ubuntu", "macos", "windows"]
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == f">={matrix['python'][0]}"


def test_it_calls_make_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    steps = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
    commands = [step["run"] for step in steps if "run" in step]
    called = [re.fullmatch(r"make (\w+) PYTHON=python", command) for command in commands]
    assert all(called), commands
    assert {match[1] for match in called if match} == {"test", "thorough", "site"} <= targets


def test_make_finds_the_programs_of_a_virtual_environment_on_windows() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    recipes = re.findall(r"^\t.*$", makefile, re.MULTILINE)
    assert not [line for line in recipes if "bin/" in line], "use $(BIN), which is Scripts there"
    assert re.search(
        r"^ifeq \(\$\(OS\),Windows_NT\)\n(?:.*\n)*?BIN\s*:= \$\(VENV\)/Scripts$", makefile, re.M
    )
