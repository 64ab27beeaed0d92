"""The model of a cluster: the whole protocol loses nothing, and each line is needed."""

import pytest

from netchat.course import LINES, counted_batches, run_cluster

SEEDS = range(40)


def faults(run):
    """Return whether a message was lost, was shown twice, or was shown in different orders."""
    shown = list(run.histories.values())
    lost = any(said not in one for said in run.sent for one in shown)
    twice = any(len(set(one)) < len(one) for one in shown)
    return lost, twice, any(one != shown[0] for one in shown)


def test_the_whole_protocol_loses_nothing():
    for seed in SEEDS:
        run = run_cluster(seed)
        assert faults(run) == (False, False, False), seed
        assert set(run.acknowledged) == set(run.sent)
        assert len(run.sent) > 20


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("once", (False, True, False)),
        ("next", (True, False, False)),
        ("resend", (True, False, False)),
        ("acknowledge", (True, False, False)),
        ("order", (False, False, True)),
    ],
)
def test_each_line_is_needed(line, fault):
    found = [faults(run_cluster(seed, without=line)) for seed in SEEDS]
    assert set(found) <= {fault, (False, False, False)}
    assert found.count(fault) > len(SEEDS) / 3


def test_a_partition_delays_and_loses_nothing():
    run = run_cluster(3, cut=(20, 160))
    assert faults(run) == (False, False, False)
    assert not any(
        "east" in line and "appends" in line for line in run.trace if 20 <= int(line[:4]) < 160
    )


def test_equal_seeds_give_equal_runs():
    assert run_cluster(5).trace == run_cluster(5).trace
    assert run_cluster(5).trace != run_cluster(6).trace


def test_unknown_line():
    with pytest.raises(ValueError, match="unknown line 'two'; must be one of once, next, "):
        run_cluster(1, without="two")
    assert list(LINES) == ["once", "next", "resend", "acknowledge", "order"]


def test_the_rules_are_those_of_the_servers():
    log = [
        ("joined", 1, "a"),
        ("batch", 1, 1),
        ("batch", 1, 3),
        ("batch", 1, 2),
        ("expired", 1, ""),
    ]
    assert counted_batches([*log, ("batch", 1, 3)]) == [1, 3]
