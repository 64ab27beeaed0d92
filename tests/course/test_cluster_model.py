"""The model of a cluster: the whole protocol loses nothing, and each line is needed."""

import importlib.util
from pathlib import Path

import pytest

from netchat.course import LINES, counted_batches, run_cluster

CHECKS = Path(__file__).parents[2] / "experiments" / "checks" / "lesson_16.py"

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


def test_the_judge_of_16_5_names_the_line_that_was_left_out():
    spec = importlib.util.spec_from_file_location("lesson_16_alone", CHECKS)
    checks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(checks)
    lines = set()
    for seed in range(40):
        run, line = checks._missing_line(seed * 0x9E3779B97F4A7C15 % 2**64)
        lines.add(line)
        assert checks._line_of(run) == line, seed
        # The questions of the exercise distinguish the lines.
        again = any(" again: " in report for report in run.trace)
        logged = {said for entry in run.log for said in entry.messages}
        early = any(said not in logged for said in run.acknowledged)
        assert (again, early) == (line != "resend", line == "acknowledge"), (seed, line)
    assert lines == {"once", "next", "resend", "acknowledge"}


def test_each_message_is_sent_before_it_is_acknowledged():
    run = run_cluster(4, cut=(60, 150))
    assert run.sent_at.keys() == set(run.sent) == run.acknowledged.keys()
    assert all(run.sent_at[said] <= tick for said, tick in run.acknowledged.items())
