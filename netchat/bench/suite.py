"""What is run: the standard suite, or the codes and channels that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from netchat.bench.theory.rates import theory
from netchat.channels import Channel
from netchat.channels import get as get_channel
from netchat.channels.registry import sweep
from netchat.coding import Code
from netchat.coding import get as get_code

_T = TypeVar("_T", Code, Channel)

__all__ = ["CHANNELS", "SUITE", "Experiment", "each", "experiments"]

#: The channels of each kind that a curve is made of; the name of a kind stands for all of them.
CHANNELS = {kind: sweep(kind) for kind in ("bsc", "awgn", "gilbert-elliott", "bec")}

#: The standard suite: for each kind of channel its codes, with the frames that end a point.
SUITE: dict[str, dict[str, int]] = {
    "bsc": {
        "uncoded:64": 10_000_000,
        "repetition:3": 400_000_000,
        "repetition:5": 400_000_000,
        "hamming:7,4": 100_000_000,
        "secded:72,64": 20_000_000,
        "rs:255,223": 400_000,
        "rs:255,223+hamming:7,4": 20_000,
    },
    "awgn": {
        "uncoded:64": 10_000_000,
        "repetition:3": 100_000_000,
        "hamming:7,4": 200_000_000,
        "rs:255,223": 400_000,
        "rs:255,223+hamming:7,4": 20_000,
    },
    "gilbert-elliott": {
        "uncoded:64": 10_000_000,
        "hamming:7,4": 100_000_000,
        "rs:255,223": 100_000,
        "rs:255,223+interleave:4": 50_000,
        "rs:255,223+interleave:16": 20_000,
    },
}

#: A point of the suite is left out if theory expects fewer frame errors than this of its frames.
_HOPE = 0.05


@dataclass(frozen=True, slots=True)
class Experiment:
    """A code over a channel."""

    code: Code
    channel: Channel
    frames: int | None = None
    """Frames that end it, if the suite has a limit for it."""
    from_specs: bool = True
    """Whether another process can make both from their specs."""


def each(asked: str | _T | Sequence[str | _T]) -> list[str | _T]:
    """Return what was asked for as a list: one spec or object is a list of one."""
    return [asked] if isinstance(asked, str | Code | Channel) else list(asked)


def experiments(
    codes: Sequence[str | Code] | None = None, channels: Sequence[str | Channel] | None = None
) -> list[Experiment]:
    """Every code over every channel; see `netchat.bench.run`.

    Raises:
        ValueError: if there is no such code or channel, or the same one twice.
    """
    if codes is None and channels is None:
        return list(_suite())
    wanted_codes = [_made(code, get_code) for code in (codes or SUITE["bsc"])]
    wanted_channels = [
        _made(channel, get_channel)
        for asked in (channels or ["bsc"])
        for channel in ((sweep(asked) or (asked,)) if isinstance(asked, str) else (asked,))
    ]
    for wanted in (wanted_codes, wanted_channels):
        specs = [made.spec for made, _ in wanted]
        twice = {spec for spec in specs if specs.count(spec) > 1}
        if twice:
            raise ValueError(f"{', '.join(sorted(twice))} is asked for twice.")
    return [
        Experiment(code, channel, from_specs=code_from_spec and channel_from_spec)
        for code, code_from_spec in wanted_codes
        for channel, channel_from_spec in wanted_channels
    ]


def _suite() -> Iterator[Experiment]:
    for kind, limits in SUITE.items():
        for spec, frames in limits.items():
            code = get_code(spec)
            for channel in map(get_channel, CHANNELS[kind]):
                known = theory(code, channel)
                if known.fer is None or known.fer * frames >= _HOPE:
                    yield Experiment(code, channel, frames)


def _made(asked: str | _T, make: Callable[[str], _T]) -> tuple[_T, bool]:
    """A code or channel, and whether its spec makes the same one again."""
    if isinstance(asked, str):
        return make(asked), True
    try:
        again: object = make(asked.spec)
    except ValueError:
        return asked, False
    return asked, type(again) is type(asked) and repr(vars(again)) == repr(vars(asked))
