"""Counters of a server's links, against those of the links themselves."""

from __future__ import annotations

from types import SimpleNamespace

from netchat.link import LinkStats
from netchat.net.link.link_totals import COUNTERS, LinkTotals


def over_link(**counters: int) -> SimpleNamespace:
    return SimpleNamespace(link=SimpleNamespace(stats=LinkStats(**counters)))


def test_closed_links_keep_counting() -> None:
    totals, plain = LinkTotals(), object()
    first, second = over_link(retransmissions=3), over_link(retransmissions=4, resyncs=1)
    assert totals.read([first, second, plain]).open == 2
    before = totals.read([first, second]).counters
    totals.close(second)
    totals.close(plain)
    after = totals.read([first])
    assert (after.open, after.counters) == (1, before)
    assert {name: count for name, count in before.items() if count} == {
        "retransmissions": 7,
        "resyncs": 1,
    }


def test_the_counters_exist() -> None:
    assert set(COUNTERS) <= set(LinkStats().counters())
