"""`netchat serve --window`: a whole process on a virtual display."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from netchat.cli.main import cli
from netchat.exit_codes import OK
from tests.cli.chatter import Chatter
from tests.desktop.display import needs_display, virtual_display
from tests.end_to_end.processes import ROOT, free_port


@needs_display
def test_without_a_display_the_error_names_the_terminal():
    arguments = ["serve", "--window", "--ephemeral", "--port", "0", "--no-web"]
    result = CliRunner().invoke(cli, arguments, env={"DISPLAY": None})
    assert "Cannot open a window: no display" in str(result.exception)
    assert str(result.exception).endswith("without --window runs in this terminal.")


@needs_display
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server(number):
    port = free_port()
    with virtual_display() as display:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "netchat", "serve", "--window", "--ephemeral", "--no-web"),
                *("--port", str(port), "--log-json"),
            ],
            cwd=ROOT,
            env={**os.environ, "DISPLAY": display},
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        assert process.stderr is not None
        for line in process.stderr:
            if '"listening"' in line:
                break
        with Chatter("Lena", port) as lena:
            lena.see("[join] Lena joined the chat")
            process.send_signal(number)
            _, rest = process.communicate(timeout=30)
            assert process.returncode == OK
            assert rest.splitlines()[-1].endswith('"event": "stopped"}'), rest
            lena.see("[offline]", err=True)
