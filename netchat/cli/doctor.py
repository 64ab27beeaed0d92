"""`netchat doctor`: check what this machine supports and show how to fix the rest."""

from __future__ import annotations

import json

import click

from netchat.doctor.checks import run_checks
from netchat.exit_codes import FAILED

__all__ = ["doctor"]


@click.command(short_help="Check what this machine supports; show how to fix the rest.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Check what this machine supports and print a command for each missing feature.

    Nothing is changed. The exit code is 1 only if a requirement of netchat itself is missing.

    \b
    Examples:
      netchat doctor
      netchat doctor --json
    """
    checks = []
    for check in run_checks():
        checks.append(check)
        if not as_json:
            mark = (
                click.style("ok     ", fg="green")
                if check.ok
                else click.style("missing", fg="yellow")
            )
            click.echo(f"{mark}  {check.name:<20} {check.found}")
            if not check.ok:
                click.echo(f"{'':9}needed for {check.needed_for}; fix it with:")
                click.echo(" " * 11 + click.style(check.fix, bold=True))
    if as_json:
        click.echo(json.dumps([check.as_dict() for check in checks], indent=2))
    if any(check.core and not check.ok for check in checks):
        ctx.exit(FAILED)
