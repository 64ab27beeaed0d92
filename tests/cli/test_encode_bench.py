"""`netchat encode-bench` as a command."""

import csv
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from netchat.bench import Results
from netchat.cli.main import cli

FIELDS = """
code channel rate frames frame_errors fer fer_low fer_high bits bit_errors ber ber_low ber_high
undetected theory_fer theory_ber encode_mbit_s decode_mbit_s end_to_end_mbit_s stopped_by
""".split()  # noqa: SIM905 - as the documents have it
QUICK = ["--code", "hamming:7,4", "--channel", "bsc:0.01", "--channel", "bsc:0.05"]


def bench(*arguments, code=0):
    result = CliRunner().invoke(cli, ["encode-bench", *arguments], standalone_mode=False)
    assert result.exception is None or code, result.output
    if result.exception is None:
        assert result.return_value == code
    return result


def test_a_table():
    output = bench(
        *QUICK, "--workers", "1"
    ).stdout  # the first run on a machine compiles kernels and prints a notice
    title, code, first, second = output.splitlines()[:4]
    assert title.split()[:3] == ["channel", "frames", "errors"]
    assert code == "hamming:7,4, rate 0.571"
    assert first.split()[0] == "bsc:0.01"
    assert second.split()[0] == "bsc:0.05"
    assert "2.03e-3" in first  # theory


def test_json_and_csv(tmp_path):
    bench(*QUICK, "--workers", "1", "--json", str(tmp_path / "r.json"), "--csv",
          str(tmp_path / "r.csv"), "--seed", "7")  # fmt: skip
    found = json.loads((tmp_path / "r.json").read_text())
    assert {"version", "seed", "machine", "points"} <= set(found)
    assert found["seed"] == 7
    assert {"system", "cores", "python", "numpy", "numba"} <= set(found["machine"])
    with (tmp_path / "r.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(found["points"]) == 2
    for point, row in zip(found["points"], rows, strict=True):
        assert set(FIELDS) <= set(point)
        assert point["fer"] == point["frame_errors"] / point["frames"]
        assert point["fer_low"] < point["fer"] < point["fer_high"]
        assert point["bits"] == 4 * point["frames"]
        assert {field: row[field] for field in ("code", "channel", "stopped_by")} == {
            field: point[field] for field in ("code", "channel", "stopped_by")
        }
        assert float(row["ber"]) == point["ber"]
    on_output = json.loads(bench(*QUICK, "--workers", "1", "--json", "-").stdout)
    assert on_output["points"][0]["channel"] == "bsc:0.01"


def test_workers_make_no_difference(tmp_path):
    counts = []
    for workers in ("1", "3"):
        bench(*QUICK, "--workers", workers, "--json", str(tmp_path / workers))
        points = json.loads((tmp_path / workers).read_text())["points"]
        counts.append([{field: point[field] for field in FIELDS if "mbit" not in field}
                       for point in points])  # fmt: skip
    assert counts[0] == counts[1]


def test_a_picture(tmp_path):
    path = tmp_path / "picture.svg"
    result = bench(*QUICK, "--workers", "1", "--plot", str(path))
    assert "Independent errors (BSC)" in path.read_text()
    assert str(path) in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--code", "nonsense"], "Unknown code 'nonsense'; available: bch, "),
        (["--code", "rs:300,200"], "'n' must be from 2 to 255 over GF(256), got 300."),
        (["--channel", "bsc:2"], "from 0 to 1"),
        (["--channel", "cable"], "not a channel"),
        (["--channel", "awgn:1e6"], "from -100 to 100 dB"),
        (["--errors", "0"], "--errors"),
        (["--seconds", "nan"], "'seconds' must be above 0"),
        (["--seconds", "0"], "--seconds"),
        (["--json", "no/such/folder/x.json"], "folder no/such/folder does not exist"),
        (["--plot", "picture.doc"], "must end in .png, .svg, .pdf or .tex"),
    ],
)
def test_wrong_usage(arguments, said):
    result = CliRunner().invoke(cli, ["encode-bench", *arguments])
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert result.stdout == ""


