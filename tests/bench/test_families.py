"""Codes of all families with one rate and length."""

import pytest

import netchat.coding
from netchat.bench import families
from netchat.bench.families import channels_for, parse_rate


@pytest.mark.parametrize(
    ("rate", "length"), [("1/2", 1024), (1 / 3, 600), ("3/4", 2000), ("0.5", 128)]
)
def test_all_are_alike(rate, length):
    specs = families(rate, length)
    share = float(parse_rate(rate))
    assert specs[0] == f"uncoded:{round(share * length)}"
    assert len({spec.partition(":")[0] for spec in specs}) == len(specs) >= 4
    for spec in specs[1:]:
        code = netchat.coding.get(spec)
        assert code.n * code.bits_per_symbol == pytest.approx(length, rel=0.06)
        assert code.rate == pytest.approx(share, rel=0.06)


def test_every_soft_family_takes_part():
    """Families that are registered later appear by themselves."""
    chosen = {spec.partition(":")[0] for spec in families("1/2", 1024)}
    assert {"conv", "ldpc", "polar", "turbo"} & set(netchat.coding.names()) <= chosen


@pytest.mark.parametrize("rate", ["0", "1", "2/1", "-1/2", "1/0", "half", "", "1e-1"])
def test_wrong_rates(rate):
    with pytest.raises(ValueError, match="'rate' must be between 0 and 1"):
        families(rate, 1024)


def test_wrong_lengths():
    with pytest.raises(ValueError, match="'length' must be from 16 to"):
        families("1/2", 8)


def test_channels_around_the_limit():
    name, start, stop, step = channels_for("awgn", "1/2").split(":")
    assert name == "awgn"
    assert float(start) < 0.187 < float(start) + 0.75
    assert (float(stop) - float(start)) % float(step) == 0
    assert channels_for("bsc", "1/2") == "bsc"
    assert channels_for("awgn:1:2:1", "1/2") == "awgn:1:2:1"
