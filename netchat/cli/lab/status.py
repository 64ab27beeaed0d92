"""`netchat lab status`: show the hosts and the network's counters."""

from __future__ import annotations

import json
from typing import Any

import click
import wcwidth

from netchat.exit_codes import FAILED
from netchat.wording import many

__all__ = ["show_directions", "status"]

#: Title of each column, and the name of its counter.
_COLUMNS = (
    ("frames", "packets"),
    ("bytes", "bytes"),
    ("lost", "lost"),
    ("duplicated", "duplicated"),
    ("reordered", "reordered"),
    ("damaged", "damaged"),
    ("bit errors", "flipped"),
)


@click.command(short_help="Show the hosts and the network's counters.")
@click.option("--json", "as_json", is_flag=True, help="Print the status as JSON.")
@click.pass_obj
def status(name: str, as_json: bool) -> int:
    """Show the hosts, and how many frames the network lost or damaged in each direction.

    The exit code is 1 if no lab is up. Root is not required.

    \b
    Examples:
      netchat lab status
      netchat lab status --json | jq .directions
    """
    from netchat.lab.lab_lock import ask, not_up_message

    state = ask(name)
    if state is None:
        if as_json:
            click.echo("null")
        else:
            click.echo(not_up_message(name), err=True)
        return FAILED
    if as_json:
        click.echo(json.dumps(state, indent=2))
        return 0
    for host in state["hosts"]:
        click.echo(f"{host['name']:<4} {host['address']:<12} {host['address6']}")
    described = state["described"]
    if not state.get("mystery"):
        described = f"Each way: {described} (--seed {state['seed']})"
    click.echo(f"{described[:1].upper()}{described[1:]}; up for {state['seconds']:.0f} s.")
    show_directions(state)
    return 0


def show_directions(state: dict[str, Any], *, err: bool = False) -> None:
    """Print the counters of each direction as a table."""
    # A mystery counts frames and bytes only; the rest would reveal the fault.
    columns = _COLUMNS[:2] if state.get("mystery") else _COLUMNS
    rows = [("direction", *(title for title, _ in columns))]
    for line in state["directions"]:
        counts = (f"{line[name]:,}" for _, name in columns)
        rows.append((f"{line['from']} > {line['to']}", *counts))
    widths = [max(wcwidth.width(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        cells = [
            (wcwidth.rjust if column else wcwidth.ljust)(cell, width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.secho("  ".join(cells), bold=number == 0, err=err)
    late = sum(line.get("overflowed", 0) for line in state["directions"])
    for count, why in ((late, "a queue was full"), (state["missed"], "they arrived too fast")):
        if count:
            lost = many(count, "more frame was", "more frames were")
            click.echo(f"{lost} lost because {why}.", err=err)
