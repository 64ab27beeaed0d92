"""The root command: suggestions for mistyped commands, and exit codes."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("inspct", "No such command 'inspct'. Did you mean inspect?"),
        ("lab upp", "No such command 'upp'. Did you mean up?"),
        ("qqq", "No such command 'qqq'."),
        ("--qqq serve", "No such option '--qqq'."),
    ],
)
def test_a_mistyped_command_gets_suggestions(typed: str, answer: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "netchat", *typed.split()], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f"netchat: {answer}"


def test_something_that_does_not_exist_has_its_own_exit_code(tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "netchat", "history", "--history", tmp_path / "none.db", "list"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 5
    assert done.stderr == f"netchat: There is no history {tmp_path / 'none.db'}.\n"
