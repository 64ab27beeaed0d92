"""Selection of the codes and channels to measure, and the standard suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from netchat.bench.engine.simulation import Simulation
from netchat.bench.theory.rates import theory
from netchat.channels import Channel
from netchat.channels import get as get_channel
from netchat.channels.registry import sweep
from netchat.channels.sweeps import expand
from netchat.coding import Code
from netchat.coding import get as get_code

_T = TypeVar("_T", Code, Channel)

__all__ = ["CHANNELS", "SUITE", "created_codes", "each", "simulations"]

#: Channels of a curve, by name; the name alone selects all of them.
CHANNELS = {kind: sweep(kind) for kind in ("bsc", "awgn", "gilbert-elliott", "bec")}

#: Standard suite: the codes for each kind of channel, with the number of frames that end a point.
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
        "repetition:3@hard": 100_000_000,
        "repetition:3": 20_000_000,
        "hamming:7,4": 200_000_000,
        "rs:255,223": 400_000,
        "rs:255,223+hamming:7,4": 20_000,
        "conv:voyager": 20_000,
        "ldpc:wifi,648,1/2": 50_000,
        "polar:1024,512,crc=11": 50_000,
        "turbo:1024": 20_000,
    },
    "gilbert-elliott": {
        "uncoded:64": 10_000_000,
        "hamming:7,4": 100_000_000,
        "rs:255,223": 100_000,
        "rs:255,223+interleave:4": 50_000,
        "rs:255,223+interleave:16": 20_000,
    },
}

#: The suite omits a point for which theory expects fewer frame errors than this.
_MIN_EXPECTED_ERRORS = 0.05


def each(asked: str | _T | Sequence[str | _T]) -> list[str | _T]:
    """Return a list; a single specification or object becomes a list of one."""
    return [asked] if isinstance(asked, str | Code | Channel) else list(asked)


def simulations(
    codes: Sequence[str | Code] | None,
    channels: Sequence[str | Channel] | None,
    *,
    seed: int,
    frames: int | None = None,
) -> list[Simulation]:
    """Combine every code with every channel; see `netchat.bench.run`.

    Raises:
        ValueError: A specification is invalid or occurs twice.
    """
    if codes is None and channels is None:
        return list(_suite(seed, frames))
    wanted_codes = created_codes(list(codes or SUITE["bsc"]))
    wanted_channels = [
        _create(channel, get_channel)
        for asked in (channels or ["bsc"])
        for channel in ((expand(asked) or (asked,)) if isinstance(asked, str) else (asked,))
    ]
    _check_different([channel.spec for channel, _ in wanted_channels])
    return [
        Simulation(code, channel, seed, frames, from_specs=code_from_spec and channel_from_spec)
        for code, code_from_spec in wanted_codes
        for channel, channel_from_spec in wanted_channels
    ]


def created_codes(codes: Sequence[str | Code]) -> list[tuple[Code, bool]]:
    """Return codes, and whether the specification of each creates an equal one.

    Raises:
        ValueError: A specification is invalid or occurs twice.
    """
    found = [_create(code, get_code) for code in codes]
    _check_different([code.spec for code, _ in found])
    return found


def _check_different(specs: Sequence[str]) -> None:
    twice = {spec for spec in specs if specs.count(spec) > 1}
    if twice:
        raise ValueError(
            f"Codes and channels must differ; given more than once: {', '.join(sorted(twice))}."
        )


def _suite(seed: int, frames: int | None) -> Iterator[Simulation]:
    for kind, limits in SUITE.items():
        for spec, limit in limits.items():
            code = get_code(spec)
            for channel in map(get_channel, CHANNELS[kind]):
                known = theory(code, channel)
                if known.fer is None or known.fer * limit >= _MIN_EXPECTED_ERRORS:
                    yield Simulation(code, channel, seed, frames or limit, from_specs=True)


def _create(asked: str | _T, make: Callable[[str], _T]) -> tuple[_T, bool]:
    """Return a code or channel, and whether its specification creates an equal one."""
    if isinstance(asked, str):
        return make(asked), True
    try:
        again: object = make(asked.spec)
    except ValueError:
        return asked, False
    return asked, type(again) is type(asked) and repr(vars(again)) == repr(vars(asked))
