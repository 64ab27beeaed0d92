"""Splitting of a stream into blocks."""

from __future__ import annotations

from netchat.link.block_scanner import BlockScanner
from netchat.link.header import HEAD_SIZE
from netchat.link.link import Link


def test_the_next_block_is_found_after_any_number_of_other_bytes() -> None:
    (opening,) = Link.client("uncoded").blocks_to_send(0.0)
    scanner = BlockScanner(lambda header: len(opening) - HEAD_SIZE)
    scanner.feed(bytes(5000) + opening[:-1])
    assert scanner.next() is None
    scanner.feed(opening[-1:] + opening)

    first, second = scanner.next(), scanner.next()

    assert first is not None
    assert second is not None
    assert (first.at, second.at) == (5000, 5000 + len(opening))
    assert first.coded == second.coded == opening[HEAD_SIZE:]
    assert scanner.next() is None
    assert (scanner.skipped, scanner.resyncs, scanner.unreadable) == (4999, 1, 1)
