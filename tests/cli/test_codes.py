import json

import pytest
from click.testing import CliRunner

import netchat.coding
from netchat.cli.main import cli

BROKEN = """
import numpy as np
from netchat.coding import Code, Decoded

class Optimist(Code):
    def __init__(self):
        super().__init__("optimist", k=2, n=4, minimum_distance=3, citation="none")
    def _encode(self, message):
        return np.concatenate([message, message], axis=1)
    def _decode(self, received):
        return Decoded(received[:, :2].copy(), np.zeros(len(received), np.int64))
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(cli, ["codes", *arguments])


def test_the_table_has_every_code(run):
    result = run()
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].split() == [
        "spec",
        "n",
        "k",
        "rate",
        "distance",
        "corrects",
        "detects",
        "of",
        "source",
    ]
    for spec in netchat.coding.specs():
        assert any(line.startswith(f"{spec} ") for line in lines)
    assert "hamming:7,4" in lines[5]
    assert lines[5].split()[1:8] == ["7", "4", "0.571", "3", "1", "1", "bits"]


def test_json(run):
    listed = json.loads(run("--json").stdout)
    assert [code["spec"] for code in listed] == netchat.coding.specs()
    assert set(listed[0]) == {
        "spec", "name", "alphabet", "n", "k", "rate", "distance", "corrects", "detects",
        "systematic", "source", "threshold_bec", "threshold_awgn_db",
    }  # fmt: skip
    found = {code["spec"]: (code["threshold_bec"], code["threshold_awgn_db"]) for code in listed}
    assert found["hamming:7,4"] == (None, None)
    assert 0.4 < found["ldpc:ar4ja,8192"][0] < 0.5
    assert 0.55 < found["ldpc:ar4ja,8192"][1] < 0.7


def test_thresholds_below_the_table(run):
    table = run().output.partition("Thresholds by density evolution")[2]
    assert all(f"\n{spec} " in table for spec in netchat.coding.specs() if spec.startswith("ldpc"))


def test_check_of_a_sound_code(run):
    result = run("check", "hamming:15,11")
    assert result.exit_code == 0
    assert "Every law holds." in result.output
    assert "BROKEN" not in result.output


def test_check_of_a_broken_code_shows_a_counterexample_and_fails(run, tmp_path):
    (tmp_path / "mine.py").write_text(BROKEN)
    result = run("check", "mine.py:Optimist")
    assert result.exit_code == 1
    assert "BROKEN" in result.output
    assert "with symbol 0 wrong the decoder returns" in result.output
    assert "laws broken" in result.output
    report = json.loads(run("check", "mine.py:Optimist", "--json").stdout)
    assert report["obeys"] is False
    assert any(law["counterexample"] for law in report["laws"])


def test_an_unknown_code_is_a_usage_error(run):
    result = run("check", "nonsense:1")
    assert result.exit_code == 2
    assert (
        "Unknown code 'nonsense'; available: bch, circ, conv, crc, golay, hamming" in result.output
    )
