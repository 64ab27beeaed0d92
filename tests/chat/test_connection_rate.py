"""The rate of new connections per address group."""

import pytest

from netchat.chat.connection_rate import BURST, MAX_SHARES, MAX_WAIT, RATE, ConnectionRate
from tests.chat.world import World


def test_a_class_connects_at_once():
    rate = ConnectionRate()
    assert [rate.wait("10.0.0.1", 1000.0) for _ in range(int(BURST))] == [0.0] * int(BURST)
    assert rate.wait("10.0.0.1", 1000.0) == pytest.approx(1 / RATE)


def test_the_rate_is_exact_over_time():
    rate, now, begun = ConnectionRate(), 0.0, 0
    while now < 60:
        now += rate.wait("10.0.0.1", now)
        begun += 1
    assert begun == pytest.approx(BURST + 60 * RATE, rel=0.01)


def test_other_addresses_do_not_wait():
    rate = ConnectionRate()
    for _ in range(10 * int(BURST)):
        rate.wait("10.0.0.1", 0.0)
    assert rate.wait("10.0.0.2", 0.0) == 0.0


def test_no_connection_waits_for_long_and_the_limit_ends_with_the_attack():
    rate = ConnectionRate()
    assert max(rate.wait("10.0.0.1", 0.0) for _ in range(100_000)) == MAX_WAIT
    assert rate.wait("10.0.0.1", MAX_WAIT + BURST / RATE) == 0.0


def test_memory_is_bounded():
    rate = ConnectionRate()
    for number in range(MAX_SHARES + 100):
        rate.wait(str(number), 0.0)
    assert len(rate._buckets) == MAX_SHARES


@pytest.mark.parametrize(("limit", "waits"), [(1000.0, True), (0.0, False)])
def test_the_hub_reports_the_wait_unless_the_rate_is_unlimited(limit, waits):
    world = World(rate=limit)
    for _ in range(int(BURST)):
        world.hang_up(world.link())
    link = world.link()
    world.hang_up(link)
    assert (world.hub.connect(link, world.now) > 0) is waits
