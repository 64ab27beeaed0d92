"""Traffic counters of a server."""

from __future__ import annotations

from dataclasses import dataclass, field

from netchat.net.time_histogram import TimeHistogram

__all__ = ["Traffic"]


@dataclass(slots=True)
class Traffic:
    """Totals since the server started.

    Attributes:
        messages: Messages sent to rooms, each counted once.
        bytes_in: Bytes received from clients.
        bytes_out: Bytes sent to clients.
        stalls: Number of times that a client stopped reading.
        latency: Times from when the server read a request until it sent the event to the room.
        commits: Times from when a batch went to the history until it was durable.
    """

    messages: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    stalls: int = 0
    latency: TimeHistogram = field(default_factory=TimeHistogram)
    commits: TimeHistogram = field(default_factory=TimeHistogram)
