"""`netchat history import`: add the rooms of an archive."""

from __future__ import annotations

from pathlib import Path

import click

from netchat.chat.room_codes import show_code
from netchat.net.history.offline import import_events
from netchat.wording import many

__all__ = ["import_"]


@click.command("import", short_help="Add the rooms of an archive.")
@click.argument("archive", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def import_(path: Path, archive: Path) -> None:
    """Add the rooms of ARCHIVE, which export has written, to the history.

    A history that does not exist is created. If it has a room already, the archive must continue its events.
    Titles, bans and members are not part of an archive. Stop the server first.

    \b
    Example:
      netchat history --history new.db import rooms.ncp
    """
    found = import_events(archive, path)
    for code, count in sorted(found.rooms.items()):
        click.echo(f"{show_code(code)}: {many(count, 'event')} added")
    known = f", {found.known:,} known already" if found.known else ""
    total = sum(found.rooms.values())
    click.echo(f"{many(total, 'event')} added to {path}{known}")
