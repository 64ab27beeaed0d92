"""`netchat history verify`: check every event and table."""

from __future__ import annotations

from pathlib import Path

import click

from netchat.chat.text import show_text
from netchat.exit_codes import FAILED
from netchat.net.history.offline import list_stored_rooms, open_stored, verify_history
from netchat.net.history.sqlite_history import recovery_hint
from netchat.wording import many

__all__ = ["verify"]

#: Problems that are printed; damage in one place often causes many.
_MOST = 50


@click.command(short_help="Check every event and table.")
@click.pass_context
def verify(ctx: click.Context) -> None:
    """Check the history: SQLite's pages, every table, each event's CRC, gaps, and counters.

    The server may be running. Exit code 1 means that something is damaged.
    """
    path: Path = ctx.obj
    with open_stored(path) as file:
        count = 0
        for count, problem in enumerate(verify_history(file), 1):
            if count <= _MOST:
                click.echo(f"netchat: {show_text(problem)}", err=True)
        rooms = [] if count else list_stored_rooms(file)
    if count:
        click.echo(f"netchat: {many(count, 'problem')} in {path}. {recovery_hint(path)}", err=True)
        ctx.exit(FAILED)
    events = sum(room.events for room in rooms)
    click.echo(f"{path} is intact: {many(events, 'event')} in {many(len(rooms), 'room')}")
