"""Options of commands that lose, duplicate, reorder and delay packets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from netchat.cli.params.duration import DURATION
from netchat.cli.params.number import FiniteRange

__all__ = ["impair_options"]

_F = TypeVar("_F", bound=Callable[..., Any])
_SHARE = FiniteRange(0, 1)


def impair_options(command: _F) -> _F:
    """Add `--loss`, `--burst`, `--duplicate`, `--reorder`, `--delay` and `--seed`."""
    for option in (
        click.option(
            "--seed", type=click.IntRange(0), metavar="N",
            help="Random seed, for reproducible runs.",
        ),
        click.option(
            "--delay", type=DURATION, default=0.0, metavar="TIME",
            help="One-way delay, such as 20ms.",
        ),
        click.option(
            "--reorder", type=_SHARE, default=0.0, metavar="P",
            help="Probability that one to three later packets overtake a packet.",
        ),
        click.option(
            "--duplicate", type=_SHARE, default=0.0, metavar="P",
            help="Probability that a packet arrives twice.",
        ),
        click.option(
            "--burst", type=FiniteRange(1), metavar="N",
            help="Mean length of a loss burst, in packets.  [default: independent losses]",
        ),
        click.option(
            "--loss", type=_SHARE, default=0.0, metavar="P",
            help="Probability that a packet is lost, such as 0.01.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command
