"""`netchat encode-bench`: measure codes over channels, with intervals, as a table and a picture."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netchat.cli.output_files import check_file, check_one_output, write_output
from netchat.cli.progress import progress_bar
from netchat.errors import BenchError
from netchat.exit_codes import FAILED, INTERRUPTED, OK
from netchat.wording import many

if TYPE_CHECKING:
    from netchat.bench import Results

__all__ = ["encode_bench"]

#: Default file of the standard suite's picture.
PICTURE = "encode-bench.png"


@click.command("encode-bench", short_help="Measure codes over channels; compare with theory.")
@click.option(
    "--code", "codes", multiple=True, metavar="SPEC",
    help="Code, as listed by netchat codes, or file.py:Class; can be repeated.  "
    "[default: the standard suite]",
)  # fmt: skip
@click.option(
    "--channel", "channels", multiple=True, metavar="SPEC",
    help="Channel: bsc:P, bec:P, awgn:4dB, gilbert-elliott:...; or only bsc, bec, awgn or "
    "gilbert-elliott for a range of parameters. Can be repeated.  [default: bsc]",
)  # fmt: skip
@click.option(
    "--errors", type=click.IntRange(1), metavar="N",
    help="Stop a point after N frame errors.  [default: 100]",
)  # fmt: skip
@click.option(
    "--seconds", type=click.FloatRange(0, min_open=True), metavar="S",
    help="Stop a point after S seconds of work.  [default: 5, without --frames]",
)  # fmt: skip
@click.option("--frames", type=click.IntRange(1), metavar="N", help="Stop a point after N frames.")
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Random seed.  [default: 1]")
@click.option(
    "--workers", type=click.IntRange(1), metavar="N",
    help="Number of processes; it does not change the results.  [default: 2]",
)  # fmt: skip
@click.option(
    "--json", "json_file", metavar="FILE", callback=check_file,
    help="Write the results as JSON; - is standard output, instead of the table.",
)  # fmt: skip
@click.option(
    "--csv",
    "csv_file",
    metavar="FILE",
    callback=check_file,
    help="Write one line per point; - is standard output, instead of the table.",
)
@click.option(
    "--plot", metavar="FILE", callback=check_file,
    help="Draw a picture to a .png, .svg or .pdf file; - writes SVG to standard output.  "
    f"[default: {PICTURE} for the standard suite]",
)  # fmt: skip
@click.option(
    "--resume", metavar="FILE", callback=check_file,
    help="Save the run to this file; if it exists, resume it. A new file requires --code or "
    "--channel.",
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
    """Send random data through codes and channels, and count the errors that remain.

    Without options, run the standard suite in under a minute and draw it. The table shows each rate
    with its 95 % confidence interval and its theoretical value; speeds are megabits of information
    per second on one core. docs/BENCH.md explains each column.

    \b
    Examples:
      netchat encode-bench
      netchat encode-bench --code hamming:7,4 --code rs:255,223 --channel bsc --plot codes.svg
      netchat encode-bench --code my_code.py:MyCode --channel bsc:0.01 --errors 1000
      netchat encode-bench --code rs:255,223 --resume run.json    # stop it with Ctrl-C, run it again

    Ctrl-C ends a run and shows the results so far.
    """
    from netchat.bench import run

    check_one_output(json=json_file, csv=csv_file, plot=plot)
    if resume is not None and not Path(resume).exists() and (codes or channels):
        click.echo(f"{resume} does not exist: starting a new run, saved to this file.", err=True)
    try:
        with progress_bar() as show:
            results = run(
                list(codes) or None, list(channels) or None, errors=errors, frames=frames,
                seconds=seconds, seed=seed, workers=workers, resume=resume,
                progress=lambda at: show(at.done, f"{at.points}/{at.of}  {at.working_on}"),
            )  # fmt: skip
    except ValueError as error:
        raise click.UsageError(str(error)) from error
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
        try:  # write the other files if one of them fails
            if file is not None:
                write_output(file, content())
        except (click.ClickException, BenchError) as error:
            click.echo(f"{'No picture' if file is plot else 'netchat'}: {error}", err=True)
            status = FAILED
        else:
            if file is plot and plot not in (None, "-"):
                click.echo(f"Wrote the picture to {plot}.", err=True)
    if results.unsaved:
        click.echo(f"netchat: {results.unsaved} The end of this run is not saved.", err=True)
        status = FAILED
    if not results.complete:
        done = sum(point.stopped_by != "interrupted" for point in results.points)
        hint = (
            f"continue with --resume {resume}"
            if resume and not results.unsaved
            else "with --resume FILE, a run can be continued"
        )
        click.echo(
            f"Interrupted: {done} of {many(len(results.points), 'point')} done; {hint}.", err=True
        )
        return INTERRUPTED
    return status


def _table(results: Results) -> str:
    """Return the whole table, or a summary if the terminal is too small for it."""
    if not sys.stdout.isatty():
        return results.table()
    width, height = shutil.get_terminal_size()
    table = results.table(width)
    if table.count("\n") + 1 < height:
        return table
    return (
        f"{results.grid(width)}\n\nPipe to less -S to see every number; --csv and --json save them."
    )
