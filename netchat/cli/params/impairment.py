"""The options of commands that lose, double, reorder and delay packets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from netchat.cli.numbers import FiniteRange
from netchat.cli.params.duration import DURATION

__all__ = ["impair_options"]

_F = TypeVar("_F", bound=Callable[..., Any])
_SHARE = FiniteRange(0, 1)


def impair_options(command: _F) -> _F:
    """Add `--loss`, `--burst`, `--duplicate`, `--reorder`, `--delay` and `--seed`."""
    for option in (
        click.option(
            "--seed", type=click.IntRange(0), metavar="N",
            help="Let chance begin here, so that a run can be repeated.",
        ),
        click.option(
            "--delay", type=DURATION, default=0.0, metavar="TIME",
            help="Let everything be under way for so long, each way, such as 20ms.",
        ),
        click.option(
            "--reorder", type=_SHARE, default=0.0, metavar="P",
            help="Hold this share of packets back until one to three later ones have overtaken them.",
        ),
        click.option(
            "--duplicate", type=_SHARE, default=0.0, metavar="P",
            help="Let this share of packets arrive twice.",
        ),
        click.option(
            "--burst", type=FiniteRange(1), metavar="N",
            help="Lose N packets in a row, on average.  [default: each by itself]",
        ),
        click.option(
            "--loss", type=_SHARE, default=0.0, metavar="P",
            help="Lose this share of packets, such as 0.01.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command
