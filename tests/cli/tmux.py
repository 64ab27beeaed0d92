"""A real terminal, played by tmux."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.processes import ROOT

__all__ = ["Terminal", "needs_terminal", "terminal"]

#: Timeout for text to appear on a screen, in seconds.
TIMEOUT = 30.0

needs_terminal = pytest.mark.skipif(
    shutil.which("tmux") is None or importlib.util.find_spec("textual") is None,
    reason="tmux, which plays the terminal, or Textual is not installed",
)


class Terminal:
    """Terminal in which a program runs."""

    def __init__(self, tmux: Sequence[str]) -> None:
        self._tmux = tmux

    def run(self, *command: str) -> str:
        done = subprocess.run(
            [*self._tmux, *command], check=True, capture_output=True, encoding="utf-8"
        )
        return done.stdout

    @property
    def screen(self) -> str:
        return self.run("capture-pane", "-p")

    def see(self, text: str) -> None:
        """Wait until a text is on the screen."""
        deadline = time.monotonic() + TIMEOUT
        while text not in (shown := self.screen):
            assert time.monotonic() < deadline, f"no {text!r} in\n{shown}"
            time.sleep(0.05)

    def press(self, *keys: str) -> None:
        self.run("send-keys", *keys)

    def type(self, text: str) -> None:
        self.run("send-keys", "-l", "--", text)

    def enter(self, line: str) -> None:
        self.type(line)
        self.press("Enter")

    def resize(self, width: int, height: int) -> None:
        self.run("resize-window", "-x", str(width), "-y", str(height))


@contextmanager
def terminal(
    folder: Path, command: Sequence[str], *, width: int = 80, height: int = 24
) -> Iterator[Terminal]:
    """Run a program in a terminal, which shows its exit code after it has ended."""
    tmux = ["tmux", "-S", str(folder / "tmux"), "-f", os.devnull]
    size = ("-x", str(width), "-y", str(height))
    line = f"{shlex.join(command)}; echo ended with $?; sleep 1000"
    # With these variables, an app would not follow the terminal's size.
    environment = {n: v for n, v in os.environ.items() if n not in ("COLUMNS", "LINES")}
    subprocess.run(
        [*tmux, "new-session", "-d", *size, line],
        cwd=ROOT,
        env=environment | {"NO_COLOR": "1"},
        check=True,
    )
    try:
        yield Terminal(tmux)
    finally:
        subprocess.run([*tmux, "kill-server"], check=False, capture_output=True)
