"""Panels of the plot: one for each kind of channel."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from netchat.bench.axis import limit_of
from netchat.bench.point import Point
from netchat.bench.theory.finite_length import Decisions
from netchat.channels import AWGN, BEC, BSC, Channel, GilbertElliott, ModulatedChannel
from netchat.channels import get as get_channel
from netchat.channels.channel import ErrorChannel
from netchat.channels.registry import split

__all__ = ["Panel", "channel_or_placeholder", "panels"]

#: Built-in kinds of channels, each with its own panel.
_KNOWN = (AWGN, BEC, GilbertElliott, BSC)


@dataclass(frozen=True, slots=True)
class Panel:
    """Panel of one kind of channel."""

    title: str
    label: str
    where: Callable[[Channel], float]
    """Position of a channel on the axis."""
    at: Callable[[float], Channel] | None
    """Channel at a position; None if there is no theory for this kind."""
    limit: Callable[[float, Decisions], float | None] | None
    """Position of the Shannon limit for a rate and decisions; None for a kind without one."""
    log: bool = True
    inverted: bool = False
    """Whether the axis is inverted, so that channels get better to the right."""


def panels(points: Sequence[Point]) -> list[tuple[Panel, dict[str, Channel], list[Point]]]:
    """Group points by their kind of channel.

    Returns:
        For each kind its panel, its channels by specification, and its points.
    """
    channels = {point.channel: channel_or_placeholder(point.channel) for point in points}
    kinds: dict[tuple[type[Channel], str], list[Point]] = {}
    for point in points:
        channel = channels[point.channel]
        # A user's file is loaded once per channel, so the types of its channels differ.
        known = type(channel) in _KNOWN
        kind = (type(channel), "") if known else (Channel, split(point.channel)[0])
        if isinstance(channel, ModulatedChannel):
            kind = (ModulatedChannel, _without_level(channel.spec))
        kinds.setdefault(kind, []).append(point)
    found = []
    for (its_type, _), its_points in kinds.items():
        own = {point.channel: channels[point.channel] for point in its_points}
        found.append((_panel(its_type, list(own.values())), own, its_points))
    return found


def channel_or_placeholder(spec: str) -> Channel:
    """Create the channel; a placeholder if its class is unknown here, such as one of a notebook."""
    try:
        return get_channel(spec)
    except ValueError:
        return ErrorChannel(spec, None, p=0.0)


def _panel(kind: type[Channel], channels: Sequence[Channel]) -> Panel:
    if kind is AWGN:
        return Panel(
            "Gaussian noise (BPSK)",
            "$E_b/N_0$ in dB, per bit of information",
            lambda channel: channel.ebn0_db,  # type: ignore[attr-defined]
            AWGN,
            lambda rate, decisions: limit_of(channels[0], rate, decisions),
            log=False,
        )
    if kind is ModulatedChannel:
        return _modulated([c for c in channels if isinstance(c, ModulatedChannel)])
    if kind is BEC:
        return Panel(
            "Erasures (BEC)", "fraction of symbols erased",
            lambda channel: channel.p,  # type: ignore[attr-defined]
            BEC, lambda rate, decisions: limit_of(channels[0], rate, decisions), inverted=True,
        )  # fmt: skip
    if kind is GilbertElliott:
        return _bursts([c for c in channels if isinstance(c, GilbertElliott)])
    if kind is not BSC:
        return _plugged_in(channels)
    return Panel(
        "Independent errors (BSC)", "fraction of bits that the channel flips",
        lambda channel: channel.p,  # type: ignore[attr-defined]
        BSC, lambda rate, decisions: limit_of(channels[0], rate, decisions), inverted=True,
    )  # fmt: skip


def _without_level(spec: str) -> str:
    """Return a specification with a placeholder for its Eb/N0."""
    name, _, arguments = spec.partition(":")
    return ",".join([f"{name}:{{}}dB", *arguments.split(",")[1:]])


def _modulated(channels: Sequence[ModulatedChannel]) -> Panel:
    """Create the panel of one modulation and kind of fading, over Eb/N0."""
    form = _without_level(channels[0].spec)
    return Panel(
        channels[0].name.rpartition(", Eb/N0")[0] + channels[0].name.partition(" dB")[2],
        "$E_b/N_0$ in dB, per bit of information",
        lambda channel: channel.ebn0_db,  # type: ignore[attr-defined]
        lambda level: get_channel(form.format(level)),
        lambda rate, decisions: limit_of(channels[0], rate, decisions), log=False,
    )  # fmt: skip


def _plugged_in(channels: Sequence[Channel]) -> Panel:
    """Create the panel of a user's channels, over their first argument or in their order."""
    places: dict[str, float] = {}
    for channel in channels:
        with contextlib.suppress(ValueError):
            places[channel.spec] = float(split(channel.spec)[1].split(",")[0])
    label = "first argument"
    if len(set(places.values())) < len({channel.spec for channel in channels}):
        places = {channel.spec: float(number) for number, channel in enumerate(channels, 1)}
        label = "order of the measurements"
    kind = split(channels[0].spec)[0]
    return Panel(
        kind.rpartition(":")[2], label, lambda channel: places[channel.spec], None, None, log=False
    )


def _bursts(channels: Sequence[GilbertElliott]) -> Panel:
    """Create the panel of Gilbert-Elliott channels, over burst length or error rate."""
    chains = [channel.markov_chain() for channel in channels]
    shares = [channel.bad for channel in channels]
    alike = np.allclose(shares, shares[0], rtol=0.02) and all(
        np.array_equal(chain.error, chains[0].error)
        and chain.transitions[1, 0] > 0  # bursts that end
        for chain in chains
    )
    good, bad = chains[0].error
    share = float(np.mean(shares))
    if alike:
        return Panel(
            f"Bursts (Gilbert-Elliott, p = {100 * channels[0].p:.1f} %)",
            "mean length of a burst in bits",
            lambda channel: float(1 / channel.markov_chain().transitions[1, 0]),  # type: ignore[attr-defined]
            lambda length: GilbertElliott(share / (1 - share) / length, 1 / length, good, bad),
            None,
        )
    return Panel(
        "Bursts (Gilbert-Elliott)", "fraction of bits that the channel flips",
        lambda channel: channel.p,  # type: ignore[attr-defined]
        BSC, None, inverted=True,
    )  # fmt: skip
