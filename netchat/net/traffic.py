"""Traffic counters of a server."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Traffic"]


@dataclass(slots=True)
class Traffic:
    """Totals since the server started.

    Attributes:
        messages: Messages sent to rooms, each counted once.
        bytes_in: Bytes received from clients.
        bytes_out: Bytes sent to clients.
    """

    messages: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
