"""What a server has carried."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Traffic"]


@dataclass(slots=True)
class Traffic:
    """Totals since the server started.

    Attributes:
        messages: what was said in rooms, each message once.
        bytes_in: bytes that came from clients.
        bytes_out: bytes that were sent to them.
    """

    messages: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
