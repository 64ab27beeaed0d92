"""`netchat class new`: create the folder of a class."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from netchat.cli.grade import find_course_folder
from netchat.cli.params.lessons import parse_lessons
from netchat.exit_codes import OK
from netchat.wording import many

__all__ = ["new"]

#: Maximum number of students.
_MOST_STUDENTS = 1000


@click.command(short_help="Create the folder of a class.")
@click.argument("name")
@click.option(
    "--students", type=click.IntRange(1, _MOST_STUDENTS), metavar="N",
    help="Number of students, who get the names Student 1, Student 2 and so on.",
)  # fmt: skip
@click.option(
    "--roster", "roster_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="CSV of the students instead, with columns id and name: exports of Moodle, Canvas and "
    "Gradescope are understood.",
)  # fmt: skip
@click.option(
    "--lessons", callback=parse_lessons, metavar="NUMBERS",
    help="Lessons, such as 1-3,5.  [default: all]",
)  # fmt: skip
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path),
    help="Folder to create.  [default: one named after the class]",
)  # fmt: skip
@click.option(
    "--host", metavar="ADDRESS",
    help="Name or address of the server, for the sheets.  [default: this machine's address on its network]",
)  # fmt: skip
@click.option(
    "--accounts", is_flag=True,
    help="Let students register, with an invitation each. Passwords need --tls.",
)  # fmt: skip
@click.option("--tls", is_flag=True, help="Offer TLS in the chat.")
@click.option("--udp", is_flag=True, help="Accept links over UDP in the chat.")
@click.option(
    "--rooms", default=0, show_default=True, type=click.IntRange(0, 100),
    help="Number of rooms for groups, besides the lobby.",
)  # fmt: skip
@click.option(
    "--port", default=6464, show_default=True, type=click.IntRange(1, 65535),
    help="TCP port of the chat server.",
)  # fmt: skip
@click.option(
    "--web-port", default=6480, show_default=True, type=click.IntRange(1, 65535),
    help="TCP port of the chat's web page.",
)  # fmt: skip
@click.option(
    "--class-port", default=6481, show_default=True, type=click.IntRange(1, 65535),
    help="TCP port of the class's page, with notebooks and hand-ins.",
)  # fmt: skip
@click.option(
    "--course", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the course.  [default: experiments/ here or above]",
)  # fmt: skip
def new(
    name: str,
    students: int | None,
    roster_file: Path | None,
    lessons: list[int] | None,
    folder: Path | None,
    host: str | None,
    accounts: bool,
    tls: bool,
    udp: bool,
    rooms: int,
    port: int,
    web_port: int,
    class_port: int,
    course: Path | None,
) -> int:
    """Create a folder for the class NAME.

    It contains the roster, an archive of personalised notebooks for each student, the settings of the
    chat server, sheets with a QR code per student to print, a page for the projector, and folders for
    hand-ins and private checks.

    \b
    Examples:
      netchat class new "Networks 2027" --students 60
      netchat class new "Networks 2027" --roster students.csv --lessons 1-6 --rooms 10
      netchat class new "Networks 2027" --roster students.csv --tls --accounts
    """
    from netchat.classroom.class_folder import ClassSettings, create_class
    from netchat.classroom.class_server import write_pages
    from netchat.classroom.pages import slug
    from netchat.classroom.roster import ClassRoster, Student, read_roster
    from netchat.web.local_addresses import lan_address

    name = " ".join(name.split())
    if not name:
        raise click.UsageError("NAME must not be empty.")
    if (students is None) == (roster_file is None):
        raise click.UsageError("Name the students: either --students N or --roster FILE.")
    if accounts and not tls:
        raise click.UsageError("--accounts needs --tls: clients send no passwords without it.")
    if accounts and rooms:
        raise click.UsageError(
            "--rooms cannot be combined with --accounts: create the rooms from the owner's account."
        )
    if len({port, web_port, class_port}) < 3:
        raise click.UsageError("--port, --web-port and --class-port must differ.")
    source = find_course_folder(course)
    if roster_file is not None:
        roster = read_roster(roster_file)
    else:
        width = len(str(students))
        numbers = range(1, (students or 0) + 1)
        roster = ClassRoster(Student(f"s{n:0{max(2, width)}}", f"Student {n}") for n in numbers)
    if lessons is None:
        lessons = sorted(int(path.name[:2]) for path in source.glob("[0-9][0-9]_*.ipynb"))
    host = host or lan_address() or "127.0.0.1"
    settings = ClassSettings(
        name, lessons, host, port, web_port, class_port, tls, udp, accounts, rooms
    )
    path = folder or Path(slug(name.casefold()) or "class")
    made = create_class(path, settings, roster, source)
    write_pages(made)
    click.echo(f"Created {path}: {many(len(roster), 'student')}, {many(len(lessons), 'lesson')}.")
    what = "rooms" if rooms else "invitations" if accounts else ""
    when = f"print it after the first start, which adds the {what}" if what else "print it"
    click.echo(f"  {path / 'sheets.html'}: a card per student; {when}")
    click.echo(f"  {path / 'projector.html'}: for the projector")
    click.echo(f"Start the class with: netchat class serve {shlex.quote(str(path))}")
    return OK
