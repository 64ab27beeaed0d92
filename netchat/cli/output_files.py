"""Files that a command writes: checked before it begins, written at its end; `-` is standard output."""

from __future__ import annotations

import os
from pathlib import Path

import click

from netchat.files import write_file

__all__ = ["check_file", "check_one_output", "write_output"]

#: What a picture's name may end in.
_PICTURES = (".png", ".svg", ".pdf")


def check_file(_ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse a file that cannot be written: better now than after a long run. An option's callback."""
    if value is None:
        return value
    if value == "-":
        if param.name == "resume":
            raise click.BadParameter(
                "the state of a run is kept in a file, not on standard output."
            )
        return value
    path = Path(value)
    if not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent}.")
    if path.is_dir():
        raise click.BadParameter(f"{path} is a folder.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise click.BadParameter(f"{path} cannot be written.")
    if param.name == "plot" and path.suffix not in _PICTURES:
        raise click.BadParameter(f"{path} ends in none of {', '.join(_PICTURES)}.")
    return value


def check_one_output(**files: str | None) -> None:
    """Refuse several outputs that all go to standard output.

    Args:
        files: By option, such as `json`, its file.

    Raises:
        UsageError: Two are `-`.
    """
    given = [f"--{option} -" for option, file in files.items() if file == "-"]
    if len(given) > 1:
        raise click.UsageError(f"Only one of {' and '.join(given)} can go to standard output.")


def write_output(file: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file, or standard output if it is called `-`.

    Raises:
        ClickException: It cannot be written.
    """
    if str(file) == "-":
        click.echo(content, nl=False)
        return
    try:
        write_file(file, content)
    except OSError as error:
        raise click.ClickException(
            f"{file} cannot be written: {error.strerror or error}."
        ) from error
