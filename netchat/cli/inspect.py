"""`netchat inspect`: the chat in a capture file."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netchat.cli.output_files import write_output
from netchat.errors import CaptureError
from netchat.exit_codes import FAILED
from netchat.wire import DEFAULT_PORT, MESSAGES
from netchat.wire.shown import show_line
from netchat.wording import many

if TYPE_CHECKING:
    from netchat.packets import Decoder, Item
    from netchat.packets.filters import Wanted

__all__ = ["inspect"]

_TYPES = click.Choice([message.NAME for message in MESSAGES.values()], case_sensitive=False)
_ROWS = {
    "ack": "bright_black", "data": "bright_black", "control": "magenta", "again": "yellow",
    "block": "cyan", "failed": "red", "gap": "red", "damage": "red",
}  # fmt: skip


@click.command(short_help="Show the chat in a capture file.")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--tree", is_flag=True, help="Show every field of each message, with its bytes.")
@click.option("--hex", "as_hex", is_flag=True, help="Show the bytes of each message.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
@click.option("--stats", is_flag=True, help="Count, for each conversation.")
@click.option("--follow", is_flag=True, help="Show only what was said, as the users read it.")
@click.option("--ladder", is_flag=True, help="Draw who sent what to whom, segment by segment.")
@click.option(
    "--svg",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Draw the ladder into this file; - is standard output.",
)
@click.option("--room", help="Only messages about this room.")
@click.option("--user", help="Only conversations of this user.")
@click.option(
    "--type", "types", type=_TYPES, multiple=True, help="Only this type; may be repeated."
)
@click.option(
    "--port", "ports", multiple=True, type=click.IntRange(1, 65535), default=(DEFAULT_PORT,),
    show_default=True,
    help="A port that is the chat's whatever is said there; may be repeated. On other ports a chat "
    "is recognised by its frames.",
)  # fmt: skip
@click.option(
    "--max-frame", type=click.IntRange(1024, 2**24), default=65536, show_default=True,
    help="Bytes of one frame, if the server allows more than usual.",
)  # fmt: skip
@click.option("--clock", is_flag=True, help="Show the time of day, not seconds from the beginning.")
@click.pass_context
def inspect(
    ctx: click.Context,
    file: str,
    tree: bool,
    as_hex: bool,
    as_json: bool,
    stats: bool,
    follow: bool,
    ladder: bool,
    svg: str | None,
    room: str | None,
    user: str | None,
    types: tuple[str, ...],
    ports: tuple[int, ...],
    max_frame: int,
    clock: bool,
) -> None:
    """Show the chat in FILE, a capture (pcap or pcapng, also .gz; - reads standard input).

    One line a message, unless another view is asked for. Bytes that are missing from the capture,
    and bytes that are no valid frame, are shown where they would be. No rights are needed.

    \b
    Examples:
      netchat inspect chat.pcapng                   one line a message
      netchat inspect chat.pcapng --tree            every field, with its bytes
      netchat inspect chat.pcapng --follow          what was said
      netchat inspect chat.pcapng --stats           counts, losses, round-trip times
      netchat inspect chat.pcapng --ladder          with TCP segments and acknowledgements
      netchat inspect chat.pcapng --svg chat.svg    the same as a picture
      netchat inspect chat.pcapng --user Nova --type SEND --json
    """
    from netchat.cli.render.items import ItemPrinter
    from netchat.packets import Decoder, read_capture
    from netchat.packets.filters import choice

    if sum((stats, follow, ladder or svg is not None, tree or as_hex)) > 1:
        raise click.UsageError("--stats, --follow, --ladder and --tree go one at a time.")
    if as_json and (follow or ladder or svg is not None or tree or as_hex):
        raise click.UsageError("--json goes alone, or with --stats.")
    chosen = choice(room=room, user=user, types=types)
    wanted = None if chosen is None else _CountingFilter(chosen)
    drawn = ladder or svg is not None
    decoder = Decoder(ports, limit=max_frame, trace=drawn)
    problems: list[CaptureError] = []
    items = _until_broken(read_capture(file, decoder=decoder), problems)
    if stats:
        _stats(decoder, items, wanted, as_json=as_json)
    elif drawn:
        _ladder(items, wanted, svg, title=Path(file).name)
    elif follow:
        _follow(items, wanted)
    else:
        printer = ItemPrinter(wanted=wanted, as_json=as_json, tree=tree, as_hex=as_hex, clock=clock)
        for item in items:
            printer.show((item,))  # what comes through a pipe is shown as it comes
    if not decoder.conversations and decoder.packets:
        click.echo(
            f"There is no chat in {many(decoder.packets, 'packet')}. {_skipped(decoder)}", err=True
        )
    elif wanted is not None and not wanted.found:
        users = ", ".join(map(show_line, sorted(wanted.users))) or "nobody whose name is known"
        click.echo(f"Nothing in {file} is what was asked for. Its users: {users}.", err=True)
    for problem in problems:
        click.echo(f"netchat: {problem}", err=True)
        ctx.exit(FAILED)


class _CountingFilter:
    """What somebody wants to see, and whether it was there.

    Attributes:
        found: whether anything was.
        users: whose conversations there were.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self.found = False
        self.users: set[str] = set()

    def __call__(self, item: Item) -> bool:
        if item.conversation.user:
            self.users.add(item.conversation.user)
        fits = self._wanted(item)
        self.found = self.found or fits
        return fits


def _until_broken(items: Iterator[Item], problems: list[CaptureError]) -> Iterator[Item]:
    """The items of a capture; what ends it early is kept for the end of the output."""
    try:
        yield from items
    except CaptureError as error:
        problems.append(error)


def _follow(items: Iterator[Item], wanted: Wanted | None) -> None:
    from netchat.packets.views.follow import ChatTranscript

    follow = ChatTranscript()
    for item in items:
        if wanted is None or wanted(item):
            line = follow.line(item)
            if line is not None:
                click.echo(line)


def _stats(
    decoder: Decoder, items: Iterator[Item], wanted: Wanted | None, *, as_json: bool
) -> None:
    from netchat.packets.views.stats import Stats

    stats = Stats()
    add = stats.add
    for item in items if wanted is None else filter(wanted, items):
        add(item)
    if as_json:
        for row in stats.as_dicts():
            click.echo(json.dumps(row))
        return
    for line in stats.lines():
        click.echo(line)
    click.echo(
        f"{many(decoder.packets, 'packet')}, {many(decoder.conversations, 'conversation')}. "
        f"{_skipped(decoder)}".rstrip()
    )


def _skipped(decoder: Decoder) -> str:
    """Why packets were not looked at."""
    reasons = [f"{count:,} {reason}" for reason, count in decoder.skipped.most_common(6)]
    return f"Left out: {', '.join(reasons)}." if reasons else ""


def _ladder(items: Iterator[Item], wanted: Wanted | None, svg: str | None, *, title: str) -> None:
    from netchat.packets.views.ladder import Ladder
    from netchat.packets.views.ladder_svg import ladder_svg
    from netchat.packets.views.ladder_text import ladder_lines

    ladder = Ladder(wanted)
    for item in items:
        ladder.add(item)
    if svg is None:
        coloured = sys.stdout.isatty()
        for kind, text in ladder_lines(ladder, shutil.get_terminal_size((100, 24)).columns):
            click.echo(click.style(text, fg=_ROWS.get(kind)) if coloured else text)
        return
    write_output(svg, ladder_svg(ladder, title))
    if svg != "-":
        click.echo(f"{svg} is written.", err=True)
