from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from click.testing import CliRunner

from netchat.chat.room_codes import show_code
from netchat.cli.main import cli
from netchat.packets import PcapngWriter, read
from tests.packets.chatter import chat_messages, talk_of
from tests.packets.story import story

CAPTURES = Path(__file__).parents[2] / "captures"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run `netchat inspect` in a folder with captures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name, packets in (
        ("story.pcapng", story()),
        ("chat.pcapng.gz", talk_of(chat_messages(3)).packets),
        ("other.pcapng", []),
    ):
        with PcapngWriter(tmp_path / name) as out:
            for packet in packets:
                out.write(packet)
    whole = (tmp_path / "story.pcapng").read_bytes()
    (tmp_path / "cut.pcapng").write_bytes(whole[:-20])
    return lambda *arguments, **more: CliRunner().invoke(cli, ["inspect", *arguments], **more)


def test_lines(run) -> None:
    result = run("story.pcapng")
    assert result.exit_code == 0
    assert 'SEND        lobby #1 "hello"' in result.stdout
    assert "bytes missing at byte" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--tree"], "0x20 SEND"),
        (["--hex"], "0000  4e 43 01"),
        (["--tree", "--hex"], "0000  4e 43 01"),
        (["--stats"], "RTT of SEND: 50% 211 ms"),
        (["--follow"], "[lobby] Nova: hello\n"),
        (["--ladder"], "== SYN ="),
        (["--clock"], ".009000"),
        (["--user", "nova"], "HELLO"),
        (["--type", "send"], "SEND"),
        (["--type", "PING", "--type", "SEND"], "PING"),
        (["--room", "p"], "psst"),
    ],
)
def test_views_and_filters(run, options: list[str], text: str) -> None:
    result = run("story.pcapng", *options)
    assert result.exit_code == 0
    assert text in result.stdout


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--user", "Bo"], "HELLO"),
        (["--type", "PING"], "SEND"),
        (["--type", "PING"], "missing"),
        (["--room", "p"], "hello"),
        (["--room", "lobby", "--follow"], "psst"),
    ],
)
def test_filters_omit_other_messages(run, options: list[str], text: str) -> None:
    result = run("story.pcapng", *options)
    assert result.exit_code == (options == ["--user", "Bo"])  # 1: Bo never says HELLO
    assert text not in result.stdout


@pytest.mark.parametrize("written", [str, show_code, lambda code: show_code(code).lower()])
def test_a_room_code_can_be_written_in_groups(run, written) -> None:
    capture = CAPTURES / "room-of-three.pcapng"
    (code,) = {message.fields["room"] for message in read(capture).filter(type="LEAVE")}
    result = run(str(capture), "--room", written(code), "--follow")
    assert "Three of us, and a room of our own." in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    "asked",
    [["--user", "Stranger"], ["--room", "elsewhere"], ["--user", "Bo", "--type", "HISTORY", "--follow"],
     ["--user", "Stranger", "--ladder"], ["--user", "Stranger", "--stats"]],
)  # fmt: skip
def test_a_filter_without_matches_is_reported(run, asked: list[str]) -> None:
    result = run("story.pcapng", *asked)
    assert result.exit_code == 1
    assert result.stderr == "No message in story.pcapng matches the filter. Users in it: Nova.\n"


def test_json(run) -> None:
    rows = [json.loads(line) for line in run("chat.pcapng.gz", "--json").stdout.splitlines()]
    assert [row["type"] for row in rows if row["item"] == "decoded"] == [
        "HELLO", "WELCOME", "SEND", "EVENT", "SEND", "EVENT", "SEND", "EVENT",
    ]  # fmt: skip
    (row,) = [json.loads(x) for x in run("chat.pcapng.gz", "--stats", "--json").stdout.splitlines()]
    assert row["to_server"]["messages"] == 4


def test_svg(run, tmp_path) -> None:
    result = run("story.pcapng", "--svg", "story.svg")
    assert result.exit_code == 0
    assert result.stderr == "Wrote story.svg.\n"
    ElementTree.parse(tmp_path / "story.svg")
    result = run("story.pcapng", "--svg", "no/such/folder.svg")
    assert result.exit_code == 1
    assert "Cannot write no/such/folder.svg" in result.stderr


def test_another_port_and_frames_too_large(run) -> None:
    assert "HELLO" in run("story.pcapng", "--port", "7000").stdout
    result = run("chat.pcapng.gz", "--max-frame", "1024")
    assert "FrameTooLarge" in result.stdout or "the limit is 1024" in result.stdout


def test_a_truncated_capture(run) -> None:
    result = run("cut.pcapng")
    assert result.exit_code == 1
    assert "HELLO" in result.stdout
    assert "netchat: cut.pcapng is truncated: the block after packet" in result.stderr


def test_a_capture_without_chat(run) -> None:
    result = run("other.pcapng")
    assert result.exit_code == 0
    assert result.stdout == ""


