import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from netchat.cli.main import cli
from netchat.wire import MESSAGES, Send
from netchat.wire.compiler import source_of
from netchat.wire.diagram import body_diagram
from netchat.wire.document import protocol_document

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run `netchat protocol` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(cli, ["protocol", *arguments])


def test_overview_names_every_message(run):
    result = run()
    assert result.exit_code == 0
    for message in MESSAGES.values():
        assert f"{message.TYPE:#04x}   {message.NAME} " in result.output
    assert "Reserved" not in result.output


@pytest.mark.parametrize("name", ["SEND", "send", "0x20", "32"])
def test_one_message(run, name):
    result = run(name)
    assert result.exit_code == 0
    assert result.output.startswith("SEND  type 0x20, sent by client\n")
    assert body_diagram(Send) in result.output
    assert "def encode" not in result.output


@pytest.mark.parametrize("message", MESSAGES.values(), ids=lambda m: m.NAME)
def test_every_message_can_be_shown(run, message):
    result = run(message.NAME.lower().replace("_", "-"), "--source")
    assert result.exit_code == 0
    assert result.output.endswith(source_of(message) + "\n")


def test_values_and_records_are_shown(run):
    assert "4 RENAME" in run("EVENT").output
    output = run("ROSTER").output
    assert "Member  a record" in output
    assert "list of Member" in output


def test_unknown_message(run):
    result = run("SEDN")
    assert result.exit_code == 2
    assert "NCP has no message 'SEDN'; did you mean SEND?" in result.output
    assert "available: HELLO, WELCOME" in run("0x99").output


def test_json(run):
    assert len(json.loads(run("--json").output)["messages"]) == len(MESSAGES)
    assert json.loads(run("send", "--json").output)["name"] == "SEND"


def test_write_then_check(run, tmp_path):
    (tmp_path / "docs").mkdir()
    result = run("--write")
    assert (result.exit_code, result.output) == (0, "Wrote docs/PROTOCOL.md.\n")
    written = (tmp_path / "docs" / "PROTOCOL.md").read_bytes()
    assert written.decode() == protocol_document()
    result = run("--check")
    assert (result.exit_code, result.output) == (0, "docs/PROTOCOL.md is up to date.\n")


def test_another_file(run, tmp_path):
    assert run("--write", "here.md").exit_code == 0
    assert run("--check", "here.md").exit_code == 0
    assert not (tmp_path / "docs").exists()


def test_committed_document_is_up_to_date(run):
    result = run("--check", str(ROOT / "docs" / "PROTOCOL.md"))
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda text: "# A" + text[3:], 1),
        (
            lambda text: text.replace("text | The message, without", "text | A message, without"),
            None,
        ),
        (lambda text: text + "more\n", None),
        (lambda text: text[: text.rindex("\n", 0, -1) + 1], None),
    ],
)
def test_stale_document(run, tmp_path, change, line):
    path = tmp_path / "stale.md"
    path.write_text(change(protocol_document()), encoding="utf-8")
    result = run("--check", str(path))
    assert result.exit_code == 1
    assert f"{path} is out of date from line {line or ''}" in result.stderr
    assert "netchat protocol --write" in result.stderr
    assert result.stdout == ""


def test_check_accepts_windows_line_ends(run, tmp_path):
    path = tmp_path / "windows.md"
    path.write_text(protocol_document(), encoding="utf-8", newline="\r\n")
    assert run("--check", str(path)).exit_code == 0


def test_missing_document(run):
    result = run("--check")
    assert result.exit_code == 1
    assert "Cannot read docs/PROTOCOL.md: No such file" in result.stderr


def test_no_folder_to_write_to(run):
    result = run("--write")
    assert result.exit_code == 1
    assert "Run this in the project" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--source",),
        ("SEND", "--source", "--json"),
        ("--json", "--check"),
        ("SEND", "--check"),
        ("--check", "x.md", "--write"),
    ],
)
def test_options_that_cannot_be_combined(run, arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert "netchat: --" in result.stderr


def test_help_has_examples(run):
    output = run("--help").output
    assert "netchat protocol SEND --source" in output
    assert "netchat protocol --check" in output
