"""Results: what was measured, beside what theory says; to be kept, read again and shown."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from netchat.bench import saved_values as saved
from netchat.bench.engine.tally import Tally
from netchat.bench.engine.trial import Speed
from netchat.bench.theory.intervals import Interval, clustered
from netchat.bench.theory.rates import Kind, Theory
from netchat.version import __version__

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from netchat.channels import Channel
    from netchat.coding import Code

__all__ = ["Point", "Results", "StoppedBy", "figure_bytes", "machine"]

StoppedBy = Literal["errors", "frames", "seconds", "interrupted"]


@dataclass(frozen=True)
class Point:
    """One code over one channel."""

    code: str
    """Spec of the code."""
    channel: str
    """Spec of the channel."""
    rate: float
    """Of the code."""
    tally: Tally = field(default_factory=Tally)
    """The counts."""
    batches: int = 0
    """How many batches they are from: the first so many."""
    seconds: float = 0.0
    """Working time, of all workers together."""
    speed: Speed = field(default_factory=Speed)
    """Megabits of information a second on one core."""
    theory: Theory = field(default_factory=Theory)
    """What theory says."""
    stopped_by: StoppedBy = "interrupted"
    """What ended it: enough errors, the frames or the seconds it had, or the user."""

    @property
    def fer(self) -> float | None:
        """Frame error rate: of messages that came out wrong or were given up."""
        return self.tally.frame_errors / self.tally.frames if self.tally.frames else None

    @property
    def ber(self) -> float | None:
        """Bit error rate of the messages as the decoder gives them out."""
        return self.tally.bit_errors / self.tally.bits if self.tally.bits else None

    @cached_property
    def fer_interval(self) -> Interval:
        """Where the true frame error rate lies, at 95 %."""
        return clustered(self.tally.by_frame)

    @cached_property
    def ber_interval(self) -> Interval:
        """Where the true bit error rate lies, at 95 %; it is never above the frame error rate."""
        low, high = clustered(self.tally.by_bit)
        return Interval(low, min(high, self.fer_interval.high))

    @property
    def goodput(self) -> float | None:
        """Bits of information delivered right in a bit sent: rate times the frames that arrive."""
        return None if self.fer is None else self.rate * (1 - self.fer)

    def as_dict(self) -> dict[str, Any]:
        """The point as JSON has it."""
        tally, speed, theory = self.tally, self.speed, self.theory
        return {
            "code": self.code,
            "channel": self.channel,
            "rate": self.rate,
            "frames": tally.frames,
            "frame_errors": tally.frame_errors,
            "fer": self.fer,
            "fer_low": self.fer_interval.low,
            "fer_high": self.fer_interval.high,
            "bits": tally.bits,
            "bit_errors": tally.bit_errors,
            "ber": self.ber,
            "ber_low": self.ber_interval.low,
            "ber_high": self.ber_interval.high,
            "undetected": tally.undetected,
            "goodput": self.goodput,
            "theory_fer": theory.fer,
            "theory_ber": theory.ber,
            "theory_fer_kind": theory.fer_kind,
            "theory_ber_kind": theory.ber_kind,
            "theory_ber_error": theory.ber_error,
            "theory": theory.name,
            "encode_mbit_s": round(speed.encode, 2),
            "decode_mbit_s": round(speed.decode, 2),
            "end_to_end_mbit_s": round(speed.end_to_end, 2),
            "stopped_by": self.stopped_by,
            "seconds": round(self.seconds, 4),
            "batches": self.batches,
            "clusters": tally.clusters,
            "touched": tally.touched,
            "frame_squares": tally.frame_squares,
            "bit_squares": tally.bit_squares,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Point:
        """Read the point that `as_dict` wrote.

        Raises:
            KeyError: if a value is missing.
            ValueError: if one is impossible.
        """
        tally = Tally(**{item.name: saved.count(values, item.name) for item in fields(Tally)})
        if not tally.is_possible:
            raise ValueError(f"the counts of {values['code']!r} contradict each other")
        return cls(
            saved.text(values, "code"),
            saved.text(values, "channel"),
            saved.number(values, "rate", most=1),
            tally,
            saved.count(values, "batches"),
            saved.number(values, "seconds"),
            Speed(
                *(saved.number(values, f"{of}_mbit_s") for of in ("encode", "decode", "end_to_end"))
            ),
            Theory(
                saved.maybe_number(values, "theory_fer"),
                saved.maybe_number(values, "theory_ber"),
                saved.one_of(values, "theory_fer_kind", get_args(Kind)),
                saved.one_of(values, "theory_ber_kind", get_args(Kind)),
                saved.text(values, "theory"),
                saved.number(
                    {"theory_ber_error": 0.0, **values}, "theory_ber_error"
                ),  # not in older files
            ),
            saved.one_of(values, "stopped_by", get_args(StoppedBy)),
        )


@dataclass
class Results:
    """The points of a run, and what is needed to run it again.

    Counts, rates and intervals of a run that no seconds cut short depend on the seed only; speeds
    and seconds are of the machine.
    """

    points: list[Point]
    seed: int
    version: str = __version__
    machine: dict[str, Any] = field(default_factory=lambda: machine())
    settings: dict[str, Any] = field(default_factory=dict)
    """What `netchat.bench.run` was asked for, apart from the seed."""
    unsaved: str = ""
    """Why the file of a run that can be resumed does not hold all of it; empty if it does."""

    @property
    def complete(self) -> bool:
        """Whether no point was interrupted."""
        return all(point.stopped_by != "interrupted" for point in self.points)

    def point(self, code: str | Code, channel: str | Channel) -> Point:
        """The point of a code and a channel, or of their specs.

        Raises:
            KeyError: if there is none.
        """
        code, channel = (one if isinstance(one, str) else one.spec for one in (code, channel))
        for point in self.points:
            if (point.code, point.channel) == (code, channel):
                return point
        raise KeyError(f"There is no point of {code} over {channel}.")

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON has it."""
        return {
            "version": self.version,
            "seed": self.seed,
            "machine": self.machine,
            "settings": self.settings,
            "points": [point.as_dict() for point in self.points],
        }

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write a file, all of it or nothing."""
        saved.written(path, json.dumps(self.as_dict(), indent=1) + "\n")

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a line a point, with the fields of the JSON.

        Raises:
            BenchError: It cannot be written.
        """
        saved.written(path, self.as_csv())

    def as_csv(self) -> str:
        """A line a point, with the fields of the JSON."""
        rows = [{"seed": self.seed, **point.as_dict()} for point in self.points]
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(rows[0]) if rows else ["seed"])
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Results:
        """Read what `to_json` wrote.

        Raises:
            BenchError: if it is no such file.
        """
        with saved.reading(path, "results of encode-bench") as values:
            points = [
                Point.from_dict(saved.table({"a point": point}, "a point"))
                for point in saved.listed(values, "points")
            ]
            return cls(
                points, saved.count(values, "seed"), saved.text(values, "version"),
                saved.table(values, "machine"), _settings(saved.table(values, "settings")),
            )  # fmt: skip

    def table(self, width: int | None = None) -> str:
        """A table of all points, as text; of a width, without the columns that do not fit."""
        from netchat.bench.report.table import as_text

        return as_text(self.points, width)

    def grid(self, width: int | None = None) -> str:
        """Bit error rates as text, a line a code and a column a channel: what fits a screen."""
        from netchat.bench.report.grid import as_grid

        return as_grid(self.points, width)

    def _repr_html_(self) -> str:
        from netchat.bench.report.table import as_html

        return as_html(self.points)

    def plot(self, rate: Literal["ber", "fer"] = "ber") -> Figure:
        """Error rates over the channels: markers are measured, lines are theory.

        Raises:
            BenchError: if matplotlib is missing; the message says how to install it.
        """
        from netchat.bench.report.plot import plot

        return plot(self.points, rate)

    def save_plot(self, path: str | os.PathLike[str], rate: Literal["ber", "fer"] = "ber") -> None:
        """Write the plot as .png, .svg or .pdf.

        Raises:
            BenchError: if matplotlib is missing, or the file cannot be written.
        """
        saved.written(path, figure_bytes(self.plot(rate), Path(path).suffix))


def figure_bytes(figure: Figure, suffix: str) -> bytes:
    """Return the file of a picture, in the format that its suffix stands for: .png, .svg or .pdf."""
    file = io.BytesIO()
    figure.savefig(file, format=suffix.lstrip(".") or None, dpi=120)
    return file.getvalue()


def _settings(values: dict[str, Any]) -> dict[str, Any]:
    """Check what a run was asked for."""
    for name in ("codes", "channels"):
        if values.get(name) is not None:
            specs = saved.listed(values, name)
            if not specs or not all(isinstance(spec, str) for spec in specs):
                raise ValueError(f"{name} must be a list of specs")
    for name in ("errors", "frames"):
        if values.get(name) is not None:
            saved.count(values, name)
    if values.get("seconds") is not None:
        saved.number(values, "seconds")
    for name in ("errors", "frames", "seconds"):
        if values.get(name) == 0:
            raise ValueError(f"{name} must be above 0")
    return values


def machine() -> dict[str, Any]:
    """What the run is on: for the speeds, which are nobody else's."""
    packages = ("numpy", "numba", "scipy", "reedsolo")
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def _processor() -> str:
    try:
        lines: Iterable[str] = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
