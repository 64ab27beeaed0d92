import json

import pytest
from click.testing import CliRunner

from netchat.cli.main import cli
from tests.end_to_end.processes import Server


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run netchat in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(cli, arguments)


@pytest.fixture(scope="module")
def address():
    with Server("--ephemeral") as running:
        yield f"127.0.0.1:{running.port}"


@pytest.fixture
def capture(run, address, tmp_path):
    """Return a capture of a user who sends messages in the lobby."""
    done = run(
        "craft", "SEND", "text=hi", "--hello", "Ada", "--send", address, "--pcap", "c.pcapng"
    )
    assert done.exit_code == 0
    return "c.pcapng"


@pytest.mark.parametrize("pace", [["--fast"], ["--speed", "4"], []])
def test_a_replay_with_matching_answers(run, capture, address, pace):
    result = run("replay", capture, address, *pace)
    assert result.output == (
        "Sent 4 frames of 1 client; the capture has 6 answers. All answers match.\n"
    )
    assert result.exit_code == 0


def test_matching_answers_as_json(run, capture, address):
    result = json.loads(run("replay", capture, address, "--fast", "--json").stdout)
    assert result == {
        "conversations": 1, "sent": 4, "answers": 6, "left_out": [], "same": True,
        "differences": [],
    }  # fmt: skip


@pytest.fixture
def strict():
    """Run a server that accepts texts of at most one byte."""
    with Server("--ephemeral", "--max-text", "1") as running:
        yield f"127.0.0.1:{running.port}"


def test_differences_are_reported(run, capture, strict):
    result = run("replay", capture, strict, "--fast")
    assert result.exit_code == 1
    assert "different max_text" in result.stdout
    assert "not in the capture: ERROR code=TEXT_TOO_LONG" in result.stdout
    assert "missing: EVENT" in result.stdout


def test_differences_as_json(run, capture, strict):
    result = run("replay", capture, strict, "--fast", "--json")
    assert result.exit_code == 1
    differences = json.loads(result.stdout)["differences"]
    assert [row["fields"] for row in differences] == [["max_text"], [], []]
    assert differences[1]["got"]["name"] == "ERROR"


def test_nothing_to_replay(run, tmp_path):
    assert run("craft", "EVENT", "--pcap", "e.pcap").exit_code == 0
    result = run("replay", "e.pcap")
    assert result.exit_code == 1


def test_wrong_usage(run, capture):
    assert run("replay", capture, "--fast", "--speed", "2").exit_code == 2
    assert run("replay", capture, "here:99999").exit_code == 2
    assert run("replay", capture, "--speed", "0").exit_code == 2
