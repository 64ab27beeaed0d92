"""The group of all commands."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

import click

from netchat import __version__
from netchat.cli.lazy import LazyGroup
from netchat.cli.settings import load, locating_errors
from netchat.cli.streams import finish, harden
from netchat.errors import CannotConnect, NetchatError, NotPermitted
from netchat.exit_codes import FAILED, INTERRUPTED, NO_CONNECTION, NOT_PERMITTED, OK

__all__ = ["cli", "main"]

#: Every command: its name, the module in `netchat.cli` that has it, and its line in the help.
COMMANDS = {
    "serve": ("serve", "Run a chat server."),
    "recover": ("recover", "Copy what is readable of a damaged history."),
    "client": ("client", "Chat in this terminal, or send what is piped in."),
    "load": ("load", "Drive a server like a crowd, check every delivery, measure."),
    "demo": ("demo", "Show the main job end to end, in under a minute."),
    "sniff": ("sniff", "Show the chat on the wire, as it happens."),
    "inspect": ("inspect", "Show the chat in a capture file."),
    "craft": ("craft", "Build any frame, right or wrong; show, save or send it."),
    "replay": ("replay", "Play a capture's clients against a server, compare the answers."),
    "wireshark": ("wireshark", "Install, print or check the Wireshark dissector."),
    "noise": ("noise", "Damage what passes between any client and server."),
    "lab": ("lab.group", "Make hosts on this machine, joined by a network that damages."),
    "doctor": ("doctor", "Say what this machine can do, and what mends the rest."),
    "codes": ("codes", "List the channel codes, or hold one to the laws."),
    "encode": ("encode", "Send a text through code, channel and decoder, bit by bit."),
    "decode": ("encode", "Decode coded bytes, bit by bit."),
    "encode-bench": ("encode_bench", "Measure codes over channels, beside theory."),
    "link-bench": ("link_bench", "Measure links over channels: codes, retransmission, policies."),
    "protocol": ("protocol", "Show the wire protocol, or write and check its document."),
    "completion": ("completion", "Print the line that gives a shell tab completion."),
}


class _Root(LazyGroup):
    """All commands: what holds for each of them."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the options of the root; an error about a value says where the value is set."""
        with locating_errors():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error about a value says where the value is set."""
        with locating_errors():
            return super().invoke(ctx)


@click.group(
    cls=_Root,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 no connection, 4 not permitted, "
    "130 interrupted. Any option can also be set in the environment, as NETCHAT_COMMAND_OPTION, or "
    "in the configuration file, as option = value below [command].",
)
@click.version_option(__version__, prog_name="netchat")
@click.option(
    "--config",
    envvar="NETCHAT_CONFIG",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Configuration file (TOML, one table a command).  [default: config.toml in the user's "
    "configuration directory]",
)
@click.pass_context
def cli(ctx: click.Context, config: Path | None) -> None:
    """A packet-level networking lab built around a chat.

    \b
    Try it:
      netchat demo                      see it all in under a minute
      netchat serve                     run a server on this machine
      netchat client --name Nova        chat on it
    """
    if ctx.invoked_subcommand is not None and not ctx.resilient_parsing:
        ctx.default_map = load(ctx, config)


def _status_of(error: NetchatError) -> int:
    if isinstance(error, CannotConnect):
        return NO_CONNECTION
    return NOT_PERMITTED if isinstance(error, NotPermitted) else FAILED


def main() -> None:
    """Run the command line, and end with one of the documented exit codes."""
    harden()
    try:
        status = _run()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else OK
    sys.exit(finish(status))


def _run() -> int:
    try:
        status = cli.main(standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except click.ClickException as error:
        with contextlib.suppress(SystemExit):  # nobody reads it: the exit code says it all
            error.show()
        return error.exit_code
    except NetchatError as error:
        # It may quote what somebody else has sent. (Imported here: the help needs no protocol.)
        from netchat.wire.shown import show_text

        with contextlib.suppress(SystemExit):
            click.echo(f"netchat: {show_text(str(error))}", err=True)
        return _status_of(error)
    return status if isinstance(status, int) else OK
