"""When a server declares another one expired."""

from __future__ import annotations

import pytest

from netchat.net.cluster.checkpoint import START
from netchat.net.cluster.lease import Lease, LeaseWatch


def test_a_lease_survives_encoding() -> None:
    lease = Lease("east", "5-1")
    assert Lease.decode(lease.encode()) == lease


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b'["east","x"]', b'["east",null]'])
def test_a_damaged_lease_counts_as_a_server_that_applied_nothing(data: bytes) -> None:
    assert Lease.decode(data) == Lease("", START)


def test_a_missing_lease_counts_after_two_answers() -> None:
    watch = LeaseWatch(5.0)
    for now in range(6):
        assert watch.expired({1: b"x", 2: b"x"}, now) == []
    assert watch.expired({1: None, 2: b"x"}, 6) == []
    assert watch.expired({1: None, 2: None}, 7) == [1]
    assert watch.expired({1: b"x", 2: None}, 8) == [2]


def test_a_server_that_just_connected_waits_for_the_others_to_renew() -> None:
    watch = LeaseWatch(5.0)
    assert [watch.expired({1: None}, now) for now in range(6)] == [[]] * 5 + [[1]]
    watch.interrupted()
    assert [watch.expired({1: None}, now) for now in range(6, 12)] == [[]] * 5 + [[1]]


def test_a_server_that_was_paused_does_not_trust_what_it_sees() -> None:
    watch = LeaseWatch(5.0)
    for now in range(9):
        watch.expired({1: b"x"}, now)
    assert watch.expired({1: None}, 100) == []
    assert watch.expired({1: None}, 101) == []
