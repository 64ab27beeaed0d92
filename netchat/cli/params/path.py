"""The options of commands that speak to a server over a link, through a channel, or both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["check_path", "path_options"]

_F = TypeVar("_F", bound=Callable[..., Any])


def path_options(command: _F) -> _F:
    """Add `--link`, `--udp`, `--channel` and `--seed`."""
    for option in (
        click.option(
            "--seed", type=click.IntRange(0), metavar="N",
            help="Let the channel's chance begin here, so that a run can be repeated.",
        ),
        click.option(
            "--channel", metavar="SPEC",
            help="Turn bits over in both directions, as bsc:1e-3 or "
            "gilbert-elliott:P_GB,P_BG,E_GOOD,E_BAD does.",
        ),
        click.option(
            "--udp", is_flag=True,
            help="Let the link go over UDP (the server: netchat serve --udp).",
        ),
        click.option(
            "--link", metavar="SPEC",
            help="Speak over a link that corrects errors with this code, such as rs:255,223, and "
            "sends again what it could not correct; adaptive chooses the code block by block, in "
            "both directions.  [default: none; with --udp, uncoded]",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def check_path(link: str | None, channel: str | None, *, udp: bool) -> str | None:
    """Check the options.

    Returns:
        The link's code; None for none.

    Raises:
        BadParameter: there is no such code or channel.
    """
    if udp and link == "none":
        text = (
            "over UDP there is always a link; leave it out, and nothing is corrected but sent again"
        )
        raise click.BadParameter(text, param_hint="--link")
    code = None if link == "none" else link or ("uncoded" if udp else None)
    try:
        if code is not None:
            from netchat.link.policy_registry import validate_policy

            validate_policy(code)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--link") from error
    try:
        if channel is not None:
            from netchat.channels.stream import ChannelStream

            ChannelStream(channel)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--channel") from error
    return code
