"""A thousand times: the codes of the lab in the bench, a slice of time at a time.

The points are those of `netchat.bench`: the same simulations, batches, random streams and intervals. The
command line that the last update gives therefore has the same counts, for each point that ended by
errors or frames.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from netchat.bench import Results, lower_bound, normal_approximation, published, theory
from netchat.bench.axis import limit_of
from netchat.bench.engine.measurement import Measurement
from netchat.bench.engine.simulation import Simulation
from netchat.bench.theory.finite_length import Decisions
from netchat.channel_lab.codec import at_rate, build_code
from netchat.channel_lab.limits import MAX_CELLS, MAX_FRAMES, MAX_POINTS
from netchat.channel_lab.state import StateError
from netchat.channels import AWGN, BEC, Channel, ModulatedChannel
from netchat.channels.registry import split
from netchat.channels.sweeps import expand
from netchat.coding import Code, Interleaved

__all__ = ["Thousand"]

#: Seconds of computation of one point.
_SECONDS = 10.0
#: Longest codeword for which the bounds of its length are computed.
_BOUNDED = 2048
#: Channels of a curve beside a single measured channel, and their distance.
_NEIGHBOURS, _DB, _FACTOR = 6, 0.5, 2**0.5


class Thousand:
    """Measurement of several codes over the channels of one kind.

    Args:
        request: Checked request: codes, channel, interleave, seed and target.
        plugins: Codes of the server's owner, by the name that visitors see.

    Raises:
        StateError: A code or channel does not exist, or there are too many points.
    """

    def __init__(self, request: Mapping[str, Any], plugins: Mapping[str, str]) -> None:
        self._request = request
        self._codes = [
            (name, _with_interleaver(build_code(name, plugins), request["interleave"]))
            for name in request["codes"]
        ]
        try:
            self._channels = list(expand(request["channel"])) or [request["channel"]]
        except ValueError as error:
            raise StateError(str(error), "channel") from None
        count = len(self._channels) * len(self._codes)
        if count > MAX_POINTS:
            raise StateError(
                f"at most {MAX_POINTS} points, got {len(self._codes)} codes over "
                f"{len(self._channels)} channels",
                "channel",
            )
        for spec in self._channels:
            at_rate(spec, 1.0)
        self._points: list[tuple[str, Measurement]] = []
        self._pending = [
            (name, code, spec) for spec in self._channels for name, code in self._codes
        ]
        self._extras: Iterator[tuple[str, Any]] | None = self._each_extra()

    def advance(self, seconds: float, *, is_last: bool) -> dict[str, Any]:
        """Continue for some time, and return the update for the visitor.

        Args:
            seconds: Time after which no further batch starts.
            is_last: Whether the measurement ends now.
        """
        until = time.perf_counter() + seconds
        changed: dict[int, None] = {}
        update: dict[str, Any] = {}
        while not is_last and time.perf_counter() < until:
            if self._pending:  # the theory of a point can take long: one at a time
                self._points.append(self._measurement(*self._pending.pop(0)))
                changed[len(self._points) - 1] = None
                if len(self._points) > 1:
                    continue
            at = self._next()
            if at is not None:
                one = self._points[at][1]
                batches = one.next_batches(max(until - time.perf_counter(), 0.005))
                one.add(batches.start, one.simulation.run_all(batches))
                changed[at] = None
            elif not self._pending and not self._add_extra(update):
                break
        else:
            if not is_last and not self._pending:
                self._add_extra(update)
        update["points"] = [self._shown(at) for at in changed]
        ended = not self._pending and self._next() is None and self._extras is None
        if ended or is_last:
            return {"done": True, **update, **self._result(is_cut=not ended)}
        return update

    def _measurement(self, name: str, code: Code, spec: str) -> tuple[str, Measurement]:
        simulation = Simulation(code, spec, self._request["seed"], MAX_FRAMES, from_specs=False)
        return name, Measurement(simulation, errors=self._request["target"], seconds=_SECONDS)

    def _next(self) -> int | None:
        """Return the point that got the least time so far."""
        waiting = [
            (one.point.seconds, at) for at, (_, one) in enumerate(self._points) if not one.done
        ]
        return min(waiting)[1] if waiting else None

    def _shown(self, at: int) -> dict[str, Any]:
        name, one = self._points[at]
        point, tally = one.point, one.point.tally
        return {
            "code": name,
            "channel": point.channel,
            "x": _value(point.channel),
            "x_label": _label(one.simulation.channel),
            "bits": tally.bits,
            "bit_errors": tally.bit_errors,
            "blocks": tally.frames,
            "block_errors": tally.frame_errors,
            "undetected": tally.undetected,
            "ber": point.ber,
            "ber_low": point.ber_interval.low,
            "ber_high": point.ber_interval.high,
            "fer": point.fer,
            "fer_low": point.fer_interval.low,
            "fer_high": point.fer_interval.high,
            "goodput": point.goodput,
            "mbit_s": round(point.speed.decode, 1),
            "stopped_by": point.stopped_by if one.done else None,
            "progress": round(one.share, 3),
        }

    # -- theory, references, limits -------------------------------------------------------------

    def _add_extra(self, update: dict[str, Any]) -> bool:
        """Compute the next curve of theory, references or limits; return False at the end."""
        if self._extras is None:
            return False
        try:
            kind, found = next(self._extras)
        except StopIteration:
            self._extras = None
            return False
        if isinstance(found, dict):
            update.setdefault(kind, {}).update(found)
        else:
            update.setdefault(kind, []).extend(found)
        return True

    def _each_extra(self) -> Iterator[tuple[str, Any]]:
        channels = self._curve_channels()
        for name, code in self._codes:
            yield "theory", {name: _curve(code, channels)}
        yield (
            "references",
            [one for name, code in self._codes for one in _references(name, code, channels[0])],
        )
        for name, code in self._codes:
            decisions: Decisions = "soft" if code.soft and code.alphabet == "bit" else "hard"
            limit = limit_of(at_rate(channels[0], code.rate), code.rate, decisions)
            yield "limits", {name: None if limit is None else round(limit, 4)}
            bits = code.bits_per_symbol
            if code.n * bits <= _BOUNDED:
                yield "bounds", {name: _bounds(code, channels, decisions)}

    def _curve_channels(self) -> list[str]:
        """Return the channels of the curves: those measured, and neighbours of a single one."""
        if len(self._channels) > 1:
            return self._channels
        name, arguments = split(self._channels[0])
        first, *others = arguments.split(",")
        if name in ("awgn", "rayleigh"):
            level = float(first.lower().removesuffix("db"))
            values = [f"{level + _DB * step:g}dB" for step in range(-_NEIGHBOURS, _NEIGHBOURS + 1)]
        elif name in ("bsc", "bec") and float(first) > 0:
            factors = [_FACTOR**step for step in range(-_NEIGHBOURS, _NEIGHBOURS + 1)]
            values = [
                f"{float(first) * factor:.4g}" for factor in factors if float(first) * factor <= 0.5
            ]
        else:
            return self._channels
        return [f"{name}:{','.join([value, *others])}" for value in values]

    # -- result -----------------------------------------------------------------------------------

    def _result(self, *, is_cut: bool) -> dict[str, Any]:
        points = [one.point for _, one in self._points]
        results = Results(points, self._request["seed"], machine={})
        limited = is_cut or any(point.stopped_by not in ("errors", "frames") for point in points)
        return {
            "command": self._command(),
            "csv": results.as_csv(),
            "json": results.as_dict(),
            "note": "Some points ended by their time. The command continues them, with the same first frames."
            if limited else "The command gives the same numbers.",
        }  # fmt: skip

    def _command(self) -> str:
        words = ["netchat", "encode-bench"]
        for name, code in self._codes:
            suffix = f"+{self._request['interleave']}" if self._request["interleave"] else ""
            words += ["--code", name + suffix if name != code.spec else code.spec]
        words += ["--channel", self._request["channel"], "--seed", str(self._request["seed"])]
        words += ["--errors", str(self._request["target"]), "--frames", str(MAX_FRAMES)]
        return shlex.join(words)


def _with_interleaver(code: Code, interleave: str) -> Code:
    """Return a code with an interleaver after it.

    Raises:
        StateError: The codeword becomes too long.
    """
    if not interleave:
        return code
    depth = int(interleave.partition(":")[2])
    bits = code.n * code.bits_per_symbol * depth
    if bits > 4 * MAX_CELLS:
        raise StateError(
            f"{code.spec}+{interleave} has {bits} bits; at most {4 * MAX_CELLS} are allowed",
            "interleave",
        )
    return Interleaved(code, depth)


def _value(spec: str) -> float:
    """Return the main parameter of a channel."""
    return float(split(spec)[1].split(",")[0].lower().removesuffix("db"))


def _label(channel: Channel) -> str:
    """Return the name of the main parameter."""
    if isinstance(channel, (AWGN, ModulatedChannel)):
        return "Eb/N0 in dB"
    return "probability of an erasure" if isinstance(channel, BEC) else "probability of an error"


def _curve(code: Code, channels: list[str]) -> list[dict[str, Any]]:
    points = []
    for spec in channels:
        found = theory(code, at_rate(spec, 1.0))
        points.append(
            {
                "x": _value(spec), "ber": found.ber, "fer": found.fer,
                "ber_kind": found.ber_kind, "fer_kind": found.fer_kind, "name": found.name,
            }
        )  # fmt: skip
    return points


def _references(name: str, code: Code, channel: str) -> list[dict[str, Any]]:
    return [
        {
            "code": name, "name": curve.name, "source": curve.source,
            "points": [
                {"x": point.value, "ber": point.ber, "fer": point.fer} for point in curve.points
            ],
        }
        for curve in published(code.spec, channel)
    ]  # fmt: skip


def _bounds(code: Code, channels: list[str], decisions: Decisions) -> list[dict[str, Any]]:
    """Return the limits for the length of a code: what no code can do better, and what is possible."""
    n, k = (code.bits_per_symbol * each for each in (code.n, code.k))
    points = []
    for spec in channels:
        with np.errstate(all="ignore"):
            points.append(
                {
                    "x": _value(spec),
                    "lower_bound": lower_bound(n, k, at_rate(spec, 1.0), decisions),
                    "normal": normal_approximation(n, k, at_rate(spec, 1.0), decisions),
                }
            )
    return points
