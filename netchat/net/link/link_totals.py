"""Counters of all links of a server, including closed ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

__all__ = ["COUNTERS", "LinkSums", "LinkTotals"]

#: Counters of `netchat.link.LinkStats` that are added up.
COUNTERS = (
    "blocks_sent",
    "bytes_sent",
    "blocks_received",
    "bytes_received",
    "corrected_symbols",
    "failed_blocks",
    "combined_blocks",
    "resyncs",
    "retransmissions",
    "lost_bytes",
)


class LinkSums(NamedTuple):
    """The links of a server at one time."""

    open: int
    """Number of open links."""

    counters: dict[str, int]
    """Sum of each counter over all links since the start, by name."""


class LinkTotals:
    """Adds up the counters of a server's links."""

    def __init__(self) -> None:
        self._closed = dict.fromkeys(COUNTERS, 0)

    def close(self, transport: Any) -> None:
        """Keep the counters of a connection that was lost, if it was over a link."""
        _add(self._closed, transport)

    def read(self, transports: Iterable[Any]) -> LinkSums:
        """Return the sums over closed links and those of the given transports."""
        sums = dict(self._closed)
        return LinkSums(sum(_add(sums, transport) for transport in transports), sums)


def _add(sums: dict[str, int], transport: Any) -> bool:
    """Add the counters of a transport; return whether it is a link."""
    # Not `isinstance`: importing the class would load what only links need.
    link = getattr(transport, "link", None)
    if link is None:
        return False
    for name in COUNTERS:
        sums[name] += getattr(link.stats, name)
    return True
