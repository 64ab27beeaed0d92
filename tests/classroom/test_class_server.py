"""Tests of `netchat class`: create a class, serve it, join its chat, and hand in."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner

from netchat.classroom.class_folder import ClassFolder
from netchat.classroom.class_server import host_for_sheets, write_pages
from netchat.cli.main import cli
from netchat.errors import NetchatError
from netchat.net.client import Client

COURSE = Path(__file__).parents[2] / "experiments"


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        ends = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in ends]


def new(path: Path, *options: str):
    command = ["class", "new", "Networks 2027", "--folder", str(path), "--course", str(COURSE)]
    return CliRunner().invoke(cli, [*command, *options])


def made(path: Path, *options: str) -> ClassFolder:
    ports = zip(("--port", "--web-port", "--class-port"), free_ports(3), strict=True)
    given = [str(one) for pair in ports for one in pair]
    result = new(path, "--lessons", "1", "--host", "127.0.0.1", *given, *options)
    assert result.exit_code == 0, result.output
    return ClassFolder(path)


class Serving:
    """`netchat class serve` as a process."""

    def __init__(self, folder: ClassFolder) -> None:
        command = [sys.executable, "-m", "netchat", "class", "serve", str(folder.path)]
        self.process = subprocess.Popen(
            [*command, "--host", "127.0.0.1"], stderr=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self.lines: list[str] = []

    def until(self, text: str) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            if text in line:
                return
        raise AssertionError("".join(self.lines))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


async def say(port: int, name: str, room: str) -> str:
    async with Client(f"127.0.0.1:{port}", name=name) as chat:
        return (await (await chat.join(room)).send("Hello")).text


def test_a_class_with_groups(tmp_path):
    folder = made(tmp_path / "c", "--students", "3", "--rooms", "2")
    with Serving(folder) as serving:
        serving.until("Grade them with")
        folder = ClassFolder(folder.path)
        assert len(set(folder.settings.rooms)) == 2
        said = "".join(serving.lines)
        assert "Created 2 rooms: print the sheets now" in said
        assert re.search(r"^Dashboard +http://\S+/server#", said, re.MULTILINE)
        assert f"--checks {folder.path / 'checks'} --jobs 2" in serving.lines[-1]
        assert (folder.path / "sheets.html").read_text("utf-8").count(": <code>") == 3
        student = folder.roster.students[2]
        number, room = folder.room_of(student)
        assert number == 1
        assert asyncio.run(say(folder.settings.port, folder.chat_names["s03"], room)) == "Hello"
        address = f"http://127.0.0.1:{folder.settings.class_port}/s/{folder.settings.links['s03']}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            assert b"Student 3" in answer.read()
        serving.process.send_signal(signal.SIGINT)
        out = serving.process.communicate(timeout=30)[1]
    assert serving.process.returncode == 0
    assert "stopped" in out
    with (folder.path / "students.csv").open("a", encoding="utf-8") as file:
        file.write("s99,Late Comer\n")
    with Serving(folder) as serving:  # a second start keeps the rooms
        serving.until("Grade them with")
    assert "Wrote the notebooks of 1 student: print the new sheets." in serving.lines[0]
    assert (folder.path / "students" / "s99.zip").is_file()
    assert "Late Comer" in (folder.path / "sheets.html").read_text("utf-8")
    assert ClassFolder(folder.path).settings.rooms == folder.settings.rooms
    assert "Created" not in "".join(serving.lines)


@pytest.mark.thorough
def test_a_class_with_accounts_gets_an_invitation_each(tmp_path):
    folder = made(tmp_path / "c", "--students", "2", "--tls", "--accounts")
    with Serving(folder) as serving:
        serving.until("Grade them with")
    invitations = ClassFolder(folder.path).settings.invitations
    assert set(invitations) == {"s01", "s02"}
    sheets = (folder.path / "sheets.html").read_text("utf-8")
    assert all(code in sheets for code in invitations.values())


def test_another_server_on_the_port_is_an_error_and_not_used(tmp_path):
    folder = made(tmp_path / "c", "--students", "1", "--rooms", "1")
    with (
        socket.create_server(("127.0.0.1", folder.settings.port)) as other,
        Serving(folder) as serving,
    ):
        _, problem = serving.process.communicate(timeout=60)
        other.settimeout(0)
        with pytest.raises(BlockingIOError):
            other.accept()
    assert serving.process.returncode == 1
    assert "address already in use" in problem
    assert "The chat server has ended" in problem
    assert ClassFolder(folder.path).settings.rooms == []


@pytest.mark.parametrize(
    ("configured", "network", "kept"),
    [
        ("class.example.org", "192.0.2.9", True),
        ("127.0.0.2", "192.0.2.9", False),  # no other device reaches it
        ("192.0.2.1", "192.0.2.9", False),
        ("192.0.2.1", None, True),
        ("127.0.0.1", None, True),
        ("198.51.100.7", "192.0.2.9", True),
    ],
)
def test_the_configured_address_is_kept_if_it_is_valid(monkeypatch, configured, network, kept):
    monkeypatch.setattr("netchat.classroom.class_server.lan_address", lambda: network)
    own = ("198.51.100.7", "127.0.0.2", network)
    monkeypatch.setattr("netchat.classroom.class_server.has_address", lambda host: host in own)
    assert host_for_sheets(configured) == (configured if kept else network)


def test_pages_that_cannot_be_written_are_an_error(tmp_path):
    folder = made(tmp_path / "c", "--students", "1")
    (folder.path / "sheets.html").unlink()
    (folder.path / "sheets.html").mkdir()
    with pytest.raises(NetchatError, match="Cannot write"):
        write_pages(folder)
