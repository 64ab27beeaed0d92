"""`netchat send`: send a file to a room or a user."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from netchat.cli.params.duration import DURATION
from netchat.cli.params.passwords import read_password_file
from netchat.cli.params.path import check_path, path_options
from netchat.cli.params.tls import parse_servers, tls_options
from netchat.cli.progress import progress_bar
from netchat.errors import NetchatError
from netchat.net.address import show_address
from netchat.net.client import Client
from netchat.net.event_loop import run
from netchat.wire import DEFAULT_PORT
from netchat.wire.file_offers import describe_offer
from netchat.wire.safe_text import show_line
from netchat.wording import cannot, show_size

__all__ = ["send"]

#: Name for a file from standard input.
STDIN_NAME = "stdin.bin"


@click.command(short_help="Send a file to a room or a user.")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.argument("addresses", metavar="[[tls://]HOST[:PORT],...]", default="127.0.0.1")
@click.option("-n", "--name", required=True, help="Your user name.")
@click.option(
    "-p", "--port", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True,
    help="Port, if the address names none.",
)  # fmt: skip
@click.option(
    "--room", metavar="CODE",
    help="Room to send it to; of a sealed room, CODE#SECRET.  [default: the lobby]",
)  # fmt: skip
@click.option("--to", metavar="NAME", help="User to send it to, instead of a room.")
@click.option(
    "--as", "shown", metavar="NAME",
    help=f"Name of the file for its receivers.  [default: its own, or {STDIN_NAME}]",
)  # fmt: skip
@click.option(
    "--patience", type=DURATION, default="1m", show_default=True, help="Reconnect timeout."
)
@click.option(
    "--password-file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File whose first line is the password of the user's account.",
)  # fmt: skip
@click.option(
    "--insecure-password", is_flag=True,
    help="Send the password even over a network that could read it.",
)  # fmt: skip
@tls_options
@path_options
def send(
    file: str,
    addresses: str,
    name: str,
    port: int,
    room: str | None,
    to: str | None,
    shown: str | None,
    patience: float,
    password_file: Path | None,
    insecure_password: bool,
    link: str | None,
    udp: bool,
    channel: str | None,
    seed: int | None,
    ca: Path | None,
    fingerprint: str | None,
    keylog: Path | None,
) -> None:
    """Send FILE (- reads standard input) on the server at HOST (default: this machine).

    The command ends once the server has the file on disk and has offered it. It continues after a lost
    connection, and exits with 1 if the server refuses the file.

    \b
    Examples:
      netchat send report.pdf --name Nova                     to the lobby
      netchat send report.pdf --name Nova --room 7K3F9-2MQ0T  to a room
      netchat send photo.jpg --name Nova --to Lea             to one user
      tar c . | netchat send - --name Nova --as files.tar     from a pipe
      netchat send photo.jpg --name Nova --link adaptive --channel bsc:1e-3
    """
    code = check_path(link, channel, udp=udp)
    servers, tls = parse_servers(addresses, ca, fingerprint, keylog, udp=udp, port=port)
    if room and to:
        raise click.UsageError("--room and --to cannot be combined.")
    scheme = "tls://" if tls is not None else ""
    client = Client(
        scheme + ",".join(show_address(*server) for server in servers),
        name=name,
        link=code,
        channel=channel,
        udp=udp,
        seed=seed,
        timeout=patience,
        password=read_password_file(password_file) if password_file is not None else None,
        insecure_password=insecure_password,
        ca=ca,
        fingerprint=fingerprint,
        keylog=keylog,
    )
    with _source(file) as path, progress_bar() as show:
        wanted = shown or (STDIN_NAME if file == "-" else path.name)
        text = run(_send(client, path, wanted, room or "lobby", to, show))
    click.echo(f"Sent {show_line(text)}.", err=True)


async def _send(
    client: Client,
    path: Path,
    name: str,
    code: str,
    to: str | None,
    show: Callable[[float, str], None],
) -> str:
    """Send the file; return its name and size."""
    begun = 0.0

    def report(done: int, size: int) -> None:
        nonlocal begun
        begun = begun or time.monotonic()
        elapsed = time.monotonic() - begun
        speed = f", {show_size(round(done / elapsed))}/s" if elapsed > 0 else ""
        show(done / size if size else 1.0, f"{show_size(done)} of {show_size(size)}{speed}")

    async with client as chat:
        room = await (chat.private(to) if to is not None else chat.join(code))
        event = await room.send_file(path, name=name, progress=report)
    return describe_offer(event.text)


@contextlib.contextmanager
def _source(file: str) -> Iterator[Path]:
    """Yield the path of the file; standard input is copied first, because its SHA-256 must be known."""
    if file != "-":
        yield Path(file)
        return
    with tempfile.NamedTemporaryFile(prefix="netchat-") as copy:
        try:
            shutil.copyfileobj(sys.stdin.buffer, copy)
            copy.flush()
        except OSError as error:
            raise NetchatError(cannot("read", "standard input", error)) from error
        yield Path(copy.name)
