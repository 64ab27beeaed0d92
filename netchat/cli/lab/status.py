"""`netchat lab status`: the hosts, and what the network has done."""

from __future__ import annotations

import json
from typing import Any

import click
import wcwidth

from netchat.exit_codes import FAILED
from netchat.wording import many

__all__ = ["show_directions", "status"]

#: The columns: title, the count's name.
_COLUMNS = (
    ("frames", "packets"),
    ("bytes", "bytes"),
    ("lost", "lost"),
    ("doubled", "duplicated"),
    ("reordered", "reordered"),
    ("damaged", "damaged"),
    ("wrong bits", "flipped"),
)


@click.command(short_help="Show the hosts, and what the network has done.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.pass_obj
def status(name: str, as_json: bool) -> int:
    """Show the hosts, and what the network has done to the frames of each direction.

    The exit code is 1 if no lab is up. No root is needed.

    \b
    Examples:
      netchat lab status
      netchat lab status --json | jq .directions
    """
    from netchat.lab.lab_lock import ask, not_up

    state = ask(name)
    if state is None:
        if as_json:
            click.echo("null")
        else:
            click.echo(not_up(name), err=True)
        return FAILED
    if as_json:
        click.echo(json.dumps(state, indent=2))
        return 0
    for host in state["hosts"]:
        click.echo(f"{host['name']:<4} {host['address']:<12} {host['address6']}")
    click.echo(
        f"Each way: {state['described']} (--seed {state['seed']}); up for {state['seconds']:.0f} s."
    )
    show_directions(state)
    return 0


def show_directions(state: dict[str, Any], *, err: bool = False) -> None:
    """Print a table of what was done to the frames of each direction."""
    rows = [("direction", *(title for title, _ in _COLUMNS))]
    for line in state["directions"]:
        counts = (f"{line[name]:,}" for _, name in _COLUMNS)
        rows.append((f"{line['from']} > {line['to']}", *counts))
    widths = [max(wcwidth.width(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        cells = [
            (wcwidth.rjust if column else wcwidth.ljust)(cell, width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.secho("  ".join(cells), bold=number == 0, err=err)
    late = sum(line["overflowed"] for line in state["directions"])
    for count, why in ((late, "too much was under way"), (state["missed"], "they came too fast")):
        if count:
            click.echo(
                f"{many(count, 'frame more was', 'frames more were')} lost, because {why}.", err=err
            )
