"""`netchat inspect --tui` and `netchat sniff --tui`: their errors, and both in a real terminal."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from netchat.cli.main import cli
from tests.cli.tmux import needs_terminal, terminal
from tests.end_to_end.processes import ROOT
from tests.packets.namespaces import needs_root, network

CAPTURE = str(ROOT / "captures" / "two-users.pcapng")
NETCHAT = [sys.executable, "-m", "netchat"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["inspect", CAPTURE, "--tui", "--stats"], "--tui has views of its own"),
        (["inspect", "-", "--tui"], "standard input is the keyboard"),
        (["sniff", "--tui", "--json"], "--tui has views of its own"),
        (["sniff", "--tui", "--write", "-"], "--tui has views of its own"),
    ],
)
def test_options_that_do_not_fit(arguments, problem):
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert problem in result.output


@pytest.mark.parametrize("arguments", [["inspect", CAPTURE, "--tui"], ["sniff", "--tui"]])
def test_it_needs_a_terminal_and_textual(arguments, monkeypatch):
    pytest.importorskip("textual")
    result = CliRunner().invoke(cli, arguments)
    assert str(result.exception) == "The app needs a terminal; in a pipe, omit --tui."
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    result = CliRunner().invoke(cli, arguments)
    assert str(result.exception).endswith('Install it with: pip install "netchat[tui]"')


@needs_terminal
def test_a_capture_is_browsed_in_a_real_terminal(tmp_path: Path):
    command = [*NETCHAT, "inspect", CAPTURE, "--tui", "--user", "Nova"]
    with terminal(tmp_path, command, width=120, height=40) as shown:
        shown.see("58 packets  ·  31 shown")
        shown.see('user == "Nova"')
        shown.press("/")
        shown.see("Enter applies the filter")
        shown.type(" and type == SEN")
        shown.press("Tab", "Enter")
        shown.see('user == "Nova" and type == SEND')
        shown.see("2 shown")
        shown.see("Hi Orion, can you read this?")
        shown.press("l")
        shown.see("|-- SEND lobby #1")
        shown.press("q")  # not Escape: a key that follows it at once would be an Alt key
        shown.see("2 shown")
        shown.press("f")
        shown.see("[lobby] Orion: Every byte.")
        shown.press("q")
        for width in (80, 200, 60, 100):
            shown.resize(width, 30)
        shown.see("2 shown")
        shown.press("q")
        shown.see("ended with 0")


@needs_terminal
def test_a_file_that_is_no_capture_is_an_error(tmp_path: Path):
    file = tmp_path / "notes.txt"
    file.write_text("no capture")
    with terminal(tmp_path, [*NETCHAT, "inspect", str(file), "--tui"], width=120) as shown:
        shown.see("not a capture file")
        shown.see("ended with 1")


@needs_root
@needs_terminal
def test_a_live_capture_is_browsed_paused_and_written(tmp_path: Path):
    with network() as prefix:
        serve = subprocess.Popen(
            [*prefix, *NETCHAT, "serve", "--ephemeral", "--no-web"],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert serve.stderr is not None
        while "listening" not in serve.stderr.readline():
            assert serve.poll() is None
        written = tmp_path / "chat.pcapng"

        def say(text: str) -> None:
            command = [*prefix, *NETCHAT, "client", "--name", f"N{text}", "--no-state"]
            subprocess.run(
                command, input=f"{text}\n", capture_output=True, text=True, timeout=60, check=True
            )

        command = [*prefix, *NETCHAT, "sniff", "--tui", "-i", "lo", "--write", str(written)]
        try:
            with terminal(tmp_path, command, width=140, height=40) as shown:
                shown.see("live: Space pauses")
                say("one")
                shown.see("None:")
                shown.press("/")
                shown.see("Enter applies the filter")
                shown.enter("type == SEND")
                shown.see("1 shown")
                shown.see('SEND lobby #1 "one"')
                shown.press("Space")
                shown.see("paused: Space continues")
                say("two")
                assert "1 shown" in shown.screen
                shown.press("Space")
                shown.see("2 shown")
                shown.see('SEND lobby #1 "two"')
                shown.press("q")
                shown.see("ended with 0")
                shown.see(f"Wrote {written}")
        finally:
            serve.kill()
            serve.communicate()
    result = CliRunner().invoke(cli, ["inspect", str(written), "--type", "SEND"])
    assert result.output.count(" SEND ") == 2
