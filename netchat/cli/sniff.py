"""`netchat sniff`: capture and decode chat traffic live."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from netchat.cli.habits import HabitCommand
from netchat.cli.params.duration import DURATION
from netchat.cli.params.full_screen import check_full_screen, filter_of_options, tui_options
from netchat.cli.params.item_filter import FIELD, check_fields, selection, selection_options
from netchat.cli.params.room_secret import RoomSecret
from netchat.cli.params.rotation import LIMIT
from netchat.cli.render.sealed_opener import make_opener
from netchat.errors import CaptureError
from netchat.exit_codes import FAILED, NOT_PERMITTED, OK
from netchat.wire import DEFAULT_PORT
from netchat.wording import many

if TYPE_CHECKING:
    from netchat.packets.capture.rotation import Rotation
    from netchat.packets.filters import FilterField, ItemFilter
    from netchat.packets.sniffer import Sniffer

__all__ = ["sniff"]


@click.command(cls=HabitCommand, short_help="Capture and decode chat traffic live.")
@click.option(
    "-i", "--interface", default="any", show_default=True,
    help="Interface to listen on, such as lo or eth0.",
)  # fmt: skip
@click.option(
    "--port", "ports", multiple=True, type=click.IntRange(0, 65535), default=(DEFAULT_PORT,),
    show_default=True,
    help="TCP and UDP port of the chat; can be repeated. 0 captures every TCP port and detects "
    "chat by its frames.",
)  # fmt: skip
@selection_options
@click.option(
    "-T", "--form", "form", type=click.Choice(["text", "json", "fields"]),
    help="Output: lines of text, JSON, or the fields named by -e.",
)  # fmt: skip
@click.option(
    "-e", "--field", "fields", type=FIELD, multiple=True, metavar="FIELD",
    help="Field to print with -T fields, such as netchat.room; can be repeated. Tabs separate the values.",
)  # fmt: skip
@click.option(
    "-w", "--write", metavar="FILE", type=click.Path(dir_okay=False, allow_dash=True),
    help="Write all captured packets to FILE (pcap if it ends in .pcap, otherwise pcapng). - is "
    "standard output, instead of the messages.",
)  # fmt: skip
@click.option(
    "--rotate", "limits", metavar="SIZE|TIME", type=LIMIT, multiple=True,
    help="With --write: begin the next file at this size, such as 100MB, or after this time, such as "
    "1h; can be given for both. The names get a number and the time, as those of dumpcap.",
)  # fmt: skip
@click.option(
    "--keep", metavar="N", type=click.IntRange(1),
    help="With --rotate: keep only the N newest files of this name, also from earlier captures.",
)  # fmt: skip
@click.option(
    "--keylog", metavar="FILE", type=click.Path(dir_okay=False),
    help="Key log with TLS secrets, which may be written during the capture (SSLKEYLOGFILE makes TLS "
    "programs write one). --write then puts the secrets of captured connections into its file.",
)  # fmt: skip
@click.option(
    "--room-secret", "secrets", multiple=True, type=RoomSecret(), metavar="SECRET",
    help="Secret of a sealed room, to show its texts: the part of its link after #, or its 12 words. "
    "Can be repeated, because a room gets a new secret when a member leaves.",
)  # fmt: skip
@click.option("-c", "--count", type=click.IntRange(1), help="Stop after this number of messages.")
@click.option("--duration", type=DURATION, help="Stop after this time.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per line.")
@click.option(
    "-V", "--tree", is_flag=True, help="Show every field of each message, with its bytes."
)
@click.option("-x", "--hex", "as_hex", is_flag=True, help="Show the bytes of each message.")
@click.option("-q", "--quiet", is_flag=True, help="Show no messages, only the summary.")
@click.option(
    "--max-frame", type=click.IntRange(1024, 2**24), default=65536, show_default=True,
    help="Maximum size of a frame in bytes, as set for the server.",
)  # fmt: skip
@tui_options
def sniff(
    interface: str,
    ports: tuple[int, ...],
    expression: ItemFilter | None,
    room: str | None,
    user: str | None,
    types: tuple[str, ...],
    form: str | None,
    fields: tuple[FilterField, ...],
    write: str | None,
    limits: tuple[int | float, ...],
    keep: int | None,
    keylog: str | None,
    secrets: tuple[bytes, ...],
    count: int | None,
    duration: float | None,
    as_json: bool,
    tree: bool,
    as_hex: bool,
    quiet: bool,
    max_frame: int,
    full_screen: bool,
    theme: str,
) -> int:
    """Capture chat traffic and print one line per message, live.

    A summary at the end counts losses on the network and in this program. Ctrl-C stops the capture
    and completes the file. Capturing usually needs root.

    \b
    Examples:
      sudo netchat sniff                              on every interface
      sudo netchat sniff -i eth0 --write chat.pcapng  save it for netchat inspect and Wireshark
      sudo netchat sniff --write chat.pcapng --rotate 100MB --keep 10   the newest gigabyte
      sudo netchat sniff --user Nova --tree           every byte that Nova sends and receives
      sudo netchat sniff --type SEND --count 1 --hex  the next message
      sudo netchat sniff -Y 'room == "lobby" and size > 1000'
      sudo netchat sniff -T fields -e user -e netchat.text
      sudo netchat sniff --json --duration 10m        for another program
      sudo netchat sniff --keylog keys.log            TLS too, with secrets from keys.log
      sudo netchat sniff --keylog keys.log --room-secret SECRET   and the texts of a sealed room
      sudo netchat sniff --tui                        browse the packets in panes, live
    """
    from netchat.cli.render.items import ItemPrinter
    from netchat.errors import NotPermitted
    from netchat.files import tighten
    from netchat.packets.sniffer import sniff as listen

    as_json = as_json or form == "json"
    check_fields(form, fields, others=as_json or tree or as_hex or quiet)
    if as_json and (tree or as_hex):
        raise click.UsageError("--json already has the fields and bytes: omit --tree and --hex.")
    if full_screen:
        if as_json or tree or as_hex or fields or quiet or count is not None or write == "-":
            raise click.UsageError("--tui has views of its own: omit the other options for output.")
        check_full_screen("omit --tui")
    rotate = _rotation(limits, keep, write)
    quiet = quiet or write == "-"
    if quiet and count is not None:
        raise click.UsageError("--count counts shown messages, but --quiet shows none: omit one.")
    file = sys.stdout.buffer if write == "-" else write
    wanted = () if 0 in ports else ports
    if write not in (None, "-") and rotate is None and (notice := tighten(Path(write))):
        click.echo(notice, err=True)
    try:
        sniffer = listen(
            interface, wanted, write=file, rotate=rotate, duration=duration, limit=max_frame,
            keylog=keylog,
        )  # fmt: skip
    except NotPermitted as error:
        click.echo(f"netchat: {error} {_permission_help()}", err=True)
        return NOT_PERMITTED
    if keylog is not None and write is not None and write.endswith((".pcap", ".cap")):
        click.echo(f"{write} will have no TLS secrets: only pcapng can hold them.", err=True)
    if full_screen:
        from netchat.fullscreen.capture_run import browse_live

        with sniffer:
            browse_live(
                sniffer, interface, ports=wanted or (DEFAULT_PORT,),
                line=filter_of_options(expression, room, user, types),
                opener=make_opener(secrets), is_dark=theme == "dark",
            )  # fmt: skip
        _summarise(sniffer, write, keylog, as_json=False)
        return 0
    wanted_items = selection(expression, room, user, types)
    printer = ItemPrinter(
        wanted=wanted_items, as_json=as_json, tree=tree, as_hex=as_hex, fields=fields, clock=True,
        count=count, opener=make_opener(secrets),
    )  # fmt: skip
    problem = None
    with sniffer, _ended_by_signals(sniffer):
        where = "every interface" if interface == "any" else interface
        which = f"TCP and UDP port {' and '.join(map(str, wanted))}" if wanted else "any TCP port"
        click.echo(f"Listening on {where}, {which}. Ctrl-C stops.", err=True)
        try:
            for items in sniffer.batches():
                if not quiet:
                    printer.show(items)
                if printer.full:
                    break
        except CaptureError as error:
            problem = error
    _summarise(sniffer, None if write == "-" else write, keylog, as_json=as_json)
    if problem is not None:
        click.echo(f"netchat: {problem}", err=True)
        return FAILED
    if wanted_items is not None and not quiet and not printer.shown:
        click.echo("No packet matched the filter.", err=True)
        return FAILED
    return OK


def _rotation(
    limits: tuple[int | float, ...], keep: int | None, write: str | None
) -> Rotation | None:
    """Return when the next file begins, or None for a single file."""
    from netchat.packets.capture.rotation import Rotation

    if not limits:
        if keep is not None:
            raise click.UsageError("--keep limits the files of --rotate: add --rotate 100MB.")
        return None
    if write in (None, "-"):
        raise click.UsageError("--rotate needs --write FILE, the name of the files.")
    sizes = [limit for limit in limits if isinstance(limit, int)]
    times = [limit for limit in limits if isinstance(limit, float)]
    return Rotation(min(sizes, default=None), min(times, default=None), keep)


@contextmanager
def _ended_by_signals(sniffer: Sniffer) -> Iterator[None]:
    """Stop the capture on SIGINT and SIGTERM; a second signal ends the program."""

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as signals call it
        sniffer.stop()
        for name in before:
            signal.signal(name, before[name])

    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    for name in before:
        signal.signal(name, stop)
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _summarise(sniffer: Sniffer, write: str | None, keylog: str | None, *, as_json: bool) -> None:
    counts: dict[str, Any] = sniffer.summary()
    if as_json:
        click.echo(json.dumps({"item": "summary", **counts}), err=True)
        return
    lines = [
        f"{many(counts['packets'], 'packet')} in {counts['seconds']:.1f} s; "
        f"the kernel dropped {counts['kernel_dropped']:,}.",
        f"{many(counts['messages'], 'message')} in {many(counts['conversations'], 'conversation')}; "
        f"{many(counts['crc_failures'], 'frame')} with a wrong CRC-32.",
        f"{many(counts['gaps'], 'gap')} of {many(counts['missing'], 'byte')} in all, "
        f"{many(counts['retransmissions'], 'retransmission')}, "
        f"{many(counts['out_of_order'], 'segment')} out of order.",
    ]
    if counts["blocks"]:
        lines.append(
            f"{many(counts['blocks'], 'block')} of a noisy link: "
            f"{many(counts['corrected'], 'symbol')} corrected, "
            f"{counts['failed']:,} failed, {counts['again']:,} retransmitted."
        )
    if counts["tls_records"]:
        lines.append(
            f"{many(counts['tls_records'], 'TLS record')}; "
            f"{counts['tls_undecryptable']:,} could not be decrypted."
            + ("" if keylog else " --keylog FILE decrypts them, given the secrets.")
        )
    if counts["passed_over"]:
        lines.append(
            f"{many(counts['passed_over'], 'packet')} arrived too fast to be decoded"
            + (", but the file has them." if write else "; try -q or --write.")
        )
    if counts["secrets_written"]:
        lines.append(
            f"{write} contains the TLS secrets of "
            f"{many(counts['secrets_written'], 'connection')}. Anyone with the file can read them; "
            f"netchat inspect {write} --strip-secrets OUT makes a copy without."
        )
    written, kept = sniffer.live.files
    if kept:
        span = f"{kept[0]} to {kept[-1].name}" if len(kept) > 1 else str(kept[0])
        deleted = f", {written - len(kept):,} of them deleted" if written > len(kept) else ""
        lines.append(f"Wrote {many(written, 'file')}{deleted}: {span}.")
    elif write is not None:
        lines.append(f"Wrote {write}. Decode it with: netchat inspect {write}")
    for line in lines:
        click.echo(line, err=True)


def _permission_help() -> str:
    """Return how to get permission to capture."""
    if not sys.platform.startswith("linux"):
        return "Run it with: sudo netchat sniff" if os.name != "nt" else "Run it as administrator."
    python = Path(sys.executable).resolve()
    return (
        "Use one of these commands:\n"
        '  sudo "$(command -v netchat)" sniff              this time only\n'
        f"  sudo setcap cap_net_raw+ep {python}\n"
        f"{'':50}permanently, for every program of this Python\n"
        "  unshare -rn sh -c 'ip link set lo up; exec sh'  in a private network namespace:\n"
        f"{'':50}run server, clients and sniff inside"
    )
