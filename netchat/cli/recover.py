"""`netchat recover`: copy what is readable of a damaged history."""

from __future__ import annotations

from pathlib import Path

import click

from netchat.chat.room_codes import show_code
from netchat.chat.text import show_text
from netchat.net.history.recover import recover as copy_readable

__all__ = ["recover"]


@click.command(short_help="Copy what is readable of a damaged history.")
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
def recover(source: Path, target: Path) -> None:
    """Copy what is readable of the history SOURCE into a new one, TARGET.

    For a history that `netchat serve` finds damaged. Stop the server first. SOURCE is not changed.

    \b
    Example:
      netchat recover history.db recovered.db
      netchat serve --history recovered.db
    """
    found = copy_readable(source, target)
    for code in sorted(found.rooms):
        count, missing = len(found.frames.get(code, {})), found.missing(code)
        holes = f", {missing} missing between them" if missing else ""
        click.echo(f"{show_text(show_code(code))}: events: {count}{holes}")
    click.echo(
        f"{target} has {found.events} events of {len(found.rooms)} rooms, and {len(found.sessions)} "
        f"sessions. Start a server on it: netchat serve --history {target}"
    )
