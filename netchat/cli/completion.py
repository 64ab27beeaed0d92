"""`netchat completion`: tab completion."""

from __future__ import annotations

import click

__all__ = ["completion"]

_LINES = {
    "bash": 'eval "$(_NETCHAT_COMPLETE=bash_source netchat)"',
    "zsh": 'eval "$(_NETCHAT_COMPLETE=zsh_source netchat)"',
    "fish": "_NETCHAT_COMPLETE=fish_source netchat | source",
}
_FILES = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/completions/netchat.fish"}


@click.command()
@click.argument("shell", type=click.Choice(list(_LINES)))
def completion(shell: str) -> None:
    """Print the line that enables tab completion for netchat in SHELL.

    \b
    Example:
      netchat completion bash >> ~/.bashrc
    """
    click.echo(f"# netchat: tab completion; add this line to {_FILES[shell]}")
    click.echo(_LINES[shell])
