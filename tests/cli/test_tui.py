"""`netchat tui`: its errors, and the app in a real terminal (tmux)."""

from __future__ import annotations

import importlib.util
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from netchat.cli.main import cli
from tests.cli.chatter import Chatter
from tests.cli.tmux import TIMEOUT, needs_terminal, terminal
from tests.end_to_end.processes import Server, free_port


def test_without_textual_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    result = CliRunner().invoke(cli, ["tui", "--name", "Nova"])
    assert str(result.exception).endswith('Install it with: pip install "netchat[tui]"')


def test_without_a_terminal_the_error_names_the_client_for_pipes():
    pytest.importorskip("textual")
    result = CliRunner().invoke(cli, ["tui", "--name", "Nova"])
    assert str(result.exception) == "The app needs a terminal; in a pipe, use netchat client."


@needs_terminal
def test_a_chat_in_a_real_terminal_survives_a_restart_of_the_server(tmp_path: Path):
    data = {"XDG_DATA_HOME": str(tmp_path / "data")}
    with Server(port=free_port(), environment=data) as server:
        command = [sys.executable, "-m", "netchat", "tui", f"127.0.0.1:{server.port}"]
        command += ["--name", "Nova", "--no-state", "--link", "rs:255,223"]
        with terminal(tmp_path, command) as shown:
            shown.see("Nova joined the chat")
            with Chatter("Lena", server.port) as lena:
                shown.see("Lena joined the chat")
                shown.enter("Hello Lena")
                lena.see("Nova: Hello Lena")
                shown.press("F4")
                shown.see("Under the hood  ·  EVENT, server to client")
                shown.press("F4")
                lena.say("/msg Nova psst")
                shown.see("@ Lena  1")
                shown.resize(100, 34)
                shown.press("F3")
                shown.see("rs:255,223 · open")
                shown.press("F3")
                shown.see("Hello Lena")
                server.kill()
                shown.see("No connection to")
                shown.enter("typed while offline")
                server.start()
                lena.see("Nova: typed while offline")
                shown.enter("quit")
                shown.see("ended with 0")
                lena.see("[leave] Nova left the chat")


@needs_terminal
def test_a_file_is_sent_from_the_app(tmp_path: Path):
    data = {"XDG_DATA_HOME": str(tmp_path / "data")}
    file = tmp_path / "lecture.bin"
    file.write_bytes(bytes(range(256)) * 8192)
    with Server(port=free_port(), environment=data) as server:
        command = [sys.executable, "-m", "netchat", "tui", f"127.0.0.1:{server.port}"]
        command += ["--name", "Nova", "--no-state"]
        with terminal(tmp_path, command) as shown:
            shown.see("Nova joined the chat")
            shown.enter(f"/send {file}")
            shown.see("lecture.bin (2.1 MB)")
            shown.enter(f"/save 1 {tmp_path / 'copy.bin'}")
            shown.see("copy.bin")
            deadline = time.monotonic() + TIMEOUT
            while not (tmp_path / "copy.bin").exists():
                assert time.monotonic() < deadline, shown.screen
                time.sleep(0.05)
            assert (tmp_path / "copy.bin").read_bytes() == file.read_bytes()
            shown.press("C-q")
            shown.see("ended with 0")
