"""Options and commands that scripts rely on: none of those in `options.json` may disappear.

The file lists the options of version 0.1. Options that are removed deliberately are removed from it,
in the same change that names them in CHANGELOG.md; new options need no entry.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from netchat.cli.main import cli

BEFORE: dict[str, list[str]] = json.loads(
    Path(__file__).with_name("options.json").read_text("utf-8")
)


def _command(path: str) -> click.Command:
    command: click.Command = cli
    for name in path.split()[1:]:
        assert isinstance(command, click.Group), f"{path}: {command.name} has no subcommands"
        found = command.get_command(click.Context(command), name)
        assert found is not None, f"{path} is gone"
        command = found
    return command


@pytest.mark.parametrize("path", BEFORE)
def test_every_option_is_still_accepted(path: str) -> None:
    options = {
        name
        for param in _command(path).params
        if isinstance(param, click.Option)
        for name in (*param.opts, *param.secondary_opts)
    }
    assert set(BEFORE[path]) <= options
