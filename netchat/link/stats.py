"""Counters and goodput of one side of a link."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, fields
from typing import Any

__all__ = ["Goodput", "LinkStats"]


class Goodput:
    """Bytes per second, averaged over a sliding window.

    Args:
        seconds: Length of the window in seconds.
    """

    def __init__(self, seconds: float = 5.0) -> None:
        self._seconds = seconds
        self._slot = seconds / 10
        self._slots: deque[tuple[float, int]] = deque()

    def add(self, now: float, count: int) -> None:
        """Add `count` bytes."""
        if self._slots and now - self._slots[-1][0] < self._slot:
            start, total = self._slots.pop()
            self._slots.append((start, total + count))
        else:
            self._slots.append((now, count))
            while self._slots[0][0] < now - self._seconds:
                self._slots.popleft()

    def rate(self, now: float) -> float:
        """Return the bytes per second within the window."""
        recent = [(start, count) for start, count in self._slots if start >= now - self._seconds]
        if not recent:
            return 0.0
        return sum(count for _, count in recent) / max(self._slot, now - recent[0][0])


@dataclass(slots=True)
class LinkStats:
    """Counters of one side of a link, since its creation."""

    blocks_sent: int = 0
    """Blocks sent, including retransmissions and blocks without a payload."""
    bytes_sent: int = 0
    """Bytes of those blocks, before the channel."""
    blocks_received: int = 0
    """Blocks received with a readable header."""
    bytes_received: int = 0
    """Bytes received from the channel."""
    corrected_symbols: int = 0
    """Symbols corrected in headers and payloads."""
    failed_blocks: int = 0
    """Blocks received whose payload could not be decoded by itself."""
    combined_blocks: int = 0
    """Failed blocks that were decoded together with earlier copies."""
    damaged_blocks: int = 0
    """In `Mode.FEC`: blocks delivered damaged."""
    damaged_bytes: int = 0
    """Payload bytes in those."""
    unreadable_headers: int = 0
    """Positions where a header was expected but could not be read."""
    resyncs: int = 0
    """Number of times that synchronisation was regained by a marker."""
    ignored_blocks: int = 0
    """Blocks received of another link, with implausible fields, or in the wrong state."""
    duplicate_blocks: int = 0
    """Blocks received whose bytes had already arrived."""
    retransmissions: int = 0
    """Blocks retransmitted, wholly or in part."""
    probes: int = 0
    """Blocks sent because an answer was overdue."""
    lost_bytes: int = 0
    """In `Mode.FEC`: bytes of the peer that never arrived."""
    payload_sent: int = 0
    """Payload bytes in blocks sent, before coding."""
    coded_sent: int = 0
    """The same payload after coding, in bytes."""
    acknowledged: int = 0
    """Bytes acknowledged by the peer."""
    delivered: int = 0
    """Bytes of the peer's stream received in order."""
    wrong_bits: int = 0
    """Bit errors found in everything that could be decoded."""
    checked_bits: int = 0
    """Number of bits that could be decoded."""
    peer_wrong_bits: int = 0
    """Bit errors that the peer has reported."""
    peer_checked_bits: int = 0
    """Number of bits that its reports refer to."""
    goodput_out: Goodput = field(default_factory=Goodput)
    """Goodput of acknowledged bytes."""
    goodput_in: Goodput = field(default_factory=Goodput)
    """Goodput of delivered bytes."""

    @property
    def bit_error_rate(self) -> float | None:
        """Bit error rate of the receiving direction; None before the first decoded block."""
        return self.wrong_bits / self.checked_bits if self.checked_bits else None

    @property
    def code_rate(self) -> float | None:
        """Payload bytes per coded byte over all blocks sent; None before the first."""
        return self.payload_sent / self.coded_sent if self.coded_sent else None

    @property
    def efficiency(self) -> float | None:
        """Acknowledged bytes per byte sent, headers and repairs included; None before the first."""
        return self.acknowledged / self.bytes_sent if self.bytes_sent else None

    @property
    def capacity(self) -> float | None:
        """Capacity of the sending direction in bits per bit; None before the peer's first report.

        The errors are taken to be independent, at the rate that the peer has reported.

        Reference: C. E. Shannon, "A mathematical theory of communication" (1948).
        """
        if not self.peer_checked_bits:
            return None
        ber = min(0.5, self.peer_wrong_bits / self.peer_checked_bits)
        if ber == 0:
            return 1.0
        return 1 + ber * math.log2(ber) + (1 - ber) * math.log2(1 - ber)

    def counters(self) -> dict[str, Any]:
        """Return all counters except the goodput, by name."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        del values["goodput_out"], values["goodput_in"]
        return values
