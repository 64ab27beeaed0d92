"""`netchat lab down`: end the lab, and whatever runs in it."""

from __future__ import annotations

import click

from netchat.cli.lab.permissions import require_network_rights

__all__ = ["down"]


@click.command(short_help="End the lab, and whatever runs in it.")
@click.pass_obj
def down(name: str) -> int:
    """End the lab, and the programs that run on its hosts; also what a killed lab has left.

    The exit code is 0 also if there was nothing to end.
    """
    with require_network_rights():
        from netchat.lab.lab import take_down

        click.echo(take_down(name), err=True)
    return 0
