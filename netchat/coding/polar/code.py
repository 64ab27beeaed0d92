"""Polar codes with successive-cancellation and list decoders."""

from __future__ import annotations

import contextlib
import math
import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from netchat.arguments import real_number, whole_number
from netchat.coding.arrays import Bools, Decoded, Floats, Rows
from netchat.coding.code import Code
from netchat.coding.cyclic_checks import CyclicCheck, cyclic_check
from netchat.coding.polar.construction import (
    Mother,
    erasure_reliabilities,
    gaussian_reliabilities,
    mother,
    nr_reliabilities,
)
from netchat.coding.polar.nr import PRESETS, Preset, channel_order, input_order
from netchat.coding.polar.steps import Steps, list_steps, plain_steps, quick_steps
from netchat.wording import cut

__all__ = ["Construction", "Polar"]

Construction = Literal["nr", "ga", "bec"]

_LONGEST = 1 << 16
#: Largest length of a mother code in 5G.
_NR_POWER = 10

_DECODER = re.compile(r"sc|fast|(scl|adaptive)(2|4|8|16|32)")

#: Quantised ratio of 1, at the channel where a good code of the same rate works.
_UNIT = 6
#: Largest magnitude of a quantised ratio.
_LARGEST = 127


class Polar(Code):
    """Polar code: of the inputs of a transform, the least reliable ones are zero.

    The decoders work on 64 lanes at a time, with ratios of 8 bits: successive cancellation bit by bit
    ("sc") or with shortcuts for simple nodes ("fast"), and a list of 2 to 32 paths ("scl8"). A CRC
    chooses among the paths. "adaptive8" decodes a block with a list only if "fast" fails its CRC.

    A length that is not a power of two is matched as in 5G: by puncturing or shortening.

    References: E. Arikan, "Channel polarization" (2009); I. Tal and A. Vardy, "List decoding of polar
    codes" (2015); B. Li, H. Shen and D. Tse, "An adaptive successive cancellation list decoder for polar
    codes with cyclic redundancy check" (2012); 3GPP TS 38.212, sections 5.3.1 and 5.4.1.

    Args:
        n: Number of bits in a codeword; or a code of 5G: uci, dci or pbch.
        arguments: k, the number of message bits; for uci and dci, n and k.
        crc: Width of a CRC that follows the message, or its name: 24a, 24b and 24c differ.
        decoder: "sc", "fast", "scl2" to "scl32", or "adaptive2" to "adaptive32". By default, "adaptive8"
            with a CRC, and "fast" without one.
        construction: "nr" for the sequence of 5G, up to 1024 bits; "ga" for the Gaussian approximation at
            the Eb/N0 `design` in dB; "bec" for the erasure probability `design`. By default, "nr" if
            possible, and "ga" otherwise.
        design: Channel of the construction: 2 dB or the erasure probability 0.4 by default.

    Raises:
        TypeError: A number has the wrong type.
        ValueError: An argument is out of range.

    >>> code = Polar(8, 4)
    >>> code.minimum_distance, code.encode([[0, 0, 0, 1]]).tolist()
    (4, [[1, 1, 1, 1, 1, 1, 1, 1]])
    """

    decoder: str
    """Decoder."""
    construction: Construction
    """Construction."""

    def __init__(
        self,
        n: int | str = 1024,
        *arguments: int,
        crc: int | str | None = None,
        decoder: str = "",
        construction: str = "",
        design: float | None = None,
    ) -> None:
        preset = _preset(n, arguments) if isinstance(n, str) else None
        if preset is not None:
            if crc is not None or construction or design is not None:
                raise ValueError(f"Option 'decoder' is the only one of {n}; it has its own CRC.")
            n, k = preset.n, preset.k
        else:
            if len(arguments) > 1:
                raise ValueError(f"A polar code takes n and k, got {1 + len(arguments)} numbers.")
            n = whole_number("n", n)
            k = whole_number("k", *arguments) if arguments else n // 2
        if not 2 <= n <= _LONGEST:
            raise ValueError(f"Argument 'n' must be from 2 to {_LONGEST}, got {n}.")
        check = preset.check if preset else cyclic_check(crc or 0)
        free = k + check.width
        if not k >= 1 or not free <= n:
            raise ValueError(
                f"Argument 'k' must be from 1 to {n - check.width} for n = {n}, got {k}."
            )
        found = _mother(n, free, preset)
        self.construction = _construction(construction, found.size)
        self._check, self._mother = check, found
        self._design = design
        reliable = self._reliabilities(n, k)
        reliable[found.barred] = -np.inf
        ascending = np.argsort(reliable, kind="stable")
        self._ranks = np.argsort(ascending)
        chosen = np.sort(ascending[found.size - free :])
        self._frozen = np.ones(found.size, np.bool_)
        self._frozen[chosen] = False
        # Place in the mother code of each bit of the message and of its check.
        self._places = np.empty(free, np.intp)
        self._places[input_order(free) if preset and preset.interleaved else np.arange(free)] = (
            chosen
        )
        self._sent = found.sent[channel_order(n)] if preset and preset.triangle else found.sent
        weights = [1 << int(place).bit_count() for place in chosen]
        distance = max(1, min(weights) - int((found.missing == 1).sum()))
        self.decoder = decoder or ("adaptive8" if check.width else "fast")
        kind = _DECODER.fullmatch(str(self.decoder))
        if kind is None:
            raise ValueError(
                "Argument 'decoder' must be sc, fast, scl2, scl4, ... scl32, or adaptive2, ... "
                f"adaptive32, got {cut(str(decoder))!r}."
            )
        self._is_adaptive = kind[1] == "adaptive"
        if self._is_adaptive and not check.width:
            raise ValueError(f"Argument 'decoder' must not be {decoder} without a CRC: use scl.")
        self._arguments = None if preset else (n, crc, decoder, construction, design)
        self._doublings = int(kind[2]).bit_length() - 1 if kind[2] else 0
        self._limit = _scale(free / n)
        self._first = plain_steps(self._frozen) if decoder == "sc" else quick_steps(self._frozen)
        self._listed = list_steps(self._frozen) if self._doublings else self._first
        super().__init__(
            f"polar ({n},{k})" + (f", CRC-{check.width}" if check.width else ""),
            k=k,
            n=n,
            minimum_distance=distance,
            corrects=0,
            detects=0,
            erasure_capability=0,
            systematic=False,
            linear=not check.start.any(),
            citation=preset.citation if preset else "Arikan, Channel polarization (2009)",
        )
        options = (
            ("crc", crc or 0, 0), ("decoder", decoder, ""), ("construction", construction, ""),
            ("design", design, None),
        )  # fmt: skip
        options_text = [f"{name}={value}" for name, value, usual in options if value != usual]
        first = [preset.name, *((n, k) if preset.name != "pbch" else ())] if preset else [n, k]
        self.spec: str = f"polar:{','.join(map(str, [*first, *options_text]))}"

    @property
    def frozen(self) -> Bools:
        """(size,) Whether an input of the mother code is always zero."""
        return self._frozen.copy()

    def _reliabilities(self, n: int, k: int) -> NDArray[np.float64]:
        size, missing = self._mother.size, self._mother.missing
        if self.construction == "nr":
            if self._design is not None:
                raise ValueError("Argument 'design' needs the construction ga or bec.")
            return nr_reliabilities(size)
        copies = np.bincount(self._mother.sent, minlength=size)
        if self.construction == "ga":
            design = real_number("design", 2.0 if self._design is None else self._design)
            if not -20 <= design <= 40:
                raise ValueError(f"Argument 'design' must be from -20 to 40 dB, got {design:g}.")
            mean = 4 * k / n * 10 ** (design / 10)
            return gaussian_reliabilities(np.where(missing == -1, 1e6, copies * mean))
        p = real_number("design", 0.4 if self._design is None else self._design)
        if not 0 < p < 1:
            raise ValueError(f"Argument 'design' must be between 0 and 1, got {p:g}.")
        return erasure_reliabilities(np.where(missing == -1, 0, p**copies))

    def _encode(self, message: Rows) -> Rows:
        from netchat.coding.polar import kernels
        from netchat.jit import read_only

        word = np.empty((len(message), self.n), np.uint8)
        check = self._check
        kernels.encode(
            read_only(message), self._places[: self.k], self._places[self.k :], check.taps, check.start,
            self._mother.size, self._sent, word,
        )  # fmt: skip
        return word

    def _decode(self, received: Rows) -> Decoded:
        return self._decode_ratios(np.float32(1) - 2 * received.astype(np.float32))

    def _decode_erasures(self, received: Rows, erasures: Bools) -> Decoded:
        ratios = np.float32(1) - 2 * received.astype(np.float32)
        ratios[erasures] = 0
        return self._decode_ratios(ratios)

    def _decode_soft(self, received: Rows, soft: Floats, erasures: Bools | None) -> Decoded:  # noqa: ARG002
        if erasures is not None and erasures.any():
            soft = np.where(erasures, np.float32(0), soft)
        return self._decode_ratios(soft)

    def _decode_ratios(self, ratios: Floats) -> Decoded:
        from netchat.coding.polar import kernels
        from netchat.jit import read_only

        rows = read_only(np.ascontiguousarray(ratios))
        if self._doublings and not self._is_adaptive:
            return self._decode_with_list(rows)
        result = self._run(kernels.decode, rows, self._first)
        again = np.flatnonzero(result.failed) if self._is_adaptive else ()
        if len(again):
            listed = self._decode_with_list(read_only(rows[again]))
            result.message[again] = listed.message
            result.corrected[again] = listed.corrected
        return result

    def _decode_with_list(self, rows: Floats) -> Decoded:
        from netchat.coding.polar import list_kernels

        return self._run(list_kernels.decode, rows, self._listed, self._doublings)

    def _run(self, kernel: Any, rows: Floats, steps: Steps, *more: int) -> Decoded:
        message = np.empty((len(rows), self.k), np.uint8)
        corrected = np.empty(len(rows), np.int64)
        kernel(
            rows, self._sent, self._mother.missing, np.arange(self.n), self._mother.size, steps,
            self._places[: self.k], self._places, self._check.taps, self._check.start, self._limit, _LARGEST,
            *more, message, corrected,
        )  # fmt: skip
        return Decoded(message, corrected)

    def _shorten(self, k: int) -> Code:
        if self._arguments is not None:
            n, crc, decoder, construction, design = self._arguments
            options: dict[str, Any] = {"crc": crc, "decoder": decoder, "construction": construction}
            with contextlib.suppress(ValueError):  # rate matching leaves too little room
                return Polar(n - (self.k - k), k, design=design, **options)
        return super()._shorten(k)


