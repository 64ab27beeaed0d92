"""`netchat class serve`: start the chat server and the class's page."""

from __future__ import annotations

from pathlib import Path

import click

from netchat.cli.grade import find_course_folder
from netchat.exit_codes import OK
from netchat.net.event_loop import run
from netchat.wording import many

__all__ = ["serve"]


@click.command(short_help="Start the chat server and the class's page.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--host", metavar="ADDRESS",
    help="Name or address of this machine, for the sheets.  [default: as before; for an address that "
    "this machine no longer has, its address on the network]",
)  # fmt: skip
@click.option(
    "--course", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the course, for students without notebooks.  [default: experiments/ here or above]",
)  # fmt: skip
def serve(folder: Path, host: str | None, course: Path | None) -> int:
    """Start everything for the class in FOLDER, until Ctrl-C.

    The chat server uses the settings in FOLDER/server.toml. On the first start, it gets the rooms of
    the groups or the invitations. The class's page has each student's notebooks, and stores hand-ins in
    FOLDER/handed-in. If the address of this machine has changed, the sheets and the projector's page are
    written again. Students who were added to FOLDER/students.csv get a link and notebooks.

    \b
    Example:
      netchat class serve networks-2027
    """
    from netchat.classroom.class_folder import ClassFolder
    from netchat.classroom.class_server import serve_class

    opened = ClassFolder(folder)
    if opened.without_archive:
        count = opened.add_archives(find_course_folder(course))
        click.echo(
            f"Wrote the notebooks of {many(count, 'student')}: print the new sheets.", err=True
        )
    run(serve_class(opened, host, lambda line: click.echo(line, err=True)))
    return OK
