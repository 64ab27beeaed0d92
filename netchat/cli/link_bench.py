"""`netchat link-bench`: measure links over channels, as a table and pictures."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netchat.cli.output_files import check_file, check_one_output, write_output
from netchat.cli.params.number import FiniteRange
from netchat.cli.progress import progress_bar
from netchat.errors import BenchError
from netchat.exit_codes import FAILED, OK
from netchat.wording import cannot

if TYPE_CHECKING:
    from netchat.bench.link.results import LinkResults

__all__ = ["link_bench"]


@click.command("link-bench", short_help="Measure links over channels: codes, ARQ, policies.")
@click.option(
    "--link", "links", multiple=True, metavar="SPEC",
    help="Code, adaptive, adaptive:bandit, adaptive:threshold, or oracle; append /arq or /fec "
    "for ARQ or FEC alone. Can be repeated.  [default: the standard suite]",
)  # fmt: skip
@click.option(
    "--channel", "channels", multiple=True, metavar="SPEC",
    help="Channel such as bsc:1e-3; beach, which varies over time; or a sequence, "
    "\"SPEC@SECONDS; SPEC@SECONDS\". Can be repeated.  [default: the standard suite]",
)  # fmt: skip
@click.option(
    "--seconds", type=FiniteRange(0, min_open=True), default=5.0, show_default=True,
    help="Simulated seconds per run over a constant channel.",
)  # fmt: skip
@click.option(
    "--repeats", type=click.IntRange(1), default=5, show_default=True,
    help="Number of runs of each measurement, with different random seeds.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Random seed.")
@click.option(
    "--workers", type=click.IntRange(1), metavar="N",
    help="Number of processes; it does not change the results.  [default: one per core]",
)  # fmt: skip
@click.option(
    "--json", "json_file", metavar="FILE", callback=check_file,
    help="Write the results as JSON; - is standard output, instead of the table.",
)  # fmt: skip
@click.option(
    "--plot", metavar="FILE", callback=check_file,
    help="Draw the goodput to a .png, .svg or .pdf file and, with an oracle, the regret to a second "
    "file with -regret in its name. - writes the goodput as SVG to standard output.",
)  # fmt: skip
def link_bench(
    links: tuple[str, ...],
    channels: tuple[str, ...],
    seconds: float,
    repeats: int,
    seed: int,
    workers: int | None,
    json_file: str | None,
    plot: str | None,
) -> int:
    """Send data over links and channels in simulated time; measure goodput and latency.

    Goodput is the share of the capacity that arrives as intact payload. The oracle always uses the
    best code for the current channel. Without options, run the standard suite, which takes some
    minutes: ARQ alone, FEC alone, both, and an adaptive link over constant channels, and all codes
    and policies over a time-varying one. docs/LINK.md describes the measurements.

    \b
    Examples:
      netchat link-bench --plot link.png
      netchat link-bench --link adaptive --link oracle --channel beach --repeats 3
      netchat link-bench --link rs:255,223 --link rs:255,223/fec --channel bsc:2e-3
      netchat link-bench --link adaptive --link oracle --channel "bsc:1e-6@5; bsc:1e-2@5"
    """
    from netchat.bench.link.run import link_bench as run

    check_one_output(json=json_file, plot=plot)
    try:
        with progress_bar() as show:
            results = run(
                links or None, channels or None, seconds=seconds, repeats=repeats, seed=seed,
                workers=workers, progress=lambda done, of: show(done / of, f"{done} of {of} runs"),
            )  # fmt: skip
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if "-" not in (json_file, plot):
        click.echo(results.table())
    status = OK
    if json_file is not None:
        try:  # draw the picture even if this file cannot be written
            write_output(json_file, json.dumps(results.as_dict(), indent=1) + "\n")
        except (click.ClickException, BenchError) as error:
            click.echo(f"netchat: {error}", err=True)
            status = FAILED
    return status if plot is None else _draw(results, Path(plot)) or status


def _draw(results: LinkResults, path: Path) -> int:
    from netchat.bench.results import figure_bytes

    suffix = path.suffix or ".svg"
    try:
        write_output(path, figure_bytes(results.plot(), suffix))
        if str(path) == "-":
            return OK
        click.echo(f"Wrote the picture to {path}.", err=True)
        with contextlib.suppress(ValueError):  # no regret over constant channels
            figure = results.plot_regret()
            regret = path.with_stem(path.stem + "-regret")
            write_output(regret, figure_bytes(figure, suffix))
            click.echo(f"Wrote the regret to {regret}.", err=True)
    except (click.ClickException, BenchError) as error:
        click.echo(f"No picture: {error}", err=True)
        return FAILED
    except OSError as error:
        click.echo(f"No picture: {cannot('write', path, error)}", err=True)
        return FAILED
    return OK
