"""Ranges of channels."""

import pytest

from netchat import bench
from netchat.channels import get
from netchat.channels.registry import sweep
from netchat.channels.sweeps import expand


@pytest.mark.parametrize(
    ("spec", "channels"),
    [
        ("awgn:0:1:0.5", ["awgn:0dB", "awgn:0.5dB", "awgn:1dB"]),
        (" awgn:-1dB:1dB:1dB , qam16", ["awgn:-1dB, qam16", "awgn:0dB, qam16", "awgn:1dB, qam16"]),
        ("bsc:0.1:0.02:-0.04", ["bsc:0.1", "bsc:0.06", "bsc:0.02"]),
        ("bsc:0.1:0.01:x0.3", ["bsc:0.1", "bsc:0.03"]),
        ("bec:0.1:0.4:X2", ["bec:0.1", "bec:0.2", "bec:0.4"]),
        ("bec:0.1:0.1:1", ["bec:0.1"]),
        ("rayleigh:0:10:5,block=10", [f"rayleigh:{level}dB,block=10" for level in (0, 5, 10)]),
        ("gilbert-elliott:0.001:0.003:0.001,0.1,0,0.5",
         [f"gilbert-elliott:0.00{i},0.1,0,0.5" for i in (1, 2, 3)]),
        ("my.py:Mine:0:1:0.5,2", ["my.py:Mine:0,2", "my.py:Mine:0.5,2", "my.py:Mine:1,2"]),
    ],
)  # fmt: skip
def test_a_range(spec, channels):
    assert list(expand(spec)) == channels
    if not spec.startswith("my"):
        assert [get(channel).spec for channel in channels] == channels


def test_what_is_no_range():
    assert expand("bsc:0.1") == ()
    assert expand("awgn:4dB,qam16") == ()
    assert expand("awgn") == sweep("awgn") != ()


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("awgn:0:8", "must have the form START:STOP:STEP"),
        ("awgn:0:8:1:2", "must have the form"),
        ("awgn:0:x:1", "must have numbers"),
        ("awgn:0:nan:1", "must be finite"),
        ("awgn:0:8:-1", "the steps must lead from 0 to 8, got -1"),
        ("awgn:0:8:0", "the steps must lead"),
        ("bsc:0.1:0.01:x2", "the steps must lead"),
        ("bsc:0:0.1:x2", "the steps must lead"),
        ("bsc:0:0.1:0.0000001", "at most 1000 channels"),
    ],
)
def test_wrong_ranges(spec, said):
    with pytest.raises(ValueError, match=said):
        expand(spec)


def test_the_bench_measures_a_range():
    results = bench.run("hamming:7,4", "awgn:2:4:1", frames=100, workers=1)
    assert [point.channel for point in results] == ["awgn:2dB", "awgn:3dB", "awgn:4dB"]
