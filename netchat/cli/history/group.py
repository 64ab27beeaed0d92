"""`netchat history`: group of the commands about a history."""

from __future__ import annotations

from pathlib import Path

import click

from netchat.cli.lazy_group import LazyGroup

__all__ = ["history"]

#: Name of each command, its module in `netchat.cli`, and its line in the help.
COMMANDS = {
    "list": ("history.list", "List the rooms, with their events."),
    "export": ("history.export", "Write the log of a room, or an archive of all rooms."),
    "import": ("history.import_archive", "Add the rooms of an archive."),
    "verify": ("history.verify", "Check every event and table."),
    "purge": ("history.purge", "Delete old events."),
}


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    short_help="List, export, import, verify or purge a history.",
)
@click.option(
    "--history", "path", type=click.Path(dir_okay=False, path_type=Path),
    help="History file of the server.  [default: history.db in the user's data directory]",
)  # fmt: skip
@click.pass_context
def history(ctx: click.Context, path: Path | None) -> None:
    """List, export, import, verify or purge a history, without a server.

    list, export and verify only read, and the server may be running. import and purge need the history for
    themselves: stop the server first. Private conversations are never listed or exported.

    \b
    Examples:
      netchat history list
      netchat history export lobby --output lobby.html
      netchat history export --output rooms.ncp        an archive of all rooms
      netchat history --history new.db import rooms.ncp
      netchat history verify
      netchat history purge --keep 30d
    """
    if path is None and not ctx.resilient_parsing:
        import platformdirs

        path = platformdirs.user_data_path("netchat") / "history.db"
    ctx.obj = path
