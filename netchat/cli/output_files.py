"""Files that a command is to write, looked at before it begins."""

from __future__ import annotations

import os
from pathlib import Path

import click

__all__ = ["check_file"]

#: What a picture's name may end in.
_PICTURES = (".png", ".svg", ".pdf")


def check_file(_ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """A file that is to be written: better known now than after a long run."""
    if value in (None, "-"):
        return value
    path = Path(str(value))
    if not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent}.")
    if path.is_dir():
        raise click.BadParameter(f"{path} is a folder.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise click.BadParameter(f"{path} cannot be written.")
    if param.name == "plot" and path.suffix not in _PICTURES:
        raise click.BadParameter(f"{path} ends in none of {', '.join(_PICTURES)}.")
    return value
