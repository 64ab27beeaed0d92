"""Output files of a command, checked before it runs; `-` is standard output."""

from __future__ import annotations

import os
from pathlib import Path

import click

from netchat.files import write_file
from netchat.wording import cannot

__all__ = ["check_file", "check_one_output", "write_output"]

#: File name extensions of pictures, and of those that encode-bench draws.
_PICTURES = (".png", ".svg", ".pdf")
_WITH_LATEX = (*_PICTURES, ".tex")


def check_file(_ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Reject a file that cannot be written, before a long run starts (an option's callback)."""
    if value is None:
        return value
    if value == "-":
        if param.name == "resume":
            raise click.BadParameter(
                "the state of a run must be kept in a file, not on standard output."
            )
        return value
    path = Path(value)
    if not path.parent.is_dir():
        raise click.BadParameter(f"folder {path.parent} does not exist.")
    if path.is_dir():
        raise click.BadParameter(f"{path} is a folder; name a file.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise click.BadParameter(f"{path} is not writable.")
    allowed = {"plot": _PICTURES, "plot_file": _WITH_LATEX}.get(str(param.name))
    if allowed is not None and path.suffix.lower() not in allowed:
        raise click.BadParameter(f"{path} must end in {', '.join(allowed[:-1])} or {allowed[-1]}.")
    return value


def check_one_output(**files: str | None) -> None:
    """Reject several outputs to standard output.

    Args:
        files: File of each option, such as `json`.

    Raises:
        UsageError: More than one of them is `-`.
    """
    given = [f"--{option} -" for option, file in files.items() if file == "-"]
    if len(given) > 1:
        raise click.UsageError(f"Only one of {' and '.join(given)} can go to standard output.")


def write_output(file: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file, or standard output if its name is `-`.

    Raises:
        ClickException: The file cannot be written.
    """
    if str(file) == "-":
        click.echo(content, nl=False)
        return
    try:
        write_file(file, content)
    except OSError as error:
        raise click.ClickException(cannot("write", file, error)) from error
