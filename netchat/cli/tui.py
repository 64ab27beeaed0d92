"""`netchat tui`: chat in a full-screen terminal app."""

from __future__ import annotations

import click

from netchat.cli.client import ChatSettings, converse
from netchat.cli.params.connection import ConnectionOptions, connection_options
from netchat.cli.params.full_screen import check_full_screen, theme_option

__all__ = ["tui"]


@click.command(short_help="Chat in a full-screen terminal app with panes.")
@click.argument("addresses", metavar="[[tls://]HOST[:PORT],...]", default="127.0.0.1")
@connection_options()
@theme_option
def tui(addresses: str, theme: str, connection: ConnectionOptions) -> int:
    """Chat on the server at HOST in a full-screen app: conversations, log and people in panes.

    It needs the extra `tui`: pip install "netchat[tui]". `netchat client` is the accessible client, for
    screen readers too; all its commands work here. F1 lists them, F4 shows the frames as they pass, and
    Ctrl-P opens the command palette.

    \b
    Examples:
      netchat tui --name Nova                                    on this machine
      netchat tui tls://chat.example.org --name Nova             over TLS
      netchat tui --name Nova --link rs:255,223 --channel bsc:1e-3    F3 shows the link
    """
    servers, tls, path = connection.connect_to(addresses)
    check_full_screen("use netchat client")
    chat = ChatSettings(
        servers,
        connection.room or "",
        float("inf"),
        connection.state,
        True,
        False,
        path,
        tls,
        connection.insecure_password,
        [],
        theme,
    )
    return converse(chat, connection.name, None, "", is_new=False)
