"""Parses a netchat command line without running it."""

from __future__ import annotations

import click

from netchat.cli.main import cli

__all__ = ["parse"]


def parse(arguments: list[str]) -> int:
    """Parse a command line; return 0, or 2 and print the error if it is invalid."""
    command: click.Command = cli
    context = None
    try:
        while isinstance(command, click.Group):
            name, found, arguments = command.resolve_command(
                context or click.Context(command), arguments
            )
            assert found is not None
            command, context = found, None
        command.make_context(name, list(arguments))
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.exceptions.Exit as ended:
        return ended.exit_code
    return 0
