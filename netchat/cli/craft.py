"""`netchat craft`: build a frame, right or wrong; show it, save it, or send it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from netchat.chat.text import show_text
from netchat.cli.params.duration import DURATION
from netchat.cli.render.frame_dump import anatomy
from netchat.cli.render.transcript import frame_as_dict, heard_as_dict, heard_line, verdict
from netchat.errors import EncodeError, Refused
from netchat.net.address import parse_address
from netchat.net.probe import Probe, TranscriptEntry, parse_message
from netchat.wire import DEFAULT_PORT, MESSAGES, Hello, Join, Way, encode

__all__ = ["craft"]

#: A server that never falls silent is listened to for so many times --wait.
LONGEST_WAITS = 10


class _Pairs(click.ParamType):  # type: ignore[type-arg] # generic since click 8.5 only
    """`field=value`."""

    name = "field=value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, equals, content = str(value).partition("=")
        if not equals or not name:
            self.fail(f"{value!r} is not FIELD=VALUE", param, ctx)
        return name, content


@click.command(short_help="Build any frame, right or wrong; show, save or send it.")
@click.argument("message", metavar="TYPE")
@click.argument("pairs", metavar="[FIELD=VALUE]...", nargs=-1, type=_Pairs())
@click.option("--hex", "as_hex", is_flag=True, help="Print the frame as plain hexadecimal.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, one object.")
@click.option(
    "--pcap", metavar="FILE", type=click.Path(dir_okay=False, allow_dash=True),
    help="Save it as a capture, with Ethernet, IP and TCP around it; - is standard output, in place "
    "of the text.",
)  # fmt: skip
@click.option("--send", metavar="HOST[:PORT]", help="Send it to a server, show what comes back.")
@click.option(
    "--hello", metavar="NAME",
    help="Say HELLO in front of it, and JOIN where the message is about a room.",
)  # fmt: skip
@click.option(
    "--wait", type=DURATION, default="500ms", show_default=True,
    help="With --send: listen until nothing came for so long.",
)  # fmt: skip
def craft(
    message: str,
    pairs: tuple[tuple[str, str], ...],
    as_hex: bool,
    as_json: bool,
    pcap: str | None,
    send: str | None,
    hello: str | None,
    wait: float,
) -> None:
    """Build a frame of TYPE (SEND, history-end, 0x20) from its fields.

    Numbers are written as 10 or 0x0a or by their name (kind=CHAT), blobs in hexadecimal, texts as
    they are. A list is JSON, or goes item by item: rooms[0].peer=Bo. The header's magic, version,
    type, flags, suite, reserved, length and crc can be set, and so can the lengths in the body
    (room_len, rooms_count); what is not set is made right. Without a value a room is the lobby,
    request and counter are 1, and all else is 0 or empty. body=HEX replaces all fields.

    \b
    Examples:
      netchat craft SEND text=hello                     shown byte by byte
      netchat craft SEND text=hello crc=0 length=9999   a wrong one
      netchat craft EVENT kind=RENAME seq=7 sender=Ada text=Zoe --hex
      netchat craft HELLO name=Ada 'positions[0].room=lobby' 'positions[0].last=41'
      netchat craft SEND text=hello --pcap hello.pcap   for Wireshark
      netchat craft SEND text=hello --hello Ada --send 127.0.0.1
      netchat craft 0x7f body=00ff --send 127.0.0.1     a type that does not exist
    """
    # Scapy takes its time to be imported, and `--help` does not need it.
    from netchat.packets.craft import craft as build

    if hello is not None and send is None and pcap is None:
        raise click.UsageError("--hello goes with --send or --pcap.")
    if pcap == "-" and (as_hex or as_json):
        raise click.UsageError("--pcap - takes standard output: leave out --hex and --json.")
    address = None
    if send is not None:
        try:
            address = parse_address(send, DEFAULT_PORT)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--send") from error
    values = dict(pairs)
    if len(values) < len(pairs):
        twice = next(n for i, (n, _) in enumerate(pairs) if n in dict(pairs[:i]))
        raise click.UsageError(f"{twice} is given twice.")
    try:
        frame = bytes(build(message, **values))
    except EncodeError as error:
        raise click.UsageError(str(error)) from error

    problem = verdict(frame)
    result: dict[str, Any] = {"frame": frame_as_dict(frame), "verdict": problem}
    if as_hex:
        click.echo(frame.hex())
    elif not as_json and pcap != "-":
        for line in anatomy(frame):
            click.echo(line)
        if problem is not None:
            click.echo(f"  A receiver will say: {show_text(problem)}")
    heard = None
    if address is not None:
        heard = _send(frame, address, hello, wait, show=not (as_json or as_hex or pcap == "-"))
        result["conversation"] = [heard_as_dict(item) for item in heard]
    if pcap is not None:
        _save(pcap, frame, heard, hello, address[1] if address is not None else DEFAULT_PORT)
    if as_json:
        click.echo(json.dumps(result, indent=2))


def _send(
    frame: bytes, address: tuple[str, int], name: str | None, wait: float, *, show: bool
) -> list[TranscriptEntry]:
    """Send a frame, with what has to go in front of it; returns all that was said."""
    own = parse_message(frame)
    with Probe(*address) as probe:
        try:
            if name is not None:
                probe.hello(name)
                room = getattr(own, "room", None)
                if room is not None and not isinstance(own, Join):
                    probe.join(room)
        except Refused as error:
            # The frame is sent all the same: what then happens is what the user wants to see.
            click.echo(f"netchat: {error}", err=True)
        probe.send(frame, own)
        probe.listen(LONGEST_WAITS * wait, quiet=wait)
        closed = probe.closed
        if name is not None:
            probe.bye()
    if show:
        click.echo()
        for item in probe.transcript:
            click.echo(heard_line(item))
    if closed:
        click.echo(f"netchat: {closed}", err=True)
    return probe.transcript


def _save(
    file: str, frame: bytes, heard: list[TranscriptEntry] | None, name: str | None, port: int
) -> None:
    """Write a capture: of what was said to a server, or else of the frame by itself."""
    from netchat.packets.encapsulate import Encapsulation
    from netchat.private_files import tighten

    chat = Encapsulation(port=port, now=heard[0].time if heard else None)
    if heard is not None:
        for item in heard:
            chat.say(item.data, by_server=item.by_server, at=item.time)
    else:
        if name is not None:
            chat.say(encode(Hello(0, bytes(range(16)), b"", name, "netchat craft", ())))
        declared = MESSAGES.get(frame[3])
        chat.say(frame, by_server=declared is not None and declared.WAY is Way.TO_CLIENT)
    chat.close()
    if file == "-":
        chat.save(sys.stdout.buffer)
        return
    if notice := tighten(Path(file)):
        click.echo(notice, err=True)
    chat.save(file)
    click.echo(f"{file} is written.", err=True)
