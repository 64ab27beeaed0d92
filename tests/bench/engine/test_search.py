"""Search for the channel at which a code reaches a FER."""

import pytest

from netchat import bench
from netchat.bench import Results
from netchat.bench.axis import Axis
from netchat.bench.report.targets import as_text
from netchat.bench.target import Target


def crossing(code, channel, fer):
    """Bisection of the exact rates."""
    axis = Axis.of(channel)
    low, high = axis.ends
    for _ in range(60):
        middle = (low + high) / 2
        rate = bench.theory(code, axis.channel(middle)).fer
        low, high = (middle, high) if rate > fer else (low, middle)
    return axis.value(high)


@pytest.mark.parametrize(
    ("code", "channel", "fer"),
    [("hamming:7,4", "awgn", 1e-3), ("rs:60,50", "bsc", 1e-2), ("rs:60,50", "bec", 1e-2),
     ("uncoded:64", "rayleigh", 0.3)],
)  # fmt: skip
@pytest.mark.slow
def test_the_interval_contains_the_exact_value(code, channel, fer):
    results = bench.run(code, channel, target_fer=fer, errors=400, seconds=60, workers=1)
    (target,) = results.targets
    exact = crossing(code, channel, fer)
    # Twice the distance of the 95 % interval: it fails once in ten thousand seeds, and this is one seed.
    middle, half = (target.low + target.high) / 2, target.high - target.low
    assert middle - half < exact < middle + half
    assert target.low < target.value < target.high
    assert abs(target.value - exact) < (0.2 if channel in ("awgn", "rayleigh") else 0.1 * exact)
    assert len(results) < 12


def test_limits_beside_the_target(tmp_path):
    results = bench.run("hamming:7,4", ["awgn", "bsc:0.1"], target_fer=0.05, errors=50, workers=1)
    level, share = results.targets
    assert (level.channel, share.channel) == ("awgn", "bsc")
    assert level.limit == pytest.approx(2.06, abs=0.01)  # hard decisions at rate 4/7
    assert share.limit == pytest.approx(0.0876, abs=1e-4)
    # A perfect code is the best of its length: the limit is its own crossing.
    assert share.best == pytest.approx(crossing("hamming:7,4", "bsc", 0.05), rel=0.02)
    results.to_json(tmp_path / "r.json")
    assert Results.read(tmp_path / "r.json").targets == results.targets
    text = as_text(results.targets)
    assert text.splitlines()[0].split()[:2] == ["FER", "0.05"]
    assert "from Shannon" in text.splitlines()[0]
    again = bench.run(resume=tmp_path / "r.json", workers=1)
    assert again.targets == results.targets
    assert [p.tally for p in again] == [p.tally for p in results]


def test_a_rate_that_is_not_reached():
    """Fading needs more than the largest Eb/N0 of a search for this rate."""
    results = bench.run(
        "uncoded:64", "rayleigh", target_fer=1e-6, errors=20, frames=2000, workers=1
    )
    (target,) = results.targets
    assert target.value is None
    assert "not reached" in as_text(results.targets)
    assert Target.from_dict(target.as_dict()) == target


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"channels": "gilbert-elliott:0.1,0.1,0,0.5"}, "must be awgn, rayleigh, bsc or bec"),
        ({"codes": None}, "'codes' must be given"),
        ({"target_fer": 1.0}, "'target_fer' must be below 1"),
        ({"target_fer": 0.0}, "'target_fer' must be above 0"),
        ({"channels": "awgn:1dB,qam1"}, "must be one of"),
    ],
)
def test_wrong_searches(options, said):
    with pytest.raises(ValueError, match=said):
        bench.run(**{"codes": "hamming:7,4", "channels": "awgn", "target_fer": 0.1, **options})


def test_the_floor_ends_a_curve():
    options = {"errors": 20, "frames": 20_000, "workers": 1}
    channels = ["bsc:0.1", "bsc:0.01", "bsc:0.001", "bsc:0.0001", "bsc:0.2"]
    full = bench.run("rs:60,50", channels, **options)
    short = bench.run("rs:60,50", channels, floor=0.02, **options)
    assert [point.channel for point in short] == ["bsc:0.1", "bsc:0.01", "bsc:0.001", "bsc:0.2"]
    for point in short:
        assert point.tally == full.point(point.code, point.channel).tally
    assert short.complete
