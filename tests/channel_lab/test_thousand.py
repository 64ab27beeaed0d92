"""A thousand times: the points are those of the bench, and the command gives the same numbers."""

from __future__ import annotations

import csv
import io
import json
import shlex

import pytest

from netchat import bench
from netchat.channel_lab.state import StateError
from netchat.channel_lab.thousand import Thousand

DEFAULT = {"interleave": "", "seed": 3, "target": 30}


def run(**request) -> tuple[list[dict], dict]:
    """Run a measurement to its end; return the updates and the last one."""
    thousand, updates = Thousand({**DEFAULT, **request}, {}), []
    while not updates or not updates[-1].get("done"):
        updates.append(thousand.advance(0.02, is_last=False))
        json.dumps(updates[-1], allow_nan=False)
    return updates, updates[-1]


def test_the_numbers_are_those_of_the_command():
    _, last = run(codes=["rs:15,11", "conv:7,5,k=24"], channel="awgn:1:3:2")
    words = shlex.split(last["command"])
    options = [(words[at], words[at + 1]) for at in range(2, len(words), 2)]
    assert words[:2] == ["netchat", "encode-bench"]
    given = dict(options)
    results = bench.run(
        [value for name, value in options if name == "--code"],
        given["--channel"],
        errors=int(given["--errors"]),
        frames=int(given["--frames"]),
        seed=int(given["--seed"]),
        workers=1,
    )
    found = {(point["code"], point["channel"]): point for point in last["json"]["points"]}
    assert len(found) == 4
    for point in results:
        same = found[point.code, point.channel]
        assert same["frames"] == point.tally.frames
        assert same["bit_errors"] == point.tally.bit_errors
        assert same["frame_errors"] == point.tally.frame_errors
    assert last["note"] == "The command gives the same numbers."
    rows = list(csv.DictReader(io.StringIO(last["csv"])))
    assert [row["code"] for row in rows] == ["rs:15,11", "conv:7,5,k=24"] * 2
    assert "machine" not in last["json"] or not last["json"]["machine"]


def test_updates_have_points_theory_limits_and_references():
    updates, last = run(
        codes=["ldpc:ccsds,128,iterations=50,algorithm=sum-product"], channel="awgn:3dB"
    )
    points = [point for update in updates for point in update["points"]]
    blocks = [point["blocks"] for point in points]
    assert blocks == sorted(blocks)
    final = points[-1]
    assert final["ber_low"] <= final["ber"] <= final["ber_high"]
    assert final["fer_low"] <= final["fer"] <= final["fer_high"]
    assert final["x"] == 3
    assert final["progress"] == 1
    merged: dict = {}
    for update in updates:
        for kind in ("theory", "limits", "bounds"):
            merged.setdefault(kind, {}).update(update.get(kind, {}))
        merged.setdefault("references", []).extend(update.get("references", []))
    (name,) = merged["theory"]
    assert len(merged["theory"][name]) == 13
    assert merged["limits"][name] == pytest.approx(0.187, abs=0.01)
    assert merged["bounds"][name][6]["lower_bound"] < final["fer_high"]
    assert merged["references"][0]["name"].startswith("LDPC_N128_K64")
    assert last["done"]


def test_an_interleaver_is_part_of_the_code():
    _, last = run(codes=["hamming:7,4"], channel="bsc:0.02", interleave="interleave:4")
    assert "hamming:7,4+interleave:4" in last["command"]
    assert last["json"]["points"][0]["code"] == "hamming:7,4+interleave:4"


def test_a_measurement_can_be_cut_short():
    thousand = Thousand({**DEFAULT, "codes": ["golay:24"], "channel": "bsc:0.001"}, {})
    thousand.advance(0.01, is_last=False)
    last = thousand.advance(0.01, is_last=True)
    assert last["done"]
    assert "continues" in last["note"]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"codes": ["hamming:9,9"], "channel": "bsc:0.1"}, "code"),
        ({"codes": ["hamming:7,4"], "channel": "bsc:2"}, "channel"),
        ({"codes": ["hamming:7,4"], "channel": "awgn:0:300:1"}, "channel"),
        ({"codes": ["hamming:7,4"], "channel": "awgn:0:10:-1"}, "channel"),
        (
            {"codes": ["rs:255,223"], "channel": "bsc:0.1", "interleave": "interleave:64"},
            "interleave",
        ),
    ],
)
def test_measurements_that_are_refused(request_, field):
    with pytest.raises(StateError) as caught:
        Thousand({**DEFAULT, **request_}, {})
    assert caught.value.field == field
