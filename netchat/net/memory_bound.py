"""Bound on the memory that all connections together occupy.

A client that reads nothing leaves its unsent bytes with the server, and the peer of a link decides how
much the receiver buffers. Each connection has its own limit, but there may be thousands.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection
from typing import Protocol, TypeVar

from netchat.net.transport_shim import memory_of

__all__ = ["USUAL", "MemoryBound", "Peer"]

#: Unsent bytes per connection at which the server stops sending to it, and resumes; usually, and while
#: memory is scarce.
USUAL, REDUCED = (256 * 1024, 64 * 1024), (32 * 1024, 8 * 1024)

#: Bytes of all connections from which on memory is scarce, and above which connections are closed.
SCARCE_FROM, MOST_HELD = 24 * 1024 * 1024, 64 * 1024 * 1024

#: Seconds for which a connection must have read nothing before it may be closed for its unsent bytes.
GRACE = 1.0


class Transport(Protocol):
    """Part of a transport that the bound uses."""

    def set_write_buffer_limits(self, high: int, low: int) -> None:
        """Set the numbers of unsent bytes at which writing pauses and resumes."""


class Peer(Protocol):
    """Connection of a client.

    Attributes:
        share: Address group of the client.
        stalled_since: Time at which its send buffer became full, or 0.
    """

    share: str
    stalled_since: float

    @property
    def transport(self) -> Transport:
        """Its transport."""


P = TypeVar("P", bound=Peer)


class MemoryBound:
    """Limits of connections, which depend on the memory that all of them occupy.

    Attributes:
        limits: Current limits of unsent bytes, for new connections.
    """

    def __init__(self) -> None:
        self.limits = USUAL

    def check(self, peers: Collection[P], now: float) -> list[P]:
        """Adapt the limits, and choose the connections to close.

        They belong to the address groups that occupy most. Unsent bytes alone are no reason to close
        a connection that has read some lately: many connections may share them, and they do not
        grow once the limits are reduced.

        Args:
            peers: All connections.
            now: Time in seconds.
        """
        sizes = {peer: memory_of(peer.transport) for peer in peers}
        total = sum(sent + received for sent, received in sizes.values())
        threshold = SCARCE_FROM if self.limits is USUAL else SCARCE_FROM // 2
        limits = REDUCED if total > threshold else USUAL
        if limits is not self.limits:
            self.limits = limits
            for peer in peers:
                peer.transport.set_write_buffer_limits(*limits)
        return self._excess(sizes, total - MOST_HELD, now) if total > MOST_HELD else []

    def _excess(self, sizes: dict[P, tuple[int, int]], excess: int, now: float) -> list[P]:
        groups: dict[str, list[tuple[int, P]]] = {}
        for peer, (sent, received) in sizes.items():
            has_stalled = 0 < peer.stalled_since <= now - GRACE
            held = received + (sent if has_stalled else 0)
            if held:
                groups.setdefault(peer.share, []).append((held, peer))
        for members in groups.values():
            members.sort(key=lambda member: member[0])
        heap = [(-sum(held for held, _ in members), share) for share, members in groups.items()]
        heapq.heapify(heap)
        chosen: list[P] = []
        while heap and excess > 0:
            total, share = heap[0]
            held, peer = groups[share].pop()
            chosen.append(peer)
            excess -= held
            if groups[share]:
                heapq.heapreplace(heap, (total + held, share))
            else:
                heapq.heappop(heap)
        return chosen
