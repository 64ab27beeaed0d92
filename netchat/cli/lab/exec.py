"""`netchat lab exec`: run a program on a host."""

from __future__ import annotations

import click

from netchat.cli.lab.permissions import require_network_rights

__all__ = ["exec"]

#: Exit codes of shells for a program that does not exist, and for one that cannot be executed.
_NOT_FOUND, _NOT_RUNNABLE = 127, 126


@click.command(
    "exec",
    short_help="Run a program on a host.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option("--root", is_flag=True, help="Run as root instead of the user who called sudo.")
@click.argument("host")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def exec(name: str, root: bool, host: str, command: tuple[str, ...]) -> int:  # noqa: A001
    """Run COMMAND (default: a shell) on HOST and return its exit code.

    COMMAND runs as the user who called sudo, in the same folder and environment; netchat and python are
    those of this installation. The names h1, h2 and so on resolve to the hosts' IPv4 addresses, and
    h1-v6, h2-v6 to their IPv6 addresses. The command is terminated when the lab is removed.

    \b
    Examples:
      sudo netchat lab exec h1 -- netchat serve --lan --ephemeral
      sudo netchat lab exec h2 -- netchat client h1 --name Nova
      sudo netchat lab exec h2 -- netchat load h1 --users 2 --messages 10000
      sudo netchat lab exec --root h2 -- ip link set eth0 down      unplug the cable
      sudo netchat lab exec h3                                      a shell
    """
    with require_network_rights():
        from netchat.lab.execute import execute
        from netchat.lab.lab_lock import namespace_of

        command = command[1:] if command[:1] == ("--",) else command
        what = command[0] if command else "the shell"
        try:
            execute(namespace_of(name, host), host, command, as_root=root)
        except FileNotFoundError:
            click.echo(f"netchat: {what}: no such program", err=True)
            return _NOT_FOUND
        except OSError as error:
            click.echo(f"netchat: cannot run {what}: {error.strerror}", err=True)
            return _NOT_RUNNABLE
