"""`netchat inspect`: decode the chat traffic in a capture file."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import click

from netchat.cli.capture_comparison import compare_captures
from netchat.cli.capture_copies import anonymise_capture, strip_capture
from netchat.cli.habits import HabitCommand
from netchat.cli.output_files import write_output
from netchat.cli.params.full_screen import check_full_screen, filter_of_options, tui_options
from netchat.cli.params.item_filter import FIELD, check_fields, selection, selection_options
from netchat.cli.params.room_secret import RoomSecret
from netchat.cli.render.sealed_opener import make_opener
from netchat.errors import CaptureError
from netchat.exit_codes import FAILED
from netchat.wire import DEFAULT_PORT
from netchat.wire.safe_text import show_line
from netchat.wording import many

if TYPE_CHECKING:
    from netchat.cli.render.items import ItemPrinter
    from netchat.packets import Decoder, Item
    from netchat.packets.filters import FilterField, ItemFilter
    from netchat.packets.tcp.health import HealthMonitor
    from netchat.packets.views.sealed import Opener

__all__ = ["inspect"]

#: Users named if nothing matches a filter.
_MAX_USERS = 20

_ROWS = {
    "ack": "bright_black", "data": "bright_black", "control": "magenta", "again": "yellow",
    "block": "cyan", "tls": "bright_black", "failed": "red", "gap": "red", "damage": "red",
}  # fmt: skip


@click.command(cls=HabitCommand, short_help="Decode the chat traffic in a capture file.")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True), required=False)
@click.option(
    "-r", "--read", "named", metavar="FILE", type=click.Path(dir_okay=False, allow_dash=True),
    help="The capture, as for tcpdump and tshark.",
)  # fmt: skip
@click.option(
    "-V", "--tree", is_flag=True, help="Show every field of each message, with its bytes."
)
@click.option("-x", "--hex", "as_hex", is_flag=True, help="Show the bytes of each message.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per line.")
@click.option("--stats", is_flag=True, help="Show statistics for each conversation.")
@click.option(
    "--tcp", is_flag=True,
    help="With --stats: show windows, SACK, duplicate ACKs and round-trip times of TCP.",
)  # fmt: skip
@click.option("--follow", is_flag=True, help="Show only the messages, as the users read them.")
@click.option("--plot", is_flag=True, help="Draw the throughput over time.")
@click.option("--ladder", is_flag=True, help="Draw a sequence diagram, segment by segment.")
@click.option(
    "--svg",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Draw the ladder to this SVG file; - is standard output.",
)
@selection_options
@click.option(
    "-T", "--form", "form", type=click.Choice(["text", "json", "fields"]),
    help="Output: lines of text, JSON, or the fields named by -e.",
)  # fmt: skip
@click.option(
    "-e", "--field", "fields", type=FIELD, multiple=True, metavar="FIELD",
    help="Field to print with -T fields, such as netchat.room; can be repeated. Tabs separate the values.",
)  # fmt: skip
@click.option("--count", "count", is_flag=True, help="Print only the number of items.")
@click.option("-c", "--first", type=click.IntRange(1), metavar="N", help="Stop after N items.")
@click.option("--last", type=click.IntRange(1), metavar="N", help="Show only the last N items.")
@click.option(
    "--port", "ports", multiple=True, type=click.IntRange(1, 65535), default=(DEFAULT_PORT,),
    show_default=True,
    help="Port whose traffic is always decoded as chat; can be repeated. On other ports, chat is "
    "detected by its frames.",
)  # fmt: skip
@click.option(
    "--max-frame", type=click.IntRange(1024, 2**24), default=65536, show_default=True,
    help="Maximum size of a frame in bytes, as set for the server.",
)  # fmt: skip
@click.option(
    "--room-secret", "secrets", multiple=True, type=RoomSecret(), metavar="SECRET",
    help="Secret of a sealed room, to show its texts: the part of its link after #, or its 12 words. "
    "Can be repeated, because a room gets a new secret when a member leaves.",
)  # fmt: skip
@click.option("--clock", is_flag=True, help="Show the time of day instead of elapsed seconds.")
@click.option(
    "--keylog", metavar="FILE", type=click.Path(exists=True, dir_okay=False),
    help="Key log with TLS secrets, in addition to those in the capture. SSLKEYLOGFILE makes TLS "
    "programs write one.",
)  # fmt: skip
@click.option(
    "--strip-secrets", "stripped", metavar="OUT", type=click.Path(dir_okay=False),
    help="Only copy the capture to OUT, without its TLS secrets.",
)  # fmt: skip
@click.option(
    "--anonymise", "anonymous", metavar="OUT", type=click.Path(dir_okay=False),
    help="Only copy the chat to OUT, with stand-ins for names, addresses, room codes and texts.",
)  # fmt: skip
@click.option(
    "--compare", "other", metavar="FILE2", type=click.Path(exists=True, dir_okay=False),
    help="Compare with a capture from the peer's side: what one side sent and the other "
    "did not receive. The exit code is 1 if a message was lost.",
)  # fmt: skip
@click.option(
    "--export-files", "exported", metavar="DIR", type=click.Path(file_okay=False, path_type=Path),
    help="Only write the files that were transferred to this folder, under safe names. Those of sealed "
    "rooms need --room-secret.",
)  # fmt: skip
@tui_options
@click.pass_context
def inspect(
    ctx: click.Context,
    file: str | None,
    named: str | None,
    tree: bool,
    as_hex: bool,
    as_json: bool,
    stats: bool,
    tcp: bool,
    follow: bool,
    plot: bool,
    ladder: bool,
    svg: str | None,
    expression: ItemFilter | None,
    room: str | None,
    user: str | None,
    types: tuple[str, ...],
    form: str | None,
    fields: tuple[FilterField, ...],
    count: bool,
    first: int | None,
    last: int | None,
    ports: tuple[int, ...],
    max_frame: int,
    secrets: tuple[bytes, ...],
    clock: bool,
    keylog: str | None,
    stripped: str | None,
    anonymous: str | None,
    exported: Path | None,
    other: str | None,
    full_screen: bool,
    theme: str,
) -> None:
    """Decode the chat traffic in FILE, a capture (pcap or pcapng, also .gz; - reads standard input).

    By default, print one line per message. Bytes that are missing from the capture, and bytes that
    are not a valid frame, appear at their position. Root is not required.

    TLS 1.3 is decrypted if the capture contains the secrets (netchat sniff --write --keylog puts them
    there), or if --keylog names a file with them. Otherwise only the times, types and lengths of its
    records are shown.

    --strip-secrets and --anonymise make a copy of a capture that you can share. --anonymise keeps
    times, lengths, ports and all events of TCP. It leaves out packets that do not belong to a chat, and
    refuses TLS and links, whose contents it cannot rewrite.

    \b
    Examples:
      netchat inspect chat.pcapng                   one line per message
      netchat inspect chat.pcapng --tree            every field, with its bytes
      netchat inspect chat.pcapng --follow          the messages only
      netchat inspect chat.pcapng --stats           counts, losses, round-trip times
      netchat inspect chat.pcapng --stats --tcp     windows, SACK and round-trip times of TCP
      netchat inspect chat.pcapng --plot            throughput over time
      netchat inspect chat.pcapng --ladder          with TCP segments and acknowledgements
      netchat inspect chat.pcapng --svg chat.svg    the same as a picture
      netchat inspect chat.pcapng --filter 'type == SEND and text contains "hi"'
      netchat inspect chat.pcapng --filter damaged --count
      netchat inspect chat.pcapng --user Nova --last 5 --json
      netchat inspect chat.pcapng -T fields -e time -e user -e netchat.text
      netchat inspect tls.pcapng --keylog keys.log  with TLS secrets from a file
      netchat inspect tls.pcapng --strip-secrets public.pcapng
      netchat inspect chat.pcapng --room-secret SECRET --tree
      netchat inspect client.pcapng --compare server.pcapng    what was lost in between
      netchat inspect chat.pcapng --export-files files    the files that were sent
      netchat inspect chat.pcapng --tui             browse it in panes
      ssh host tcpdump -U -w - port 6464 | netchat inspect -    live from another machine
    """
    from netchat.cli.live_pipe import LivePipe, is_pipe, is_redirected
    from netchat.packets import Decoder, Trace, read_capture
    from netchat.packets.capture.key_log_file import KeyLogFile
    from netchat.packets.tcp.health import HealthMonitor

    if named is not None and file is not None:
        raise click.UsageError("Name the capture once: as FILE or with --read.")
    file = file if file is not None else named
    if file is not None and file.startswith(("http://", "https://")):
        raise click.UsageError(
            f"{file} is not a file. Use: curl -s {shlex.quote(file)} | netchat inspect -"
        )
    if file is None:
        if not is_redirected():
            raise click.UsageError(
                "Missing argument 'FILE', the capture to read. netchat sniff captures live packets."
            )
        file = "-"
    if stripped is not None or anonymous is not None:
        if stripped is not None and anonymous is not None:
            raise click.UsageError("--anonymise leaves out secrets too: omit --strip-secrets.")
        if file == "-":
            raise click.UsageError(
                "--strip-secrets and --anonymise need a file, not standard input."
            )
        if stripped is not None:
            ctx.exit(strip_capture(file, stripped))
        ctx.exit(anonymise_capture(file, str(anonymous), ports, max_frame))
    as_json = as_json or form == "json"
    if other is not None:
        if (
            stats
            or follow
            or plot
            or ladder
            or svg
            or tree
            or as_hex
            or fields
            or count
            or first
            or last
        ):
            raise click.UsageError("--compare is a view of its own: omit the others.")
        chosen = selection(expression, room, user, types)
        ctx.exit(compare_captures(file, other, ports, max_frame, keylog, chosen, as_json=as_json))
    if exported is not None and (
        stats or follow or plot or ladder or svg or tree or as_hex or as_json
    ):
        raise click.UsageError("--export-files writes files only: omit the views.")
    if sum((stats, follow, plot, ladder or svg is not None, tree or as_hex)) > 1:
        raise click.UsageError("--stats, --follow, --plot, --ladder and --tree cannot be combined.")
    if as_json and (follow or ladder or svg is not None or tree or as_hex):
        raise click.UsageError("--json can only be combined with --stats or --plot.")
    view = stats or follow or plot or ladder or svg is not None or exported is not None
    check_fields(form, fields, others=view or as_json or tree or as_hex)
    if view and (count or first is not None or last is not None):
        raise click.UsageError(
            "--count, --first and --last apply to lines, JSON and fields: omit the other views."
        )
    if count + (first is not None) + (last is not None) > 1:
        raise click.UsageError("--count, --first and --last cannot be combined.")
    if tcp and not stats:
        raise click.UsageError("--tcp adds to --stats: add it.")
    if full_screen:
        if view or tree or as_hex or as_json or fields or count or first or last:
            raise click.UsageError("--tui has views of its own: omit the other options for output.")
        line = filter_of_options(expression, room, user, types)
        ctx.exit(_browse(file, ports, max_frame, keylog, line, secrets, clock=clock, theme=theme))
    chosen = selection(expression, room, user, types)
    wanted = None if chosen is None else _CountingFilter(chosen)
    drawn = ladder or svg is not None
    keys = KeyLogFile(keylog) if keylog is not None else None
    # Retransmitted segments are items only for a filter that asks for them: tracing is slower.
    traced = drawn or plot or "retransmitted" in getattr(expression, "fields", ())
    decoder = Decoder(ports, limit=max_frame, trace=traced, keys=keys)
    opener = make_opener(secrets)
    problems: list[CaptureError] = []
    health = HealthMonitor() if tcp else None
    observe = health.feed if health is not None else None
    pipe = LivePipe() if file == "-" and is_pipe() else None
    source = cast(BinaryIO, pipe) if pipe is not None else file
    items = _until_broken(read_capture(source, decoder=decoder, observe=observe), problems)
    if traced and not drawn:
        items = (i for i in items if not isinstance(i, Trace) or i.note == "retransmission")
    if pipe is not None:
        ctx.with_resource(pipe.ended_by_interrupt())
    if exported is not None:
        _export_files(items, wanted, exported, opener)
    elif stats:
        _stats(decoder, items, wanted, health, as_json=as_json)
    elif plot:
        _plot(items, wanted, as_json=as_json)
    elif drawn:
        _ladder(items, wanted, svg, title=Path(file).name)
    elif follow:
        _follow(items, wanted, opener)
    else:
        from netchat.cli.render.items import ItemPrinter

        printer = ItemPrinter(
            wanted=wanted, as_json=as_json, tree=tree, as_hex=as_hex, fields=fields, clock=clock,
            first=first, opener=opener,
        )  # fmt: skip
        if pipe is not None and not count and last is None:
            pipe.on_idle = lambda silence: printer.show(decoder.idle(silence))
        _print(printer, items, last, count=count)
    if not decoder.conversations and decoder.packets:
        click.echo(
            f"No chat traffic in {many(decoder.packets, 'packet')}. {_skipped(decoder)}", err=True
        )
    elif wanted is not None and not wanted.found:
        users = ", ".join(map(show_line, sorted(wanted.users))) or "unknown"
        users += ", …" * (len(wanted.users) == _MAX_USERS)
        click.echo(f"No message in {file} matches the filter. Users in it: {users}.", err=True)
    if pipe is not None and pipe.was_interrupted:
        problems.clear()  # the last packet may be incomplete
    for problem in problems:
        click.echo(f"netchat: {problem}", err=True)
    if problems or (wanted is not None and not wanted.found):
        ctx.exit(FAILED)


def _print(printer: ItemPrinter, items: Iterator[Item], last: int | None, *, count: bool) -> None:
    """Print the items, the last of them, or their number."""
    if count:
        click.echo(sum(map(printer.selects, items)))
        return
    if last is not None:
        printer.show(deque(filter(printer.selects, items), maxlen=last))
        return
    for item in items:
        printer.show((item,))  # one at a time: the capture may come from a live pipe
        if printer.full:
            return


def _browse(
    file: str,
    ports: tuple[int, ...],
    max_frame: int,
    keylog: str | None,
    line: str,
    secrets: tuple[bytes, ...],
    *,
    clock: bool,
    theme: str,
) -> int:
    """Show a capture in the full-screen app; return the exit code."""
    if file == "-":
        raise click.UsageError("--tui needs a file: standard input is the keyboard.")
    check_full_screen("omit --tui")
    from netchat.fullscreen.capture_run import browse_file
    from netchat.packets import Decoder
    from netchat.packets.capture.key_log_file import KeyLogFile

    keys = KeyLogFile(keylog) if keylog is not None else None
    decoder = Decoder(ports, limit=max_frame, keys=keys)
    return browse_file(
        file, decoder, ports=ports, line=line, opener=make_opener(secrets), clock=clock,
        is_dark=theme == "dark",
    )  # fmt: skip


class _CountingFilter:
    """Filter that records whether an item matched.

    Attributes:
        found: Whether an item matched.
        users: Users of the conversations in the capture, at most 20.
    """

    def __init__(self, wanted: ItemFilter) -> None:
        self._wanted = wanted
        self.found = False
        self.users: set[str] = set()

    def __call__(self, item: Item) -> bool:
        if item.conversation.user and len(self.users) < _MAX_USERS:
            self.users.add(item.conversation.user)
        fits = self._wanted(item)
        self.found = self.found or fits
        return fits


def _until_broken(items: Iterator[Item], problems: list[CaptureError]) -> Iterator[Item]:
    """Yield the items of a capture; append the error that ends it early, to report it last."""
    try:
        yield from items
    except CaptureError as error:
        problems.append(error)


def _export_files(
    items: Iterator[Item], wanted: ItemFilter | None, folder: Path, opener: Opener | None
) -> None:
    from netchat.cli.render.file_unsealer import unseal_file
    from netchat.packets.file_export import FileExport

    export = FileExport(folder, opener, unseal_file)
    for item in items:
        if wanted is None or wanted(item):
            export.add(item)
    for line in export.finish() or ["No file was transferred in this capture."]:
        click.echo(show_line(line))


def _follow(items: Iterator[Item], wanted: ItemFilter | None, opener: Opener | None) -> None:
    from netchat.packets.views.follow import ChatTranscript

    follow = ChatTranscript(opener)
    for item in items:
        if wanted is None or wanted(item):
            line = follow.line(item)
            if line is not None:
                click.echo(line)


def _stats(
    decoder: Decoder, items: Iterator[Item], wanted: ItemFilter | None,
    health: HealthMonitor | None, *, as_json: bool,
) -> None:  # fmt: skip
    from netchat.packets.views.stats import Stats

    stats = Stats(health)
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


def _plot(items: Iterator[Item], wanted: ItemFilter | None, *, as_json: bool) -> None:
    from netchat.packets.views.throughput import Throughput

    throughput = Throughput()
    for item in items if wanted is None else filter(wanted, items):
        throughput.add(item)
    for line in map(json.dumps, throughput.as_dicts()) if as_json else throughput.lines():
        click.echo(line)


def _skipped(decoder: Decoder) -> str:
    """Return the reasons for which packets were skipped."""
    reasons = [f"{count:,} {reason}" for reason, count in decoder.skipped.most_common(6)]
    return f"Skipped: {', '.join(reasons)}." if reasons else ""


def _ladder(
    items: Iterator[Item], wanted: ItemFilter | None, svg: str | None, *, title: str
) -> None:
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
        click.echo(f"Wrote {svg}.", err=True)