def test_no_capture(run, tmp_path) -> None:
    (tmp_path / "text").write_text("hello\n")
    result = run("text")
    assert result.exit_code == 1
    assert (
        "text is not a capture file (pcap or pcapng): it begins with 68 65 6c 6c" in result.stderr
    )
    result = run("missing.pcapng")
    assert result.exit_code == 1
    assert "missing.pcapng: No such file" in result.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--stats", "--follow"),
        ("--ladder", "--tree"),
        ("--json", "--ladder"),
        ("--json", "--follow"),
        ("--type", "SENT"),
        (),
    ],
)
def test_options_that_cannot_be_combined(run, options: tuple[str, ...]) -> None:
    arguments = ["story.pcapng", *options] if options else []
    assert run(*arguments).exit_code == 2


def test_help_has_examples(run) -> None:
    output = run("--help").stdout
    for option in ("--tree", "--follow", "--stats", "--ladder", "--svg", "--user"):
        assert f"netchat inspect chat.pcapng {option}" in output


def test_nothing_heavy_is_imported() -> None:
    """Scapy takes half a second to import; `inspect` does not need it."""
    import subprocess

    code = "import sys, netchat.packets, netchat.cli.inspect; print('scapy' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "False\n"


def test_export_files(run, tmp_path) -> None:
    result = run("story.pcapng", "--export-files", "files")
    assert result.exit_code == 0
    assert result.output == "No file was transferred in this capture.\n"
    assert list((tmp_path / "files").iterdir()) == []
    assert run("story.pcapng", "--export-files", "files", "--tree").exit_code == 2


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (["-T", "fields", "-e", "type", "-e", "netchat.text"],
         ["HELLO\t", "WELCOME\t", "SEND\t\\x01äabä", "EVENT\t\\x01äabä"]),
        (["-T", "fields", "-e", "tcp.port", "-Y", "hello"], ["50000,6464"]),
        (["-e", "packet", "-e", "message", "--first", "1", "--filter", "to_client and message"], ["6\t1"]),
        (["-Y", "send", "--count"], ["3"]),
        (["--count", "--type", "EVENT", "--user", "Nova"], ["3"]),
        (["-Y", "send", "-T", "fields", "-e", "send.counter", "--last", "2"], ["2", "3"]),
    ],
)  # fmt: skip
def test_fields_and_parts(run, options: list[str], lines: list[str]) -> None:
    result = run("chat.pcapng.gz", *options)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[: len(lines)] == lines


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-T", "fields"], "-T fields needs the fields: add -e FIELD"),
        (["-e", "rooom"], "unknown field rooom; did you mean room?"),
        (["-e", "room", "--json"], "-e prints fields only"),
        (["-e", "room", "-T", "json"], "-e prints fields only"),
        (["--count", "--stats"], "--count, --first and --last apply to lines"),
        (["--first", "1", "--last", "1"], "--count, --first and --last cannot be combined"),
        (["-T", "json", "--tree"], "--json can only be combined with --stats"),
        (["--filter", "seq = 1"], "column 5: = is not an operator; use ==\n\n  seq = 1\n      ^"),
    ],
)  # fmt: skip
def test_contradictions_of_fields_and_filters(run, options: list[str], said: str) -> None:
    result = run("story.pcapng", *options)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_filter_without_matches(run) -> None:
    result = run("story.pcapng", "-Y", "seq > 10000", "--count")
    assert (result.exit_code, result.stdout) == (1, "0\n")
    assert "matches the filter" in result.stderr
    # An empty capture has no chat that could match.
    assert run("other.pcapng", "-Y", "send").exit_code == 1


def test_filters_of_the_views(run) -> None:
    assert "psst" not in run("story.pcapng", "--follow", "-Y", "room == lobby").stdout
    assert json.loads(run("story.pcapng", "-T", "json", "--first", "1").stdout)["item"] == "notice"
    result = run(str(CAPTURES / "retransmission.pcapng"), "-Y", "retransmitted")
    assert result.stdout.endswith("[retransmission]\n")
    assert len(result.stdout.splitlines()) == 1


def test_health_of_tcp(run) -> None:
    two = str(CAPTURES / "two-users.pcapng")
    text = run(two, "--stats", "--tcp").stdout
    assert text.count("TCP → window 64,512 to 64,512 bytes, 0 zero windows, SACK permitted") == 2
    rows = [json.loads(line) for line in run(two, "--stats", "--tcp", "--json").stdout.splitlines()]
    assert [row["tcp"]["to_server"]["rtt"]["count"] for row in rows] == [7, 6]
    assert [row["tcp"]["to_client"]["window_scale"] for row in rows] == [10, 10]
    udp = run(str(CAPTURES / "link-udp.pcapng"), "--stats", "--tcp", "--user", "Nova").stdout
    assert "over UDP" in udp
    assert "TCP" not in udp
    assert "tcp" not in json.loads(run(two, "--stats", "--json").stdout.splitlines()[0])
    assert run(two, "--tcp").exit_code == 2
