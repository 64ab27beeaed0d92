import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from netchat.cli.main import cli
from netchat.packets import DecodedMessage, read_capture
from netchat.wire import Event, Hello, Send, encode
from tests.end_to_end.processes import Server


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run `netchat craft` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(cli, ["craft", *arguments])


@pytest.fixture(scope="module")
def server():
    with Server("--ephemeral") as running:
        yield running


FRAME = encode(Send(1, "lobby", "hello"))


def test_a_frame_is_shown_field_by_field(run):
    result = run("SEND", "text=hello")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == "SEND frame, 38 bytes: Sends a message to a room."
    assert [line.split()[-2] for line in lines if "text " in line]
    assert "00 05 68 65 6c 6c 6f" in result.output
    assert "will" not in result.output.splitlines()[-1]


def test_hex_is_only_hex(run):
    assert run("send", "text=hello", "--hex").stdout == FRAME.hex() + "\n"


@pytest.mark.parametrize(
    ("arguments", "verdict"),
    [
        (["SEND", "crc=0"], "its CRC-32 says 00000000"),
        (["SEND", "length=9999", "text=hello"], "9,977 bytes missing"),
        (["SEND", "room_len=99"], "room at byte 8 says it is 99 bytes long"),
        (["0x7f", "body=00ff"], "frame type 0x7f is not in NCP/1"),
        (["PING", "version=2"], "NCP version 2"),
        (["PING", "magic=XX"], "not with b'XX'"),
        (["SEND", "body="], "counter at byte 0 needs 8 bytes"),
        (["PING", "body=0000000000000000ff"], "1 byte is left over"),
    ],
)
def test_an_invalid_frame_is_shown_with_the_reason(run, arguments, verdict):
    result = run(*arguments)
    assert result.exit_code == 0
    assert verdict in result.output.splitlines()[-1]


def test_json(run):
    result = json.loads(run("EVENT", "kind=RENAME", "text=Zoë", "crc=1", "--json").stdout)
    assert result["frame"]["name"] == "EVENT"
    fields = {row["field"]: row for row in result["frame"]["fields"]}
    assert fields["kind"] == {"field": "kind", "value": 4, "at": 48, "name": "RENAME"}
    assert fields["text"]["value"] == "Zoë"
    assert "CRC" in result["verdict"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["SEND", "txt=1"], ["SEND has no field 'txt'", "counter, room, text"]),
        (["SEDN"], ["did you mean SEND?"]),
        (["SEND", "text"], ["must be FIELD=VALUE, got 'text'."]),
        (["SEND", "text=a", "text=b"], ["text is given more than once"]),
        (["SEND", "--hello", "Ada"], ["--hello requires --send or --pcap"]),
        (["SEND", "--send", "here:99999"], ["'here:99999' is not a valid address"]),
    ],
)
def test_wrong_usage(run, arguments, words):
    result = run(*arguments)
    assert result.exit_code == 2
    for word in words:
        assert word in result.output


def test_a_capture(run, tmp_path):
    assert run("SEND", "text=hello", "--hello", "Ada", "--pcap", "c.pcap").exit_code == 0
    items = [item for item in read_capture(tmp_path / "c.pcap") if isinstance(item, DecodedMessage)]
    assert [type(item.message) for item in items] == [Hello, Send]
    assert items[1].raw == FRAME


def test_a_servers_frame_comes_from_the_server(run, tmp_path):
    assert run("EVENT", "text=hello", "--pcap", "c.pcapng").exit_code == 0
    (item,) = [
        item for item in read_capture(tmp_path / "c.pcapng") if isinstance(item, DecodedMessage)
    ]
    assert isinstance(item.message, Event)
    assert not item.to_server


def test_sent_to_a_server(run, server, tmp_path):
    address = f"127.0.0.1:{server.port}"
    result = run("SEND", "text=hello", "--hello", "Ada", "--send", address, "--pcap", "c.pcapng")
    assert result.exit_code == 0
    told = [line.split()[:2] for line in result.stdout.splitlines() if line[:2] in ("->", "<-")]
    assert [name for way, name in told if way == "->"] == ["HELLO", "JOIN", "SEND", "BYE"]
    answers = [name for way, name in told if way == "<-"]
    assert answers == ["WELCOME", "JOINED", "EVENT", "EVENT", "EVENT", "BYE"]
    items = [
        i
        for i in read_capture(tmp_path / "c.pcapng", [server.port])
        if isinstance(i, DecodedMessage)
    ]
    assert len(items) == len(told)


def test_an_invalid_frame_is_refused_and_the_name_is_released(run, server):
    for _ in range(2):
        result = run(
            "SEND", "crc=0", "--hello", "Bo", "--send", f"127.0.0.1:{server.port}", "--json"
        )
        assert result.exit_code == 0
        said = json.loads(result.stdout)["conversation"]
        assert [row["name"] for row in said if row["from"] == "server"][-1] == "ERROR"
        assert "refused" not in result.stderr
        assert "the server closed the connection" in result.stderr


def test_a_refusal_is_reported(run, server):
    result = run("WHO", "--hello", "a\u202eb", "--send", f"127.0.0.1:{server.port}")
    assert result.exit_code == 0
    assert "the server refused HELLO" in result.stderr
    assert "code=NAME_NOT_ALLOWED" in result.stdout


def test_no_server():
    command = [sys.executable, "-m", "netchat", "craft", "PING", "--send", "127.0.0.1:1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 3
    assert done.stderr.startswith("netchat: ")
