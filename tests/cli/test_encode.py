import json
import re
import shlex

import pytest
from click.testing import CliRunner

import netchat.coding
from netchat.cli.main import cli
from netchat.coding.registry import EXAMPLES


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *arguments, **options: CliRunner().invoke(cli, arguments, **options)


def lines_of(result, name):
    return [line[10:] for line in result.output.splitlines() if line[:10].strip() == name]


def test_without_noise(run):
    result = run("encode", "Hi")
    assert result.exit_code == 0
    assert lines_of(result, "sent") == ["0100101  1000110  0110110  1001001", "Hi"]
    assert lines_of(result, "received")[0] == lines_of(result, "sent")[0]
    assert lines_of(result, "decoded") == ["0100101  1000110  0110110  1001001", "Hi"]
    assert "^" not in result.output


def test_bytes_that_are_not_utf_8_are_sent_unchanged(run):
    result = run("encode", "\udce9t\udce9", "--json")
    assert result.exit_code == 0
    assert "TEXT is not UTF-8" in result.stderr
    assert json.loads(result.stdout)["sent"] == b"\xe9t\xe9".hex()


def test_flipped_bits_are_marked_and_corrected(run):
    result = run("encode", "Hi", "--flip", "2")
    assert result.exit_code == 0
    sent, received = lines_of(result, "sent")[0], lines_of(result, "received")[0]
    marks = next(line for line in result.output.splitlines() if set(line) == {" ", "^"})[10:]
    wrong = [i for i, (a, b) in enumerate(zip(sent, received, strict=True)) if a != b]
    assert len(wrong) == 2
    assert [i for i, mark in enumerate(marks) if mark == "^"] == wrong
    assert "1 fixed" in result.output


def test_miscorrections_are_marked_wrong(run):
    result = run("encode", "Hi", "--flip", "3", "--seed", "2")
    assert result.exit_code == 1
    assert "WRONG" in result.output
    assert "!" in result.output


def test_decoding_failures_are_marked(run):
    result = run("encode", "Hi", "--code", "rs:12,10", "--flip", "5")
    assert result.exit_code == 1
    assert "failed" in result.output


def test_bytes_are_hexadecimal_and_erasures_question_marks(run):
    result = run("encode", "Hi there", "--code", "rs:24,8", "--channel", "bec:0.3")
    assert result.exit_code == 0
    assert lines_of(result, "sent")[0].startswith("48 69 20 74")
    assert "??" in lines_of(result, "received")[0]


@pytest.mark.parametrize("channel", ["bsc:0.02", "awgn:7dB", "gilbert-elliott:0.01,0.3,0,0.4"])
def test_channels(run, channel):
    result = run("encode", "Hello", "--code", "repetition:5", "--channel", channel)
    assert lines_of(result, "decoded")[-1] == "Hello"


def test_no_line_is_longer_than_the_terminal(run):
    for code in ("hamming:7,4", "secded:72,64", "rs:255,223", "rs:60,20+hamming:7,4"):
        result = run("encode", "A longer text, of several blocks", "--code", code, "--flip", "1")
        drawn = [line for line in result.output.splitlines() if not line.startswith("netchat")]
        assert max(map(len, drawn)) <= 80
        assert lines_of(result, "decoded")[-1] == "A longer text, of several blocks"


def test_colours_are_used_on_a_terminal_only(run):
    assert "\x1b[" not in run("encode", "Hi").output
    assert "\x1b[36m" in run("encode", "Hi", color=True).output


def test_decode_reverses_encode(run):
    result = run("encode", "Hi", "--flip", "2")
    command = re.search(r"^netchat (decode \w+ --code \S+)$", result.output, re.MULTILINE)[1]
    decoded = run(*command.split())
    assert decoded.exit_code == 0
    assert lines_of(decoded, "decoded")[-1] == "Hi"
    assert decoded.output.count("1 fixed") == 2
    assert "sent" not in decoded.output


def test_decode_of_invalid_input(run):
    result = run("decode", "0102030405060708", "--code", "rs:12,6")
    assert result.exit_code == 1
    assert "failed" in result.output
    for coded, says in (("xyz", "hexadecimal"), ("0102030405", "no data encodes to 5 bytes")):
        result = run("decode", coded)
        assert result.exit_code == 2
        assert says in result.output


