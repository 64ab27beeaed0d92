"""`netchat client`: chat in a terminal or through a pipe."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netchat.chat.client_events import LoginFailed, LoginRequired, NameRejected
from netchat.chat.client_session import Credentials
from netchat.chat.names import normalize_name, suggest, validate_name
from netchat.cli.params.duration import DURATION
from netchat.cli.params.passwords import prompt_new_password, read_password_file
from netchat.cli.params.path import check_path, path_options
from netchat.cli.params.tls import parse_servers, tls_options
from netchat.errors import NetchatError
from netchat.net.client_driver import ClientDriver
from netchat.net.event_loop import run
from netchat.tui.lines import Line, render, sanitize
from netchat.tui.pipe import run_pipe
from netchat.tui.session import ChatSession
from netchat.tui.state_file import open_store
from netchat.wire import DEFAULT_PORT, ErrorCode

if TYPE_CHECKING:
    from netchat.net.client_path import ClientPath
    from netchat.net.tls.client import TlsClient

__all__ = ["ChatSettings", "client", "converse"]

#: Seconds without a connection after which a client in a pipe gives up.
TIMEOUT = 60.0

#: Refusals of a login after which another password helps, or another name.
_RETRIED = {
    ErrorCode.WRONG_PASSWORD,
    ErrorCode.PASSWORD_NOT_ALLOWED,
    ErrorCode.NAME_TAKEN,
    ErrorCode.NAME_NOT_ALLOWED,
}

#: Refusals that concern the name.
_NAME_PROBLEMS = {ErrorCode.NAME_TAKEN, ErrorCode.NAME_NOT_ALLOWED}


@click.command(short_help="Chat in this terminal, or send lines from a pipe.")
@click.argument("addresses", metavar="[[tls://]HOST[:PORT],...]", default="127.0.0.1")
@click.option("-n", "--name", help="Your user name.  [default: prompt for it, in a terminal]")
@click.option(
    "-p", "--port", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True,
    help="Port, if the address names none.",
)  # fmt: skip
@click.option("--room", metavar="CODE", help="Room to join first.  [default: the lobby]")
@click.option(
    "--json", "as_json", is_flag=True, help="Print everything as JSON, one object per line."
)
@click.option(
    "--patience", type=DURATION,
    help="Reconnect timeout.  [default: none in a terminal, otherwise 1m]",
)  # fmt: skip
@click.option(
    "--state/--no-state", default=True, show_default=True,
    help="Store the session and unacknowledged messages on disk, to resume after a crash.",
)  # fmt: skip
@click.option(
    "--register", "is_new", is_flag=True, help="Register the name on the server, with a password."
)
@click.option("--invitation", metavar="CODE", help="Invitation to register with.")
@click.option(
    "--password-file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File whose first line is the password.  [default: prompt for it, in a terminal]",
)  # fmt: skip
@click.option(
    "--new-password-file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File whose first line is the new password for /passwd in a pipe.",
)  # fmt: skip
@click.option(
    "--insecure-password", is_flag=True,
    help="Send passwords even over a network that can read them.",
)  # fmt: skip
@tls_options
@path_options
def client(
    addresses: str,
    name: str | None,
    port: int,
    room: str | None,
    as_json: bool,
    patience: float | None,
    state: bool,
    is_new: bool,
    invitation: str | None,
    password_file: Path | None,
    new_password_file: Path | None,
    insecure_password: bool,
    link: str | None,
    udp: bool,
    channel: str | None,
    seed: int | None,
    ca: Path | None,
    fingerprint: str | None,
    keylog: Path | None,
) -> int:
    """Chat on the server at HOST (default: this machine) and PORT (default: 6464).

    HOST can be a list of servers of one cluster, separated by commas. The client uses one of them, and
    continues on another if that one fails.

    In a terminal, type messages; /help lists the commands. In a pipe, the client sends each line of
    standard input as a message or command, and exits when the last one is delivered. Events and
    answers go to standard output, everything else to standard error.

    \b
    Examples:
      netchat client --name Nova                            on this machine
      netchat client chat.example.org:6464 --name Nova      on another host
      netchat client --name Nova --room 7K3F9-2MQ0T         in a room whose code you know
      date | netchat client --name Clock                    send the output of a program
      tail -f /dev/null | netchat client --name Log --json   only listen, as JSON

    \b
    On a server with accounts:
      netchat client --name Nova --register                  register; the client prompts for a password
      netchat client --name Nova --password-file FILE        log in without a prompt

    \b
    Over a channel that flips one bit in a thousand in each direction; /link shows the corrections:
      netchat client --name Nova --link rs:255,223 --channel bsc:1e-3
      netchat client --name Nova --link none --channel bsc:1e-3     how it fails without a link

    \b
    With a code selected for the current error rate; /link shows the code and the reason:
      netchat client --name Nova --link adaptive --channel bsc:5e-3

    \b
    Over UDP, to a server that runs with --udp:
      netchat client --name Nova --udp --link rs:255,223 --channel bsc:1e-3

    \b
    Over TLS, to a server that runs with --tls. On the first connection, the client stores the
    server's key; later it refuses any other:
      netchat client tls://chat.example.org --name Nova
      netchat client tls://chat.example.org --name Nova --ca ca.crt
    """
    code = check_path(link, channel, udp=udp)
    servers, tls = parse_servers(addresses, ca, fingerprint, keylog, udp=udp, port=port)
    at_keyboard = sys.stdin.isatty() and sys.stdout.isatty() and not as_json
    if name is None and not at_keyboard:
        raise click.UsageError("--name NAME is required when the client cannot prompt for it.")
    if patience is None:
        patience = float("inf") if at_keyboard else TIMEOUT
    path = None
    if code is not None or channel is not None:
        from netchat.net.client_path import ClientPath

        path = ClientPath(code, channel, seed, udp=udp, tls=tls)
    if invitation is not None and not is_new:
        raise click.UsageError("--invitation requires --register.")
    if is_new and password_file is None and not at_keyboard:
        raise click.UsageError("--register needs --password-file when the client cannot prompt.")
    passwords = [
        read_password_file(file) for file in (password_file, new_password_file) if file is not None
    ]
    if new_password_file is not None and password_file is None:
        raise click.UsageError("--new-password-file needs --password-file.")
    chat = ChatSettings(
        servers,
        room or "",
        patience,
        state,
        at_keyboard,
        as_json,
        path,
        tls,
        insecure_password,
        passwords,
    )
    return converse(
        chat, name, passwords[0] if passwords else None, invitation or "", is_new=is_new
    )


def converse(
    chat: ChatSettings, name: str | None, password: str | None, invitation: str, *, is_new: bool
) -> int:
    """Chat; prompt for another name or password while the server rejects them.

    Returns:
        Exit code.

    Raises:
        NetchatError: The client cannot prompt, or the chat has failed.
    """
    while True:
        name = normalize_name(name if name is not None else click.prompt("Your name"))
        problem = _name_problem(name)
        credentials = None
        if problem is None and is_new and password is None:
            password = prompt_new_password()
        if password is not None:
            credentials = Credentials(name, password, is_new, invitation)
        outcome = problem or chat.run(name, credentials)
        if isinstance(outcome, int):
            return outcome
        if isinstance(outcome, LoginRequired | LoginFailed):
            name, password, is_new = _next_login(outcome, name, is_new=is_new, chat=chat)
            continue
        if not chat.at_keyboard:
            hint = f"Try {outcome.suggestion}." if problem else f"{outcome.suggestion} is free."
            raise NetchatError(
                sanitize(f"{outcome.why} {hint}" if outcome.suggestion else outcome.why)
            )
        click.echo(sanitize(outcome.why), err=True)
        name = click.prompt("Your name", default=sanitize(outcome.suggestion) or None)


def _next_login(
    problem: LoginRequired | LoginFailed, name: str, *, is_new: bool, chat: ChatSettings
) -> tuple[str | None, str | None, bool]:
    """Prompt for another name or password after a refused login.

    Returns:
        The name, the password and whether to register; None without one.

    Raises:
        NetchatError: The client cannot prompt, or prompting would not help.
    """
    why = problem.why
    if isinstance(problem, LoginFailed):
        helps = _RETRIED
        if is_new:
            helps = helps - {ErrorCode.WRONG_PASSWORD}
        if not chat.at_keyboard or problem.code not in helps:
            raise NetchatError(sanitize(why))
    elif not chat.at_keyboard:
        raise NetchatError(sanitize(f"{why} --password-file FILE logs in."))
    click.echo(sanitize(why), err=True)
    if isinstance(problem, LoginFailed) and problem.code in _NAME_PROBLEMS:
        return click.prompt("Your name", default=sanitize(problem.suggestion) or None), None, is_new
    if is_new:
        return name, prompt_new_password(), True
    password = click.prompt(
        f"Password of {sanitize(name)} (empty: another name)",
        hide_input=True,
        default="",
        show_default=False,
        err=True,
    )
    if password:
        return name, password, False
    suggestion = problem.suggestion
    return click.prompt("Your name", default=sanitize(suggestion) or None), None, False


def _name_problem(name: str) -> NameRejected | None:
    """Return why the server would reject a name, checked before a file is named after it."""
    problem = validate_name(name)
    return NameRejected(problem, suggest(name, lambda _: False)) if problem else None


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """Settings of a chat, without the user's name and password."""

    servers: list[tuple[str, int]]
    room: str
    patience: float
    state: bool
    at_keyboard: bool
    as_json: bool
    path: ClientPath | None
    tls: TlsClient | None
    insecure_password: bool
    passwords: list[str]
    full_screen: str | None = None  # the theme of the full-screen app, or None without it

    def run(
        self, name: str, credentials: Credentials | None
    ) -> int | NameRejected | LoginRequired | LoginFailed:
        """Chat under one name; return the exit code, or why the server rejected the user."""
        store, notes = None, list[Line]()
        if self.state:
            store, warnings = open_store(name, *self.servers[0])
            notes += warnings
        try:
            connection = ClientDriver(
                *self.servers[0],
                name,
                store=store,
                timeout=self.patience,
                path=self.path,
                tls=self.tls,
                others=self.servers[1:],
                credentials=credentials,
                insecure_password=self.insecure_password,
            )
            session = ChatSession(connection, self.room, has_store=store is not None)
            if self.full_screen is not None:
                from netchat.fullscreen.run import run_fullscreen

                is_dark = self.full_screen == "dark"
                status, lines = run(run_fullscreen(session, notes, is_dark=is_dark))
                for line in lines:
                    click.echo(render(line, colour=False, one_line=True), err=True)
            elif self.at_keyboard:
                # Slow to import, and a pipe does not need it.
                from netchat.tui.terminal import run_terminal

                status = run(run_terminal(session, notes))
            else:
                piped = run_pipe(session, notes, as_json=self.as_json, passwords=self.passwords)
                status = run(piped)
        finally:
            if store is not None:
                store.close()
        if session.was_online:
            return status
        return session.login_problem or session.name_rejection or status
