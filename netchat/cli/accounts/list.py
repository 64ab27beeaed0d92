"""`netchat accounts list`: list the accounts."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from netchat.chat.account_admin import AdminRequest
from netchat.net.control import administer

__all__ = ["list"]


@click.command(short_help="List the accounts.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_obj
def list(history: Path, as_json: bool) -> None:  # noqa: A001 - the name of the command
    """List the accounts: name, role, time of registration, and whether they are online."""
    found = administer(history, AdminRequest("list"))
    if as_json:
        for account in found:
            click.echo(json.dumps(account))
        return
    if not found:
        click.echo("There are no accounts.", err=True)
        return
    width = max(len(account["name"]) for account in found)
    for account in found:
        created = time.strftime("%Y-%m-%d %H:%M", time.localtime(account["created"]))
        state = "online" if account["online"] else ""
        line = f"{account['name']:<{width}}  {account['role']:<9}  {created}  {state}"
        click.echo(line.rstrip())
