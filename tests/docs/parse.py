"""Parses a netchat command line without running it."""

from __future__ import annotations

import click

from netchat.cli.main import cli

__all__ = ["parse"]


def parse(arguments: list[str]) -> int:
    """Parse a command line; return 0, or 2 and print the error if it is invalid.

    Files need not exist: a command that is not run may name those of the reader.
    """
    command: click.Command = cli
    name: str | None = None
    context: click.Context | None = None
    try:
        while isinstance(command, click.Group):
            context = command.make_context(name, list(arguments), context)
            name, found, arguments = command.resolve_command(
                context, [*context._protected_args, *context.args]
            )
            assert found is not None
            command = found
        command.make_context(name, list(arguments), context)
    except click.BadParameter as error:
        if "does not exist" not in error.message:
            error.show()
            return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.exceptions.Exit as ended:
        return ended.exit_code
    return 0
