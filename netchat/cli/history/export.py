"""`netchat history export`: write the log of a room, or an archive."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from netchat.chat.room_codes import read_code, show_code
from netchat.chat.room_export import FORMATS, export_log
from netchat.cli.output_files import check_file, write_output
from netchat.errors import HistoryError, NotFound
from netchat.net.history.offline import StoredRoom, list_stored_rooms, open_stored, stored_frames
from netchat.wire import Event, FrameReader, RoomKind, decode
from netchat.wording import many

__all__ = ["export"]

#: Format of archives: the events as frames, which `netchat history import` reads.
_ARCHIVE = "ncp"


@click.command(short_help="Write the log of a room, or an archive of all rooms.")
@click.argument("room", required=False)
@click.option(
    "--output", default="-", show_default=True, metavar="FILE", callback=check_file,
    help="File to write; - is standard output.",
)  # fmt: skip
@click.option(
    "--format", "suffix", type=click.Choice([*FORMATS, _ARCHIVE]),
    help="Format; ncp is an archive.  [default: the suffix of --output, or txt]",
)  # fmt: skip
@click.pass_obj
def export(path: Path, room: str | None, output: str, suffix: str | None) -> None:
    """Write the log of ROOM as text, JSON lines, CSV or HTML.

    An archive (.ncp) has the events as they were sent, of one room or of all; import reads it. Sealed rooms
    cannot be exported: only their members can read them, with /export.

    \b
    Examples:
      netchat history export lobby
      netchat history export 7K3F9-2MQ0T --output room.csv
      netchat history export --output rooms.ncp
    """
    if suffix is None:
        ending = Path(output).suffix.removeprefix(".").lower()
        suffix = ending if ending in (*FORMATS, _ARCHIVE) else "txt"
    if room is None and suffix != _ARCHIVE:
        raise click.UsageError("Name the ROOM, or write an archive of all: --format ncp.")
    with open_stored(path) as file:
        rooms = [one for one in list_stored_rooms(file) if not one.is_deleted]
        rooms = [_find(rooms, room, path)] if room is not None else rooms
        sealed = [one for one in rooms if one.kind is RoomKind.SEALED]
        if sealed and room is not None:
            code = show_code(sealed[0].code)
            raise HistoryError(f"Room {code} is sealed: a member can save it, with /export.")
        rooms = [one for one in rooms if one not in sealed]
        logs = [(one, [*stored_frames(file, one.number)]) for one in rooms]
    if suffix == _ARCHIVE:
        write_output(output, b"".join(frame for _, log in logs for frame in log))
    else:
        ((one, log),) = logs
        write_output(output, export_log(_events(log), suffix, one.code, one.title))
    if output != "-":
        count = sum(len(log) for _, log in logs)
        omitted = f", without {many(len(sealed), 'sealed room')}" if sealed else ""
        text = f"{many(count, 'event')} of {many(len(logs), 'room')} in {output}{omitted}"
        click.echo(text, err=True)


def _find(rooms: list[StoredRoom], written: str, path: Path) -> StoredRoom:
    code = read_code(written)
    for room in rooms:
        if room.code == code:
            return room
    known = ", ".join(show_code(one.code) for one in rooms[:5]) or "none"
    raise NotFound(f"{path} has no room {written!r}; its rooms: {known}.")


def _events(log: Iterable[bytes]) -> list[Event]:
    reader = FrameReader(2**24)  # the largest frame of any --max-frame
    found = [decode(frame) for data in log for frame in reader.feed(data)]
    return [event for event in found if isinstance(event, Event)]
