"""`netchat load`: load-test a server."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netchat.chat.room_codes import LOBBY
from netchat.cli.params.duration import DURATION
from netchat.cli.params.number import FiniteRange
from netchat.cli.params.path import check_path, path_options
from netchat.cli.params.size import SIZE
from netchat.cli.params.tls import parse_servers, tls_options
from netchat.cli.progress import progress_bar
from netchat.exit_codes import FAILED, OK
from netchat.load.run import MIN_PAYLOAD, LoadReport, run_load
from netchat.net.client import Client
from netchat.net.event_loop import run
from netchat.wire import MAX_TEXT
from netchat.wording import many, show_size

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["load"]

#: Value of --room for a room of its own.
_NEW = "new"


@click.command(short_help="Load-test a server and check every delivery.")
@click.argument("address", metavar="[tls://]HOST[:PORT]")
@click.option(
    "--users", default=100, show_default=True, type=click.IntRange(1),
    help="Number of users that connect and join the room.",
)  # fmt: skip
@click.option(
    "--senders", default=1, show_default=True, type=click.IntRange(1),
    help="Number of users that send messages.",
)  # fmt: skip
@click.option(
    "--messages", default=1000, show_default=True, type=click.IntRange(1),
    help="Messages per sender.",
)  # fmt: skip
@click.option(
    "--rate", type=FiniteRange(0, min_open=True),
    help="Total messages per second (open loop: a message sent late adds to the latency).  "
    "[default: as fast as the server acknowledges]",
)  # fmt: skip
@click.option(
    "--window", default=100, show_default=True, type=click.IntRange(1),
    help="Maximum unacknowledged messages per sender, without --rate.",
)  # fmt: skip
@click.option(
    "--payload", default=64, show_default=True, type=click.IntRange(MIN_PAYLOAD, MAX_TEXT),
    help="Size of each message's text, in bytes.",
)  # fmt: skip
@click.option(
    "--room", default=LOBBY, show_default=True, metavar="CODE",
    help="Code of the room. new creates one and closes it afterwards, so that the messages disappear.",
)  # fmt: skip
@click.option(
    "--drop", is_flag=True,
    help="At the end, disconnect all users at once while one more user keeps sending, and "
    "measure until every user has reconnected and caught up.",
)  # fmt: skip
@click.option(
    "--patience", type=DURATION, default="20s", show_default=True,
    help="Time without progress after which missing messages count as lost.",
)  # fmt: skip
@click.option(
    "--files", "file_size", type=SIZE, default=None, metavar="SIZE",
    help="Size of a file, such as 10MB, that one more user sends meanwhile, and --receivers save.",
)  # fmt: skip
@click.option(
    "--receivers", default=2, show_default=True, type=click.IntRange(0),
    help="Number of users that save the file of --files at once.",
)  # fmt: skip
@tls_options
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
    file_size: int | None,
    receivers: int,
    link: str | None,
    udp: bool,
    channel: str | None,
    seed: int | None,
    ca: Path | None,
    fingerprint: str | None,
    keylog: Path | None,
    as_json: bool,
) -> int:
    """Load-test a server: simulate many users, check every delivery, and measure.

    Every user checks that each event of the room arrives once, in order and unaltered. The exit
    code is 0 if every delivery was correct, 1 if not, 3 if there is no server.

    A server throttles a connection that sends more than 1000 frames per second. To measure its
    maximum, run it with `netchat serve --rate 0`, and --max-users large enough for all users.

    \b
    Examples:
      netchat load localhost                              100 users, one sender
      netchat load localhost --room new --senders 60      in a room that is closed afterwards
      netchat load localhost --users 1000 --rate 500      latency at a constant load
      netchat load localhost --users 2000 --drop          mass reconnect
      netchat load localhost --rate 50 --files 50MB       latency while a file is transferred
      netchat load localhost --users 4 --messages 10000 --link rs:255,223 --channel bsc:1e-3
                                                          over links with bit errors
    """
    code = check_path(link, channel, udp=udp)
    if senders > users:
        raise click.UsageError(f"--senders must be at most --users {users}, got {senders}.")
    servers, tls = parse_servers(address, ca, fingerprint, keylog, udp=udp)
    if len(servers) > 1:
        raise click.UsageError(f"load tests one server, got {len(servers)}.")
    host, port = servers[0]
    with progress_bar() as show:

        def drive(room: str) -> Coroutine[Any, Any, LoadReport]:
            return run_load(
                host, port, users=users, senders=senders, messages=messages, rate=rate,
                window=window, payload=payload, room=room, drop=drop, stall_timeout=patience,
                link=code, channel=channel, seed=seed, udp=udp, tls=tls,
                file_size=file_size or 0, receivers=receivers,
                progress=lambda phase, done, of: show(done / of, f"{phase} {done}/{of}"),
            )  # fmt: skip

        if room == _NEW:
            client = Client(
                address, name="load-owner", ca=ca, fingerprint=fingerprint, keylog=keylog
            )
            report = run(_in_new_room(client, drive))
        else:
            report = run(drive(room))
    if as_json:
        click.echo(json.dumps(report.as_dict(), indent=2))
    else:
        from rich.console import Console

        Console().print(_table(report))
        for note in report.notes:
            click.echo(f"note: {_plain(note)}")
    return OK if report.ok else FAILED


async def _in_new_room(
    client: Client, drive: Callable[[str], Coroutine[Any, Any, LoadReport]]
) -> LoadReport:
    """Drive the server in a new room, and close the room, so that its messages disappear."""
    async with client as owner:
        room = await owner.create()
        try:
            return await drive(room.code)
        finally:
            await room.close("The load test has ended")


def _plain(text: str) -> str:
    """Return a note as one line without control characters: it may quote the server."""
    from netchat.chat.text import show_text

    return show_text(text).replace("\n", "\\n")


def _table(report: LoadReport) -> Table:
    from rich.markup import escape
    from rich.table import Table

    title = escape(f"load on {report.server}")
    table = Table(show_header=False, title=title, title_justify="left")
    faults = report.faults
    table.add_row("users", f"{report.users:,}, with {many(report.senders, 'sender')}")
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
        table.add_row("server CPU", f"{cpu}, {use.cpu_us_per_delivery:.2f} µs per delivery")
        each = f"{use.memory_per_connection / 1024:,.1f} KiB per connection"
        table.add_row("server memory", f"{use.memory / 2**20:,.1f} MiB, {each}")
    if (drop := report.drop) is not None:
        table.add_row(
            "mass reconnect",
            f"{many(drop.clients, 'user')} back in {drop.back_seconds:.2f} s, caught up in "
            f"{drop.seconds:.2f} s ({many(drop.missed, 'delivery', 'deliveries')} from the history, "
            f"{many(drop.retries, 'retry', 'retries')})",
        )
    if (files := report.files) is not None:
        table.add_row(
            "files",
            f"{show_size(files.size)} sent in {files.upload_seconds:.2f} s "
            f"({show_size(round(files.upload_rate))}/s), saved by {many(files.receivers, 'user')} in "
            f"{files.download_seconds:.2f} s ({show_size(round(files.download_rate))}/s)",
        )
    if (links := report.link) is not None:
        over = (" over UDP" if links.udp else "") + (
            f" through {links.channel}" if links.channel else ""
        )
        table.add_row(
            "links",
            f"{escape(links.link + over)}: {many(links.blocks_sent + links.blocks_received, 'block')}, "
            f"{many(links.wrong_bits, 'bit error')} received, "
            f"{many(links.corrected_symbols, 'symbol')} corrected, "
            f"{many(links.failed_blocks, 'block')} failed, {links.retransmissions:,} retransmitted",
        )
    if report.reconnects:
        table.add_row("lost connections", f"{report.reconnects:,}")
    if report.broken:
        what = f"{many(report.broken, 'frame')} with a wrong checksum; the clients reconnected"
        table.add_row("broken streams", what)
    wrong = (
        f"{faults.lost:,} lost, {faults.doubled:,} duplicated, {faults.disordered:,} out of order, "
        f"{faults.altered:,} altered"
    )
    verdict = "[green]every delivery correct[/green]" if report.ok else f"[red]WRONG[/red]: {wrong}"
    table.add_row("checked", verdict)
    return table
