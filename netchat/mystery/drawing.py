"""Mysteries drawn at random from a seed, easier or harder."""

from __future__ import annotations

import hashlib
import itertools
import random
import unicodedata
from dataclasses import dataclass, field

from netchat.errors import LabError
from netchat.mystery.fault import HOSTS, KINDS, Fault

__all__ = ["LEVELS", "PERIOD", "Mystery", "draw"]

#: Levels, from strong faults in a quiet network to weak ones in a noisy network.
LEVELS = range(1, 6)

#: Duration of a simulated mystery, and of one period of an intermittent fault, in seconds.
PERIOD = 24.0

#: For each level: jitter in seconds, and share of frames that every direction loses.
_NOISE = {
    1: (0.0001, 0.0),
    2: (0.0003, 0.0),
    3: (0.0005, 0.002),
    4: (0.001, 0.004),
    5: (0.002, 0.004),
}

#: Sizes at level 1 and at level 5: the faults shrink from level to level, geometrically.
_SIZES: dict[str, tuple[float, float]] = {
    "loss": (0.15, 0.05),
    "duplication": (0.15, 0.05),
    "reordering": (0.15, 0.05),
    "bit-errors": (8e-5, 1.5e-5),
    "delay": (0.060, 0.012),
    "asymmetric-path": (8, 2),
    "mtu": (600, 1300),
    "rate-limit": (80, 140),
    "checksum-offload": (0.15, 0.05),
    "slow-reader": (1200, 3500),
    "clock-skew": (4000, 600),
}

#: Kinds that do not come and go: at level 5, all others last for a part of the time only.
_LASTING = ("mtu", "rate-limit", "slow-reader", "clock-skew")


@dataclass(frozen=True, slots=True)
class Mystery:
    """A network of three hosts with one fault."""

    seed: str
    """Seed, as given."""
    level: int
    """Level, 1 to 5."""
    fault: Fault
    """The fault."""
    jitter: float
    """Largest random delay of a frame in each direction, in seconds."""
    loss: float
    """Share of the frames that every direction loses, fault or not."""
    delays: dict[frozenset[str], float] = field(default_factory=dict)
    """One-way delay between two hosts, in seconds, the same both ways."""
    hops: dict[frozenset[str], int] = field(default_factory=dict)
    """Routers between two hosts, the same both ways."""

    def random(self, purpose: str) -> random.Random:
        """Return a random number generator for one purpose."""
        return _generator(f"{_normalised(self.seed)}|{self.level}|{purpose}")

    def is_active(self, seconds: float) -> bool:
        """Return whether the fault acts at a time after the beginning, in seconds."""
        part = seconds % PERIOD / PERIOD
        return self.fault.begin <= part < self.fault.end

    def at(self, kind: str, place: str) -> bool:
        """Return whether the fault is of a kind and at a place."""
        return self.fault.kind == kind and self.fault.place == place


def draw(seed: str | int, level: int = 2, *, kind: str | None = None) -> Mystery:
    """Return the mystery of a seed and a level.

    Args:
        seed: A number, or a text such as a student's name; case and spaces at the ends do not matter.
        level: 1 to 5.
        kind: Kind of the fault; by default the seed decides.

    Raises:
        LabError: The level or the kind does not exist.

    >>> draw("Ada", 1).fault == draw(" ada ", 1).fault
    True
    """
    if level not in LEVELS:
        raise LabError(f"the level must be 1 to 5, got {level}")
    if kind is not None and kind not in KINDS:
        raise LabError(f"unknown fault {kind!r}; must be one of {', '.join(KINDS)}")
    rng = _generator(f"{_normalised(str(seed))}|{level}|mystery")
    chosen = rng.choice(list(KINDS))
    name = kind or chosen
    pairs = [frozenset(pair) for pair in itertools.combinations(HOSTS, 2)]
    jitter, loss = _NOISE[level]
    return Mystery(
        str(seed),
        level,
        _fault(name, level, rng),
        jitter,
        loss,
        {pair: rng.uniform(0.002, 0.015) for pair in pairs},
        {pair: rng.randint(1, 4) for pair in pairs},
    )


def _fault(kind: str, level: int, rng: random.Random) -> Fault:
    ways = [f"{one} > {other}" for one, other in itertools.permutations(HOSTS, 2)]
    if kind in ("slow-reader", "rate-limit", "mtu"):  # where the chat sends enough to show it
        place = rng.choice(
            ["h2", "h3"] if kind == "slow-reader" else [w for w in ways if "h1" in w]
        )
    else:
        place = rng.choice(HOSTS if KINDS[kind].is_host else ways)
    strong, weak = _SIZES[kind]
    size = strong * (weak / strong) ** ((level - 1) / (LEVELS[-1] - 1)) * rng.uniform(0.85, 1.15)
    match kind:
        case "clock-skew":
            size = round(size) * rng.choice((-1, 1))
        case "asymmetric-path":
            size = max(2, round(size))
        case "mtu":
            size = min(1380, round(size))
        case _:
            size = float(f"{size:.3g}")
    begin, end = 0.0, 1.0
    if level == LEVELS[-1] and kind not in _LASTING:
        begin = rng.uniform(0.15, 0.35)
        end = begin + rng.uniform(0.4, 0.5)
    return Fault(kind, place, size, begin, end)


def _normalised(seed: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", seed).casefold().split())


def _generator(text: str) -> random.Random:
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))