def test_families_with_one_rate_and_length(tmp_path):
    """The codes and channels are chosen, and the picture shows frame errors with the limits."""
    picture = tmp_path / "picture.SVG"
    result = bench(
        "--rate", "1/2", "--length", "128", "--frames", "300", "--errors", "20", "--workers", "1",
        "--plot", str(picture), "--references",
    )  # fmt: skip
    for name in ("uncoded:64", "rs:16,8", "conv:133,171,k=64,end=tailbiting", "ldpc:nr,64,128"):
        assert f"\n{name}, rate" in result.stdout
    assert "awgn:-0.25dB" in result.stdout
    text = picture.read_text()
    assert "frame error rate" in text
    assert "normal approximation" in text


def test_a_range_on_standard_output():
    output = bench(
        "--code", "hamming:7,4", "--channel", "awgn:2:3:0.5", "--workers", "1", "--csv", "-"
    ).stdout
    rows = list(csv.DictReader(output.splitlines()))
    assert [row["channel"] for row in rows] == ["awgn:2dB", "awgn:2.5dB", "awgn:3dB"]


def test_a_search():
    output = bench("--code", "hamming:7,4", "--channel", "awgn", "--target-fer", "0.01",
                   "--errors", "50", "--workers", "1").stdout  # fmt: skip
    heading, row = output.splitlines()[-2:]
    assert heading.startswith("FER 0.01")
    assert 5.2 < float(row.split()[1]) < 5.7  # theory: 5.45 dB


def test_parts_are_merged(tmp_path):
    channels = ["--channel", "bsc:0.05:0.2:0.05"]
    options = ["--code", "hamming:7,4", *channels, "--workers", "1"]
    whole = json.loads(bench(*options, "--json", "-").stdout)
    files = []
    for part in ("1/2", "2/2"):
        files.append(str(tmp_path / f"{part[0]}.json"))
        bench(*options, "--part", part, "--json", files[-1])
    merged = json.loads(bench("--merge", *files, "--json", "-").stdout)
    counts = [
        {p["channel"]: (p["frames"], p["bit_errors"]) for p in each["points"]}
        for each in (whole, merged)
    ]
    assert counts[0] == counts[1]
    result = bench(files[0], code=2)
    assert "--merge must precede files" in str(result.exception)
    result = bench("--rate", "1/2", code=2)
    assert "--rate and --length can only be used together" in str(result.exception)


def test_a_file_that_cannot_be_loaded(tmp_path):
    for source, said in (
        ("x = 1\nraise RuntimeError('boom')\n", "RuntimeError, line 2: boom."),
        ("x = 1\n\ndef f(:\n", "SyntaxError, line 3: invalid syntax."),
    ):
        (tmp_path / "bad.py").write_text(source)
        result = bench("--code", f"{tmp_path}/bad.py:Bad", code=2)
        assert isinstance(result.exception, click.UsageError)
        assert str(result.exception) == f"{tmp_path}/bad.py cannot be loaded: {said}"


def test_other_files_are_written_if_one_fails(tmp_path):
    picture, table = tmp_path / "picture.png", tmp_path / "table.csv"
    arguments = ["--json", "/proc/x.json", "--csv", str(table), "--plot", str(picture)]
    result = bench(*QUICK, "--workers", "1", *arguments, code=1)
    assert "netchat: Cannot write /proc/x.json: " in result.stderr
    assert len(table.read_text().splitlines()) == 3
    assert picture.exists()


