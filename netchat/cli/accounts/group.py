"""`netchat accounts`: group of the commands about accounts."""

from __future__ import annotations

from pathlib import Path

import click

from netchat.cli.lazy_group import LazyGroup

__all__ = ["accounts"]

#: Name of each command, its module in `netchat.cli`, and its line in the help.
COMMANDS = {
    "list": ("accounts.list", "List the accounts."),
    "add": ("accounts.add", "Register an account."),
    "reset": ("accounts.reset", "Set a new password, and log out all devices."),
    "role": ("accounts.role", "Make an account an owner, moderator or member."),
    "remove": ("accounts.remove", "Remove an account; its name becomes free."),
    "invite": ("accounts.invite", "Create invitations to register with."),
}


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    short_help="Administer the accounts of a server on this machine.",
)
@click.option(
    "--history", type=click.Path(dir_okay=False, path_type=Path),
    help="History file of the server.  [default: history.db in the user's data directory]",
)  # fmt: skip
@click.pass_context
def accounts(ctx: click.Context, history: Path | None) -> None:
    """Administer the accounts of a server on this machine, whether it runs or not.

    The commands require write access to the history. They reach a running server through a socket beside the
    history; the server needs --accounts optional or --accounts required.

    \b
    Examples:
      netchat accounts add Nova             the first account is the owner
      netchat accounts invite --count 30    one invitation for each pupil
      netchat accounts list
    """
    if history is None and not ctx.resilient_parsing:
        import platformdirs

        history = platformdirs.user_data_path("netchat") / "history.db"
    ctx.obj = history
