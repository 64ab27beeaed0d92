"""What was seen of the noisy link that a conversation is spoken over."""

from __future__ import annotations

from dataclasses import dataclass, field

from netchat.link.datagram_mask import make_mask
from netchat.link.open_request import Mode, OpenRequest

__all__ = ["BlockCounts", "LinkState"]


@dataclass(slots=True)
class BlockCounts:
    """What was seen of one direction of a link.

    Attributes:
        blocks: blocks whose header could be read.
        again: those of them that brought a place of the stream again: retransmissions.
        corrected: symbols that were wrong in headers and payloads, and could be corrected.
        failed: blocks whose payload could not be decoded by itself.
        combined: those of them that could be, together with earlier copies.
        wrong_bits: wrong bits in what could be decoded by itself.
        checked_bits: how many bits that was.
        unreadable: places where a header had to be and could not be read.
        skipped: bytes of the connection in which no block could be found.
        missing: bytes of the link's own stream that were in no block that could be decoded.
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
        """The part of the bits that was wrong; None before any could be checked."""
        return self.wrong_bits / self.checked_bits if self.checked_bits else None


@dataclass(slots=True, eq=False)
class LinkState:
    """A link, as both of its directions tell of it.

    Attributes:
        number: which link it is, as its headers say; None before the first of them.
        opening: what the client asked for; None if the capture does not have it.
        first: what both directions count their bytes from; None if that is not known.
        acked: for each direction (True: to the server) up to where the other side has its stream,
            as its last header said.
        to_server: counts of the blocks that the client sent.
        to_client: counts of those that the server sent.
    """

    number: int | None = None
    opening: OpenRequest | None = None
    first: int | None = None
    acked: dict[bool, int] = field(default_factory=dict)
    to_server: BlockCounts = field(default_factory=BlockCounts)
    to_client: BlockCounts = field(default_factory=BlockCounts)

    @property
    def mask(self) -> bytes:
        """What headers are masked with, but for OPEN and CHALLENGE; empty if nothing is known."""
        key = self.opening.key if self.opening is not None else b""
        return make_mask(key) if key else b""

    @property
    def mode(self) -> Mode:
        """What is done about a payload that fails."""
        return self.opening.mode if self.opening is not None else Mode.HYBRID

    def spec(self, *, to_server: bool) -> str | None:
        """The code that OPEN names for a direction."""
        if self.opening is None:
            return None
        return self.opening.up if to_server else self.opening.down

    def counts(self, *, to_server: bool) -> BlockCounts:
        """The counts of one direction."""
        return self.to_server if to_server else self.to_client
