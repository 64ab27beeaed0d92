"""`netchat codes`: list the channel codes, or check one against the laws."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from netchat.exit_codes import FAILED
from netchat.wording import many

if TYPE_CHECKING:
    from netchat.coding import Code

__all__ = ["CodeSpec", "codes"]


class CodeSpec(click.ParamType):  # type: ignore[type-arg] # generic since click 8.5 only
    """Channel code, by its spec or as `file.py:Class`."""

    name = "spec"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Code:
        """Return the code; fail with a usage error if the spec is invalid."""
        from netchat.coding import Code, get

        if isinstance(value, Code):
            return value
        try:
            return get(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.group(invoke_without_command=True, short_help="List the channel codes, or check one.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@click.pass_context
def codes(ctx: click.Context, as_json: bool) -> None:
    """List the channel codes: an example spec of each, with its parameters.

    \b
    Examples:
      netchat codes                            list all codes
      netchat codes check rs:255,223,fcr=1     check a code against the laws
      netchat codes check my_code.py:MyCode    check a code of your own

    Other sizes are possible: hamming:63,57, repetition:9, secded:39,32, bch:255,t=4, rm:3,7,
    crc:16,8000, rs:204,188, rs:63,47,m=6, conv:5,7,k=100, ldpc:nr,500,800, ldpc:matrix.alist,
    polar:512,100,crc=8 or turbo:500,900.
    Concatenate codes with +, as in rs:255,223+interleave:5+hamming:7,4.
    """
    if ctx.invoked_subcommand is not None:
        return
    from netchat.coding import get, specs

    listed = [_facts(get(spec)) for spec in specs()]
    if as_json:
        click.echo(json.dumps(listed, indent=2))
    else:
        _show(listed)


@codes.command()
@click.argument("code", metavar="SPEC", type=CodeSpec())
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Random seed of the samples.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
@click.pass_context
def check(ctx: click.Context, code: Code, seed: int, as_json: bool) -> None:
    """Check a code against every law, with a counterexample for each broken law.

    SPEC is a code, or file.py:Class for a code of your own, without packaging it. Small codes are
    checked exhaustively, large ones by random samples. The exit code is 1 if a law is broken.
    """
    from netchat.coding.laws import check as check_laws

    results = check_laws(code, seed)
    broken = [result for result in results if result.counterexample]
    if as_json:
        laws = [{"law": result.law, "counterexample": result.counterexample} for result in results]
        click.echo(json.dumps({**_facts(code), "obeys": not broken, "laws": laws}, indent=2))
    else:
        click.echo(f"{code.spec}: {code.name}")
        for result in results:
            good = result.counterexample is None
            mark = click.style("ok    ", fg="green") if good else click.style("BROKEN", fg="red")
            click.echo(f"  {mark}  {result.law}")
            if not good:
                click.echo(f"          {result.counterexample}")
        click.echo(
            f"{len(broken)} of {many(len(results), 'law')} broken."
            if broken
            else "Every law holds."
        )
    if broken:
        ctx.exit(FAILED)


def _facts(code: Code) -> dict[str, Any]:
    from netchat.bench.theory.density_evolution import thresholds

    found = thresholds(code)
    return {
        "spec": code.spec,
        "name": code.name,
        "alphabet": code.alphabet,
        "n": code.n,
        "k": code.k,
        "rate": code.rate,
        "distance": code.minimum_distance,
        "corrects": code.corrects,
        "detects": code.detects,
        "systematic": code.systematic,
        "source": code.citation,
        "threshold_bec": None if found is None else round(found.bec, 4),
        "threshold_awgn_db": None if found is None else round(found.awgn, 2),
    }


def _show(listed: list[dict[str, Any]]) -> None:
    titles = ("spec", "n", "k", "rate", "distance", "corrects", "detects", "of", "source")
    rows: list[tuple[str, ...]] = [titles]
    for facts in listed:
        cells = [str(facts[title]) for title in titles if title in facts]
        cells[3] = f"{facts['rate']:.3f}"
        rows.append((*cells[:-1], f"{facts['alphabet']}s", cells[-1]))
    widths = [max(_width(row[column]) for row in rows) for column in range(len(titles))]
    # On a terminal, truncate lines that would wrap; a pipe or file gets them whole.
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else 1000
    for number, row in enumerate(rows):
        cells = []
        for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
            padding = " " * (width - _width(cell))
            cells.append(padding + cell if 0 < column < 7 else cell + padding)
        line = "  ".join(cells).rstrip()
        if _width(line) > room:
            line = _clip(line, room - 1) + "…"
        click.secho(line, bold=number == 0)
    if any(facts["threshold_bec"] is not None for facts in listed):
        _show_thresholds(listed)
    click.echo(
        "\nnetchat codes check SPEC checks a code; netchat encode shows it at work, bit by bit."
    )


def _show_thresholds(listed: list[dict[str, Any]]) -> None:
    """Show up to which channel belief propagation corrects long codes with the structure of each."""
    from netchat.bench.theory.limits import worst_ebn0

    rows = [("long codes of this structure", "erasures", "limit", "Eb/N0 in dB", "limit")]
    for facts in listed:
        if facts["threshold_bec"] is not None:
            rate = facts["rate"]
            numbers = facts["threshold_bec"], 1 - rate
            levels = facts["threshold_awgn_db"], worst_ebn0(rate, "soft")
            rows.append(
                (facts["spec"], *(f"{x:.3f}" for x in numbers), *(f"{x:.2f}" for x in levels))
            )
    click.secho("\nThresholds by density evolution, and Shannon's limits for the rate", bold=True)
    for row in rows:
        click.echo(f"{row[0]:<30}{row[1]:>10}{row[2]:>8}{row[3]:>13}{row[4]:>8}")


# wcwidth takes a tenth of the command's time to import; the built-in codes do not need it.


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    import wcwidth

    return wcwidth.width(text)


def _clip(text: str, columns: int) -> str:
    if text.isascii():
        return text[:columns]
    import wcwidth

    return wcwidth.clip(text, 0, columns)
