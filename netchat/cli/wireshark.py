"""`netchat wireshark`: install, print or check the Wireshark dissector."""

from __future__ import annotations

import json
from pathlib import Path

import click

from netchat.cli.output_files import write_output
from netchat.errors import NetchatError
from netchat.exit_codes import FAILED
from netchat.packets.wireshark import plugin
from netchat.packets.wireshark.dissector import DISSECTOR, dissector
from netchat.wording import cannot

__all__ = ["wireshark"]

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group(short_help="Install, print or check the Wireshark dissector.")
def wireshark() -> None:
    """Install, print or check the dissector that lets Wireshark and tshark decode the chat.

    It is generated from the protocol. Every field is a display filter (netchat.room == "lobby"),
    damage is marked, and requests are linked to their answers. It decodes TCP port 6464, and any
    other port on which it detects the chat.

    \b
    Examples:
      netchat wireshark install
      tshark -r chat.pcapng -Y 'netchat.sender == "Ada"'
      netchat wireshark print > netchat.lua
    """


@wireshark.command()
@click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path),
    help="Target folder.  [default: the user's plugin folder, as tshark reports it]",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def install(folder: Path | None, as_json: bool) -> None:
    """Install the dissector in Wireshark's plugin folder.

    \b
    Examples:
      netchat wireshark install
      sudo netchat wireshark install --dir /usr/lib/x86_64-linux-gnu/wireshark/plugins
    """
    path = plugin.install(folder)
    loaded = plugin.is_loaded() if folder is None else None
    if as_json:
        click.echo(json.dumps({"path": str(path), "loaded": loaded}))
        return
    click.echo(f"Wrote {path}.")
    if loaded:
        click.echo("Wireshark loads it. Filter by netchat, or by a field such as netchat.room.")
    elif loaded is None and folder is None:
        click.echo("tshark is not installed, so loading was not tested.", err=True)
    elif loaded is False:
        raise NetchatError(
            "tshark does not load the dissector. Lua may be disabled: check enable_lua (for root also "
            "run_user_scripts_when_superuser) in init.lua, in the global configuration folder that "
            "tshark -G folders lists."
        )


@wireshark.command(name="print")
def print_() -> None:
    """Print the dissector.

    \b
    Example:
      netchat wireshark print > netchat.lua && tshark -X lua_script:netchat.lua -r chat.pcapng
    """
    click.echo(dissector(), nl=False)


@wireshark.command()
@click.argument("path", metavar="[FILE]", required=False, type=_FILE)
def write(path: Path | None) -> None:
    """Write the dissector to FILE (default: the project's own; - is standard output).

    \b
    Example:
      netchat wireshark write      after a change to the protocol
    """
    path = path if path is not None else DISSECTOR
    write_output(path, dissector())
    if str(path) != "-":
        click.echo(f"Wrote {path}.")


@wireshark.command()
@click.argument("path", metavar="[FILE]", required=False, type=_FILE)
@click.pass_context
def check(ctx: click.Context, path: Path | None) -> None:
    """Check that FILE (default: the project's own) is up to date; fail if not.

    \b
    Example:
      netchat wireshark check
    """
    path = path if path is not None else DISSECTOR
    try:
        found = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        click.echo(cannot("read", path, error), err=True)
        ctx.exit(FAILED)
    if found != dissector():
        click.echo(f"{path} is out of date. Regenerate it with: netchat wireshark write", err=True)
        ctx.exit(FAILED)
    click.echo(f"{path} is up to date.")
