"""Results: iteration, merging, and data frames."""

import sys
from types import SimpleNamespace

import pytest

from netchat import bench
from netchat.errors import BenchError

CODE, CHANNEL = "hamming:7,4", "bsc:0.05"


def run(seed=1, frames=1000, channels=CHANNEL, **options):
    return bench.run(CODE, channels, seed=seed, frames=frames, workers=1, **options)


def test_different_seeds_are_added():
    one, other = run(1), run(2)
    both = one + other
    (point,) = both
    assert len(both) == 1
    assert point.tally == one.points[0].tally + other.points[0].tally
    assert point.seeds == (1, 2)
    assert one.points[0].seeds == ()
    third = bench.merge([run(3), both])
    assert third.points[0].seeds == (1, 2, 3)
    assert third.points[0].tally.frames == 3000
    with pytest.raises(BenchError, match="runs with seed 2 would count twice"):
        both + other


def test_the_longer_run_of_one_seed_is_kept():
    long = run(frames=100_000_000, errors=3000)
    assert (run() + long).points[0].tally == long.points[0].tally
    assert (long + run()).points[0].tally == long.points[0].tally
    old = run()
    old.version = "0.0"
    with pytest.raises(BenchError, match=r"netchat .* and 0\.0, whose random numbers may differ"):
        long + old


def test_parts_make_up_the_whole():
    channels = ["bsc:0.05", "bsc:0.1", "bsc:0.2"]
    whole = run(channels=channels)
    parts = [run(channels=channels, part=f"{i}/2") for i in (1, 2)]
    assert [len(part) for part in parts] == [2, 1]
    merged = bench.merge(parts)
    assert {(p.channel, p.tally) for p in merged} == {(p.channel, p.tally) for p in whole}
    assert merged.settings["channels"] == channels
    assert merged.settings["part"] is None
    for part in ("0/2", "3/2", "1", "a/b"):
        with pytest.raises(ValueError, match="'part' must be I/N with I from 1 to N"):
            run(part=part)


def test_files_of_merged_runs(tmp_path):
    both = run(1) + run(2)
    both.to_json(tmp_path / "both.json")
    again = bench.Results.read(tmp_path / "both.json")
    assert again.points[0].seeds == (1, 2)
    assert again.as_csv().splitlines()[1].startswith("1+2,")
    with pytest.raises(BenchError, match="contains merged runs with several seeds"):
        run(seed=None, resume=tmp_path / "both.json")


def test_nothing_to_merge():
    with pytest.raises(ValueError, match="no results to merge"):
        bench.merge([])


def test_points_of_codes_with_one_name():
    other = run(2)
    object.__setattr__(other.points[0], "rate", 0.5)
    with pytest.raises(BenchError, match="different rates"):
        run(1) + other


def test_a_data_frame(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=list))
    rows = run(channels=["bsc:0.05", "bsc:0.1"]).to_dataframe()
    assert [row["channel"] for row in rows] == ["bsc:0.05", "bsc:0.1"]
    assert rows[0]["seed"] == 1
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(BenchError, match="pip install pandas"):
        run().to_dataframe()
