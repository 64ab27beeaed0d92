"""`netchat recover`: copy the readable part of a damaged history."""

from __future__ import annotations

from pathlib import Path

import click

from netchat.chat.room_codes import show_code
from netchat.chat.text import show_text
from netchat.net.history.recover import recover as copy_readable
from netchat.wording import many

__all__ = ["recover"]


@click.command(short_help="Copy the readable part of a damaged history.")
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
def recover(source: Path, target: Path) -> None:
    """Copy the readable part of the history SOURCE to a new history, TARGET.

    Use it if `netchat serve` reports a damaged history. Stop the server first. SOURCE is not changed.

    \b
    Example:
      netchat recover history.db recovered.db
      netchat serve --history recovered.db
    """
    found = copy_readable(source, target)
    for code in sorted(found.rooms):
        count, missing = len(found.frames.get(code, {})), found.missing(code)
        gaps = f", {missing} missing between them" if missing else ""
        click.echo(f"{show_text(show_code(code))}: {many(count, 'event')}{gaps}")
    if found.damaged:
        click.echo(f"Damaged tables, of which rows may be missing: {', '.join(found.damaged)}.")
    accounts = f", {many(len(found.accounts), 'account')}" if found.accounts else ""
    click.echo(
        f"{target} has {many(found.events, 'event')} of {many(len(found.rooms), 'room')}"
        f"{accounts}, and {many(len(found.sessions), 'session')}. Run a server on it with: "
        f"netchat serve --history {target}"
    )
