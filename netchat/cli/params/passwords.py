"""Passwords on the command line: from a prompt or a file, never from an argument."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from netchat.chat.names import normalize_name
from netchat.chat.passwords import MAX_PASSWORD, normalize_password, validate_password
from netchat.errors import NetchatError
from netchat.wording import cannot

__all__ = ["new_password_option", "prompt_new_password", "read_password_file", "take_new_password"]

#: Option of commands that set a password.
new_password_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File whose first line is the password.  [default: prompt for it]",
)


def take_new_password(name: str, file: Path | None) -> str:
    """Return a new password for an account, from a file or a prompt.

    Raises:
        NetchatError: It is not allowed, or the file cannot be read.
    """
    written = prompt_new_password() if file is None else read_password_file(file)
    password = normalize_password(written)
    problem = validate_password(password, normalize_name(name))
    if problem is not None:
        raise NetchatError(problem)
    return password


def prompt_new_password(text: str = "New password") -> str:
    """Prompt for a new password, twice, without showing it."""
    password: str = click.prompt(text, hide_input=True, confirmation_prompt="Repeat it", err=True)
    return password


def read_password_file(file: Path) -> str:
    """Return the first line of a file.

    Raises:
        NetchatError: It cannot be read, or its first line is empty or too long.
    """
    try:
        with file.open("rb") as opened:
            line = opened.readline(MAX_PASSWORD + 3).rstrip(b"\r\n").decode()
    except (OSError, UnicodeDecodeError) as error:
        raise NetchatError(cannot("read", f"the password in {file}", error)) from error
    if not line or len(line.encode()) > MAX_PASSWORD:
        raise NetchatError(
            f"The first line of {file} must be a password of at most {MAX_PASSWORD} bytes."
        )
    return line
