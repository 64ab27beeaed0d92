"""Interrupts: while the program starts, and those whose exception Python discards or replaces."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from netchat.cli.interrupt import is_interrupt

PROGRAM = """
import os, signal, sys, time
{}
import netchat.cli.codes
netchat.cli.codes.codes.callback = command
sys.argv = ["netchat", "codes"]
from netchat.__main__ import main
main()
"""


def run(folder: Path, setup: str) -> subprocess.CompletedProcess[str]:
    """Run `netchat codes` as a module, with a function in its place."""
    (folder / "program.py").write_text(PROGRAM.format(setup))
    return subprocess.run(
        [sys.executable, "-m", "program"], cwd=folder, capture_output=True, text=True, timeout=30
    )


DISCARDED = """
class Last:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000): pass

def command(**_):
    Last()
    time.sleep(50)
"""

REPLACED = """
class Name:
    def __set_name__(self, owner, name):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000): pass

def command(**_):
    class Owner:
        name = Name()
"""

IN_A_STRING = """
def command(**_):
    exec("os.kill(os.getpid(), signal.SIGINT); time.sleep(50)")
"""

WITH_A_THREAD = """
def command(**_):
    import threading
    threading.Thread(target=time.sleep, args=(50,)).start()
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(50)
"""


@pytest.mark.parametrize(
    "setup",
    [
        pytest.param(DISCARDED, id="discarded"),
        pytest.param(REPLACED, id="replaced"),
        pytest.param(IN_A_STRING, id="in a string"),
        pytest.param(WITH_A_THREAD, id="with a thread"),
    ],
)
def test_an_interrupt_ends_the_program(tmp_path, setup):
    done = run(tmp_path, setup)
    assert (done.returncode, done.stderr.strip()) == (130, "")


def test_another_discarded_exception_is_reported(tmp_path):
    done = run(
        tmp_path,
        "class Last:\n"
        "    def __del__(self): raise ValueError('not an interrupt')\n"
        "def command(**_): Last()\n",
    )
    assert done.returncode == 0
    assert "ValueError: not an interrupt" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_an_interrupt_while_the_command_line_is_loaded(tmp_path):
    """Interrupt the import of click, which here takes a minute."""
    (tmp_path / "click.py").write_text("import time\nprint(flush=True)\ntime.sleep(50)\n")
    with subprocess.Popen(
        [sys.executable, "-m", "netchat"], env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, b"")


def test_the_causes_of_an_error_may_form_a_loop():
    error, other = ValueError(), ValueError()
    error.__context__, other.__context__ = other, error
    assert not is_interrupt(error)
    other.__cause__ = KeyboardInterrupt()
    assert is_interrupt(error)
