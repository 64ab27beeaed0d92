"""Mysteries drawn from seeds."""

from collections import Counter

import pytest

from netchat.errors import LabError
from netchat.mystery import KINDS, LEVELS, draw


def test_seeds_are_normalised_and_levels_differ():
    assert draw("Ada Byron", 2) != draw("Ada", 2)
    one, other = draw("Ada Byron", 2), draw("  ada   BYRON ", 2)
    assert (one.fault, one.delays) == (other.fault, other.delays)
    assert draw(7, 1).fault == draw("7", 1).fault
    assert draw(7, 1).fault != draw(7, 2).fault


def test_all_kinds_are_about_equally_frequent():
    counts = Counter(draw(seed, 3).fault.kind for seed in range(1100))
    assert set(counts) == set(KINDS)
    assert min(counts.values()) > 60


@pytest.mark.parametrize("kind", KINDS)
def test_faults_grow_weaker_and_noise_stronger(kind):
    drawn = [draw("weaker", level, kind=kind) for level in LEVELS]
    sizes = [abs(mystery.fault.size) for mystery in drawn]
    # A black hole, a rate and a slow reader are weaker if their size is larger.
    is_inverse = kind in ("mtu", "rate-limit", "slow-reader")
    assert (sizes[0] < sizes[-1]) is is_inverse
    assert [mystery.jitter for mystery in drawn] == sorted(mystery.jitter for mystery in drawn)


def test_only_the_hardest_faults_come_and_go():
    for level in LEVELS:
        fault = draw("come and go", level, kind="loss").fault
        assert (fault.end - fault.begin < 1) is (level == 5)
    mystery = draw("come and go", 5, kind="loss")
    assert not mystery.is_active(0)
    assert mystery.is_active((mystery.fault.begin + 0.01) * 24)
    assert mystery.is_active((mystery.fault.begin + 0.01 + 3) * 24)


def test_errors():
    with pytest.raises(LabError, match="the level must be 1 to 5, got 6"):
        draw(1, 6)
    with pytest.raises(LabError, match="unknown fault 'rain'"):
        draw(1, 1, kind="rain")
