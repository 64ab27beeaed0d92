"""Round robin between addresses and visitors."""

from __future__ import annotations

import pytest

from netchat.channel_lab.fair_queue import FairQueue


def test_a_visitor_with_many_jobs_waits_for_its_own():
    queue: FairQueue[str] = FairQueue()
    for number in range(3):
        queue.add("one", "greedy", f"greedy {number}")
    queue.add("two", "other", "other 0")
    queue.add("one", "third", "third 0")
    served = [queue.next() for _ in range(5)]
    assert served == ["greedy 0", "other 0", "third 0", "greedy 1", "greedy 2"]
    with pytest.raises(LookupError):
        queue.next()


def test_an_address_with_many_visitors_gets_one_share():
    queue: FairQueue[str] = FairQueue()
    for number in range(50):
        queue.add("attacker", number, "attack")
    queue.add("class", "student", "answer")
    assert "answer" in [queue.next(), queue.next()]


def test_jobs_are_removed_and_counted():
    queue: FairQueue[int] = FairQueue()
    for number in range(4):
        queue.add("one", "visitor", number)
    assert queue.waiting("one", "visitor") == 4
    assert queue.remove("one", "visitor", lambda number: number % 2 == 0) == [0, 2]
    assert queue.waiting("one", "visitor") == 2
    assert queue.remove("one", "visitor", lambda _: True) == [1, 3]
    assert len(queue) == queue.waiting("one", "visitor") == 0
    assert queue.remove("one", "visitor", lambda _: True) == []
