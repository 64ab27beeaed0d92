"""`netchat history list`: list the rooms."""

from __future__ import annotations

import json
from pathlib import Path

import click

from netchat.chat.room_codes import show_code
from netchat.chat.text import show_text
from netchat.net.history.offline import list_stored_rooms, open_stored
from netchat.wording import many, show_size

__all__ = ["list"]


@click.command(short_help="List the rooms, with their events.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_obj
def list(path: Path, as_json: bool) -> None:  # noqa: A001 - the name of the command
    """List the rooms of the history: code, number of events and members, size, and title."""
    with open_stored(path) as file:
        rooms = list_stored_rooms(file)
    for room in rooms:
        if as_json:
            fields = {name: value for name, value in room._asdict().items() if name != "number"}
            click.echo(json.dumps({**fields, "kind": room.kind.name.lower()}))
            continue
        deleted = "  (deleted)" if room.is_deleted else ""
        click.echo(
            f"{show_text(show_code(room.code)):<12} {many(room.events, 'event'):>14}"
            f" {many(room.members, 'member'):>12} {show_size(room.size):>10}"
            f"  {show_text(room.title)}".rstrip()
            + deleted
        )
