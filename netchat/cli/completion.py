"""`netchat completion`: tab completion."""

from __future__ import annotations

import click

__all__ = ["completion", "completion_scripts"]

_LINES = {
    "bash": 'eval "$(_NETCHAT_COMPLETE=bash_source netchat)"',
    "zsh": 'eval "$(_NETCHAT_COMPLETE=zsh_source netchat)"',
    "fish": "_NETCHAT_COMPLETE=fish_source netchat | source",
}
_FILES = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/completions/netchat.fish"}

#: Paths of the scripts of installed programs, below /usr/share.
_SCRIPTS = {
    "bash": "bash-completion/completions/netchat",
    "zsh": "zsh/site-functions/_netchat",
    "fish": "fish/vendor_completions.d/netchat.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(list(_LINES)))
def completion(shell: str) -> None:
    """Print the line that enables tab completion for netchat in SHELL.

    An installed package for the whole system needs no such line.

    \b
    Example:
      netchat completion bash >> ~/.bashrc
    """
    click.echo(f"# netchat: tab completion; add this line to {_FILES[shell]}")
    click.echo(_LINES[shell])


def completion_scripts() -> dict[str, str]:
    """Return the scripts for all shells, by their path below /usr/share."""
    from click.shell_completion import get_completion_class

    scripts = {}
    for shell, path in _SCRIPTS.items():
        found = get_completion_class(shell)
        assert found is not None
        made = found(click.Group(), {}, "netchat", "_NETCHAT_COMPLETE")
        # Not `source`: it runs bash to find out its version.
        scripts[path] = (made.source_template % made.source_vars()).lstrip("\n")
    return scripts
