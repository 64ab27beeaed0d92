"""Kinds of faults, where they are, and how large they are."""

from __future__ import annotations

import re
from dataclasses import dataclass

from netchat.errors import LabError

__all__ = ["HOSTS", "KINDS", "Answer", "Fault", "FaultKind", "parse_kind", "parse_place"]

#: Hosts of every mystery: a server and two clients.
HOSTS = ("h1", "h2", "h3")

_WAY = re.compile(r"\s*(h[123])\s*(?:->|→|>|to)\s*(h[123])\s*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind of fault."""

    name: str
    """Name that an answer uses."""
    text: str
    """Description: what happens to the frames."""
    unit: str
    """Meaning of the size of the fault, with its unit."""
    is_host: bool
    """Whether its place is a host, rather than a direction between two hosts."""
    tolerance: float
    """Largest accepted ratio of the answer's size to the fault's, or the inverse."""
    evidence: str
    """Description of how captures show it."""


KINDS: dict[str, FaultKind] = {
    kind.name: kind
    for kind in (
        FaultKind(
            "loss", "frames are lost at random", "share of the frames, 0 to 1", False, 2.0,
            "The sender's capture has frames that the receiver's lacks. They are of all sizes, and the "
            "frames before and after them are not late.",
        ),
        FaultKind(
            "duplication", "frames arrive twice", "share of the frames, 0 to 1", False, 2.0,
            "The receiver's capture has frames twice, with the same IP identification, that the sender's "
            "has once. (A TCP retransmission has a new identification, and both captures have it.)",
        ),
        FaultKind(
            "reordering", "frames are held back, and later ones overtake them",
            "share of the frames, 0 to 1", False, 2.0,
            "In the receiver's capture, frames come after later ones of the same sender. All of them "
            "arrive.",
        ),
        FaultKind(
            "bit-errors", "bits are flipped in transit", "bit error rate", False, 2.0,
            "Frames leave with a valid checksum, and arrive with other bytes. The receiving host drops "
            "them silently, so TCP sees loss.",
        ),
        FaultKind(
            "delay", "frames take longer in one direction", "additional seconds", False, 1.3,
            "The transit times of one direction are longer than those of the opposite one by a constant. "
            "The TTL shows that both directions have the same number of hops.",
        ),
        FaultKind(
            "asymmetric-path", "one direction takes a longer route than the other",
            "additional hops", False, 1.0,
            "Frames of one direction arrive with a lower TTL than those of the opposite one, and later.",
        ),
        FaultKind(
            "mtu", "frames above a size vanish, and no ICMP message reports it",
            "largest IP packet that passes, in bytes", False, 1.06,
            "No frame above a size arrives, and all others do. TCP retransmits a large segment again and "
            "again, and the connection stalls.",
        ),
        FaultKind(
            "rate-limit", "frames wait in a queue that is served at a limited rate",
            "kbit/s", False, 1.3,
            "Transit times grow while frames are sent and shrink in pauses; when the queue is full, "
            "frames are lost. Frames that waited leave it at a fixed rate, however fast they were sent.",
        ),
        FaultKind(
            "checksum-offload", "a network card fills in wrong TCP and UDP checksums",
            "share of the host's frames, 0 to 1", True, 2.0,
            "Frames have a wrong checksum already in the sender's capture, and arrive unchanged. "
            "They go to all hosts.",
        ),
        FaultKind(
            "slow-reader", "a program reads from its connection more slowly than its peer sends",
            "bytes per second", True, 1.6,
            "A host announces a window of 0, although all frames arrive. The acknowledgements then grow "
            "at the rate at which the program reads.",
        ),
        FaultKind(
            "clock-skew", "a host's clock is fast or slow",
            "ppm; positive if the clock is fast", True, 1.4,
            "Seen by two clocks, the transit times of one direction grow steadily, and those of the "
            "opposite one shrink at the same rate. Only the captures of one host disagree with both others.",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """Fault of a network.

    Raises:
        LabError: The kind is unknown, or the place is not one of its places.

    >>> str(Fault("loss", "h2 > h1", 0.05))
    'loss, h2 > h1, 0.05 (share of the frames, 0 to 1)'
    """

    kind: str
    """Name of the kind, a key of `KINDS`."""
    place: str
    """A host such as `h2`, or a direction such as `h2 > h1`."""
    size: float
    """Its size, in the unit of the kind."""
    begin: float = 0.0
    """Part of the time after which it begins."""
    end: float = 1.0
    """Part of the time at which it ends."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", parse_kind(self.kind))
        object.__setattr__(self, "place", parse_place(self.kind, self.place))

    def __str__(self) -> str:
        return f"{self.kind}, {self.place}, {self.size:.4g} ({KINDS[self.kind].unit})"


@dataclass(frozen=True, slots=True)
class Answer:
    """A student's answer; see `Fault` for the fields."""

    kind: str
    """Name of the kind."""
    place: str
    """A host, or a direction."""
    size: float
    """The size."""


def parse_kind(kind: str) -> str:
    """Return the name of a kind in its usual spelling: case, spaces and underscores do not matter.

    Raises:
        LabError: The kind does not exist.

    >>> parse_kind(" Asymmetric path")
    'asymmetric-path'
    """
    name = "-".join(kind.casefold().replace("_", " ").replace("-", " ").split())
    if name not in KINDS:
        raise LabError(f"unknown fault {kind!r}; must be one of {', '.join(KINDS)}")
    return name


def parse_place(kind: str, place: str) -> str:
    """Return a place in its usual spelling.

    Args:
        kind: Name of the kind of fault.
        place: `h2`, `h2 > h1`, `h2>h1` or `h2 -> h1`.

    Raises:
        LabError: It is not a place that a fault of this kind can have.

    >>> parse_place("delay", "h3->h1")
    'h3 > h1'
    """
    if KINDS[kind].is_host:
        host = place.strip().lower()
        if host not in HOSTS:
            raise LabError(f"the place of {kind} must be a host, {', '.join(HOSTS)}, got {place!r}")
        return host
    found = _WAY.fullmatch(place)
    if found is None or found[1].lower() == found[2].lower():
        raise LabError(
            f"the place of {kind} must be a direction such as 'h2 > h1', with two of "
            f"{', '.join(HOSTS)}, got {place!r}"
        )
    return f"{found[1].lower()} > {found[2].lower()}"
