"""`netchat window`: chat in a desktop window."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netchat.cli.open_display import open_display
from netchat.cli.params.connection import ConnectionOptions, connection_options
from netchat.cli.params.path import check_path
from netchat.cli.params.tls import parse_servers
from netchat.errors import NetchatError
from netchat.exit_codes import OK
from netchat.net.address import parse_addresses, split_scheme
from netchat.wire import DEFAULT_PORT

if TYPE_CHECKING:
    from netchat.net.tls.client import TlsClient

__all__ = ["window"]


@click.command(short_help="Chat in a desktop window.")
@click.argument("address", metavar="[[tls://]HOST[:PORT]]", default="")
@connection_options(
    name_default="that of the last time",
    state_help="Store the session and the last login on disk, to resume after a crash.",
    has_port=False,
)
@click.option(
    "--theme", type=click.Choice(["auto", "light", "dark"]), default="auto", show_default=True,
    help="Colours of the window; auto follows the desktop.",
)  # fmt: skip
@click.option(
    "--scale", type=click.FloatRange(0.5, 4), metavar="FACTOR",
    help="Size of the window's contents.  [default: that of the display]",
)  # fmt: skip
def window(address: str, theme: str, scale: float | None, connection: ConnectionOptions) -> int:
    """Chat on the server at HOST in a desktop window.

    A login window asks for your name, the server and a room code, and remembers them. With HOST and
    --name, the chat starts at once. Commands such as /help work as in `netchat client`, which is the
    better choice with a screen reader. Ctrl-Q, /quit and closing the window leave the chat.

    \b
    Examples:
      netchat window                                   ask for everything
      netchat window chat.example.org --name Nova      connect at once
      netchat window tls://chat.example.org            over TLS
      netchat window 127.0.0.1 --name Nova --link rs:255,223 --channel bsc:1e-3    over a noisy link
    """
    given = _parse(address) if address else None
    name, room, udp = connection.name or "", connection.room, connection.udp
    link, channel = connection.link, connection.channel
    ca, fingerprint, keylog = connection.ca, connection.fingerprint, connection.keylog
    check_path(link, channel, udp=udp)
    if udp and given is not None and given[2]:
        raise click.UsageError("TLS does not apply to UDP: omit tls:// or --udp.")
    if ca is not None or fingerprint is not None or keylog is not None:
        parse_servers("tls://127.0.0.1", ca, fingerprint, keylog)  # checks them
    root = open_display("`netchat client` chats in this terminal.")
    from netchat.desktop.application import Application, WindowSettings
    from netchat.desktop.login import LoginValues
    from netchat.desktop.saved_login import load_login, saved_file
    from netchat.desktop.system_theme import is_desktop_dark
    from netchat.desktop.worker import ChatWorker
    from netchat.tui.pipe import STOP_SIGNALS

    saved = saved_file() if connection.state else None
    login = load_login(saved) if saved is not None else LoginValues()
    if given is not None:
        host, port, tls = given
        login = LoginValues(login.name, host, port, tls)
    login = replace(login, name=name or login.name, room=login.room if room is None else room)
    if given is not None or link is not None or channel is not None or udp:
        # With an address, nothing of the last path remains, as nothing of the last server does.
        login = replace(login, link=link or "", channel=channel or "", udp=udp)
    if udp:
        login = replace(login, tls=False)
    settings = WindowSettings(
        login,
        connects=bool(address and name),
        is_dark=is_desktop_dark() if theme == "auto" else theme == "dark",
        scale=scale,
        saved=saved,
    )

    def make_worker(login: LoginValues) -> ChatWorker:
        return ChatWorker(
            login,
            _tls_factory(ca, fingerprint, keylog),
            keeps_state=connection.state,
            insecure_password=connection.insecure_password,
            seed=connection.seed,
        )

    application = Application(root, settings, make_worker)
    stopped: list[int] = []

    def stop(number: int, _: object) -> None:
        stopped.append(STOP_SIGNALS[signal.Signals(number)])
        application.quit()

    for number in STOP_SIGNALS:
        signal.signal(number, stop)
    application.run()
    if application.result:
        raise NetchatError(application.result)
    return stopped[0] if stopped else OK


def _parse(address: str) -> tuple[str, int, bool]:
    """Return the hosts, the port and whether to use TLS."""
    try:
        plain, is_tls = split_scheme(address)
        servers = parse_addresses(plain, DEFAULT_PORT)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="[tls://]HOST[:PORT]") from error
    host, port = servers[0]
    return (plain if len(servers) > 1 else host), port, is_tls


def _tls_factory(
    ca: Path | None, fingerprint: str | None, keylog: Path | None
) -> Callable[[Callable[[str], None]], TlsClient]:
    def make(notify: Callable[[str], None]) -> TlsClient:
        from netchat.net.tls.client import TlsClient
        from netchat.net.tls.trust import Trust

        return TlsClient(Trust(ca=ca, fingerprint=fingerprint, keylog=keylog, notify=notify))

    return make