@dataclass(frozen=True, slots=True)
class PolarPlan:
    """Data of the decoder of a polar code."""

    frozen: Bools
    """(size,) Whether an input of the mother code is always zero."""
    places: NDArray[np.intp]
    """(k + width,) Inputs that carry the message and its check."""
    sent: NDArray[np.intp]
    """(n,) Place in the mother codeword of each bit."""
    missing: NDArray[np.int8]
    """(size,) -1 where a bit is shortened, 1 where it is punctured."""
    check: CyclicCheck
    """CRC."""
    limit: int
    """Integer for twice the mean magnitude of the ratios of a block."""
    largest: int
    """Largest magnitude of a quantised ratio."""
    steps: Steps
    """Steps of the decoder without a list."""
    list_steps: Steps
    """Steps of the list decoder."""
    paths: int
    """Number of paths; 1 without a list."""
    is_adaptive: bool
    """Whether the list is used only if the check fails without it."""
    ranks: NDArray[np.intp]
    """(size,) Rank of each input by its reliability, 0 for the least reliable."""


def plan_of(code: Polar) -> PolarPlan:
    """Return what the decoder of a code works with."""
    return PolarPlan(
        code._frozen, code._places, code._sent, code._mother.missing, code._check, code._limit, _LARGEST,
        code._first, code._listed, 1 << code._doublings, code._is_adaptive, code._ranks,
    )  # fmt: skip


