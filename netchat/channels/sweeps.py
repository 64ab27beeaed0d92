"""Ranges of channels: `awgn:0:8:0.5` is Eb/N0 from 0 to 8 dB in steps of 0.5."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from netchat.channels.registry import split, sweep
from netchat.wording import cut

__all__ = ["expand"]

#: Largest number of channels in a range.
_MOST = 1000

_FORM = "START:STOP:STEP, such as awgn:0:8:0.5, or bsc:0.1:0.001:x0.5 to multiply"


def expand(spec: str) -> tuple[str, ...]:
    """Return the specifications that a range or a name stands for, or an empty tuple.

    A range START:STOP:STEP takes the place of the first argument of a channel, and includes STOP if the
    steps reach it. A STEP of x2 multiplies by 2. A name alone stands for its own range.

    Args:
        spec: Specification, such as `awgn:0:8:0.5,qam16` or `bsc`.

    Raises:
        ValueError: The range is invalid.

    >>> expand("awgn:0:1:0.5,qam16")
    ('awgn:0dB,qam16', 'awgn:0.5dB,qam16', 'awgn:1dB,qam16')
    >>> expand("bsc:0.1:0.01:x0.5")
    ('bsc:0.1', 'bsc:0.05', 'bsc:0.025', 'bsc:0.0125')
    >>> expand("bsc:0.1"), len(expand("bsc"))
    ((), 11)
    """
    text = spec.strip()
    name, arguments = split(text)
    first, *others = arguments.split(",")
    if ":" not in first:
        return sweep(text)
    unit = "dB" if name in ("awgn", "rayleigh") else ""
    values = _values(text, [part.strip() for part in first.split(":")])
    return tuple(",".join([f"{name}:{_plain(value)}{unit}", *others]) for value in values)


def _values(spec: str, parts: list[str]) -> list[Decimal]:
    """Return the values of a range."""
    if len(parts) != 3:
        raise ValueError(f"{cut(spec)!r}: a range must have the form {_FORM}.")
    grows_by_factor = parts[2].lower().startswith("x")
    try:
        start, stop, step = (
            Decimal(part.lower().removeprefix("x").removesuffix("db").strip()) for part in parts
        )
    except InvalidOperation:
        raise ValueError(f"{cut(spec)!r}: a range must have numbers in the form {_FORM}.") from None
    if not all(value.is_finite() for value in (start, stop, step)):
        raise ValueError(f"{cut(spec)!r}: the numbers of a range must be finite.")
    rises = stop > start
    if grows_by_factor:
        moves = (
            start * stop > 0 and step > 0 and step != 1 and (abs(stop) > abs(start)) == (step > 1)
        )
    else:
        moves = step != 0 and rises == (step > 0)
    if not moves and start != stop:
        raise ValueError(
            f"{cut(spec)!r}: the steps must lead from {start} to {stop}, got {parts[2]}."
        )
    values = [start]
    while start != stop:
        value = values[-1] * step if grows_by_factor else values[-1] + step
        if value == values[-1] or abs(value - start) > abs(stop - start):
            break
        values.append(value)
        if len(values) > _MOST:
            raise ValueError(f"{cut(spec)!r}: a range must have at most {_MOST} channels.")
    return values


def _plain(value: Decimal) -> str:
    """Format a number as short as possible."""
    return f"{float(value):.12g}"
