"""`netchat encode-bench`: measure codes over channels, with intervals, as a table and a picture."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from netchat.cli.output_files import check_file, check_one_output, write_output
from netchat.cli.progress import progress_bar
from netchat.errors import BenchError
from netchat.exit_codes import FAILED, INTERRUPTED, OK
from netchat.wording import many

if TYPE_CHECKING:
    from netchat.bench import Progress, Results

__all__ = ["encode_bench"]

#: Default file of the picture.
PICTURE = "encode-bench.png"

#: Default FER at which a comparison of families stops measuring a code.
FLOOR = 1e-5


@click.command("encode-bench", short_help="Measure codes over channels; compare with theory.")
@click.option(
    "--code", "codes", multiple=True, metavar="SPEC",
    help="Code, as listed by netchat codes, or file.py:Class; can be repeated.  "
    "[default: the standard suite]",
)  # fmt: skip
@click.option(
    "--rate", metavar="R",
    help="Compare codes of every family with this rate, such as 1/2; needs --length.",
)  # fmt: skip
@click.option(
    "--length", type=click.IntRange(16), metavar="N", help="Length of these codes in bits."
)
@click.option(
    "--channel", "channels", multiple=True, metavar="SPEC",
    help="Channel: bsc:P, bec:P, awgn:4dB, rayleigh:10dB, gilbert-elliott:...; a range such as "
    "awgn:0:8:0.5; or only bsc, bec, awgn, rayleigh or gilbert-elliott. Can be repeated.  "
    "[default: bsc]",
)  # fmt: skip
@click.option(
    "--target-fer", type=click.FloatRange(0, 1, min_open=True, max_open=True), metavar="F",
    help="Search for the channel at which each code has this frame error rate.",
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
@click.option(
    "--floor", type=click.FloatRange(0, 1, min_open=True, max_open=True), metavar="F",
    help="Skip the better channels of a range once the FER is below F.  [default: 1e-5 with --rate]",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Random seed.  [default: 1]")
@click.option(
    "--workers", type=click.IntRange(1), metavar="N",
    help="Number of processes; it does not change the results.  [default: 2]",
)  # fmt: skip
@click.option(
    "--cluster", metavar="ADDRESS",
    help="Run on a Dask cluster: tcp://HOST:8786, or local:N for N processes here.",
)  # fmt: skip
@click.option(
    "--part", metavar="I/N", help="Measure part I of N of the points, for one task of a job array."
)
@click.option(
    "--merge", multiple=True, metavar="FILE", type=click.Path(exists=True, dir_okay=False),
    help="Show results that --json or --resume saved, merged; more files can follow as arguments.",
)  # fmt: skip
@click.argument("more", nargs=-1, metavar="[FILE]...", type=click.Path(exists=True, dir_okay=False))
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
    "--plot", "plot_file", metavar="FILE", callback=check_file,
    help="Draw a picture to a .png, .svg or .pdf file, or a .tex file for pgfplots; - writes SVG to "
    f"standard output.  [default: {PICTURE} for the standard suite and with --rate]",
)  # fmt: skip
@click.option(
    "--metric", type=click.Choice(["ber", "fer"]),
    help="Error rate in the picture: of bits or of frames.  [default: ber; fer with --rate]",
)  # fmt: skip
@click.option(
    "--style", type=click.Choice(["slide", "paper"]), default="slide", show_default=True,
    help="Style of the picture: a slide, or one column of a paper.",
)  # fmt: skip
@click.option(
    "--references", is_flag=False, flag_value="netchat", metavar="[FILE]",
    help="Draw published curves of the same codes and decoders, from netchat's own selection, or from a "
    "JSON file or folder.",
)  # fmt: skip
@click.option(
    "--resume", metavar="FILE", callback=check_file,
    help="Save the run to this file; if it exists, resume it. A new file requires --code, --rate or "
    "--channel.",
)  # fmt: skip
def encode_bench(
    codes: tuple[str, ...],
    rate: str | None,
    length: int | None,
    channels: tuple[str, ...],
    target_fer: float | None,
    errors: int | None,
    seconds: float | None,
    frames: int | None,
    floor: float | None,
    seed: int | None,
    workers: int | None,
    cluster: str | None,
    part: str | None,
    merge: tuple[str, ...],
    more: tuple[str, ...],
    json_file: str | None,
    csv_file: str | None,
    plot_file: str | None,
    metric: Literal["ber", "fer"] | None,
    style: Literal["slide", "paper"],
    references: str | None,
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
      netchat encode-bench --rate 1/2 --length 1024 --channel awgn
      netchat encode-bench --code conv:voyager --channel awgn:2:6:0.5
      netchat encode-bench --code conv:voyager --channel awgn --target-fer 1e-3
      netchat encode-bench --code my_code.py:MyCode --channel bsc:0.01 --errors 1000
      netchat encode-bench --code rs:255,223 --resume run.json    # stop it with Ctrl-C, run it again
      netchat encode-bench --merge part-*.json --plot all.pdf

    Ctrl-C ends a run and shows the results so far.
    """
    from netchat.bench import families, run
    from netchat.bench.families import channels_for

    check_one_output(json=json_file, csv=csv_file, plot=plot_file)
    wanted, over = list(codes), list(channels)
    try:
        if merge or more:
            results = _merged(merge, more)
        else:
            if (rate is None) != (length is None):
                raise click.UsageError("--rate and --length can only be used together.")
            if rate is not None and length is not None:
                wanted = list(dict.fromkeys([*families(rate, length), *wanted]))
                if target_fer is None:
                    over = [channels_for(channel, rate) for channel in over or ["awgn"]]
                    floor = FLOOR if floor is None else floor
                metric = metric or "fer"
            if resume is not None and not Path(resume).exists() and (wanted or over):
                click.echo(
                    f"{resume} does not exist: starting a new run, saved to this file.", err=True
                )
            with progress_bar() as show:
                results = run(
                    wanted or None, over or None, errors=errors, frames=frames, seconds=seconds,
                    seed=seed, workers=workers, cluster=cluster, resume=resume, part=part,
                    floor=floor, target_fer=target_fer,
                    progress=lambda at: show(at.done, _progress_text(at)),
                )  # fmt: skip
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    suite = results.settings.get("codes") is results.settings.get("channels") is None
    if plot_file is None and not (merge or more) and (suite or rate is not None):
        plot_file = PICTURE
    options = {
        "style": style,
        "references": {"netchat": True, None: False}.get(references, references),
    }
    return _write_results(results, json_file, csv_file, plot_file, resume, metric or "ber", options)


