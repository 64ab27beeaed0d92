"""`netchat load`: drive a server like a crowd."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from netchat.chat.room_codes import LOBBY
from netchat.cli.exits import FAILED, OK
from netchat.cli.numbers import FiniteRange
from netchat.cli.params.duration import DURATION
from netchat.cli.params.path import check_path, path_options
from netchat.load.run import MIN_PAYLOAD, LoadReport, run_load
from netchat.net.address import parse_address
from netchat.net.event_loop import run
from netchat.wire import DEFAULT_PORT, MAX_TEXT
from netchat.wording import many

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["load"]


@click.command(short_help="Drive a server like a crowd, check every delivery, measure.")
@click.argument("address", metavar="HOST[:PORT]")
@click.option(
    "--users", default=100, show_default=True, type=click.IntRange(1),
    help="Users that connect and join the room.",
)  # fmt: skip
@click.option(
    "--senders", default=1, show_default=True, type=click.IntRange(1),
    help="How many of them speak.",
)  # fmt: skip
@click.option(
    "--messages", default=1000, show_default=True, type=click.IntRange(1),
    help="Messages that each of those says.",
)  # fmt: skip
@click.option(
    "--rate", type=FiniteRange(0, min_open=True),
    help="Messages a second, in all, by the clock: one that leaves late counts as late.  "
    "[default: as fast as echoes come back]",
)  # fmt: skip
@click.option(
    "--window", default=100, show_default=True, type=click.IntRange(1),
    help="Without --rate: messages that a sender has under way at most.",
)  # fmt: skip
@click.option(
    "--payload", default=64, show_default=True, type=click.IntRange(MIN_PAYLOAD, MAX_TEXT),
    help="Bytes of each message's text.",
)  # fmt: skip
@click.option("--room", default=LOBBY, show_default=True, help="Code of the room.")
@click.option(
    "--drop", is_flag=True,
    help="At the end let all users lose their connection at once while messages go on, and "
    "measure until everybody is back and has everything. One user more, who stays, speaks.",
)  # fmt: skip
@click.option(
    "--patience", type=DURATION, default="20s", show_default=True,
    help="Without any progress for so long, what is missing is lost.",
)  # fmt: skip
@path_options
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def load(
    address: str,
    users: int,
    senders: int,
    messages: int,
    rate: float | None,
    window: int,
    payload: int,
    room: str,
    drop: bool,
    patience: float,
    link: str | None,
    udp: bool,
    channel: str | None,
    seed: int | None,
    as_json: bool,
) -> int:
    """Drive a server like a crowd, check every delivery, and measure.

    Every user checks that it gets every event of the room once, in order and unaltered. The exit
    code is 0 only if all of it was right, 1 if something was not, 3 if there is no server.

    A server slows a sender down that sends more than 1000 frames a second; to measure how fast it
    can be, run it with `netchat serve --rate 0`. Its --max-users has to admit the crowd.

    \b
    Examples:
      netchat load localhost                              100 users, one speaks
      netchat load localhost --users 1000 --rate 500      latency at a steady load
      netchat load localhost --users 2000 --drop          everybody comes back
      netchat load localhost --users 4 --messages 10000 --link rs:255,223 --channel bsc:1e-3
                                                          through lines that turn bits over
    """
    code = check_path(link, channel, udp=udp)
    if senders > users:
        raise click.UsageError(f"--senders {senders} is more than --users {users}.")
    try:
        host, port = parse_address(address, DEFAULT_PORT)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    report = run(
        run_load(
            host, port, users=users, senders=senders, messages=messages, rate=rate, window=window,
            payload=payload, room=room, drop=drop, stall_timeout=patience, link=code, channel=channel,
            seed=seed, udp=udp,
            progress=_show_progress,
        )
    )  # fmt: skip
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)
    if as_json:
        click.echo(json.dumps(report.as_dict(), indent=2))
    else:
        from rich.console import Console

        Console().print(_table(report))
        for note in report.notes:
            click.echo(f"note: {_plain(note)}")
    return OK if report.ok else FAILED


def _show_progress(phase: str, done: int, total: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{phase} {done}/{total}", err=True, nl=False)


def _plain(text: str) -> str:
    """A note may quote the server: one line, and no commands to this terminal."""
    from netchat.chat.text import show_text

    return show_text(text).replace("\n", "\\n")


def _table(report: LoadReport) -> Table:
    from rich.markup import escape
    from rich.table import Table

    title = escape(f"load on {report.server}")
    table = Table(show_header=False, title=title, title_justify="left")
    faults = report.faults
    table.add_row(
        "users", f"{report.users:,}, {many(report.senders, 'of them speaks', 'of them speak')}"
    )
    table.add_row("joining", f"{report.join_seconds:.2f} s, {report.join_rate:,.0f} users/s")
    table.add_row("messages", f"{report.messages:,} of {many(report.payload, 'byte')}")
    rate = f"{report.delivery_rate:,.0f} deliveries/s"
    table.add_row("deliveries", f"{report.deliveries:,} in {report.seconds:.2f} s, {rate}")
    if (late := report.latency) is not None:
        table.add_row(
            "latency",
            f"p50 {late.p50:.2f} ms, p99 {late.p99:.2f} ms, p99.9 {late.p999:.2f} ms, "
            f"worst {late.worst:.2f} ms",
        )
    table.add_row("this program", f"{report.load_share:.0%} of a core")
    if (use := report.server_use) is not None:
        cpu = f"{use.cpu_seconds:.2f} s ({use.cpu_share:.0%} of a core)"
        table.add_row("server CPU", f"{cpu}, {use.cpu_us_per_delivery:.2f} µs a delivery")
        each = f"{use.memory_per_connection / 1024:,.1f} KiB a connection"
        table.add_row("server memory", f"{use.memory / 2**20:,.1f} MiB, {each}")
    if (drop := report.drop) is not None:
        table.add_row(
            "all lost at once",
            f"{many(drop.clients, 'user')} back in {drop.back_seconds:.2f} s, with everything in "
            f"{drop.seconds:.2f} s ({many(drop.missed, 'delivery', 'deliveries')} made up for, "
            f"{many(drop.retries, 'retry', 'retries')})",
        )
    if (links := report.link) is not None:
        over = (" over UDP" if links.udp else "") + (
            f" through {links.channel}" if links.channel else ""
        )
        table.add_row(
            "links",
            f"{escape(links.link + over)}: {many(links.blocks_sent + links.blocks_received, 'block')}, "
            f"{many(links.wrong_bits, 'wrong bit')} received, "
            f"{many(links.corrected_symbols, 'symbol')} corrected, "
            f"{many(links.failed_blocks, 'block')} failed, {links.retransmissions:,} sent again",
        )
    if report.reconnects:
        table.add_row("lost connections", f"{report.reconnects:,}")
    if report.broken:
        what = (
            f"{many(report.broken, 'frame')} with a wrong checksum; the connection was made again"
        )
        table.add_row("broken streams", what)
    wrong = (
        f"{faults.lost:,} lost, {faults.doubled:,} doubled, {faults.disordered:,} out of order, "
        f"{faults.altered:,} altered"
    )
    verdict = "[green]every delivery right[/green]" if report.ok else f"[red]WRONG[/red]: {wrong}"
    table.add_row("checked", verdict)
    return table
