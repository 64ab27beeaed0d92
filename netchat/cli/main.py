"""Root command `netchat`, and the exit code of each outcome."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from pathlib import Path
from typing import Any

import click

from netchat.cli.config import load, locating_errors
from netchat.cli.interrupt import die_at_interrupt, is_interrupt, repeat_discarded_interrupts
from netchat.cli.lazy_group import LazyGroup
from netchat.cli.streams import finish, harden
from netchat.errors import CannotConnect, NetchatError, NotFound, NotPermitted
from netchat.exit_codes import (
    FAILED,
    INTERRUPTED,
    NO_CONNECTION,
    NOT_FOUND,
    NOT_PERMITTED,
    OK,
)
from netchat.version import __version__

__all__ = ["cli", "main"]

#: Name of each command, its module in `netchat.cli`, and its line in the help.
COMMANDS = {
    "serve": ("serve", "Run a chat server."),
    "accounts": ("accounts.group", "Administer the accounts of a server on this machine."),
    "audit": ("audit", "Show what moderators have done."),
    "history": ("history.group", "List, export, import, verify or purge a history."),
    "recover": ("recover", "Copy the readable part of a damaged history."),
    "client": ("client", "Chat in this terminal, or send lines from a pipe."),
    "send": ("send", "Send a file to a room or a user."),
    "tui": ("tui", "Chat in a full-screen terminal app with panes."),
    "window": ("window", "Chat in a desktop window."),
    "load": ("load", "Load-test a server and check every delivery."),
    "demo": ("demo.command", "Show the main features, end to end, in under a minute."),
    "sniff": ("sniff", "Capture and decode chat traffic live."),
    "inspect": ("inspect", "Decode the chat traffic in a capture file."),
    "merge": ("merge", "Merge captures from both sides of a network."),
    "craft": ("craft", "Build a valid or invalid frame; show, save or send it."),
    "replay": ("replay", "Replay a capture's clients to a server; compare the answers."),
    "wireshark": ("wireshark", "Install, print or check the Wireshark dissector."),
    "noise": ("noise", "Run a proxy that damages traffic between client and server."),
    "lab": ("lab.group", "Create hosts on this machine, connected by a lossy network."),
    "grade": ("grade", "Grade students' notebooks; write tables and feedback."),
    "class": ("classroom.group", "Set up a class: folder, roster, sheets, server."),
    "doctor": ("doctor", "Check what this machine supports; show how to fix the rest."),
    "codes": ("codes", "List the channel codes, or check one against the laws."),
    "encode": ("encode", "Send a text through encoder, channel and decoder, bit by bit."),
    "decode": ("encode", "Decode coded bytes, bit by bit."),
    "encode-bench": ("encode_bench", "Measure codes over channels; compare with theory."),
    "link-bench": ("link_bench", "Measure links over channels: codes, ARQ, policies."),
    "protocol": ("protocol", "Show the wire protocol; write or check its document."),
    "config": ("config_command", "Show and check the configuration; list its keys."),
    "man": ("man", "Print or write the manual pages."),
    "completion": ("completion", "Print the line that enables tab completion."),
}


class _Root(LazyGroup):
    """Root group: names the source of an invalid value for every command."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the root's options; an error about a value names where the value is set."""
        with locating_errors():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error about a value names where the value is set."""
        with locating_errors():
            return super().invoke(ctx)


@click.group(
    cls=_Root,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 ok, 1 failed, 2 usage error, 3 no connection, 4 not permitted, 5 not found, "
    "130 interrupted. Any option can also be set in the environment, as NETCHAT_COMMAND_OPTION, or "
    "in the configuration file, as option = value under [command].",
)
@click.version_option(__version__, prog_name="netchat")
@click.option(
    "--config",
    envvar="NETCHAT_CONFIG",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Configuration file (TOML, one table per command).  [default: config.toml in the user's "
    "configuration directory]",
)
@click.pass_context
def cli(ctx: click.Context, config: Path | None) -> None:
    """Run netchat, a packet-level networking lab built around a chat.

    \b
    Try it:
      netchat demo                      show the main features in under a minute
      netchat serve                     run a server on this machine
      netchat client --name Nova        connect to it and chat
    """
    if ctx.invoked_subcommand is not None and not ctx.resilient_parsing:
        ctx.default_map = load(ctx, config)


def _status_of(error: NetchatError) -> int:
    if isinstance(error, CannotConnect):
        return NO_CONNECTION
    if isinstance(error, NotFound):
        return NOT_FOUND
    return NOT_PERMITTED if isinstance(error, NotPermitted) else FAILED


def main() -> None:
    """Run the command line and exit with one of the documented codes."""
    try:
        repeat_discarded_interrupts()
        harden()
        status = _run()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else OK
    except BaseException as error:
        if not is_interrupt(error):
            raise
        status = INTERRUPTED
    die_at_interrupt()
    status = finish(status)
    if status == INTERRUPTED or threading.active_count() > 1:
        os._exit(status)  # without waiting for threads: what they still compile has no use
    sys.exit(status)


def _run() -> int:
    try:
        status = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        return INTERRUPTED
    except click.ClickException as error:
        with contextlib.suppress(SystemExit):  # stderr may be closed; the exit code is kept
            error.show()
        return error.exit_code
    except NetchatError as error:
        if is_interrupt(error):
            return INTERRUPTED
        # The error may quote a peer's text. (Imported here: --help does not need the protocol.)
        from netchat.wire.safe_text import show_text

        with contextlib.suppress(SystemExit):
            click.echo(f"netchat: {show_text(str(error))}", err=True)
        return _status_of(error)
    return status if isinstance(status, int) else OK