def test_decoded_text_cannot_control_the_terminal(run):
    coded = b"\x1b[31mred\x07"
    result = run("decode", coded.hex(), "--code", "uncoded:8")
    assert "\x1b" not in result.output
    assert "\x07" not in result.output


def test_json(run):
    report = json.loads(run("encode", "Hi", "--flip", "2", "--json").stdout)
    assert (report["code"], report["sent"], report["decoded"]) == ("hamming:7,4", "4869", "4869")
    assert [block["corrected"] for block in report["blocks"]] == [0, 1, 0, 1]
    assert report["blocks"][1]["verdict"] == "1 fixed"
    assert report["blocks"][0]["sent"] == "0100101"
    report = json.loads(run("decode", "4b09b480", "--json").stdout)
    assert report["sent"] is None
    assert report["blocks"][0]["sent"] is None


@pytest.mark.parametrize(
    "arguments",
    [
        ["Hi", "--flip", "1", "--channel", "bsc:0.1"],
        ["Hi", "--flip", "1000"],
        ["Hi", "--channel", "nonsense"],
        ["Hi", "--code", "nonsense"],
    ],
)
def test_wrong_usage(run, arguments):
    assert run("encode", *arguments).exit_code == 2


def test_no_text(run):
    assert run("encode", "").exit_code == 0


@pytest.mark.parametrize("code", EXAMPLES)
@pytest.mark.parametrize(
    "damage",
    [
        "--flip=2",
        "--channel=bsc:0.05",
        "--channel=bec:0.2",
        "--channel=awgn:0dB",
        "--channel=gilbert-elliott:0.05,0.2,0,0.5",
    ],
)
def test_the_printed_decode_command_gives_the_same_text(run, code, damage):
    if "reedsolo" in code and "255" in code:
        code = "rs:20,10@reedsolo"  # the large code takes a second per run
    text = "Hi"
    while True:
        encoded = run("encode", text, "--code", code, damage, "--seed", "2")
        line = next(
            (line for line in encoded.output.splitlines() if line.startswith("netchat ")), None
        )
        if line is not None or len(text) == 1:
            break
        text = text[:-1]
    if line is None:  # too long, with a ratio for every bit
        assert netchat.coding.get(code).n > 300, encoded.output
        return
    decoded = run(*shlex.split(line)[1:])
    for name in ("received", "decoded"):
        # `decode` does not know the errors, and its shorter verdict makes the column narrower.
        assert (
            " ".join(lines_of(decoded, name)).split() == " ".join(lines_of(encoded, name)).split()
        )
    came_back = "failed" not in encoded.output
    if netchat.coding.get(code).systematic:  # otherwise the end of the data can be lost too
        assert decoded.exit_code == (0 if came_back else 1)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--erased 8", "positions must be below 8, the number of symbols, got 8."),
        ("--erased 3-2", "must be a position or range such as 3 or 3-5, got '3-2'."),
        ("--erased x", "must be a position or range such as 3 or 3-5, got 'x'."),
        ("--soft 1,2", "must have 8 values, got 2."),
        ("--soft 1", "must have 8 values, got 1."),
        ("--soft 1,x,3", "must be numbers, got 'x'."),
        ("--soft nan", "must be numbers, got 'nan'."),
        ("--soft 1 --code rs:255,254", "soft values need a code over bits."),
    ],
)
def test_invalid_decode_options_are_errors(run, options, says):
    result = run(
        "decode", "0000" if "rs:" in options else "00", *f"--code uncoded:8 {options}".split()
    )
    assert result.exit_code == 2
    assert says in result.stderr


def test_erasures_and_soft_values_are_used(run):
    coded = "fc" + 7 * "00"
    result = run("decode", coded, "--code", "repetition:8", "--erased", "0,2-4")
    assert lines_of(result, "received")[0].startswith("?1???100  00000000")
    assert "failed" in result.output  # the remaining copies have as many ones as zeros
    result = run("decode", coded, "--code", "repetition:8")
    assert lines_of(result, "decoded")[0].startswith("11111111  00000000")
    soft = ",".join(6 * ["-1"] + 58 * ["9"])
    result = run("decode", coded, "--code", "repetition:8", f"--soft={soft}")
    assert lines_of(result, "decoded")[0].startswith("00000000  00000000")
