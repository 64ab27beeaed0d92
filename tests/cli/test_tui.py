"""`netchat tui`: its errors, and the app in a real terminal (tmux)."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from netchat.cli.main import cli
from tests.cli.chatter import Chatter
from tests.end_to_end.processes import ROOT, Server, free_port

#: Timeout for text to appear on a screen, in seconds.
TIMEOUT = 30.0


def test_without_textual_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    result = CliRunner().invoke(cli, ["tui", "--name", "Nova"])
    assert str(result.exception).endswith('Install it with: pip install "netchat[tui]"')


def test_without_a_terminal_the_error_names_the_client_for_pipes():
    pytest.importorskip("textual")
    result = CliRunner().invoke(cli, ["tui", "--name", "Nova"])
    assert str(result.exception) == "The app needs a terminal; in a pipe, use netchat client."


@pytest.mark.skipif(
    shutil.which("tmux") is None or importlib.util.find_spec("textual") is None,
    reason="tmux, which plays the terminal, or Textual is not installed",
)
def test_a_chat_in_a_real_terminal_survives_a_restart_of_the_server(tmp_path: Path):
    tmux = ["tmux", "-S", str(tmp_path / "tmux"), "-f", os.devnull]

    def run(*command: str) -> str:
        return subprocess.run([*tmux, *command], check=True, capture_output=True, text=True).stdout

    def see(text: str) -> None:
        deadline = time.monotonic() + TIMEOUT
        while text not in (shown := run("capture-pane", "-p")):
            assert time.monotonic() < deadline, f"no {text!r} in\n{shown}"
            time.sleep(0.05)

    def enter(line: str) -> None:
        run("send-keys", "-l", line)
        run("send-keys", "Enter")

    with Server(port=free_port(), environment={"XDG_DATA_HOME": str(tmp_path / "data")}) as server:
        command = [sys.executable, "-m", "netchat", "tui", f"127.0.0.1:{server.port}"]
        line = shlex.join([*command, "--name", "Nova", "--no-state"])
        size = ("-x", "80", "-y", "24")
        subprocess.run(
            [*tmux, "new-session", "-d", *size, f"{line}; echo ended with $?; sleep 1000"],
            cwd=ROOT,
            env={**os.environ, "NO_COLOR": "1"},
            check=True,
        )
        try:
            see("Nova joined the chat")
            with Chatter("Lena", server.port) as lena:
                see("Lena joined the chat")
                enter("Hello Lena")
                lena.see("Nova: Hello Lena")
                lena.say("/msg Nova psst")
                see("@ Lena  1")
                run("resize-window", "-x", "100", "-y", "30")
                see("Hello Lena")
                server.kill()
                see("No connection to")
                enter("typed while offline")
                server.start()
                lena.see("Nova: typed while offline")
                enter("quit")
                see("ended with 0")
                lena.see("[leave] Nova left the chat")
        finally:
            subprocess.run([*tmux, "kill-server"], check=False, capture_output=True)