def _merged(merge: tuple[str, ...], more: tuple[str, ...]) -> Results:
    """Return the merged results of files."""
    from netchat.bench import Results
    from netchat.bench import merge as merged

    if not merge:
        raise click.UsageError(
            f"Got unexpected extra argument ({more[0]}); --merge must precede files."
        )
    return merged(Results.read(file) for file in dict.fromkeys([*merge, *more]))


def _progress_text(at: Progress) -> str:
    on = f"  {many(at.workers, 'worker')}" if at.workers else ""
    return f"{at.points}/{at.of}{on}  {at.working_on}"


def _write_results(
    results: Results,
    json_file: str | None,
    csv_file: str | None,
    plot: str | None,
    resume: str | None,
    metric: Literal["ber", "fer"],
    options: dict[str, Any],
) -> int:
    status = OK
    if "-" not in (json_file, csv_file, plot):
        click.echo(_table(results))
        if results.targets:
            from netchat.bench.report.targets import as_text

            click.echo(f"\n{as_text(results.targets)}")
    contents: list[tuple[str | None, Callable[[], str | bytes]]] = [
        (json_file, lambda: json.dumps(results.as_dict(), indent=1) + "\n"),
        (csv_file, results.as_csv),
        (plot, lambda: results.plot_bytes(Path(str(plot)).suffix or ".svg", metric, **options)),
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
