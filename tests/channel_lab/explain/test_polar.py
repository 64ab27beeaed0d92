"""The tree and the paths that are shown are those of the library's decoder."""

from __future__ import annotations

import pytest

from netchat.channel_lab.explain.polar import explain_polar, run_polar
from netchat.coding import get
from netchat.coding.polar.code import plan_of
from tests.channel_lab.blocks import blocks, explained

CODES = [
    ("polar:16,8", 15),
    ("polar:16,8,decoder=sc", 15),
    ("polar:8,4", 15),
    ("polar:64,32,crc=6,decoder=scl4", 12),
    ("polar:64,32,decoder=scl8", 8),
    ("polar:100,40,crc=11", 6),
    ("polar:40,20", 12),
    ("polar:uci,120,40,decoder=scl8", 4),
    ("polar:256,128,crc=11,decoder=adaptive16", 3),
]


@pytest.mark.parametrize(("spec", "count"), CODES)
@pytest.mark.parametrize("channel", ["bec:0.4", "awgn:1dB", "awgn:-3dB"])
def test_the_chosen_path_is_the_decision(spec, count, channel):
    for view in blocks(spec, channel, count):
        run, plan = run_polar(view.code, view), plan_of(view.code)
        chosen = run.inputs[run.chosen][plan.places[: view.code.k]]
        assert chosen.tolist() == view.message.tolist()
        assert run.failed == view.failed


def test_the_tree_of_a_small_code():
    found = explained(code="polar:8,4", channel="bsc:0", text="\x10")
    assert found["kind_of"] == ["frozen"] * 3 + ["information", "frozen"] + ["information"] * 3
    assert sorted(found["reliability"]) == list(range(8))
    # Without errors, the message is the decision, and all frozen inputs are 0.
    assert found["decisions"][3:4] + found["decisions"][5:] == [0, 0, 0, 1]
    assert [found["decisions"][at] for at in (0, 1, 2, 4)] == [0] * 4
    assert all(value is not None for value in found["levels"][0])


def test_a_list_shows_its_paths():
    found = explained(code="polar:64,32,crc=6,decoder=scl4", channel="awgn:1dB", text="Hi!")
    assert len(found["paths"]) == 4
    assert min(path["metric"] for path in found["paths"]) == 0
    assert found["levels"] is None
    for split in found["splits"]:
        assert len(split["parents"]) == 4


def test_every_position_is_decoded_by_one_node():
    view = next(blocks("polar:64,32", "awgn:2dB", 1))
    found = explain_polar(view)
    places = [at for node in found["nodes"] for at in range(node["at"], node["at"] + node["size"])]
    assert places == list(range(get("polar:64,32").n))
