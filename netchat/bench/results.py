"""Results of a bench run: saving, reading, tables and plots."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from netchat.bench import saved_values as saved
from netchat.bench.merge import merged_point, merged_settings
from netchat.bench.point import Point
from netchat.bench.target import Target
from netchat.errors import BenchError
from netchat.version import __version__

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from netchat.channels import Channel
    from netchat.coding import Code

__all__ = ["Results", "figure_bytes", "machine", "merge"]


@dataclass
class Results:
    """Points of a run, and the settings that reproduce it.

    Counts, rates and intervals depend only on the seed, unless `seconds` ended a point. Speeds and
    times depend on the machine.
    """

    points: list[Point]
    """Measured points."""
    seed: int
    """Random seed of the run."""
    version: str = __version__
    """Version of netchat."""
    machine: dict[str, Any] = field(default_factory=lambda: machine())
    """System, processor and package versions."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Arguments of `netchat.bench.run`, except the seed."""
    unsaved: str = ""
    """Reason why the resume file is not up to date; empty if it is."""
    targets: list[Target] = field(default_factory=list)
    """Channels at which the codes reach the FER that the run searched for."""

    def __iter__(self) -> Iterator[Point]:
        return iter(self.points)

    def __len__(self) -> int:
        return len(self.points)

    def __add__(self, other: Results) -> Results:
        """Merge two results; see `netchat.bench.merge`."""
        return merge([self, other])

    @property
    def complete(self) -> bool:
        """Whether no point was interrupted."""
        return all(point.stopped_by != "interrupted" for point in self.points)

    def point(self, code: str | Code, channel: str | Channel) -> Point:
        """Return the point of a code and a channel, given as objects or specifications.

        Raises:
            KeyError: The results do not contain this point.
        """
        code, channel = (one if isinstance(one, str) else one.spec for one in (code, channel))
        for point in self.points:
            if (point.code, point.channel) == (code, channel):
                return point
        raise KeyError(f"The results contain no point of {code} over {channel}.")

    def as_dict(self) -> dict[str, Any]:
        """Return the results as a JSON object."""
        return {
            "version": self.version,
            "seed": self.seed,
            "machine": self.machine,
            "settings": self.settings,
            "points": [point.as_dict() for point in self.points],
            **({"targets": [target.as_dict() for target in self.targets]} if self.targets else {}),
        }

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write a JSON file atomically.

        Raises:
            BenchError: The file cannot be written.
        """
        saved.written(path, json.dumps(self.as_dict(), indent=1) + "\n")

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a CSV file with one line per point and the fields of the JSON.

        Raises:
            BenchError: The file cannot be written.
        """
        saved.written(path, self.as_csv())

    def as_csv(self) -> str:
        """Return CSV text with one line per point and the fields of the JSON."""
        rows = self._rows()
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(rows[0]) if rows else ["seed"])
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    def _rows(self) -> list[dict[str, Any]]:
        """Return a flat row of each point; merged seeds are joined by +."""
        rows = []
        for point in self.points:
            row = {"seed": self.seed, **point.as_dict()}
            if seeds := row.pop("seeds", None):
                row["seed"] = "+".join(map(str, seeds))
            rows.append(row)
        return rows

    def to_dataframe(self) -> Any:
        """Return a pandas DataFrame with one row per point and the columns of the CSV.

        Raises:
            BenchError: pandas is not installed.
        """
        try:
            import pandas as pd  # type: ignore[import-untyped]
        except ImportError as error:
            raise BenchError("A data frame needs pandas: pip install pandas") from error
        return pd.DataFrame(self._rows())

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Results:
        """Read a file that `to_json` wrote.

        Raises:
            BenchError: The file cannot be read or is not valid.
        """
        with saved.reading(path, "results of encode-bench") as values:
            points = [
                Point.from_dict(saved.table({"a point": point}, "a point"))
                for point in saved.listed(values, "points")
            ]
            return cls(
                points, saved.count(values, "seed"), saved.text(values, "version"),
                saved.table(values, "machine"), _settings(saved.table(values, "settings")),
                targets=[
                    Target.from_dict(saved.table({"a target": target}, "a target"))
                    for target in saved.listed({"targets": [], **values}, "targets")
                ],
            )  # fmt: skip

    def table(self, width: int | None = None) -> str:
        """Format a table of all points, without the columns that do not fit the width."""
        from netchat.bench.report.table import as_text

        return as_text(self.points, width)

    def grid(self, width: int | None = None) -> str:
        """Format a grid of bit error rates, with one line per code and one column per channel."""
        from netchat.bench.report.grid import as_grid

        return as_grid(self.points, width)

    def _repr_html_(self) -> str:
        from netchat.bench.report.table import as_html

        return as_html(self.points)

    def plot(
        self,
        rate: Literal["ber", "fer"] = "ber",
        *,
        ax: Axes | None = None,
        style: Literal["slide", "paper"] = "slide",
        references: bool | str | os.PathLike[str] = False,
        bounds: bool | None = None,
    ) -> Figure:
        """Plot error rates over the channels: markers are measured, lines are theory.

        Args:
            rate: Rate of bits, or of frames.
            ax: Axes of yours to draw into, with points over one kind of channel.
            style: "slide" has the shape of a slide; "paper" is one column of a paper, and obeys
                `matplotlib.rcParams`.
            references: Whether to draw published curves of the same codes and decoders; or a file or folder
                with curves, see `netchat.bench.read_references`.
            bounds: Whether a plot of FERs shows the normal approximation and the lower bound for the length
                of each code; by default, if there are at most three lengths and rates.

        Raises:
            ValueError: An argument is invalid, or there are no points.
            BenchError: matplotlib is not installed, or the curves cannot be read.
        """
        from netchat.bench.report.plot import Options, plot

        return plot(self.points, Options(rate, style, references, bounds), ax)

    def pgfplots(
        self,
        rate: Literal["ber", "fer"] = "ber",
        *,
        references: bool | str | os.PathLike[str] = False,
        bounds: bool | None = None,
    ) -> str:
        """Return a LaTeX document with the plot, for the package pgfplots; see `plot`."""
        from netchat.bench.report.pgfplots import as_pgfplots
        from netchat.bench.report.plot import Options

        return as_pgfplots(self.points, Options(rate, "paper", references, bounds))

    def save_plot(
        self,
        path: str | os.PathLike[str],
        rate: Literal["ber", "fer"] = "ber",
        **options: Any,
    ) -> None:
        """Write the plot as .png, .svg, .pdf, or .tex for pgfplots.

        Args:
            path: File.
            rate: Rate of bits, or of frames.
            options: Options of `plot`, except `ax`.

        Raises:
            ValueError: An option is invalid.
            BenchError: matplotlib is not installed, or the file cannot be written.
        """
        saved.written(path, self.plot_bytes(Path(path).suffix, rate, **options))

    def plot_bytes(self, suffix: str, rate: Literal["ber", "fer"] = "ber", **options: Any) -> bytes:
        """Return the content of a picture; the suffix selects the format, see `save_plot`."""
        if suffix.lower() == ".tex":
            options.pop("style", None)
            return self.pgfplots(rate, **options).encode()
        return figure_bytes(self.plot(rate, **options), suffix)


