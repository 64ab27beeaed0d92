"""Published curves: their file, and exact theory against their counts."""

import json

import pytest

import netchat.coding
from netchat import bench
from netchat.bench import published, read_references
from netchat.bench.references import _own
from netchat.errors import BenchError


def test_a_curve_of_the_same_code_and_decoder():
    (curve,) = published("uncoded:4003", "awgn:7dB,qpsk,maxlog")
    (point,) = (each for each in curve.points if each.value == 7.0)
    assert point.ber == point.bit_errors / (point.frames * 4003)
    assert point.fer_interval.low < point.fer < point.fer_interval.high
    assert point.ber_interval.low < point.ber < point.ber_interval.high
    assert published("uncoded:4003", "awgn:7dB,qpsk") == []
    assert published("ldpc:wimax,576", "awgn:2dB") == []


def test_a_file_and_a_folder_of_your_own(tmp_path):
    curve = {"name": "mine", "code": "hamming:7,4", "channel": "bsc:{}", "k": 4,
             "points": [[0.1, 100, 40, 20]], "source": "me"}  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps([curve]))
    (tmp_path / "B.JSON").write_text(json.dumps([{**curve, "name": "yours"}]))
    found = read_references(tmp_path)
    assert sorted(each.name for each in found) == ["mine", "yours"]
    assert published("hamming:7,4", "bsc:0.2", found)[0].source == "me"
    (tmp_path / "a.json").write_text(json.dumps([{**curve, "points": [[0.1, 100, 401, 20]]}]))
    with pytest.raises(BenchError, match="contradict each other"):
        read_references(tmp_path / "a.json")
    (tmp_path / "a.json").write_text(json.dumps([{**curve, "points": [[0.1, 100]]}]))
    with pytest.raises(BenchError, match="a point must be a list"):
        read_references(tmp_path / "a.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BenchError, match=r"contains no \.json file"):
        read_references(tmp_path / "empty")


def exact():
    """Points of published curves whose FER theory knows exactly."""
    for curve in _own():
        try:
            code = netchat.coding.get(curve.code)
        except ValueError:  # of a family that is not installed
            continue
        for point in curve.points:
            theory = bench.theory(code, curve.channel.format(point.value))
            if theory.fer is not None and theory.fer_kind == "exact":
                yield curve, point, theory


def test_exact_rates_lie_in_the_published_intervals():
    """95 of 100 do by chance; ours would differ everywhere if Eb/N0, rate or decoder were wrong."""
    inside = [p.fer_interval.low <= theory.fer <= p.fer_interval.high for _, p, theory in exact()]
    assert len(inside) > 150
    assert sum(inside) / len(inside) > 0.93
