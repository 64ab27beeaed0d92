"""`netchat tui`: chat in a full-screen terminal app."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import click

from netchat.cli.client import ChatSettings, converse
from netchat.cli.params.path import check_path, path_options
from netchat.cli.params.tls import parse_servers, tls_options
from netchat.errors import NetchatError
from netchat.wire import DEFAULT_PORT

__all__ = ["tui"]


@click.command(short_help="Chat in a full-screen terminal app with panes.")
@click.argument("addresses", metavar="[[tls://]HOST[:PORT],...]", default="127.0.0.1")
@click.option("-n", "--name", help="Your user name.  [default: prompt for it]")
@click.option(
    "-p", "--port", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True,
    help="Port, if the address names none.",
)  # fmt: skip
@click.option("--room", metavar="CODE", help="Room to join first.  [default: the lobby]")
@click.option(
    "--theme", type=click.Choice(["dark", "light"]), default="dark", show_default=True,
    help="Colours of the app; NO_COLOR removes them.",
)  # fmt: skip
@click.option(
    "--state/--no-state", default=True, show_default=True,
    help="Store the session and unacknowledged messages on disk, to resume after a crash.",
)  # fmt: skip
@click.option(
    "--insecure-password", is_flag=True,
    help="Send passwords even over a network that can read them.",
)  # fmt: skip
@tls_options
@path_options
def tui(
    addresses: str,
    name: str | None,
    port: int,
    room: str | None,
    theme: str,
    state: bool,
    insecure_password: bool,
    link: str | None,
    udp: bool,
    channel: str | None,
    seed: int | None,
    ca: Path | None,
    fingerprint: str | None,
    keylog: Path | None,
) -> int:
    """Chat on the server at HOST in a full-screen app: conversations, log and people in panes.

    It needs the extra `tui`: pip install "netchat[tui]". `netchat client` is the accessible client, for
    screen readers too; all its commands work here. F1 lists them, Ctrl-P opens the command palette.

    \b
    Examples:
      netchat tui --name Nova                                    on this machine
      netchat tui tls://chat.example.org --name Nova             over TLS
      netchat tui --name Nova --link rs:255,223 --channel bsc:1e-3    F3 shows the link
    """
    code = check_path(link, channel, udp=udp)
    servers, tls = parse_servers(addresses, ca, fingerprint, keylog, udp=udp, port=port)
    if importlib.util.find_spec("textual") is None:
        raise NetchatError(
            'The app needs Textual, which is not installed. Install it with: pip install "netchat[tui]"'
        )
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise NetchatError("The app needs a terminal; in a pipe, use netchat client.")
    path = None
    if code is not None or channel is not None:
        from netchat.net.client_path import ClientPath

        path = ClientPath(code, channel, seed, udp=udp, tls=tls)
    chat = ChatSettings(
        servers,
        room or "",
        float("inf"),
        state,
        True,
        False,
        path,
        tls,
        insecure_password,
        [],
        theme,
    )
    return converse(chat, name, None, "", is_new=False)
