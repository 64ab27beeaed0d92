"""Options of commands that connect to a server over a link, a simulated channel, or both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from netchat.net.path_options import check_channel, check_link

__all__ = ["check_path", "path_options"]

_F = TypeVar("_F", bound=Callable[..., Any])


def path_options(command: _F) -> _F:
    """Add `--link`, `--udp`, `--channel` and `--seed`."""
    for option in (
        click.option(
            "--seed", type=click.IntRange(0), metavar="N",
            help="Random seed for the channel, for reproducible runs.",
        ),
        click.option(
            "--channel", metavar="SPEC",
            help="Simulated channel that flips bits in both directions, such as bsc:1e-3 or "
            "gilbert-elliott:P_GB,P_BG,E_GOOD,E_BAD.",
        ),
        click.option(
            "--udp", is_flag=True,
            help="Use UDP for the link (requires netchat serve --udp).",
        ),
        click.option(
            "--link", metavar="SPEC",
            help="Link that corrects errors with this code, such as rs:255,223, and retransmits "
            "blocks it cannot correct. adaptive selects the code for each block, in both "
            "directions.  [default: none; with --udp, uncoded]",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def check_path(link: str | None, channel: str | None, *, udp: bool) -> str | None:
    """Check the options.

    Returns:
        Code or policy of the link; None for no link.

    Raises:
        BadParameter: The code or the channel is not valid.
    """
    try:
        code = check_link(link or "", udp=udp)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--link") from error
    try:
        if channel is not None:
            check_channel(channel)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--channel") from error
    return code
