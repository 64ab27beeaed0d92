"""The server's console: levels, dates, and the journal of systemd."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time

import pytest

from netchat.chat.effects import Log
from netchat.chat.server_log import LogLevel
from netchat.cli.console import console
from tests.end_to_end.processes import ROOT, Server
from tests.end_to_end.raw import RawClient

NOTES = [
    Log("storage", {"text": "disk full"}),
    Log("listening", {"text": "127.0.0.1:6464"}),
    Log("joined", {"name": "Nova"}),
    Log("connected", {"address": "127.0.0.1:7"}),
]


def written(tmp_path, *, as_json: bool = False, level: LogLevel = LogLevel.DEBUG) -> list[str]:
    path = tmp_path / "log"
    with path.open("w", encoding="utf-8") as out:
        write = console(as_json=as_json, level=level, out=out)
        for note in NOTES:
            write(note)
    return path.read_text("utf-8").splitlines()


@pytest.mark.parametrize("level", LogLevel)
def test_a_level_leaves_out_what_is_less_important(tmp_path, level: LogLevel) -> None:
    lines = written(tmp_path, level=level)
    assert len(lines) == level - LogLevel.WARNING + 1
    assert "disk full" in lines[0]


def test_lines_have_a_date(tmp_path) -> None:
    for line in written(tmp_path):
        assert re.match(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d  \w+ +", line)


@pytest.mark.parametrize("as_json", [False, True])
def test_the_journal_gets_priorities_and_no_dates(tmp_path, monkeypatch, as_json: bool) -> None:
    path = tmp_path / "log"
    path.touch()
    status = path.stat()
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
    lines = written(tmp_path, as_json=as_json)
    assert [line[:3] for line in lines] == ["<4>", "<5>", "<6>", "<7>"]
    if as_json:
        assert [json.loads(line[3:])["event"] for line in lines] == [n.event for n in NOTES]
    else:
        assert lines[2] == "<6>joined        Nova"


def test_another_stream_is_not_the_journal(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    assert not written(tmp_path)[0].startswith("<")


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ([], {"listening", "joined", "stopped"}),
        (["--quiet"], {"listening", "stopped"}),
        (["-qq"], set()),
        (["--log-level", "warning", "-v"], {"listening", "stopped"}),
        (["-v"], {"listening", "connected", "joined", "disconnected", "stopped"}),
        (["-vvvv"], {"listening", "connected", "joined", "disconnected", "stopped"}),
    ],
)
def test_options_select_the_level(options: list[str], seen: set[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = ["serve", "--ephemeral", "--no-web", "--log-json", "--port", str(port), *options]
    with subprocess.Popen(
        [sys.executable, "-m", "netchat", *command], cwd=ROOT, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "JOURNAL_STREAM": ""},
    ) as process:  # fmt: skip
        assert process.stderr is not None
        try:
            _until_open(port)
            with RawClient(port, "Nova") as nova:
                nova.join()
        finally:
            process.terminate()
        events = {json.loads(line)["event"] for line in process.stderr}
        assert process.wait() == 0
    every = {"listening", "joined", "stopped", "connected", "disconnected"}
    assert events & every == seen


def _until_open(port: int) -> None:
    for _ in range(2000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise AssertionError(f"no server on port {port}")


def test_each_connection_is_logged_if_asked_for() -> None:
    with Server("--ephemeral", "--verbose") as server:
        with RawClient(server.port):
            address = server.wait_for("connected")["address"]
        assert server.wait_for("disconnected")["address"] == address
        server.stop()
    assert server.complaints == []
