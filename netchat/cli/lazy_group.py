"""Click group that imports a command only when it runs."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from keyword import iskeyword
from typing import Any

import click

__all__ = ["LazyGroup"]


class LazyGroup(click.Group):
    """Group that lists its commands without importing them.

    Args:
        table: Name of each command, with its module in `netchat.cli` and its line in the help. The
            line is repeated here so that `--help` imports no command.
    """

    def __init__(self, *args: Any, table: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of the commands."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command, or None if there is no such command."""
        if cmd_name not in self._table:
            return None
        module = importlib.import_module(f"netchat.cli.{self._table[cmd_name][0]}")
        attribute = cmd_name.replace("-", "_")
        command: click.Command = getattr(
            module, f"{attribute}_" if iskeyword(attribute) else attribute
        )
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that a command line names; suggest similar names if it does not exist."""
        name = args[0]
        if name not in self._table and not name.startswith("-") and not ctx.resilient_parsing:
            from difflib import get_close_matches

            near = " or ".join(get_close_matches(name, self._table))
            ctx.fail(f"No such command {name!r}." + f" Did you mean {near}?" * bool(near))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands to the help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._table.items()])
