"""`netchat serve` from the outside: options, console, signals, exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from netchat.cli.main import cli
from netchat.wire import Bye, ErrorCode, Event, Hello, Send
from tests.end_to_end.processes import ROOT, Server, free_port
from tests.end_to_end.raw import RawClient


def netchat(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command until it exits."""
    return subprocess.run(
        [sys.executable, "-m", "netchat", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


# -- startup errors -------------------------------------------------------------------------------


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        result = netchat("serve", "--port", port, "--history", str(tmp_path / "h.db"))

    assert result.returncode == 1
    assert port in result.stderr
    assert "--port 0" in result.stderr
    assert "Traceback" not in result.stderr


def test_ephemeral_and_history_exclude_each_other(tmp_path: Path) -> None:
    result = netchat("serve", "--ephemeral", "--history", str(tmp_path / "h.db"))

    assert result.returncode == 2
    assert "--ephemeral" in result.stderr
    assert not (tmp_path / "h.db").exists()


def _no_database(path: Path) -> None:
    path.write_text("Dear diary, " * 100)


def _of_another_application(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE diary (page TEXT)")


def _of_a_newer_version(path: Path) -> None:
    with Server("--history", str(path)) as server:
        server.stop()
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA user_version = 99")


def _damaged_rows(path: Path) -> None:
    with Server("--history", str(path)) as server:
        server.stop()
    with closing(sqlite3.connect(path)) as file:
        file.execute("INSERT INTO seat VALUES (7, 8)")
        file.commit()


def _damaged_pages(path: Path) -> None:
    with Server("--history", str(path)) as server:
        server.stop()
    data = path.read_bytes()
    path.write_bytes(data[:4096] + os.urandom(len(data) - 4096))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_damaged_rows, "netchat recover"),
        (_damaged_pages, "netchat recover"),
        (_no_database, "not a database"),
        (_of_another_application, "not a netchat history"),
        (_of_a_newer_version, "version 99"),
    ],
)
def test_a_file_that_is_not_a_history_is_refused(tmp_path: Path, make: object, said: str) -> None:
    path = tmp_path / "file"
    assert callable(make)
    make(path)
    before = path.read_bytes()

    result = netchat("serve", "--port", "0", "--history", str(path))

    assert result.returncode == 1
    assert said in result.stderr
    assert str(path) in result.stderr
    # A line about permissions may precede the error.
    assert [line for line in result.stderr.splitlines() if "  history  " not in line] == [
        result.stderr.splitlines()[-1]
    ]
    assert path.read_bytes() == before


def test_a_folder_is_not_a_history(tmp_path: Path) -> None:
    result = netchat("serve", "--port", "0", "--history", str(tmp_path))

    assert result.returncode == 2
    assert "directory" in result.stderr


def test_a_new_history_file_is_announced_once(tmp_path: Path) -> None:
    path = tmp_path / "typo" / "h.db"
    new = {"text": f"new history {path}"}
    with Server("--history", str(path)) as server:
        server.wait_for("history", **new)
        server.stop()
    with Server("--history", str(path)) as server:
        server.wait_for("history", text=str(path))
        assert not [line for line in server.lines if "new history" in line]


def test_a_history_has_one_server_at_a_time(tmp_path: Path) -> None:
    with Server("--history", str(tmp_path / "h.db")):
        result = netchat("serve", "--port", "0", "--history", str(tmp_path / "h.db"))

    assert result.returncode == 1
    assert "in use" in result.stderr


# -- sources of options ---------------------------------------------------------------------------


def test_the_environment_sets_options() -> None:
    server = Server("--ephemeral", environment={"NETCHAT_SERVE_MAX_USERS": "1"})
    with server, RawClient(server.port, "Nova"), RawClient(server.port) as late:
        late.say(Hello(0, bytes(16), b"", "Ada", "raw", ()))
        assert late.dismissal().code == ErrorCode.SERVER_FULL


