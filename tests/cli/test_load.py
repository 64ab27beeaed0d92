"""`netchat load` as a command: its output and exit codes."""

import asyncio
import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from netchat.cli import load as module
from netchat.cli.load import load
from netchat.errors import Refused
from netchat.net.client import Client
from tests.end_to_end.processes import ROOT, Server, free_port


@pytest.fixture(scope="module")
def port():
    with Server("--ephemeral", "--rate", "0") as server:
        yield server.port


def netchat_load(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "netchat", "load", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_correct_server_gives_exit_code_0_and_a_table(port):
    result = netchat_load(f"127.0.0.1:{port}", "--users", "10", "--messages", "50")
    assert (result.returncode, result.stderr) == (0, "")
    assert "every delivery correct" in result.stdout
    assert "500 in" in result.stdout


def test_json_is_one_object_with_everything(port):
    options = ("--users", "8", "--senders", "2", "--messages", "20", "--drop", "--json")
    result = netchat_load(f"127.0.0.1:{port}", *options)
    assert (result.returncode, result.stderr) == (0, "")
    report = json.loads(result.stdout)
    assert report["ok"] is True
    assert report["deliveries"] == 8 * 40
    assert report["latency"]["p999"] > 0
    assert report["drop"]["clients"] == 8
    assert report["faults"] == {"lost": 0, "doubled": 0, "disordered": 0, "altered": 0}


def test_a_new_room_is_closed_afterwards():
    with Server("--ephemeral", "--rate", "0") as server:
        result = netchat_load(f"127.0.0.1:{server.port}", "--users", "3", "--messages", "2",
                              "--room", "new")  # fmt: skip
        assert (result.returncode, result.stderr) == (0, "")
        assert "every delivery correct" in result.stdout
        assert asyncio.run(texts_of(server.port, "lobby")) == []
        codes = []

        async def drive(code):
            codes.append(code)

        owner = Client(f"127.0.0.1:{server.port}", name="load-owner")
        asyncio.run(module._in_new_room(owner, drive))
        with pytest.raises(Refused):
            asyncio.run(texts_of(server.port, codes[0]))


async def texts_of(port: int, code: str) -> list[str]:
    """Return the messages of a room."""
    async with Client(f"127.0.0.1:{port}", name="Ada") as chat:
        return [one.text for one in await (await chat.join(code)).history() if one.text]


def test_a_wrong_delivery_gives_exit_code_1(port):
    # The server refuses a text above its limit: no user receives the message.
    with Server("--ephemeral", "--max-text", "20") as strict:
        result = netchat_load(f"127.0.0.1:{strict.port}", "--users", "3", "--messages", "1",
                              "--patience", "1s")  # fmt: skip
    assert result.returncode == 1
    assert "3 lost" in result.stdout
    assert "note: " in result.stdout


def test_no_server_gives_exit_code_3():
    result = netchat_load(f"127.0.0.1:{free_port()}")
    assert result.returncode == 3
    assert result.stdout == ""
    assert "netchat serve" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [["host:port"], ["localhost", "--senders", "5", "--users", "2"], ["localhost", "--rate", "0"]],
)
def test_wrong_usage_gives_exit_code_2(arguments):
    assert CliRunner().invoke(load, arguments).exit_code == 2


def test_remote_text_does_not_reach_the_terminal_raw():
    assert module._plain("a\x1b[2Jb\nc") == "a\\x1b[2Jb\\nc"
