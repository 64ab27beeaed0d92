"""Links in simulated time: measurements agree with calculations by hand."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from netchat.bench.link.point import mean_interval
from netchat.bench.link.results import LinkResults
from netchat.bench.link.run import link_bench
from netchat.bench.link.simulation import SLOT, Setting, run_link
from netchat.bench.link.suite import BEACH, CHOICES, CODES, parse_channel, parse_link
from netchat.bench.link.time_varying_channel import SimulatedLine, TimeVaryingChannel
from netchat.cli.link_bench import link_bench as command
from netchat.link.code_table import CODES as TABLE
from netchat.link.decode_probability import CANDIDATES, REDUNDANCY_CANDIDATES
from netchat.link.incremental_redundancy import INCREMENTS
from netchat.link.open_request import Mode


def run(channel: str, spec: str, seconds: float = 2.0, mode: Mode = Mode.HYBRID, **options):
    setting = Setting(parse_channel(channel, seconds), 125_000.0, **options)
    return run_link(setting, spec, np.random.SeedSequence(1), mode=mode)


def test_a_line_has_rate_and_delay() -> None:
    line = SimulatedLine(
        parse_channel("bsc:0", 1.0), rate=1000.0, delay=0.5, seed=np.random.SeedSequence(1)
    )

    assert line.carry(b"x" * 100, now=1.0) == (1.6, b"x" * 100)
    assert line.carry(b"y" * 100, now=1.05) == (pytest.approx(1.7), b"y" * 100)
    assert line.free == pytest.approx(1.2)
    assert line.carried == 200


def test_the_channel_changes_on_time() -> None:
    varying = parse_channel("bsc:0@2; bsc:0.5@1;bsc:0@1", 5.0)
    line = SimulatedLine(varying, rate=1e6, delay=0.0, seed=np.random.SeedSequence(1))

    assert varying.seconds == 4
    assert varying.channels == ["bsc:0", "bsc:0.5"]
    assert [varying.at(t) for t in (0, 1.99, 2, 2.99, 3, 99)] == [
        "bsc:0", "bsc:0", "bsc:0.5", "bsc:0.5", "bsc:0", "bsc:0",
    ]  # fmt: skip
    for now in (0.0, 2.5, 3.5):
        damaged = line.carry(bytes(1000), now)[1]
        assert (damaged != bytes(1000)) == (now == 2.5)


@pytest.mark.parametrize("spec", ["uncoded", "rs:255,223", "rs:255,127"])
def test_goodput_of_a_clean_line_is_the_rest_after_coding_and_headers(spec: str) -> None:
    rate = {"uncoded": 1.0, "rs:255,223": 223 / 255, "rs:255,127": 127 / 255}[spec]
    result = run("bsc:0", spec, seconds=4)

    # 100 bytes of header and 4 of CRC for 8160 bytes; the first block arrives after 76 ms.
    assert result.goodput == pytest.approx(rate * 8160 / 8260, abs=0.025)
    assert sum(result.slots) == result.delivered
    assert len(result.slots) == 4 / SLOT


def test_damaged_data_does_not_count_without_retransmission() -> None:
    fec, hybrid = (run("bsc:7e-3", "rs:255,223", mode=m) for m in (Mode.FEC, Mode.HYBRID))

    assert fec.goodput < 0.05  # nearly every block of 32 codewords has one that cannot be corrected
    assert hybrid.goodput > 4 * fec.goodput
    assert run("bsc:1e-3", "rs:255,223", mode=Mode.FEC).goodput > 0.8


def test_latency_is_the_delay_plus_a_round_trip_after_a_loss() -> None:
    quiet = run("bsc:0", "uncoded", seconds=4, every=0.05, message=200)

    assert quiet.messages == len(quiet.latencies) == pytest.approx(60, abs=1)
    # 304 bytes at 125,000 a second, and 10 ms.
    assert max(quiet.latencies) == pytest.approx(0.0125, abs=0.002)
    lossy = run("bsc:3e-4", "uncoded", seconds=6, every=0.5, message=200, delay=0.05)
    late = [t for t in lossy.latencies if t > 0.1]
    assert 0.1 < len(late) / len(lossy.latencies) < 0.9
    assert min(late) > 0.15  # the block, the NAK back, and the retransmission


@pytest.mark.slow
def test_results_depend_on_the_seed_and_not_on_the_workers() -> None:
    asked = {"links": ["adaptive", "rs:255,191"], "channels": ["bsc:1e-2"], "seconds": 1.0}
    one = link_bench(**asked, repeats=2, workers=1)
    other = link_bench(**asked, repeats=2, workers=1, seed=2)
    # A program that calls it without `if __name__ == "__main__"`, as in a notebook.
    program = (
        "from netchat.bench.link import link_bench\n"
        f"results = link_bench(**{asked}, repeats=2, workers=2)\n"
        "print([p.goodputs for p in results.points])\n"
    )
    two = subprocess.run([sys.executable, "-"], input=program, capture_output=True, text=True)

    assert two.stdout == f"{[p.goodputs for p in one.points]}\n", two.stderr
    assert [p.goodputs for p in one.points] != [p.goodputs for p in other.points]


@pytest.mark.slow
@pytest.mark.thorough
def test_policies_are_compared_with_the_oracle_which_uses_the_best_code_of_each_channel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("netchat.bench.link.run._TRIAL", 0.5)
    told = []
    results = link_bench(
        ["oracle", "adaptive:threshold", "rs:255,127", "rs:255,251"], ["bsc:1e-5@2; bsc:2e-2@2"],
        repeats=2, workers=1, progress=lambda done, of: told.append((done, of)),
    )  # fmt: skip

    assert results.best["bsc:1e-5"] in ("rs:255,251", "nr:3")
    assert results.best["bsc:2e-2"] in ("nr:29", "nr:34", "nr:40")
    varying = "bsc:1e-5@2; bsc:2e-2@2"
    oracle, policy, strong, weak = (
        results.point(link, varying)
        for link in ("oracle", "adaptive:threshold", "rs:255,127", "rs:255,251")
    )
    assert oracle.of_oracle == (1, 1)
    assert 0.8 < policy.share <= 1.01
    assert policy.goodput > max(strong.goodput, weak.goodput)
    assert policy.codes.get("rs:255,251", 0) + policy.codes.get("nr:3", 0) > 15
    assert sum(policy.codes.get(f"nr:{parity}", 0) for parity in (25, 29, 34, 40)) > 8
    half = len(policy.slots) // 2
    assert sum(policy.slots[:half]) > 1.2 * sum(policy.slots[half:])
    trials = 2 * 2 * len(CHOICES)
    assert told[-1] == (trials + 16, trials + 16)
    text = results.table()
    assert text.index("oracle ") < text.index("adaptive:threshold") < text.index("rs:255,251")
    uses = ", ".join(f"{code} on {channel}" for channel, code in results.best.items())
    assert f"The oracle uses {uses}." in text
    for figure in (results.plot(), results.plot_regret()):
        labels = figure.legends[0].get_texts()
        assert any("adaptive:threshold" in label.get_text() for label in labels)
    with pytest.raises(KeyError, match="no point of oracle over fog"):
        results.point("oracle", "fog")


def test_the_oracle_and_the_policies_choose_from_the_same_codes() -> None:
    known = {TABLE[number] for number in (*CANDIDATES, *REDUNDANCY_CANDIDATES)}
    assert set(CHOICES) == known
    assert set(CODES) <= known
    assert known == {spec for number, spec in TABLE.items() if number not in INCREMENTS}


def test_students_interval() -> None:
    assert mean_interval([0.5])[0] == -math.inf
    low, high = mean_interval([0.8, 0.9, 1.0, 0.9])
    assert (low, high) == (pytest.approx(0.77009, abs=1e-4), pytest.approx(1.02991, abs=1e-4))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("turbo", "a link cannot use the code 'turbo'"),
        ("rs:255,223/tcp", "hybrid, arq or fec"),
        ("adaptive:x", "unknown policy 'adaptive:x'; use one of adaptive"),
    ],
)
def test_invalid_links(name: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_link(name)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("fog", "not a channel"),
        ("bsc:0.1@x", "number of seconds"),
        ("bsc:0@0", "a number of seconds above 0"),
    ],
)
def test_invalid_channels(name: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_channel(name, 1.0)
    assert parse_channel("beach", 1.0) is BEACH
    assert TimeVaryingChannel((("bsc:0", 1.0),), "x").channels == ["bsc:0"]


def test_the_command(tmp_path: Path) -> None:
    picture, file = tmp_path / "link.svg", tmp_path / "link.json"
    options = ["--repeats", "2", "--seconds", "0.5", "--workers", "1", "--json", str(file)]
    links = ["--link", "rs:255,223", "--link", "uncoded/arq", "--channel", "bsc:1e-3"]
    done = CliRunner().invoke(
        command, [*options, *links, "--plot", str(picture)], standalone_mode=False
    )

    assert done.exception is None
    assert "rs:255,223" in done.output
    assert "2 repetitions; the line carries 125,000 bytes/s, 10 ms one way." in done.output
    assert "Shannon" in picture.read_text()
    saved = json.loads(file.read_text())
    assert [point["link"] for point in saved["points"]] == ["rs:255,223", "uncoded/arq"]
    assert saved["points"][0]["goodput"] > 0.7
    assert saved["settings"]["seed"] == 1
    again = LinkResults.read(file)
    assert done.stdout.startswith(again.table())
    assert json.loads(json.dumps(again.as_dict())) == saved


def test_errors_of_the_command() -> None:
    done = CliRunner().invoke(command, ["--link", "turbo"])

    assert done.exit_code == 2
    assert "a link cannot use the code 'turbo'" in done.output


@pytest.mark.parametrize(
    "options",
    [
        ["--channel", "bsc:1e-3@1", "--channel", "bsc:0"],
        ["--channel", "bsc:0"],
        ["--channel", "gilbert-elliott:1e-4,0.1,0,0.5"],
        ["--channel", "awgn:8dB"],
    ],
)
def test_a_plot_of_any_channels(options: list[str], tmp_path: Path) -> None:
    options += ["--link", "rs:255,223", "--seconds", "0.3", "--repeats", "1", "--workers", "1"]
    picture = tmp_path / "link.svg"
    done = CliRunner().invoke(command, [*options, "--plot", str(picture)], standalone_mode=False)

    assert done.exception is None
    assert picture.exists()
    assert [file.name for file in tmp_path.iterdir()] == ["link.svg"]


def test_files_that_cannot_be_written(tmp_path: Path) -> None:
    """A failure to write one file affects neither the table nor the other file."""
    options = ["--link", "uncoded", "--channel", "bsc:0", "--seconds", "0.3", "--repeats", "1"]
    files = ["--workers", "1", "--json", "/proc/x.json", "--plot", "/proc/x.svg"]
    done = CliRunner().invoke(command, [*options, *files], standalone_mode=False)

    assert done.exception is None
    assert done.return_value == 1
    assert "uncoded" in done.stdout
    assert "netchat: Cannot write /proc/x.json: " in done.stderr
    assert "No picture: Cannot write /proc/x.svg: " in done.stderr
