"""Options of commands that can run as a full-screen app, and what they need for it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from netchat.errors import NetchatError

if TYPE_CHECKING:
    from netchat.packets.filters import ItemFilter

__all__ = ["check_full_screen", "filter_of_options", "theme_option", "tui_options"]

_F = TypeVar("_F", bound=Callable[..., Any])

theme_option = click.option(
    "--theme", type=click.Choice(["dark", "light"]), default="dark", show_default=True,
    help="Colours of the full-screen app; NO_COLOR removes them.",
)  # fmt: skip


def tui_options(command: _F) -> _F:
    """Add `--tui` and `--theme`."""
    tui = click.option(
        "--tui", "full_screen", is_flag=True,
        help="Browse the packets in a full-screen app: list, tree and bytes in panes.",
    )  # fmt: skip
    added: _F = tui(theme_option(command))
    return added


def check_full_screen(instead: str) -> None:
    """Check that the full-screen app can run.

    Args:
        instead: What to use without a terminal, as the end of a sentence.

    Raises:
        NetchatError: Textual is not installed, or this is not a terminal.
    """
    if importlib.util.find_spec("textual") is None:
        raise NetchatError(
            'The app needs Textual, which is not installed. Install it with: pip install "netchat[tui]"'
        )
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise NetchatError(f"The app needs a terminal; in a pipe, {instead}.")


def filter_of_options(
    expression: ItemFilter | None, room: str | None, user: str | None, types: Iterable[str]
) -> str:
    """Return the filter with which the browser begins, from the options of `selection_options`."""
    from netchat.packets.browse.filter_line import filter_of_options as joined

    return joined(getattr(expression, "text", ""), room=room, user=user, types=types)
