"""`netchat accounts role`: change the role of an account."""

from __future__ import annotations

from pathlib import Path

import click

from netchat.chat.account_admin import AdminRequest
from netchat.net.control import administer

__all__ = ["role"]


@click.command(short_help="Make an account an owner, moderator or member.")
@click.argument("name")
@click.argument("role", type=click.Choice(["owner", "moderator", "member"]))
@click.pass_obj
def role(history: Path, name: str, role: str) -> None:
    """Make the account NAME an owner, a moderator or a member."""
    answer = administer(history, AdminRequest("role", name, role=role))
    click.echo(f"{answer['name']} is now {role}.")
