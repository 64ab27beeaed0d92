"""`netchat accounts add`: register an account."""

from __future__ import annotations

from pathlib import Path

import click

from netchat.chat.account_admin import AdminRequest
from netchat.cli.params.passwords import new_password_option, take_new_password
from netchat.net.control import administer
from netchat.net.password_worker import hash_password

__all__ = ["add"]


@click.command(short_help="Register an account.")
@click.argument("name")
@new_password_option
@click.pass_obj
def add(history: Path, name: str, password_file: Path | None) -> None:
    """Register an account under NAME. The first account of a server is its owner."""
    password = take_new_password(name, password_file)
    answer = administer(history, AdminRequest("add", name, hash_password(password)))
    click.echo(f"{answer['name']} is registered as {answer['role']}.")
