"""`netchat client`: chat in a terminal, or in a pipe."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netchat.chat.client_events import NameRejected
from netchat.chat.names import fold, normalize_name, suggest, validate_name
from netchat.cli.params.duration import DURATION
from netchat.cli.params.path import check_path, path_options
from netchat.errors import NetchatError
from netchat.net.address import parse_address, show_address
from netchat.net.client_driver import ClientDriver
from netchat.net.client_store import ClientStore
from netchat.net.event_loop import run
from netchat.private_files import tighten
from netchat.tui.lines import Line, harmless, notice
from netchat.tui.pipe import chat_in_pipe
from netchat.tui.session import Conversation
from netchat.wire import DEFAULT_PORT

if TYPE_CHECKING:
    from netchat.net.client_path import ClientPath

__all__ = ["client"]

#: Seconds without a connection after which a client without a keyboard gives up.
TIMEOUT = 60.0

#: Bytes that a file name may have almost everywhere, less what is added to it.
LONGEST_FILE_NAME = 200


@click.command(short_help="Chat in this terminal, or send what is piped in.")
@click.argument("address", metavar="[HOST[:PORT]]", default="127.0.0.1")
@click.option("--name", help="Your name in the chat; asked for in a terminal.")
@click.option("--room", metavar="CODE", help="Room to begin in.  [default: the lobby]")
@click.option(
    "--json", "as_json", is_flag=True, help="Print everything as JSON, one object a line."
)
@click.option(
    "--patience", type=DURATION,
    help="For how long to try to reconnect.  [default: for ever in a terminal, else 1m]",
)  # fmt: skip
@click.option(
    "--state/--no-state", default=True, show_default=True,
    help="Keep on disk what is needed to go on after a crash with nothing lost.",
)  # fmt: skip
@path_options
def client(
    address: str,
    name: str | None,
    room: str | None,
    as_json: bool,
    patience: float | None,
    state: bool,
    link: str | None,
    udp: bool,
    channel: str | None,
    seed: int | None,
) -> int:
    """Chat on the server at HOST (this machine by default) and PORT (6464).

    In a terminal you type, and /help lists the commands. In a pipe the lines of standard input are
    sent, commands too; the client leaves when the last one was delivered. Events and answers go to
    standard output, everything else to standard error.

    \b
    Examples:
      netchat client --name Nova                            on this machine
      netchat client chat.example.org:6464 --name Nova      somewhere else
      netchat client --name Nova --room 7K3F9-2MQ0T         in a room you know the code of
      date | netchat client --name Clock                    send what a program prints
      tail -f /dev/null | netchat client --name Log --json   only listen, for a program

    \b
    Over a line that turns one bit in a thousand over, both ways; /link shows what is corrected:
      netchat client --name Nova --link rs:255,223 --channel bsc:1e-3
      netchat client --name Nova --link none --channel bsc:1e-3     and how it breaks without

    \b
    With the code that suits the line at the moment; /link shows which one, and why:
      netchat client --name Nova --link adaptive --channel bsc:5e-3

    \b
    Over UDP, to a server that was started with --udp:
      netchat client --name Nova --udp --link rs:255,223 --channel bsc:1e-3
    """
    code = check_path(link, channel, udp=udp)
    try:
        host, port = parse_address(address, DEFAULT_PORT)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="HOST[:PORT]") from error
    at_keyboard = sys.stdin.isatty() and sys.stdout.isatty() and not as_json
    if name is None and not at_keyboard:
        raise click.UsageError("Say who you are: --name NAME (there is nobody here to ask).")
    if patience is None:
        patience = float("inf") if at_keyboard else TIMEOUT
    path = None
    if code is not None or channel is not None:
        from netchat.net.client_path import ClientPath

        path = ClientPath(code, channel, seed, udp=udp)
    while True:
        name = normalize_name(name if name is not None else click.prompt("Your name"))
        outcome = _name_problem(name) or _chat(
            name, host, port, room or "", patience, state, at_keyboard, as_json, path
        )
        if not isinstance(outcome, NameRejected):
            return outcome
        if not at_keyboard:
            free = f" {outcome.suggestion} is free." if outcome.suggestion else ""
            raise NetchatError(harmless(outcome.why + free))
        click.echo(harmless(outcome.why), err=True)
        name = click.prompt("Your name", default=harmless(outcome.suggestion) or None)


def _name_problem(name: str) -> NameRejected | None:
    """Refuse what the server would refuse, before a file is named after it."""
    problem = validate_name(name)
    return NameRejected(problem, suggest(name, lambda _: False)) if problem else None


def _chat(
    name: str,
    host: str,
    port: int,
    room: str,
    patience: float,
    state: bool,
    at_keyboard: bool,
    as_json: bool,
    path: ClientPath | None,
) -> int | NameRejected:
    """Chat under one name; returns the exit code, or why the name would not do."""
    store, notes = None, list[Line]()
    if state:
        try:
            store = ClientStore(_state_file(name, host, port))
            told = [store.notice, tighten(store.path.parent)]
            notes += [notice("warning", text) for text in told if text]
        except NetchatError as error:
            # Most likely another client of that name has it; then the server will say so.
            notes.append(notice("warning", f"After a crash messages can be lost: {error}"))
    try:
        connection = ClientDriver(host, port, name, store=store, timeout=patience, path=path)
        shown = show_address(host, port)
        conversation = Conversation(connection, shown, room, remembers=store is not None)
        if at_keyboard:
            # Takes a while to import, and a pipe does not need it.
            from netchat.tui.terminal import chat_in_terminal

            status = run(chat_in_terminal(conversation, notes))
        else:
            status = run(chat_in_pipe(conversation, notes, as_json=as_json))
    finally:
        if store is not None:
            store.close()
    return status if conversation.refused is None else conversation.refused


def _state_file(name: str, host: str, port: int) -> Path:
    import platformdirs

    # \w is letters and digits of any script, and "_"; nothing else gets into a file name.
    label = re.sub(r"[^\w.-]", "_", f"{host.casefold()}_{port}_{fold(name)}")
    if len(label.encode()) > LONGEST_FILE_NAME:
        label = hashlib.sha256(label.encode()).hexdigest()
    return platformdirs.user_state_path("netchat") / f"{label}.db"
