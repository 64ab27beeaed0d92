"""What holds for every command."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.end_to_end.processes import ROOT


@pytest.mark.parametrize(
    "command", ["inspect captures/link.pcapng --tree", "inspect captures/two-users.pcapng", "codes"]
)
def test_a_reader_that_goes_is_no_failure(command: str) -> None:
    """What has been read is enough, whether more of it waits in our buffer or in the pipe."""
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m netchat {command} | head -1; exit ${{PIPESTATUS[0]}}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    # The first run of a machine says that it compiles.
    complaints = [line for line in done.stderr.splitlines() if "compiling kernels" not in line]
    assert (done.returncode, complaints, done.stdout.count("\n")) == (0, [], 1)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("inspct", "No such command 'inspct'. Did you mean inspect?"),
        ("lab upp", "No such command 'upp'. Did you mean up?"),
        ("qqq", "No such command 'qqq'."),
        ("--qqq serve", "No such option '--qqq'."),
    ],
)
def test_a_mistyped_command_is_told_which_come_near(typed: str, answer: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "netchat", *typed.split()], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f"Error: {answer}"
