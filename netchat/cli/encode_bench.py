"""`netchat encode-bench`: how good the codes are, with intervals, in a table and a picture."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netchat.cli.numbers import FiniteRange
from netchat.cli.output_files import check_file, check_one_output, write_output
from netchat.errors import BenchError
from netchat.exit_codes import FAILED, INTERRUPTED, OK
from netchat.wording import many

if TYPE_CHECKING:
    from netchat.bench import Progress, Results

__all__ = ["encode_bench"]

#: Where the picture of the standard suite goes.
PICTURE = "encode-bench.png"


@click.command("encode-bench", short_help="Measure codes over channels, beside theory.")
@click.option(
    "--code", "codes", multiple=True, metavar="SPEC",
    help="A code, as in netchat codes, or file.py:Class. Can be repeated.  "
    "[default: the standard suite]",
)  # fmt: skip
@click.option(
    "--channel", "channels", multiple=True, metavar="SPEC",
    help="A channel: bsc:P, bec:P, awgn:4dB, gilbert-elliott:...; or bsc, bec, awgn, "
    "gilbert-elliott alone for a range of them. Can be repeated.  [default: bsc]",
)  # fmt: skip
@click.option(
    "--errors", type=click.IntRange(1), metavar="N",
    help="Frame errors that end a point.  [default: 100]",
)  # fmt: skip
@click.option(
    "--seconds", type=FiniteRange(0, min_open=True), metavar="S",
    help="Seconds of work that end a point.  [default: 5, without --frames]",
)  # fmt: skip
@click.option("--frames", type=click.IntRange(1), metavar="N", help="Frames that end a point.")
@click.option(
    "--seed", type=click.IntRange(0), metavar="N", help="Seed of all chance.  [default: 1]"
)
@click.option(
    "--workers", type=click.IntRange(1), metavar="N",
    help="Processes that work; the results do not depend on it.  [default: 2]",
)  # fmt: skip
@click.option(
    "--json", "json_file", metavar="FILE", callback=check_file,
    help="Write the results as JSON; - is standard output, in place of the table.",
)  # fmt: skip
@click.option(
    "--csv",
    "csv_file",
    metavar="FILE",
    callback=check_file,
    help="Write a line a point; - is standard output, in place of the table.",
)
@click.option(
    "--plot", metavar="FILE", callback=check_file,
    help="Draw a picture: .png, .svg or .pdf; - writes SVG to standard output.  "
    f"[default: {PICTURE} for the standard suite]",
)  # fmt: skip
@click.option(
    "--resume", metavar="FILE", callback=check_file,
    help="Keep the run in this file; if it is there, go on with what it holds. A new file needs "
    "--code or --channel.",
)  # fmt: skip
def encode_bench(
    codes: tuple[str, ...],
    channels: tuple[str, ...],
    errors: int | None,
    seconds: float | None,
    frames: int | None,
    seed: int | None,
    workers: int | None,
    json_file: str | None,
    csv_file: str | None,
    plot: str | None,
    resume: str | None,
) -> int:
    """Send random data through codes and channels, and count what is wrong afterwards.

    Without options the standard suite is run, in under a minute, and drawn. Every rate has its
    95 % interval and stands beside what theory says; speeds are megabits of information a second
    on one core. docs/BENCH.md says what each column means.

    \b
    Examples:
      netchat encode-bench
      netchat encode-bench --code hamming:7,4 --code rs:255,223 --channel bsc --plot codes.svg
      netchat encode-bench --code my_code.py:MyCode --channel bsc:0.01 --errors 1000
      netchat encode-bench --code rs:255,223 --resume run.json    # Ctrl-C, and the same line again

    Ctrl-C ends a run and shows what there is.
    """
    from netchat.bench import run

    check_one_output(json=json_file, csv=csv_file, plot=plot)
    if resume is not None and not Path(resume).exists() and (codes or channels):
        click.echo(f"{resume} does not exist: a new run begins, and is kept there.", err=True)
    try:
        results = run(
            list(codes) or None, list(channels) or None, errors=errors, frames=frames,
            seconds=seconds, seed=seed, workers=workers, resume=resume, progress=_ProgressBar(),
        )  # fmt: skip
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    finally:
        if sys.stderr.isatty():
            click.echo("\r\x1b[K", err=True, nl=False)
    if plot is None and results.settings["codes"] is results.settings["channels"] is None:
        plot = PICTURE
    return _write_results(results, json_file, csv_file, plot, resume)


def _write_results(
    results: Results,
    json_file: str | None,
    csv_file: str | None,
    plot: str | None,
    resume: str | None,
) -> int:
    from netchat.bench.results import figure_bytes

    status = OK
    if "-" not in (json_file, csv_file, plot):
        click.echo(_table(results))
    contents: list[tuple[str | None, Callable[[], str | bytes]]] = [
        (json_file, lambda: json.dumps(results.as_dict(), indent=1) + "\n"),
        (csv_file, results.as_csv),
        (plot, lambda: figure_bytes(results.plot(), Path(str(plot)).suffix or ".svg")),
    ]
    for file, content in contents:
        try:  # one that cannot be written does not cost the others
            if file is not None:
                write_output(file, content())
        except (click.ClickException, BenchError) as error:
            click.echo(f"{'No picture' if file is plot else 'netchat'}: {error}", err=True)
            status = FAILED
        else:
            if file is plot and plot not in (None, "-"):
                click.echo(f"The picture is in {plot}.", err=True)
    if results.unsaved:
        click.echo(f"netchat: {results.unsaved} It does not hold the end of this run.", err=True)
        status = FAILED
    if not results.complete:
        done = sum(point.stopped_by != "interrupted" for point in results.points)
        hint = (
            f"--resume {resume} goes on from here"
            if resume and not results.unsaved
            else "with --resume FILE it can go on"
        )
        click.echo(
            f"Interrupted: {done} of {many(len(results.points), 'point')} done; {hint}.", err=True
        )
        return INTERRUPTED
    return status


def _table(results: Results) -> str:
    """Everything for a pipe or a file; for a terminal what can be seen there at once."""
    if not sys.stdout.isatty():
        return results.table()
    width, height = shutil.get_terminal_size()
    table = results.table(width)
    if table.count("\n") + 1 < height:
        return table
    return f"{results.grid(width)}\n\n| less -S shows every number; --csv and --json keep them."


class _ProgressBar:
    """A line on the terminal that says how far the run is."""

    _WIDTH = 24

    def __init__(self) -> None:
        self._shown = 0.0

    def __call__(self, progress: Progress) -> None:
        if not sys.stderr.isatty() or time.monotonic() - self._shown < 0.1:
            return
        self._shown = time.monotonic()
        full = round(self._WIDTH * progress.done)
        bar = "█" * full + "░" * (self._WIDTH - full)
        text = f"{bar} {progress.done:4.0%}  {progress.points}/{progress.of}  {progress.working_on}"
        room = shutil.get_terminal_size().columns - 1
        click.echo(f"\r\x1b[K{text[:room]}", err=True, nl=False)
