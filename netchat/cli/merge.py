"""`netchat merge`: one capture from two, made on both sides of a network."""

from __future__ import annotations

from pathlib import Path

import click

from netchat.wire import DEFAULT_PORT
from netchat.wording import many

__all__ = ["merge"]

_FILE = click.Path(exists=True, dir_okay=False)


@click.command(short_help="Merge captures from both sides of a network.")
@click.argument("first", type=_FILE)
@click.argument("second", type=_FILE)
@click.option(
    "-o", "--output", "target", metavar="FILE", type=click.Path(dir_okay=False), required=True,
    help="File to write: pcap if it ends in .pcap, otherwise pcapng.",
)  # fmt: skip
@click.option(
    "--both", is_flag=True,
    help="Keep both copies of a packet that both captures have, each with the addresses on its side.",
)  # fmt: skip
@click.option(
    "--port", "ports", multiple=True, type=click.IntRange(1, 65535), default=(DEFAULT_PORT,),
    show_default=True,
    help="Port whose traffic is always decoded as chat; can be repeated.",
)  # fmt: skip
@click.option(
    "--max-frame", type=click.IntRange(1024, 2**24), default=65536, show_default=True,
    help="Maximum size of a frame in bytes, as set for the server.",
)  # fmt: skip
@click.option(
    "--keylog", metavar="FILE", type=click.Path(exists=True, dir_okay=False),
    help="Key log with TLS secrets, in addition to those in the captures.",
)  # fmt: skip
def merge(
    first: str, second: str, target: str, both: bool, ports: tuple[int, ...], max_frame: int,
    keylog: str | None,
) -> None:  # fmt: skip
    """Merge FIRST and SECOND, captured on both sides of a network, by time.

    The offset of the second clock is estimated from the conversations that both captures have, and
    corrected. A packet that both have is written once, as its sender's side captured it. Packets that
    only one side has are kept: they were lost on the way, or the other capture has dropped them. Behind a
    NAT, the result has the addresses of FIRST.

    \b
    Examples:
      netchat merge client.pcapng server.pcapng -o all.pcapng
      netchat merge client.pcapng server.pcapng -o all.pcapng --both    for Wireshark
      netchat inspect client.pcapng --compare server.pcapng             what was lost
    """
    from netchat.files import tighten
    from netchat.packets.merge import merge as merge_captures
    from netchat.packets.views.two_sides import clock_line

    if notice := tighten(Path(target)):
        click.echo(notice, err=True)
    done = merge_captures(
        first, second, target, ports, limit=max_frame, keylog=keylog, both=both
    )  # fmt: skip
    names = Path(first).name, Path(second).name
    found = done.comparison
    if found.offset is None:
        click.echo(
            "The captures have no conversation in common: their clocks are taken to be equal.",
            err=True,
        )
    else:
        click.echo(clock_line(found, *names), err=True)
    translated = sum(each.is_translated for each in found.conversations)
    if translated and not both:
        click.echo(
            f"{many(translated, 'conversation')} through a NAT; {many(done.translated, 'packet')} of "
            f"{names[1]} got the addresses of {names[0]}.",
            err=True,
        )
    click.echo(
        f"Wrote {target}: {many(done.packets[0], 'packet')} of {names[0]}, {done.packets[1]:,} of "
        f"{names[1]}; left out {many(done.copies, 'copy', 'copies')}.",
        err=True,
    )
    if done.secrets:
        click.echo(f"{target} contains TLS secrets: anyone with the file can read them.", err=True)
