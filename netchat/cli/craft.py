"""`netchat craft`: build a valid or invalid frame; show, save or send it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netchat.chat.text import show_text
from netchat.cli.params.duration import DURATION
from netchat.cli.params.tls import parse_servers, tls_options
from netchat.cli.render.frame_dump import frame_dump
from netchat.cli.render.transcript import frame_as_dict, heard_as_dict, heard_line, verdict
from netchat.errors import EncodeError, Refused
from netchat.net.probe import Probe, TranscriptEntry, parse_message
from netchat.wire import DEFAULT_PORT, MESSAGES, Hello, Join, Way, encode

if TYPE_CHECKING:
    from netchat.net.tls.trust import Trust

__all__ = ["craft"]

#: Maximum listening time, as a multiple of --wait, if the server never falls silent.
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
            self.fail(f"must be FIELD=VALUE, got {value!r}.", param, ctx)
        return name, content


@click.command(short_help="Build a valid or invalid frame; show, save or send it.")
@click.argument("message", metavar="TYPE")
@click.argument("pairs", metavar="[FIELD=VALUE]...", nargs=-1, type=_Pairs())
@click.option("--hex", "as_hex", is_flag=True, help="Print the frame as plain hexadecimal.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, one object.")
@click.option(
    "--pcap", metavar="FILE", type=click.Path(dir_okay=False, allow_dash=True),
    help="Save the frame as a capture, in Ethernet, IP and TCP packets; - is standard output, "
    "instead of the text.",
)  # fmt: skip
@click.option(
    "--send", metavar="[tls://]HOST[:PORT]", help="Send the frame to a server and show its answers."
)
@click.option(
    "--hello", metavar="NAME",
    help="First send HELLO with this name, and JOIN if the message concerns a room.",
)  # fmt: skip
@tls_options
@click.option(
    "--wait", type=DURATION, default="500ms", show_default=True,
    help="With --send: stop listening after this time without data.",
)  # fmt: skip
def craft(
    message: str,
    pairs: tuple[tuple[str, str], ...],
    as_hex: bool,
    as_json: bool,
    pcap: str | None,
    send: str | None,
    hello: str | None,
    ca: Path | None,
    fingerprint: str | None,
    keylog: Path | None,
    wait: float,
) -> None:
    """Build a frame of TYPE (SEND, history-end, 0x20) from its fields.

    Write numbers as 10, 0x0a or by name (kind=CHAT), blobs in hexadecimal, and texts as they are.
    A list is JSON, or one item at a time: rooms[0].peer=Bo. You can also set the header fields
    magic, version, type, flags, suite, reserved, length and crc, and the lengths in the body
    (room_len, rooms_count); by default they are valid. By default, a room is the lobby, request
    and counter are 1, and all other fields are 0 or empty. body=HEX replaces all fields.

    \b
    Examples:
      netchat craft SEND text=hello                     show the frame byte by byte
      netchat craft SEND text=hello crc=0 length=9999   an invalid frame
      netchat craft EVENT kind=RENAME seq=7 sender=Ada text=Zoe --hex
      netchat craft HELLO name=Ada 'positions[0].room=lobby' 'positions[0].last=41'
      netchat craft SEND text=hello --pcap hello.pcap   for Wireshark
      netchat craft SEND text=hello --hello Ada --send 127.0.0.1
      netchat craft 0x7f body=00ff --send 127.0.0.1     a type that does not exist
    """
    # Scapy is slow to import, and `--help` does not need it.
    from netchat.packets.frame_builder import craft as build

    if hello is not None and send is None and pcap is None:
        raise click.UsageError("--hello requires --send or --pcap.")
    if pcap == "-" and (as_hex or as_json):
        raise click.UsageError("--pcap - uses standard output: omit --hex and --json.")
    address = None
    trust = None
    if send is not None:
        servers, tls = parse_servers(send, ca, fingerprint, keylog, hint="--send")
        if len(servers) > 1:
            raise click.BadParameter(f"needs one server, got {len(servers)}.", param_hint="--send")
        address, trust = servers[0], None if tls is None else tls.trust
    elif ca is not None or fingerprint is not None or keylog is not None:
        raise click.UsageError("--ca, --fingerprint and --keylog require --send tls://HOST.")
    values = dict(pairs)
    if len(values) < len(pairs):
        repeated = next(n for i, (n, _) in enumerate(pairs) if n in dict(pairs[:i]))
        raise click.UsageError(f"{repeated} is given more than once.")
    try:
        frame = bytes(build(message, **values))
    except EncodeError as error:
        raise click.UsageError(str(error)) from error

    problem = verdict(frame)
    result: dict[str, Any] = {"frame": frame_as_dict(frame), "verdict": problem}
    if as_hex:
        click.echo(frame.hex())
    elif not as_json and pcap != "-":
        for line in frame_dump(frame):
            click.echo(line)
        if problem is not None:
            click.echo(f"  A receiver will reject it: {show_text(problem)}")
    heard = None
    if address is not None:
        heard = _send(
            frame, address, trust, hello, wait, show=not (as_json or as_hex or pcap == "-")
        )
        result["conversation"] = [heard_as_dict(item) for item in heard]
    if pcap is not None:
        _save(pcap, frame, heard, hello, address[1] if address is not None else DEFAULT_PORT)
    if as_json:
        click.echo(json.dumps(result, indent=2))


def _send(
    frame: bytes,
    address: tuple[str, int],
    trust: Trust | None,
    name: str | None,
    wait: float,
    *,
    show: bool,
) -> list[TranscriptEntry]:
    """Send a frame, preceded by HELLO and JOIN if requested; return the transcript."""
    own = parse_message(frame)
    with Probe(*address, trust) as probe:
        try:
            if name is not None:
                probe.hello(name)
                room = getattr(own, "room", None)
                if room is not None and not isinstance(own, Join):
                    probe.join(room)
        except Refused as error:
            # Send the frame anyway: the user wants to see the server's reaction.
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
    """Write a capture of the conversation with a server, or of the frame alone without one."""
    from netchat.files import tighten
    from netchat.packets.encapsulate import Encapsulation

    chat = Encapsulation(port=port, now=heard[0].time if heard else None)
    if heard is not None:
        for item in heard:
            chat.send(item.data, by_server=item.by_server, at=item.time)
    else:
        if name is not None:
            chat.send(encode(Hello(0, bytes(range(16)), b"", name, "netchat craft", ())))
        declared = MESSAGES.get(frame[3])
        chat.send(frame, by_server=declared is not None and declared.WAY is Way.TO_CLIENT)
    chat.close()
    if file == "-":
        chat.save(sys.stdout.buffer)
        return
    if notice := tighten(Path(file)):
        click.echo(notice, err=True)
    chat.save(file)
    click.echo(f"Wrote {file}.", err=True)