def _preset(name: str, arguments: tuple[int, ...]) -> Preset:
    """Return a code of 5G."""
    if name not in PRESETS:
        raise ValueError(f"Argument 'n' must be a number, {', '.join(PRESETS)}, got {cut(name)!r}.")
    return PRESETS[name](*(whole_number("n and k", number) for number in arguments))


def _mother(n: int, free: int, preset: Preset | None) -> Mother:
    if preset is None and n & (n - 1) == 0:
        return Mother(n, np.arange(n), np.zeros(n, np.int8), np.zeros(n, np.bool_))
    return mother(n, free, preset.largest if preset else n.bit_length())


def _construction(name: str, size: int) -> Construction:
    """Check the construction, or choose it."""
    fits = size <= 1 << _NR_POWER
    if not name:
        return "nr" if fits else "ga"
    if name not in get_args(Construction) or (name == "nr" and not fits):
        names = ", ".join(get_args(Construction)[0 if fits else 1 :])
        raise ValueError(
            f"Argument 'construction' must be {names} for {size} bits, got {cut(name)!r}."
        )
    return name  # type: ignore[return-value] # checked above


def _scale(rate: float) -> int:
    """Return the integer for twice the mean magnitude of the received ratios of a block.

    The lower the rate, the more received ratios are added inside the decoder, where they saturate at 127. The
    mean magnitude is that over AWGN with 1.5 times the SNR of Shannon's limit.
    """
    mean = 3 * (4**rate - 1)
    magnitude = math.sqrt(4 * mean / math.pi) * math.exp(-mean / 4) + mean * math.erf(
        math.sqrt(mean) / 2
    )
    return max(4, round(2 * _UNIT * magnitude))