def merge(results: Iterable[Results]) -> Results:
    """Merge the results of several runs.

    Counts of a point that was measured with different seeds are added. Of two runs of a point with the
    same seed, the shorter one is the beginning of the longer one, which is kept.

    Args:
        results: At least one result.

    Raises:
        ValueError: There are no results.
        BenchError: Adding two points would count a run twice, or versions with different random numbers
            measured a point with the same seed.
    """
    every = list(results)
    if not every:
        raise ValueError("There are no results to merge.")
    found, settings = every[0], every[0].settings
    points: dict[tuple[str, str], tuple[Point, str]] = {}
    targets: list[Target] = []
    for one in every:
        settings = merged_settings(settings, one.settings)
        targets += [target for target in one.targets if target not in targets]
        for point in one.points:
            place = point.code, point.channel
            seeded = replace(point, seeds=point.seeds or (one.seed,))
            if place in points:
                before, version = points[place]
                points[place] = merged_point(before, seeded, (version, one.version)), version
            else:
                points[place] = seeded, one.version
    single = (found.seed,)
    return replace(
        found,
        points=[
            replace(point, seeds=()) if point.seeds == single else point
            for point, _ in points.values()
        ],
        settings=settings,
        targets=targets,
    )


def figure_bytes(figure: Figure, suffix: str) -> bytes:
    """Return the content of an image file; the suffix .png, .svg or .pdf selects the format."""
    import matplotlib as mpl

    file = io.BytesIO()
    # Journals reject fonts of type 3, matplotlib's default.
    with mpl.rc_context({"pdf.fonttype": 42, "svg.fonttype": "none"}):
        paper = figure.get_figwidth() < 8
        figure.savefig(file, format=suffix.lstrip(".").lower() or None, dpi=300 if paper else 120)
    return file.getvalue()


def _settings(values: dict[str, Any]) -> dict[str, Any]:
    """Check the settings of a run."""
    for name in ("codes", "channels"):
        if values.get(name) is not None:
            specs = saved.listed(values, name)
            if not specs or not all(isinstance(spec, str) for spec in specs):
                raise ValueError(f"{name} must be a list of specifications")
    for name in ("floor", "target_fer"):
        if values.get(name) is not None:
            saved.number(values, name, most=1)
    if values.get("part") is not None:
        saved.text(values, "part")
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
    """Describe this machine, on which the speeds depend."""
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
