"""Published error rates, with their counts, and ours beside them.

    python -m tests.bench.references [--errors 200] [--seconds 10] [NAME ...]

The file netchat/bench/data/published.json has curves of aff3ct/error_rate_references: Eb/N0 in dB (or
the error probability), frames, bit errors and frame errors. `code` and `channel` are the same experiment
here; `{}` stands for Eb/N0 or the probability. It is in `code` where each point has a code designed for it.
"""

import argparse
import json
from dataclasses import dataclass
from typing import Any

from netchat import bench
from netchat.bench import Interval, clopper_pearson
from tests.end_to_end.processes import ROOT

__all__ = ["CURVES", "Curve", "compared"]

#: Frame errors that a point needs on both sides.
ENOUGH = 50


@dataclass(frozen=True)
class Curve:
    """A published curve."""

    name: str
    code: str
    channel: str
    k: int
    points: list[tuple[float, int, int, int]]


def _curve(name: str, channel: str, **more: Any) -> Curve:
    kind = channel.partition(":")[0].upper()
    return Curve(f"{name} over {kind}", channel=channel, **more)


CURVES = [
    _curve(**each)
    for each in json.loads((ROOT / "netchat/bench/data/published.json").read_text("utf-8"))
]


def compared(
    curve: Curve, *, errors: int = 200, seconds: float = 10, points: slice = slice(None)
) -> list[tuple[float, float, Interval, float, Interval, bool]]:
    """Measure points of a curve: place, their FER and interval, ours, and whether they overlap.

    Points with few errors on either side are left out.
    """
    found = []
    for place, frames, _, frame_errors in curve.points[points]:
        if not ENOUGH <= frame_errors < frames:
            continue
        (ours,) = bench.run(
            curve.code.format(place),
            curve.channel.format(place),
            errors=errors,
            seconds=seconds,
            workers=1,
        ).points
        if not ENOUGH <= ours.tally.frame_errors < ours.tally.frames:
            continue
        interval = clopper_pearson(frame_errors, frames)
        overlap = ours.fer_interval.low <= interval.high and interval.low <= ours.fer_interval.high
        found.append((place, frame_errors / frames, interval, ours.fer, ours.fer_interval, overlap))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="parts of the names of curves; all by default")
    parser.add_argument("--errors", type=int, default=200, help="frame errors per point")
    parser.add_argument("--seconds", type=float, default=10, help="longest time per point")
    arguments = parser.parse_args()
    overlaps = []
    for curve in CURVES:
        if arguments.names and not any(name in curve.name for name in arguments.names):
            continue
        print(f"{curve.name}: {curve.code}")
        for place, fer, _, ours, _, overlap in compared(
            curve, errors=arguments.errors, seconds=arguments.seconds
        ):
            print(f"  {place:6g}  {fer:9.3e}  {ours:9.3e}  {'ok' if overlap else 'APART'}")
            overlaps.append(overlap)
    print(f"{sum(overlaps)} of {len(overlaps)} points overlap.")


if __name__ == "__main__":
    main()
