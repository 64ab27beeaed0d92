"""`netchat accounts invite`: create invitations."""

from __future__ import annotations

from pathlib import Path

import click

from netchat.chat.account_admin import AdminRequest
from netchat.cli.params.duration import DURATION
from netchat.net.control import administer

__all__ = ["invite"]


@click.command(short_help="Create invitations to register with.")
@click.option(
    "--count", default=1, show_default=True, type=click.IntRange(1, 1000),
    help="Number of invitations.",
)  # fmt: skip
@click.option(
    "--expires", type=DURATION, default="7d", show_default=True,
    help="Lifetime of each invitation; 0 is unlimited.",
)  # fmt: skip
@click.pass_obj
def invite(history: Path, count: int, expires: float) -> None:
    """Print new invitations, one per line. Each registers one account."""
    for _ in range(count):
        answer = administer(history, AdminRequest("invite", seconds=expires))
        click.echo(answer["invitation"])
