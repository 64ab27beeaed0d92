"""`netchat accounts reset`: set a new password."""

from __future__ import annotations

from pathlib import Path

import click

from netchat.chat.account_admin import AdminRequest
from netchat.cli.params.passwords import new_password_option, take_new_password
from netchat.net.control import administer
from netchat.net.password_worker import hash_password

__all__ = ["reset"]


@click.command(short_help="Set a new password, and log out all devices.")
@click.argument("name")
@new_password_option
@click.pass_obj
def reset(history: Path, name: str, password_file: Path | None) -> None:
    """Set a new password of the account NAME, and log it out on all devices."""
    password = take_new_password(name, password_file)
    answer = administer(history, AdminRequest("reset", name, hash_password(password)))
    click.echo(f"{answer['name']} has a new password, and is logged out everywhere.")
