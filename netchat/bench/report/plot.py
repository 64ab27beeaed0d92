"""Plot of measured and theoretical error rates over the channels."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from netchat.bench.point import Point
from netchat.bench.report.plot_style import (
    BASELINE,
    Look,
    add_legend,
    literal,
    looks,
    measured,
    picture,
    rate_axis,
)
from netchat.bench.theory.limits import worst_bsc, worst_ebn0
from netchat.bench.theory.rates import theory
from netchat.channels import Channel
from netchat.channels import get as get_channel
from netchat.channels.awgn import AWGN
from netchat.channels.bec import BEC
from netchat.channels.bsc import BSC
from netchat.channels.channel import ErrorChannel
from netchat.channels.gilbert_elliott import GilbertElliott
from netchat.channels.modulated import ModulatedChannel
from netchat.channels.registry import split
from netchat.coding import Code
from netchat.coding import get as get_code
from netchat.coding.block.uncoded import Uncoded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot"]

#: Number of points of a theoretical curve.
_FINE = 41

#: Built-in kinds of channels, each with its own panel.
_KNOWN = (AWGN, BEC, GilbertElliott, BSC)

_RATES = {"ber": "bit error rate after decoding", "fer": "frame error rate"}


@dataclass(frozen=True, slots=True)
class _Panel:
    """Panel of one kind of channel."""

    title: str
    label: str
    where: Callable[[Channel], float]
    """Position of a channel on the axis."""
    at: Callable[[float], Channel] | None
    """Channel at a position; None if there is no theory for this kind."""
    limit: Callable[[Code], float] | None
    """Position of the Shannon limit for the rate of a code, with the decisions that it uses."""
    log: bool = True
    inverted: bool = False
    """Whether the axis is inverted, so that channels get better to the right."""


def plot(points: Sequence[Point], rate: Literal["ber", "fer"] = "ber") -> Figure:
    """Draw points; see `netchat.bench.Results.plot`."""
    if not points:
        raise ValueError("There are no points to plot.")
    channels = {point.channel: _channel(point.channel) for point in points}
    kinds: dict[tuple[type[Channel], str], list[Point]] = {}
    for point in points:
        channel = channels[point.channel]
        # A user's file is loaded once per channel, so the types of its channels differ.
        known = type(channel) in _KNOWN
        kind = (type(channel), "") if known else (Channel, split(point.channel)[0])
        if isinstance(channel, ModulatedChannel):
            kind = (ModulatedChannel, _without_level(channel.spec))
        kinds.setdefault(kind, []).append(point)
    figure, axes = picture(
        len(kinds),
        "Bit errors after decoding" if rate == "ber" else "Frame errors",
        "Markers: measured, with 95 % intervals; arrows: no error seen, so the rate is lower.  "
        "Lines: theory; dashed: an upper bound.",
    )
    codes = {point.code: _code(point.code) for point in points}
    chosen = looks([spec for spec, code in codes.items() if not isinstance(code, Uncoded)])
    shown: dict[str, tuple[Look, str]] = {}
    rate_axis(axes, _RATES[rate], _lowest(points, rate))
    for panel_axes, ((its_type, _), its_points) in zip(axes, kinds.items(), strict=True):
        its_channels = [channels[point.channel] for point in its_points]
        panel = _panel(its_type, its_channels)
        _draw_axis(panel_axes, panel, its_channels)
        names = dict.fromkeys(point.code for point in its_points)
        if not any(isinstance(codes[name], Uncoded) for name in names):
            names = {"uncoded:64": None, **names}
            codes["uncoded:64"] = Uncoded(64)
        for name in names:
            look = chosen.get(name, BASELINE)
            code = codes[name]
            shown[name] = look, _title(name, code, its_points)
            if code is not None:
                _draw_theory(panel_axes, panel, code, rate, look)
                _draw_limit(panel_axes, panel, code, look)
            mine = [point for point in its_points if point.code == name and point.tally.frames]
            measured(
                panel_axes,
                [panel.where(channels[point.channel]) for point in mine],
                [_rate_of(point, rate) for point in mine],
                [point.ber_interval if rate == "ber" else point.fer_interval for point in mine],
                look,
            )
    _draw_legend(figure, shown)
    return figure


def _channel(spec: str) -> Channel:
    """Create the channel; a placeholder if its class is unknown here, such as one of a notebook."""
    try:
        return get_channel(spec)
    except ValueError:
        return ErrorChannel(spec, None, p=0.0)


def _code(spec: str) -> Code | None:
    """Create the code for its theory; None if its class is unknown here."""
    try:
        return get_code(spec)
    except ValueError:
        return None


def _title(spec: str, code: Code | None, points: Sequence[Point]) -> str:
    if isinstance(code, Uncoded):
        return "uncoded"
    rate = next(point.rate for point in points if point.code == spec)
    return literal(f"{spec if code is None else code.name}, rate {rate:.2f}")


def _rate_of(point: Point, rate: str) -> float:
    found = point.ber if rate == "ber" else point.fer
    assert found is not None
    return found


def _lowest(points: Sequence[Point], rate: str) -> float:
    """Return the lower end of the axis, below the smallest measured rate."""
    rates = [_rate_of(point, rate) for point in points if point.tally.frames]
    least = min((found for found in rates if found > 0), default=1e-3)
    return float(10 ** np.floor(np.log10(least) - 0.3))


def _panel(kind: type[Channel], channels: Sequence[Channel]) -> _Panel:
    if kind is AWGN:
        return _Panel(
            "Gaussian noise (BPSK)",
            "$E_b/N_0$ in dB, per bit of information",
            lambda channel: channel.ebn0_db,  # type: ignore[attr-defined]
            AWGN,
            lambda code: worst_ebn0(code.rate, "soft" if code.soft else "hard"),
            log=False,
        )
    if kind is ModulatedChannel:
        return _modulated([c for c in channels if isinstance(c, ModulatedChannel)])
    if kind is BEC:
        return _Panel(
            "Erasures (BEC)", "fraction of symbols erased",
            lambda channel: channel.p,  # type: ignore[attr-defined]
            BEC, lambda code: 1 - code.rate, inverted=True,
        )  # fmt: skip
    if kind is GilbertElliott:
        return _bursts([c for c in channels if isinstance(c, GilbertElliott)])
    if kind is not BSC:
        return _plugged_in(channels)
    return _Panel(
        "Independent errors (BSC)", "fraction of bits that the channel flips",
        lambda channel: channel.p,  # type: ignore[attr-defined]
        BSC, lambda code: worst_bsc(code.rate), inverted=True,
    )  # fmt: skip


def _without_level(spec: str) -> str:
    """Return a specification with a placeholder for its Eb/N0."""
    name, _, arguments = spec.partition(":")
    return ",".join([f"{name}:{{}}dB", *arguments.split(",")[1:]])


def _modulated(channels: Sequence[ModulatedChannel]) -> _Panel:
    """Create the panel of one modulation and kind of fading, over Eb/N0."""
    form = _without_level(channels[0].spec)
    return _Panel(
        channels[0].name.rpartition(", Eb/N0")[0] + channels[0].name.partition(" dB")[2],
        "$E_b/N_0$ in dB, per bit of information",
        lambda channel: channel.ebn0_db,  # type: ignore[attr-defined]
        lambda level: get_channel(form.format(level)),
        None, log=False,
    )  # fmt: skip


def _plugged_in(channels: Sequence[Channel]) -> _Panel:
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
    return _Panel(
        kind.rpartition(":")[2], label, lambda channel: places[channel.spec], None, None, log=False
    )


def _bursts(channels: Sequence[GilbertElliott]) -> _Panel:
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
        return _Panel(
            f"Bursts (Gilbert-Elliott, p = {100 * channels[0].p:.1f} %)",
            "mean length of a burst in bits",
            lambda channel: float(1 / channel.markov_chain().transitions[1, 0]),  # type: ignore[attr-defined]
            lambda length: GilbertElliott(share / (1 - share) / length, 1 / length, good, bad),
            None,
        )
    return _Panel(
        "Bursts (Gilbert-Elliott)", "fraction of bits that the channel flips",
        lambda channel: channel.p,  # type: ignore[attr-defined]
        BSC, None, inverted=True,
    )  # fmt: skip


def _draw_axis(axes: Axes, panel: _Panel, channels: Sequence[Channel]) -> None:
    places = [panel.where(channel) for channel in channels]
    if panel.log:  # 0 has no position on it
        places = [place for place in places if place > 0] or [1e-3]
    low, high = min(places), max(places)
    if panel.log:
        axes.set_xscale("log")
        margin = (high / low) ** 0.06 if high > low else 3.0
        low, high = low / margin, high * margin
    else:
        margin = 0.06 * (high - low) or 1.0
        low, high = low - margin, high + margin
    axes.set_xlim(*((high, low) if panel.inverted else (low, high)))
    if panel.inverted:
        axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
    elif panel.log:
        axes.xaxis.set_major_formatter(lambda length, _: f"{length:g}")
    axes.set_title(panel.title, loc="left", fontsize=15, fontweight="bold")
    axes.set_xlabel(panel.label)


def _draw_theory(axes: Axes, panel: _Panel, code: Code, rate: str, look: Look) -> None:
    if panel.at is None:
        return
    low, high = sorted(axes.get_xlim())
    fine = np.geomspace(low, high, _FINE) if panel.log else np.linspace(low, high, _FINE)
    line, found = [], []
    for place in map(float, fine):
        try:
            channel = panel.at(place)
        except ValueError:  # in the margin, such as a probability above 1
            continue
        found.append(theory(code, channel))
        value = found[-1].ber if rate == "ber" else found[-1].fer
        if value:
            line.append((place, value))
    if not line:
        return
    kind = found[0].ber_kind if rate == "ber" else found[0].fer_kind
    axes.plot(
        *zip(*line, strict=True), color=look[0], linewidth=2.2, zorder=2,
        linestyle="--" if kind == "bound" else "-",
    )  # fmt: skip


def _draw_limit(axes: Axes, panel: _Panel, code: Code, look: Look) -> None:
    if panel.limit is None or isinstance(code, Uncoded):
        return
    place = panel.limit(code)
    low, high = sorted(axes.get_xlim())
    if low < place < high:
        axes.axvline(place, color=look[0], linestyle=":", linewidth=1.8, zorder=1)


def _draw_legend(figure: Figure, shown: dict[str, tuple[Look, str]]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=colour, marker=marker, markersize=9, linewidth=2.2, label=title)
        for (colour, marker), title in shown.values()
    ]
    limit = "Shannon limit of that rate"
    handles.append(Line2D([], [], color="#444444", linestyle=":", linewidth=1.8, label=limit))
    add_legend(figure, handles)
