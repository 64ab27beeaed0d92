"""`netchat window`: chat in a desktop window."""

from __future__ import annotations

import platform
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netchat.cli.params.connection import ConnectionOptions, connection_options
from netchat.errors import NetchatError
from netchat.exit_codes import OK
from netchat.net.address import parse_addresses, split_scheme
from netchat.wire import DEFAULT_PORT

if TYPE_CHECKING:
    import tkinter as tk

    from netchat.net.tls.client import TlsClient

__all__ = ["window"]

#: Commands that install Tk, by the name of the distribution or one that it is like.
_INSTALL = {
    "debian": "sudo apt install python3-tk",
    "ubuntu": "sudo apt install python3-tk",
    "fedora": "sudo dnf install python3-tkinter",
    "rhel": "sudo dnf install python3-tkinter",
    "suse": "sudo zypper install python3-tk",
    "arch": "sudo pacman -S tk",
    "alpine": "sudo apk add python3-tkinter",
}


@click.command(short_help="Chat in a desktop window.")
@click.argument("address", metavar="[[tls://]HOST[:PORT]]", default="")
@connection_options(
    name_default="that of the last time",
    state_help="Store the session and the last login on disk, to resume after a crash.",
    has_path=False,
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
    """
    given = _parse(address) if address else None
    name, room = connection.name or "", connection.room
    ca, fingerprint, keylog = connection.ca, connection.fingerprint, connection.keylog
    if ca is not None or fingerprint is not None or keylog is not None:
        connection.connect_to("tls://127.0.0.1")  # checks them
    root = _open_display()
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


def _open_display() -> tk.Tk:
    """Return Tk's root window.

    Raises:
        NetchatError: Tk is not installed, or there is no display.
    """
    try:
        import tkinter as tk
    except ImportError as error:
        raise NetchatError(
            f"The window needs Tk, which this Python lacks. Install it with: {install_line()}"
        ) from error
    from netchat.desktop.theme import prepare_display

    prepare_display()
    try:
        root = tk.Tk(className="netchat")
    except tk.TclError as error:
        raise NetchatError(
            f"Cannot open a window: {error}. `netchat client` chats in this terminal."
        ) from error
    root.withdraw()
    return root


def install_line() -> str:
    """Return the command that installs Tk on this system."""
    if sys.platform == "darwin":
        return "brew install python-tk"
    if sys.platform == "win32":
        return "the installer of Python, with the option tcl/tk"
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        system = {}
    names = [system.get("ID", ""), *system.get("ID_LIKE", "").split()]
    return next((_INSTALL[name] for name in names if name in _INSTALL), _INSTALL["debian"])
