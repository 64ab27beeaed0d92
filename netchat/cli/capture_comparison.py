"""Comparison of two captures, for `netchat inspect --compare`."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netchat.exit_codes import FAILED, OK

if TYPE_CHECKING:
    from netchat.packets.filters import ItemFilter

__all__ = ["compare_captures"]


def compare_captures(
    first: str, second: str, ports: Collection[int], limit: int, keylog: str | None,
    wanted: ItemFilter | None, *, as_json: bool,
) -> int:  # fmt: skip
    """Print what one side sent and the other did not receive; return the exit code.

    Args:
        first: Name of a capture, or `-`.
        second: Name of the second capture, from the peer's side.
        ports: Ports of chat servers.
        limit: Maximum length of a frame, in bytes.
        keylog: Name of a key log, or None.
        wanted: Selects items of both captures.
        as_json: Whether to print JSON.
    """
    from netchat.packets import read_capture
    from netchat.packets.two_sides import collect, compare
    from netchat.packets.views.two_sides import comparison_as_dict, comparison_lines

    found = compare(*(
        collect(filter(wanted, read_capture(name, ports, limit=limit, keylog=keylog, trace=True)))
        for name in (first, second)
    ))  # fmt: skip
    if as_json:
        click.echo(json.dumps(comparison_as_dict(found)))
    else:
        for line in comparison_lines(found, *(Path(name).name for name in (first, second))):
            click.echo(line)
    return FAILED if found.lost or found.offset is None else OK