def _until_listening(*arguments: str, **environment: str) -> str:
    """Start a server, read the first line of its console, and stop it."""
    with subprocess.Popen(
        [sys.executable, "-m", "netchat", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            return process.stderr.readline()
        finally:
            process.terminate()


def test_the_port_may_come_from_the_environment() -> None:
    port = free_port()

    line = _until_listening("serve", "--ephemeral", NETCHAT_SERVE_PORT=str(port))

    assert f"127.0.0.1:{port}" in line


def test_options_may_come_from_a_configuration_file(tmp_path: Path) -> None:
    config, port = tmp_path / "config.toml", free_port()
    config.write_text(f"[serve]\nport = {port}\nephemeral = true\nlog-json = true\n")

    line = _until_listening("--config", str(config), "serve")

    assert json.loads(line)["port"] == port


def test_a_configuration_of_an_unknown_command_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[sevre]\nport = 1\n")

    result = netchat("--config", str(config), "serve")

    assert result.returncode == 2
    assert "sevre" in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_line_for_the_shell(shell: str) -> None:
    result = netchat("completion", shell)

    assert result.returncode == 0
    assert f"{shell}_source" in result.stdout


# -- the console ----------------------------------------------------------------------------------

_HOSTILE = "\x1b[2J\x1b]0;pwned\x07\r\nforged line\u202e\x9b31m\x00"


def test_every_line_of_the_json_console_is_an_object() -> None:
    with Server("--ephemeral") as server:
        with RawClient(server.port) as client:
            client.say(Hello(0, bytes(16), b"", "Nova", _HOSTILE, ()))
            note = server.wait_for("joined", name="Nova")
        server.wait_for("away")
        server.stop()

    assert note["software"] == _HOSTILE
    assert server.complaints == []
    assert all({"time", "event"} <= set(json.loads(line)) for line in server.lines)


def test_clients_cannot_forge_lines_of_the_console() -> None:
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "netchat", "serve", "--ephemeral", "--port", str(port)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(2)]
        try:
            with RawClient(port) as client:
                client.say(Hello(0, bytes(16), b"", _HOSTILE, "raw", ()))
                client.say(Hello(0, bytes(16), b"", "Nova", _HOSTILE, ()))
                client.say(Bye(_HOSTILE))
                client.expect(Bye)
        finally:
            process.terminate()
        lines += process.stderr.readlines()
        assert process.wait() == 0
    console = b"".join(lines).decode()

    assert "Nova" in console
    assert "forged line" in console
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", console)
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  "
    assert all(re.match(stamp, line) for line in console.splitlines())


def test_a_server_without_an_owner_says_how_to_get_one(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    options = ("serve", "--port", "0", "--no-web", "--history", str(path), "--accounts", "optional")
    with subprocess.Popen(
        [sys.executable, "-m", "netchat", *options], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if "  accounts  " in line)
        process.terminate()
    command = f"netchat accounts --history {path} add "
    assert command in line

    with Server("--history", str(path), "--accounts", "optional") as server:
        assert command in server.wait_for("accounts")["text"]
        password = tmp_path / "password.txt"
        password.write_text("correct horse\n")
        done = netchat(
            "accounts", "--history", str(path), "add", "Ada", "--password-file", str(password)
        )
        assert done.stdout == "Ada is registered as owner.\n"
        server.stop()
        server.lines.clear()
        server.start()
        server.stop()
        assert not [note for note in server.notes if note["event"] == "accounts"]


# -- shutdown -------------------------------------------------------------------------------------


SLOW_LOADING = """
import sys, time
from netchat.net.link import stream_listener

def load():
    print("loading", flush=True)
    time.sleep(50)

stream_listener._prepare = load
sys.argv = ["netchat", "serve", "--udp", "--ephemeral", "--port", "0", "--no-web"]
from netchat.__main__ import main
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_codes_of_links_are_loaded(number):
    with subprocess.Popen(
        [sys.executable, "-c", SLOW_LOADING],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "loading\n"
        process.send_signal(number)
        _, log = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "listening" not in log
    assert "stopped" in log


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_server_and_its_successor_has_the_history(
    tmp_path: Path, number: signal.Signals
) -> None:
    with Server("--history", str(tmp_path / "h.db")) as server:
        with RawClient(server.port, "Nova") as nova:
            nova.join()
            nova.say(*(Send(n, "lobby", f"text {n}") for n in range(1, 101)))
            assert server.stop(number) == 0
            # Messages that the server had read get their echo before BYE; nothing follows BYE.
            last = 0
            while True:
                message = nova.expect((Event, Bye))  # type: ignore[arg-type]
                if isinstance(message, Bye):
                    break
                last = message.seq
            assert nova.socket.recv(1) == b""
        assert [n["event"] for n in server.notes[-3:]] == ["stopping", "away", "stopped"]
        assert not (tmp_path / "h.db-wal").exists()

        server.start()
        with RawClient(server.port, "Ada") as ada:
            ada.join()
            joined = ada.expect(Event)
            assert joined.seq > last
        assert server.complaints == []


def test_the_server_stops_although_a_client_does_not_read() -> None:
    server = Server("--ephemeral", "--rate", "0")
    with server, RawClient(server.port, "Nova") as nova, RawClient(server.port, "Idle") as idle:
        idle.join()
        nova.join()
        for n in range(1, 101):
            nova.say(Send(n, "lobby", "x" * 16000))
            nova.expect(Event)
        assert server.stop() == 0


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["[::1]", "::1"])
def test_an_ipv6_address_is_shown_in_brackets(host: str) -> None:
    with Server("--ephemeral", "--host", host) as server:
        listening = server.wait_for("listening")
        assert listening["address"] == f"[::1]:{server.port}"
        result = netchat("client", f"[::1]:{server.port}", "--name", "Nova", "--no-state")
        assert f"you are Nova on [::1]:{server.port}" in result.stderr
        assert server.wait_for("joined")["address"].startswith("[::1]:")
    result = netchat("client", "::1", "--name", "Nova", "--no-state")
    assert "netchat: No server at [::1]:6464 (" in result.stderr


def test_a_server_without_a_cluster_starts_without_its_modules():
    code = "import sys, netchat.cli.serve; print([m for m in sys.modules if 'net.cluster' in m])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_a_server_of_a_cluster_has_no_files():
    line = ["serve", "--cluster", "redis://127.0.0.1:1/0", "--files", "1d"]
    result = CliRunner().invoke(cli, line)
    assert result.exit_code == 2
    assert "A server of a cluster does not transfer files: omit --files." in result.output
