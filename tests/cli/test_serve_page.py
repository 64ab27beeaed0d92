"""The page of `netchat serve`: options, console output, shutdown."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from netchat.cli.main import cli
from netchat.cli.serve_page import check_codes, check_origins
from netchat.web import WEB_PORT
from tests.end_to_end.processes import ROOT, Server

PAGE = ("--ephemeral", "--web", "--web-port", "0")


def get(url: str) -> dict:
    with urllib.request.urlopen(f"{url}/info.json", timeout=10) as answer:
        return json.load(answer)


def test_the_printed_address_serves_the_page() -> None:
    with Server(*PAGE) as server:
        url = server.wait_for("page")["text"]
        assert get(url)["address"] == url
        assert server.wait_for("dashboard")["text"] == f"{url}/server"
        server.stop()
    assert server.complaints == []


def test_lan_shows_the_lan_address_and_the_dashboard_token() -> None:
    with Server(*PAGE, "--lan") as server:
        here = server.wait_for("page")["text"]
        dashboard = server.wait_for("dashboard")["text"]
        if "#" not in dashboard:
            pytest.skip("this machine is on no network")
        url, token = dashboard.split("/server#")
        assert len(token) >= 20
        assert get(here)["address"] == url != here
        server.stop()


def test_the_first_origin_is_the_address_of_the_page() -> None:
    with Server(*PAGE, "--origin", "https://chat.example.org/") as server:
        here = server.wait_for("page")["text"]
        dashboard = server.wait_for("dashboard")["text"]
        assert dashboard.startswith("https://chat.example.org/server#")
        assert get(here)["address"] == "https://chat.example.org"


def test_a_free_port_is_used_if_the_default_is_in_use() -> None:
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(socket.socket())
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # another process uses the port
            other.bind(("127.0.0.1", WEB_PORT))
            other.listen()
        server = stack.enter_context(Server("--ephemeral", "--web", port=_free()))
        assert str(WEB_PORT) in server.wait_for("page")["text"]
        url = server.wait_for("dashboard")["text"].removesuffix("/server")
        assert get(url)["address"] == url != f"http://127.0.0.1:{WEB_PORT}"


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_requested_port_in_use_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        command = [sys.executable, "-m", "netchat", "serve", "--ephemeral", "--port", "0"]
        done = subprocess.run(
            [*command, "--web-port", port], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
        )  # fmt: skip
    assert done.returncode == 1
    assert f":{port}: " in done.stderr
    assert "--no-web" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--no-web", "--web-port", "1"), "omit --web-port"),
        (("--no-web", "--origin", "http://a"), "omit --web-port"),
        (("--origin", "chat.example.org"), "must be http://NAME:PORT"),
        (("--origin", "https://chat.example.org/room"), "must be http://NAME:PORT"),
        (("--origin", "ftp://chat.example.org"), "must be http://NAME:PORT"),
        (("--origin", "http://[::1"), "must be http://NAME:PORT"),
        (("--origin", "http://[::x]"), "must be http://NAME:PORT"),
        (("--origin", "https://*.x"), "without * or a path; repeat the option for several."),
        (("--origin", "https://*"), "without *"),
        (("--origin", "https://user@x"), "must be http://NAME:PORT"),
        (("--origin", "https://x?y"), "must be http://NAME:PORT"),
        (("--origin", "https://x#y"), "must be http://NAME:PORT"),
        (("--origin", "https://a b"), "must be http://NAME:PORT"),
        (("--origin", "https://a..b"), "must be http://NAME:PORT"),
        (("--origin", "https://-a"), "must be http://NAME:PORT"),
        (("--origin", "https://x:99999"), "must be http://NAME:PORT"),
        (("--origin", "null"), "must be http://NAME:PORT"),
        (("--web-port", "65536"), "65536"),
        (("--no-web", "--code", "hamming:7,4"), "omit --web-port"),
        (("--code", "missing.py:Mine"), "There is no file missing.py"),
        (("--code", "hamming:9,9"), "Argument 'n' must be"),
        (("--code", "hamming:7,4", "--code", "hamming:7,4"), "two codes have the name"),
    ],
)
def test_invalid_options_are_refused(arguments: tuple[str, ...], word: str) -> None:
    result = CliRunner().invoke(cli, ["serve", "--ephemeral", "--port", "0", *arguments])
    assert result.exit_code == 2
    assert word in result.output


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://Chat.Example.org/", "https://chat.example.org"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://my_host", "http://my_host"),
    ],
)
def test_an_origin_is_normalized_as_by_a_browser(written: str, origin: str) -> None:
    param = click.Option(["--origin"])
    assert check_origins(click.Context(cli), param, (written,)) == (origin,)


def test_the_labs_codes_are_named_without_their_folders() -> None:
    grid = Path("experiments/my_code.py")
    found = check_codes(click.Context(cli), click.Option(["--code"]), (f"{grid}:Grid:5", "rs:9,5"))
    assert found == {"my_code.py:Grid:5": f"{grid.resolve()}:Grid:5", "rs:9,5": "rs:9,5"}


def test_the_page_can_be_omitted() -> None:
    with Server("--ephemeral") as server:
        server.stop()
    assert not [line for line in server.lines if '"page"' in line]


def test_the_server_stops_at_once_despite_an_open_connection() -> None:
    with Server(*PAGE) as server:
        port = server.wait_for("page")["port"]
        with socket.create_connection(("127.0.0.1", port)) as idle:
            idle.sendall(b"GET / HTTP/1.1\r\n")
            server.stop()
    assert server.complaints == []


def test_the_server_stops_while_the_page_is_loading(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "netchat", "serve", "--port", "0", "--history", "h.db"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("listening" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert process.wait(20) == 0
    assert said.splitlines()[-1].split()[2] == "stopped"


def test_a_terminal_shows_a_qr_code_of_the_lan_address() -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "netchat", "serve", *PAGE, "--port", "0", "--lan"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=theirs, stdout=theirs)
    os.close(theirs)
    try:
        screen = ""
        deadline = time.monotonic() + 20
        while "dashboard" not in screen and time.monotonic() < deadline:
            screen += os.read(ours, 65536).decode(errors="replace")
    finally:
        process.terminate()
        process.wait(20)
        os.close(ours)
    if "for others" not in screen:
        pytest.skip("this machine is on no network")
    rows = re.findall(r"\x1b\[38;5;16;48;5;231m([ ▀▄█]+)\x1b\[0m", screen)
    assert len(rows) > 12
    assert len({len(row) for row in rows}) == 1


def test_a_client_on_the_pages_port_gets_a_helpful_error() -> None:
    with Server(*PAGE) as server:
        port = server.wait_for("page")["port"]
        for line in (
            f"client 127.0.0.1:{port} --name Nova --no-state",
            f"load 127.0.0.1:{port} --users 1 --messages 1",
            f"craft PING --hello Nova --send 127.0.0.1:{port}",
        ):
            done = subprocess.run(
                [sys.executable, "-m", "netchat", *line.split()],
                stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", cwd=ROOT,
            )  # fmt: skip
            assert done.returncode == 3, (line, done)
            assert "it speaks HTTP, so this is probably the port of a web page." in done.stderr
            assert "6464" in done.stderr
        server.stop()
