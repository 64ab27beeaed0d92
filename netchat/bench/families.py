"""Codes of all families with one rate and length, for comparisons."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from fractions import Fraction

from netchat.coding import Code, names
from netchat.coding import get as get_code

__all__ = ["channels_for", "families", "parse_rate"]

#: Largest relative deviation of the rate and of the length from the requested ones.
_RATE, _LENGTH = 0.06, 0.06

#: Eb/N0 in dB of a comparison: from below the Shannon limit of soft decisions, in steps.
_BELOW, _ABOVE, _STEP = 0.5, 7.0, 0.25


def families(rate: float | str, length: int) -> list[str]:
    """Return specifications of codes of every family with about the same rate and length.

    The uncoded message comes first. A family that has no such code is left out. The length and the rate
    deviate by at most 6 %, because a family has codes of certain sizes only.

    Args:
        rate: Code rate, such as 0.5 or "1/2".
        length: Length of a codeword in bits.

    Raises:
        ValueError: An argument is out of range.

    >>> families("1/2", 1024)[:3]
    ['uncoded:512', 'rs:128,64', 'bch:1023,t=54']
    """
    share = parse_rate(rate)
    if not 16 <= length <= 1 << 17:
        raise ValueError(f"Argument 'length' must be from 16 to {1 << 17} bits, got {length}.")
    known, chosen = set(names()), [f"uncoded:{round(share * length)}"]
    for family, candidates in _FAMILIES.items():
        if family not in known:
            continue
        for spec in candidates(share, length):
            if _fits(spec, share, length):
                chosen.append(spec)
                break
    return chosen


def channels_for(channel: str, rate: float | str) -> str:
    """Return a range of Eb/N0 that suits codes of a rate, for a name such as `awgn`.

    Args:
        channel: Name, specification or range; all but names of channels with Eb/N0 are returned unchanged.
        rate: Code rate.

    >>> channels_for("awgn", "1/2"), channels_for("bsc", "1/2")
    ('awgn:-0.25:7:0.25', 'bsc')
    """
    from netchat.bench.axis import limit_of
    from netchat.channels import get as get_channel

    name = channel.strip()
    if name not in ("awgn", "rayleigh"):
        return channel
    limit = limit_of(get_channel(f"{name}:0dB"), float(parse_rate(rate)), "soft")
    assert limit is not None
    start = math.floor((limit - _BELOW / 2) / _STEP) * _STEP
    wide = _ABOVE if name == "awgn" else 3 * _ABOVE
    return f"{name}:{start:g}:{start + _STEP + wide:g}:{_STEP if name == 'awgn' else 4 * _STEP:g}"


def parse_rate(rate: float | str) -> Fraction:
    """Return a code rate.

    Raises:
        ValueError: It is not a number from 0 to 1.
    """
    if isinstance(rate, float):
        rate = str(Fraction(rate).limit_denominator(1000))
    text = str(rate).strip()
    valid = re.fullmatch(r"\d{1,4}/\d{1,4}|\d?\.?\d{1,9}|\d\.", text, re.ASCII)
    if valid is None or text.endswith("/0") or not 0 < (share := Fraction(text)) < 1:
        raise ValueError(f"Argument 'rate' must be between 0 and 1, such as 1/2, got {text!r}.")
    return share


def _fits(spec: str, rate: Fraction, length: int) -> bool:
    """Return whether a specification is valid and its code has about the rate and the length."""
    try:
        code: Code = get_code(spec)
    except ValueError:
        return False
    bits = code.n * code.bits_per_symbol
    return abs(bits - length) <= _LENGTH * length and abs(code.rate - float(rate)) <= _RATE * float(
        rate
    )


def _repetition(rate: Fraction, length: int) -> Iterator[str]:
    if rate.numerator == 1 and rate.denominator % 2:
        yield f"interleave:{length // rate.denominator}+repetition:{rate.denominator}"


def _reed_solomon(rate: Fraction, length: int) -> Iterator[str]:
    n = round(length / 8)
    yield f"rs:{n},{round(rate * n)}"


def _bch(rate: Fraction, length: int) -> Iterator[str]:
    # A BCH code of length 2^m - 1 loses at most m bits of the message per corrected error.
    m = round(math.log2(length + 1))
    n = (1 << m) - 1
    near = round(n * (1 - rate) / m)
    for t in sorted(range(1, 2 * near + 2), key=lambda t: abs(t - near)):
        yield f"bch:{n},t={t}"


def _reed_muller(rate: Fraction, length: int) -> Iterator[str]:
    m = round(math.log2(length))
    sizes = [sum(math.comb(m, i) for i in range(r + 1)) for r in range(m)]
    r = min(range(m), key=lambda r: abs(sizes[r] - float(rate) * (1 << m)))
    yield f"rm:{r},{m}"


def _convolutional(rate: Fraction, length: int) -> Iterator[str]:
    for preset, memory, mother in (("voyager", 6, Fraction(1, 2)), ("lte", 6, Fraction(1, 3))):
        k = round(rate * length - rate * memory / mother)
        if rate == mother and preset == "lte":
            yield f"conv:lte,k={round(rate * length)}"
        elif rate == mother:
            yield f"conv:{preset},k={round(rate * length) - memory}"
        else:
            yield f"conv:{preset},k={k},rate={rate}"
    if rate in (Fraction(1, 2), Fraction(1, 3)):  # short blocks lose much by the termination
        generators = "133,171" if rate == Fraction(1, 2) else "133,171,165"
        yield f"conv:{generators},k={round(rate * length)},end=tailbiting"


def _ldpc(rate: Fraction, length: int) -> Iterator[str]:
    yield f"ldpc:nr,{round(rate * length)},{length}"
    yield f"ldpc:wifi,{length},{rate}"


def _turbo(rate: Fraction, length: int) -> Iterator[str]:
    yield f"turbo:{round(rate * length)},{length}"


def _polar(rate: Fraction, length: int) -> Iterator[str]:
    yield f"polar:{length},{round(rate * length)},crc=11"
    yield f"polar:{length},{round(rate * length)}"


#: Candidates of each family, best first; the first one that exists is taken.
_FAMILIES: dict[str, Callable[[Fraction, int], Iterator[str]]] = {
    "repetition": _repetition,
    "rs": _reed_solomon,
    "bch": _bch,
    "rm": _reed_muller,
    "conv": _convolutional,
    "turbo": _turbo,
    "ldpc": _ldpc,
    "polar": _polar,
}
