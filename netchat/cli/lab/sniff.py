"""`netchat lab sniff`: capture chat traffic on a host's cable."""

from __future__ import annotations

import sys

import click

from netchat.cli.lab.permissions import require_network_rights

__all__ = ["sniff"]


@click.command(
    short_help="Capture chat traffic on a host's cable.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("what", metavar="[HOST] [OPTIONS OF SNIFF]", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def sniff(name: str, what: tuple[str, ...]) -> None:
    """Capture and decode chat traffic on the cable of HOST (default: h1), live.

    It listens at the bridge's end of the cable: frames from the host are still intact, frames to
    the host are already damaged. The options are those of `netchat sniff`.

    \b
    Examples:
      sudo netchat lab sniff
      sudo netchat lab sniff h2 --tree
      sudo netchat lab sniff h2 --write chat.pcapng      for netchat inspect and Wireshark
    """
    with require_network_rights():
        from netchat.lab.execute import execute
        from netchat.lab.lab_lock import namespace_of

        host, options = (
            (what[0], what[1:]) if what and not what[0].startswith("-") else ("h1", what)
        )
        namespace_of(name, host)
        command = [sys.executable, "-P", "-m", "netchat", "sniff", "-i", host, *options]
        execute(namespace_of(name), "bridge", command, as_root=True)
