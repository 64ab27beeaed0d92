"""An X display without a screen (Xvfb), and windows on it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import tkinter as tk

__all__ = ["REASON", "needs_display", "virtual_display", "wait_until"]

#: Seconds for a window to show something: far more than it needs on any machine.
TIMEOUT = 20.0


def _problem() -> str:
    if importlib.util.find_spec("_tkinter") is None:
        return "this Python has no tkinter"
    return "" if shutil.which("Xvfb") else "Xvfb, which plays the display, is not installed"


#: Why there is no window; empty if there is one.
REASON = _problem()

needs_display = pytest.mark.skipif(bool(REASON), reason=REASON)


@contextmanager
def virtual_display(width: int = 1600, height: int = 1200) -> Iterator[str]:
    """Start a display; yield its name for the environment variable DISPLAY."""
    read, write = os.pipe()
    # -noreset: otherwise a display that loses its last window resets itself, and connecting may hang.
    options = ["-displayfd", str(write), "-noreset", "-nolisten", "tcp"]
    process = subprocess.Popen(
        ["Xvfb", *options, "-screen", "0", f"{width}x{height}x24"],
        pass_fds=[write],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as names:
        name = names.readline().strip()
    try:
        assert name, "Xvfb has not started"
        yield f":{name}"
    finally:
        process.terminate()
        process.wait()


def wait_until(root: tk.Misc, is_true: Callable[[], object]) -> None:
    """Run Tk's event loop until a condition holds."""
    deadline = time.monotonic() + TIMEOUT
    while not is_true():
        assert time.monotonic() < deadline, "the window does not show it"
        root.update()
        time.sleep(0.002)
