"""What a link has done so far."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, fields
from typing import Any

__all__ = ["Goodput", "LinkStats"]


class Goodput:
    """Bytes a second, over the last seconds.

    Args:
        seconds: how many.
    """

    def __init__(self, seconds: float = 5.0) -> None:
        self._seconds = seconds
        self._slot = seconds / 10
        self._slots: deque[tuple[float, int]] = deque()

    def add(self, now: float, count: int) -> None:
        """So many bytes more."""
        if self._slots and now - self._slots[-1][0] < self._slot:
            begun, had = self._slots.pop()
            self._slots.append((begun, had + count))
        else:
            self._slots.append((now, count))
            while self._slots[0][0] < now - self._seconds:
                self._slots.popleft()

    def rate(self, now: float) -> float:
        """Bytes a second; what is too long ago does not count."""
        recent = [(begun, count) for begun, count in self._slots if begun >= now - self._seconds]
        if not recent:
            return 0.0
        return sum(count for _, count in recent) / max(self._slot, now - recent[0][0])


@dataclass(slots=True)
class LinkStats:
    """Counters of one side of a link, from its beginning."""

    blocks_sent: int = 0
    """All blocks, those without a payload and those sent again included."""
    bytes_sent: int = 0
    """Bytes of those blocks, as they go into the channel."""
    blocks_received: int = 0
    """Blocks whose header could be read."""
    bytes_received: int = 0
    """Bytes that came out of the channel."""
    corrected_symbols: int = 0
    """Symbols that were wrong in headers and payloads, and were corrected."""
    failed_blocks: int = 0
    """Blocks received whose payload could not be decoded by itself."""
    combined_blocks: int = 0
    """Of those, the ones that could be decoded together with earlier copies of them."""
    damaged_blocks: int = 0
    """Without retransmission: blocks that were handed over damaged."""
    damaged_bytes: int = 0
    """Bytes of payload in those."""
    unreadable_headers: int = 0
    """Places where a header should have been, but none could be read."""
    resyncs: int = 0
    """How often a block was found again by its marker."""
    ignored_blocks: int = 0
    """Blocks received that made no sense here: of another link, impossible, or out of turn."""
    duplicate_blocks: int = 0
    """Blocks received that brought nothing new."""
    retransmissions: int = 0
    """Blocks sent again, wholly or in part."""
    probes: int = 0
    """Blocks sent because an answer was overdue."""
    lost_bytes: int = 0
    """Without retransmission: bytes of the other side that never came."""
    payload_sent: int = 0
    """Bytes of payload in blocks sent."""
    coded_sent: int = 0
    """Bytes that they became by coding."""
    acknowledged: int = 0
    """Bytes of our stream that the other side has."""
    delivered: int = 0
    """Bytes of the other side's stream that we have."""
    wrong_bits: int = 0
    """Bits received that were wrong, in all that could be decoded."""
    checked_bits: int = 0
    """How many that was."""
    goodput_out: Goodput = field(default_factory=Goodput)
    goodput_in: Goodput = field(default_factory=Goodput)

    @property
    def bit_error_rate(self) -> float | None:
        """Of the other side's direction, as found by decoding; None before anything came."""
        return self.wrong_bits / self.checked_bits if self.checked_bits else None

    @property
    def code_rate(self) -> float | None:
        """Bytes of payload for a byte of coded payload, over all that was sent."""
        return self.payload_sent / self.coded_sent if self.coded_sent else None

    def counters(self) -> dict[str, Any]:
        """All but the goodput, by name."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        del values["goodput_out"], values["goodput_in"]
        return values
