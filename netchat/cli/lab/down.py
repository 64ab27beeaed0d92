"""`netchat lab down`: remove the lab and end its programs."""

from __future__ import annotations

import click

from netchat.cli.lab.permissions import require_network_rights

__all__ = ["down"]


@click.command(short_help="Remove the lab and end its programs.")
@click.pass_obj
def down(name: str) -> int:
    """Remove the lab and end the programs on its hosts; clean up after a killed lab.

    The exit code is 0 even if no lab was up.
    """
    with require_network_rights():
        from netchat.lab.lab import take_down

        click.echo(take_down(name), err=True)
    return 0
