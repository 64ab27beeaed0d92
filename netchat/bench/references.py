"""Published error rates: measured by others, with their counts.

The curves that come with netchat are a selection of those of AFF3CT (https://aff3ct.github.io), as numbers of
frames and errors. A file of your own has the same form: a JSON list of objects with the fields of
`PublishedCurve`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from netchat.bench import saved_values as saved
from netchat.bench.theory.intervals import Clusters, Interval, clopper_pearson, clustered
from netchat.channels.registry import split
from netchat.errors import BenchError

__all__ = ["PublishedCurve", "PublishedPoint", "published", "read_references"]

_FILE = Path(__file__).with_name("data") / "published.json"


@dataclass(frozen=True, slots=True)
class PublishedPoint:
    """Counts of one point of a published curve."""

    value: float
    """Eb/N0 in dB, or the probability of the channel."""
    frames: int
    """Frames."""
    bit_errors: int
    """Wrong bits of the messages."""
    frame_errors: int
    """Wrong frames."""
    bits: int
    """Bits of all messages."""

    @property
    def fer(self) -> float:
        """Frame error rate."""
        return self.frame_errors / self.frames

    @property
    def ber(self) -> float:
        """Bit error rate."""
        return self.bit_errors / self.bits

    @property
    def fer_interval(self) -> Interval:
        """Confidence interval of the frame error rate, at 95 %."""
        return clopper_pearson(self.frame_errors, self.frames)

    @property
    def ber_interval(self) -> Interval:
        """Confidence interval of the bit error rate, at 95 %.

        The curve does not say how bit errors are spread over the wrong frames. If all of these have the
        same number of wrong bits, the interval is this; if their numbers differ, it is too narrow.
        """
        each = self.bit_errors / max(self.frame_errors, 1)
        squares = round(self.frame_errors * each**2)
        return clustered(
            Clusters(self.bits, self.bit_errors, self.frames, self.frame_errors, squares)
        )


@dataclass(frozen=True, slots=True)
class PublishedCurve:
    """A published curve of one code and decoder over one kind of channel."""

    name: str
    """Name in its source."""
    code: str
    """Specification of the same code and decoder."""
    channel: str
    """Specification of the channel, with {} for its parameter."""
    k: int
    """Bits of a message."""
    points: tuple[PublishedPoint, ...]
    """Points, in their order."""
    source: str = "AFF3CT"
    """Publisher of the curve."""

    def has_channel(self, spec: str) -> bool:
        """Return whether a specification is of the kind of this curve."""
        name, arguments = split(spec)
        theirs, form = split(self.channel)
        return (name, arguments.split(",")[1:]) == (theirs, form.split(",")[1:])


def read_references(path: str | os.PathLike[str]) -> list[PublishedCurve]:
    """Read published curves from a JSON file, or from all .json files of a folder.

    Raises:
        BenchError: A file cannot be read, or is not valid.
    """
    place = Path(path)
    if place.is_dir():
        files = sorted(file for file in place.iterdir() if file.suffix.lower() == ".json")
        if not files:
            raise BenchError(f"{path} contains no .json file with published curves.")
        return [curve for file in files for curve in read_references(file)]
    with saved.reading(path, "published curves", list) as values:
        return [_curve(saved.table({"a curve": each}, "a curve")) for each in values]


@cache
def _own() -> tuple[PublishedCurve, ...]:
    return tuple(read_references(_FILE))


def published(
    code: str, channel: str, curves: list[PublishedCurve] | None = None
) -> list[PublishedCurve]:
    """Return published curves of a code and its decoder over a kind of channel.

    Args:
        code: Specification of the code.
        channel: Specification of a channel of the kind.
        curves: Curves to search; by default those that come with netchat.

    >>> [curve.name for curve in published("ldpc:ccsds,128,iterations=50,algorithm=sum-product", "awgn:4dB")]
    ['LDPC_N128_K64_hlayered_SPA_i50_CCSDS']
    """
    wanted = "".join(code.split())
    return [
        curve
        for curve in (_own() if curves is None else curves)
        if "".join(curve.code.split()) == wanted and curve.has_channel(channel)
    ]


def _curve(values: dict[str, Any]) -> PublishedCurve:
    k = saved.count(values, "k")
    points = []
    for listed in saved.listed(values, "points"):
        if not isinstance(listed, list) or len(listed) != 4:
            raise ValueError("a point must be a list of value, frames, bit errors and frame errors")
        names = ("value", "frames", "bit errors", "frame errors")
        point = dict(zip(names, listed, strict=True))
        frames, bit_errors, frame_errors = (saved.count(point, name) for name in names[1:])
        if not (frames > 0 and frame_errors <= frames and bit_errors <= k * frames):
            raise ValueError(f"the counts {listed} contradict each other")
        points.append(
            PublishedPoint(saved.real(point, "value"), frames, bit_errors, frame_errors, k * frames)
        )
    return PublishedCurve(
        saved.text(values, "name"), saved.text(values, "code"), saved.text(values, "channel"), k,
        tuple(points), saved.text({"source": "AFF3CT", **values}, "source"),
    )  # fmt: skip
