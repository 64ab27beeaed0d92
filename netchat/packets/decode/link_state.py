"""State of a noisy link, as observed in a capture."""

from __future__ import annotations

from dataclasses import dataclass, field

from netchat.link.datagram_mask import make_mask
from netchat.link.open_request import Mode, OpenRequest

__all__ = ["BlockCounts", "LinkState"]


@dataclass(slots=True)
class BlockCounts:
    """Counters of one direction of a link.

    Attributes:
        blocks: Blocks with a readable header.
        again: Those of them that were retransmissions.
        corrected: Symbols corrected in headers and payloads.
        failed: Blocks whose payload could not be decoded by itself.
        combined: Those of them that were decoded together with earlier copies.
        wrong_bits: Wrong bits in what was decoded by itself.
        checked_bits: Number of bits of that.
        unreadable: Places where a header was expected and could not be read.
        skipped: Bytes of the connection in which no block was found.
        missing: Bytes of the link's stream that no decodable block carried.
    """

    blocks: int = 0
    again: int = 0
    corrected: int = 0
    failed: int = 0
    combined: int = 0
    wrong_bits: int = 0
    checked_bits: int = 0
    unreadable: int = 0
    skipped: int = 0
    missing: int = 0

    @property
    def bit_error_rate(self) -> float | None:
        """Fraction of wrong bits; None before any bit was checked."""
        return self.wrong_bits / self.checked_bits if self.checked_bits else None


@dataclass(slots=True, eq=False)
class LinkState:
    """State of a link, from both of its directions.

    Attributes:
        number: Number of the link in its headers; None before the first.
        opening: The client's request, or None if it was not captured.
        first: Initial offset of both directions, or None if unknown.
        acked: Offset acknowledged by the peer in its last header, for each direction (True: to server).
        to_server: Counters of the client's blocks.
        to_client: Counters of the server's blocks.
    """

    number: int | None = None
    opening: OpenRequest | None = None
    first: int | None = None
    acked: dict[bool, int] = field(default_factory=dict)
    to_server: BlockCounts = field(default_factory=BlockCounts)
    to_client: BlockCounts = field(default_factory=BlockCounts)

    @property
    def mask(self) -> bytes:
        """Mask of all headers except OPEN and CHALLENGE; empty if unknown."""
        key = self.opening.key if self.opening is not None else b""
        return make_mask(key) if key else b""

    @property
    def mode(self) -> Mode:
        """Treatment of payloads that fail to decode."""
        return self.opening.mode if self.opening is not None else Mode.HYBRID

    def spec(self, *, to_server: bool) -> str | None:
        """Return the code that OPEN selects for a direction."""
        if self.opening is None:
            return None
        return self.opening.up if to_server else self.opening.down

    def counts(self, *, to_server: bool) -> BlockCounts:
        """Return the counters of one direction."""
        return self.to_server if to_server else self.to_client
