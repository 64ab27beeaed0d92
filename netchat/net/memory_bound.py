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
USUAL, REDUCED = (256 * 1024, 64 * 1024), (16 * 1024, 4 * 1024)

#: Unsent bytes of all connections from which on memory is scarce. Bytes that several connections are
#: sent count several times, although they are stored once.
SCARCE_FROM = 8 * 1024 * 1024

#: Bytes above which connections are closed: unsent ones of connections that have read too little for
#: `GRACE` seconds, and received ones that links hold.
MOST_UNREAD, MOST_RECEIVED = 64 * 1024 * 1024, 32 * 1024 * 1024
GRACE = 5.0


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
        self._written = 0  # bytes since the limits were last adapted

    @property
    def is_scarce(self) -> bool:
        """Whether memory is scarce, so that the limits are reduced."""
        return self.limits is REDUCED

    def check(self, peers: Collection[P], now: float) -> list[P]:
        """Adapt the limits, and choose the connections to close.

        They belong to the address groups that occupy most.

        Args:
            peers: All connections.
            now: Time in seconds.
        """
        unread: list[tuple[int, P]] = []
        received: list[tuple[int, P]] = []
        total = 0
        for peer in peers:
            unsent, held = memory_of(peer.transport)
            total += unsent
            if 0 < peer.stalled_since <= now - GRACE:
                unread.append((unsent, peer))
            if held:
                received.append((held, peer))
        self._adapt(peers, total)
        return [*_excess(unread, MOST_UNREAD), *_excess(received, MOST_RECEIVED)]

    def written(self, peers: Collection[P], size: int) -> None:
        """Count written bytes, and adapt the limits if they may have made memory scarce.

        Hundreds of connections can be sent large replies between two checks.

        Args:
            peers: All connections.
            size: Number of bytes written to single connections since the last call.
        """
        self._written += size
        if self._written > SCARCE_FROM // 4:
            self._adapt(peers, sum(memory_of(peer.transport)[0] for peer in peers))

    def _adapt(self, peers: Collection[P], unsent: int) -> None:
        self._written = 0
        threshold = SCARCE_FROM if self.limits is USUAL else SCARCE_FROM // 2
        limits = REDUCED if unsent > threshold else USUAL
        if limits is not self.limits:
            self.limits = limits
            for peer in peers:
                peer.transport.set_write_buffer_limits(*limits)


def _excess(sizes: list[tuple[int, P]], most: int) -> list[P]:
    """Return the connections without which the sum is at most `most`."""
    excess = sum(size for size, _ in sizes) - most
    if excess <= 0:
        return []
    groups: dict[str, list[tuple[int, P]]] = {}
    for size, peer in sizes:
        groups.setdefault(peer.share, []).append((size, peer))
    for members in groups.values():
        members.sort(key=lambda member: member[0])
    heap = [(-sum(size for size, _ in members), share) for share, members in groups.items()]
    heapq.heapify(heap)
    chosen: list[P] = []
    while excess > 0:
        total, share = heap[0]
        size, peer = groups[share].pop()
        chosen.append(peer)
        excess -= size
        if groups[share]:
            heapq.heapreplace(heap, (total + size, share))
        else:
            heapq.heappop(heap)
    return chosen
