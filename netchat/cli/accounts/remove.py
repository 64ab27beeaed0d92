"""`netchat accounts remove`: remove an account."""

from __future__ import annotations

from pathlib import Path

import click

from netchat.chat.account_admin import AdminRequest
from netchat.net.control import administer

__all__ = ["remove"]


@click.command(short_help="Remove an account; its name becomes free.")
@click.argument("name")
@click.pass_obj
def remove(history: Path, name: str) -> None:
    """Remove the account NAME. Its name becomes free; its messages stay."""
    answer = administer(history, AdminRequest("remove", name))
    click.echo(f"{answer['name']} is removed.")