def test_a_small_terminal_gets_a_summary(tmp_path):
    """With more points than lines, a terminal gets a grid; a pipe gets every point."""
    command = [sys.executable, "-m", "netchat", "encode-bench", *QUICK, "--workers", "1"]
    for lines, starts in ((30, "  channel"), (4, "Bit error rate after decoding, bsc:")):
        terminal, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", lines, 100, 0, 0))
        environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
        subprocess.run(command, stdout=end, stderr=subprocess.DEVNULL, env=environment, check=True)
        os.close(end)
        shown = os.read(terminal, 65536).decode().replace("\r\n", "\n")
        os.close(terminal)
        assert shown.startswith(starts)
        assert ("Pipe to less -S to see every number" in shown) == (lines == 4)


def test_a_code_that_breaks(tmp_path):
    (tmp_path / "bad.py").write_text(
        "from netchat.coding.block.uncoded import Uncoded\n"
        "class Bad(Uncoded):\n"
        "    def _decode_bit_sliced(self, received): raise KeyError('oh')\n"
    )
    result = subprocess.run(
        [sys.executable, "-m", "netchat", "encode-bench", "--code", "bad.py:Bad"],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert result.returncode == 1
    assert re.match(r"netchat: bad.py:Bad over bsc:\S+ raised KeyError: 'oh'\n", result.stderr)
    assert "netchat codes check bad.py:Bad" in result.stderr
    assert "Traceback" not in result.stderr


def test_ctrl_c_keeps_the_results_so_far(tmp_path):
    """Interrupt on a terminal with a progress bar, then resume with the same command."""
    frames = 8_000_000  # it runs for four seconds or more, so the signal arrives during the run
    command = [
        sys.executable, "-m", "netchat", "encode-bench", "--code", "rs:255,223", "--channel",
        "bsc:0.01", "--channel", "bsc:0.0015", "--frames", str(frames), "--resume", "run.json",
    ]  # fmt: skip
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=end, stdin=subprocess.DEVNULL
    )
    os.close(end)
    shown = b""
    # The first of two points is half of the work: at 51 %, the second has some frames too.
    under_way = rb"\xe2\x94\x81+.* 5[1-9]% 1/2  rs:255,223 over bsc:0.0015"
    while not re.search(under_way, re.sub(rb"\x1b\[[\d;?]*[A-Za-z]", b"", shown)):
        shown += os.read(terminal, 4096)
    process.send_signal(signal.SIGINT)
    table, _ = process.communicate(timeout=20)
    shown += os.read(terminal, 4096)
    os.close(terminal)
    assert process.returncode == 130
    assert b"Interrupted: 1 of 2 points done; continue with --resume run.json." in shown
    assert b"interrupted" in table
    before = Results.read(tmp_path / "run.json").point("rs:255,223", "bsc:0.0015")
    assert 0 < before.tally.frames < frames
    more = before.tally.frames + 50_000
    again = [*command[:4], "--resume", "run.json", "--frames", str(more)]
    result = subprocess.run(again, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    after = Results.read(tmp_path / "run.json").point("rs:255,223", "bsc:0.0015")
    assert after.tally.frames == more
    assert result.stderr == ""


def test_the_code_in_the_documentation_works(tmp_path, monkeypatch):
    """Run the example of docs/CODES.md from a new file, with the commands given there."""
    page = Path("docs/CODES.md").read_text()
    monkeypatch.setenv("NETCHAT_ENCODE_BENCH_WORKERS", "1")
    monkeypatch.chdir(tmp_path)
    source = re.search(r"```python\n(\"\"\"A channel code of your own.*?)```", page, re.S)[1]
    Path("experiments").mkdir()
    Path("experiments/my_code.py").write_text(source)
    commands = re.findall(r"^\$ netchat (.*my_code\.py.*?)(?:\s+#.*)?$", page, re.M)
    assert any(command.startswith("encode-bench") for command in commands)
    for command in commands:
        result = CliRunner().invoke(cli, command.split())
        assert result.exit_code == 0, (command, result.stdout, result.stderr)
        assert "my_code.py:Grid" in result.stdout or "grid" in result.stdout.lower()
