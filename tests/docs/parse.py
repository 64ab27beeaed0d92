"""`python -m tests.docs.parse COMMAND…`: whether netchat takes this command line, not run."""

from __future__ import annotations

import sys

import click

from netchat.cli.main import cli


def main(arguments: list[str]) -> int:
    """2 if it does not, as for any wrong usage; why is on standard error."""
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
