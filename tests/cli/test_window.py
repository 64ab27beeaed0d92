"""`netchat window`: its errors, and a whole process on a virtual display."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from netchat.cli import open_display
from netchat.cli.main import cli
from netchat.exit_codes import INTERRUPTED, OK
from tests.cli.chatter import Chatter
from tests.desktop.display import needs_display, virtual_display
from tests.end_to_end.processes import ROOT, Server


def test_without_tk_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "tkinter", None)
    monkeypatch.setattr(sys, "platform", "darwin")
    result = CliRunner().invoke(cli, ["window", "--no-state"])
    assert str(result.exception) == (
        "The window needs Tk, which this Python lacks. Install it with: brew install python-tk"
    )


@pytest.mark.parametrize(
    ("system", "line"),
    [
        ({"ID": "debian"}, "sudo apt install python3-tk"),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, "sudo apt install python3-tk"),
        ({"ID": "fedora"}, "sudo dnf install python3-tkinter"),
        ({"ID": "arch"}, "sudo pacman -S tk"),
        ({"ID": "rare"}, "sudo apt install python3-tk"),
    ],
)
def test_the_line_that_installs_tk_fits_the_system(system, line, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: system)
    assert open_display.install_line() == line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tls://a,b"], "write tls:// before each address"),
        (["a:b:c"], "is not a valid address"),
        (["--scale", "9"], "9.0 is not in the range 0.5<=x<=4"),
        (["--fingerprint", "x"], "a fingerprint is a SHA-256"),
        (["--link", "rs:300,2"], "Invalid value for --link"),
        (["--channel", "bsc:2"], "Invalid value for --channel"),
        (["tls://a", "--udp"], "TLS does not apply to UDP"),
    ],
)
def test_invalid_arguments_are_usage_errors(arguments, said):
    result = CliRunner().invoke(cli, ["window", *arguments])
    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr


@needs_display
def test_without_a_display_the_error_names_the_client_in_a_terminal():
    result = CliRunner().invoke(cli, ["window", "--no-state"], env={"DISPLAY": None})
    assert "Cannot open a window: no display" in str(result.exception)
    assert str(result.exception).endswith("`netchat client` chats in this terminal.")


@needs_display
def test_a_signal_leaves_the_chat():
    with (
        virtual_display() as display,
        Server("--ephemeral") as server,
        Chatter("Lena", server.port) as lena,
    ):
        lena.see("[join] Lena joined the chat")
        for number, status in ((signal.SIGTERM, OK), (signal.SIGINT, INTERRUPTED)):
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "netchat", "window", f"127.0.0.1:{server.port}"),
                    *("--name", "Nova", "--no-state", "--theme", "light"),
                ],
                cwd=ROOT,
                env={**os.environ, "DISPLAY": display},
                stderr=subprocess.PIPE,
            )
            lena.see("[join] Nova joined the chat")
            process.send_signal(number)
            lena.see("[leave] Nova left the chat")
            assert process.communicate(timeout=20) == (None, b"")
            assert process.returncode == status
            lena.out.clear()
