"""Turbo code of LTE with iterative decoders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from netchat.arguments import real_number, whole_number
from netchat.coding.arrays import Bools, Decoded, Floats, Rows
from netchat.coding.code import Code
from netchat.coding.cyclic_checks import CyclicCheck, cyclic_check
from netchat.coding.turbo.standards import interleaver, layout, sizes
from netchat.wording import cut

__all__ = ["Turbo", "TurboAlgorithm"]

TurboAlgorithm = Literal["max-log", "log-map"]

_MAX_ITERATIONS = 1000
_MOST_SENT = 1 << 17

#: Scales of the decoder in integers.
_SCALES = (0.75, 1.0)
#: Integer for twice the mean magnitude of the received ratios, and largest magnitude of a ratio.
_LIMIT, _LARGEST = 28, 40
#: Largest magnitude of a scaled extrinsic value.
_MOST = 87


class Turbo(Code):
    """Turbo code of LTE: two recursive convolutional codes of 8 states, with an interleaver between them.

    The decoders of the two codes exchange extrinsic values. Max-log with the scale 0.75 or 1 works on 64
    blocks at a time, with integers of 8 bits; all other decoders use floats, and are slower. With a CRC, a
    block is finished as soon as its CRC holds; otherwise it takes all iterations.

    References: C. Berrou, A. Glavieux and P. Thitimajshima, "Near Shannon limit error-correcting coding
    and decoding" (1993); P. Robertson, E. Villebrun and P. Hoeher, "A comparison of optimal and
    sub-optimal MAP decoding algorithms operating in the log domain" (1995); 3GPP TS 36.212, section 5.1.

    Args:
        k: Number of message bits. The block is the shortest of the 188 of the standard that has room for
            message and CRC; filler bits precede the message.
        n: Number of bits to send with the rate matching of LTE. By default, all bits are sent once.
        version: Redundancy version, 0 to 3.
        crc: CRC that follows the message: 24b for a segment of LTE, 24a for a transport block; or a width.
        iterations: Largest number of iterations.
        algorithm: "max-log" or "log-map".
        scale: Factor of the extrinsic values: 0.75 for max-log and 1 for log-MAP by default.

    Raises:
        TypeError: A number has the wrong type.
        ValueError: An argument is out of range.

    >>> code = Turbo(40)
    >>> code.n, code.k
    (132, 40)
    """

    iterations: int
    """Largest number of iterations."""
    algorithm: TurboAlgorithm
    """Algorithm of the decoder."""

    def __init__(
        self,
        k: int = 1024,
        n: int | None = None,
        version: int = 0,
        *,
        crc: int | str = 0,
        iterations: int = 6,
        algorithm: str = "max-log",
        scale: float | None = None,
    ) -> None:
        k, version = whole_number("k", k), whole_number("version", version)
        self.iterations = whole_number("iterations", iterations)
        check = self._check = cyclic_check(crc)
        most = sizes()[-1] - check.width
        if not 1 <= k <= most:
            raise ValueError(f"Argument 'k' must be from 1 to {most}, got {k}.")
        if n is not None and not k + check.width <= whole_number("n", n) <= _MOST_SENT:
            raise ValueError(
                f"Argument 'n' must be from {k + check.width} to {_MOST_SENT}, got {n}."
            )
        if version not in range(4) or (version and n is None):
            raise ValueError(
                f"Argument 'version' must be from 0 to 3, and needs a length n, got {version}."
            )
        if not 1 <= self.iterations <= _MAX_ITERATIONS:
            raise ValueError(
                f"Argument 'iterations' must be from 1 to {_MAX_ITERATIONS}, got {iterations}."
            )
        if algorithm not in get_args(TurboAlgorithm):
            names = ", ".join(get_args(TurboAlgorithm))
            raise ValueError(f"Argument 'algorithm' must be {names}, got {cut(str(algorithm))!r}.")
        self.algorithm = algorithm  # type: ignore[assignment] # checked above
        usual = 0.75 if algorithm == "max-log" else 1.0
        self._scale = usual if scale is None else real_number("scale", scale)
        if not 0 < self._scale <= 1:
            raise ValueError(f"Argument 'scale' must be above 0 and at most 1, got {scale:g}.")
        options: dict[str, Any] = {
            "crc": crc, "iterations": self.iterations, "algorithm": algorithm, "scale": scale,
        }  # fmt: skip
        self._arguments = n, version, options
        self._layout = found = layout(k + check.width, n, version)
        self._order = interleaver(found.size)
        self._places = np.arange(found.fillers, found.size)
        super().__init__(
            f"turbo LTE ({len(found.sent)},{k})" + (f", CRC-{check.width}" if check.width else ""),
            k=k,
            n=len(found.sent),
            corrects=0,
            detects=0,
            erasure_capability=0,
            systematic=bool(np.isin(self._places[:k], found.sent).all()),
            citation="3GPP TS 36.212, section 5.1.3.2: LTE",
        )
        settings = (
            ("crc", crc, 0), ("iterations", self.iterations, 6), ("algorithm", algorithm, "max-log"),
            ("scale", self._scale, usual),
        )  # fmt: skip
        numbers = [k, *([] if n is None else [n]), *([version] if version else [])]
        chosen = [f"{name}={value}" for name, value, default in settings if value != default]
        self.spec: str = f"turbo:{','.join(map(str, [*numbers, *chosen]))}"

    @property
    def is_fast(self) -> bool:
        """Whether the decoder works with integers of 8 bits."""
        return self.algorithm == "max-log" and self._scale in _SCALES

    @property
    def data_positions(self) -> NDArray[np.intp]:
        """(k,) Positions of the message symbols."""
        first = np.full(3 * self._layout.size + 12, -1)
        first[self._layout.sent[::-1]] = np.arange(self.n)[::-1]
        return first[self._places[: self.k]]

    def _encode(self, message: Rows) -> Rows:
        from netchat.coding.turbo import kernels
        from netchat.jit import read_only

        found, check = self._layout, self._check
        word = np.empty((len(message), self.n), np.uint8)
        kernels.encode(
            read_only(message), self._places[: self.k], found.size, self._order, check.taps, check.start,
            found.sent, word,
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
        from netchat.jit import read_only

        found, check = self._layout, self._check
        rows = read_only(np.ascontiguousarray(ratios))
        message = np.empty((len(rows), self.k), np.uint8)
        corrected = np.empty(len(rows), np.int64)
        common = (
            found.size, self._order, self._places[: self.k], self._places, check.taps, check.start,
            self.iterations,
        )  # fmt: skip
        if self.is_fast:
            from netchat.coding.turbo import kernels

            kernels.decode(
                rows, found.sent, found.known, np.arange(self.n), *common, self._scale != 1,
                _LIMIT, _LARGEST, int(_MOST / self._scale), message, corrected,
            )  # fmt: skip
        else:
            from netchat.coding.turbo import float_kernels

            float_kernels.decode(
                rows, found.sent, found.known, *common, np.float32(self._scale),
                self.algorithm == "log-map", *_trellis(), message, corrected,
            )  # fmt: skip
        return Decoded(message, corrected)

    def _shorten(self, k: int) -> Code:
        n, version, options = self._arguments
        return Turbo(k, n and n - (self.k - k), version, **options)


@dataclass(frozen=True, slots=True)
class TurboPlan:
    """Data of the decoder of a turbo code in integers of 8 bits."""

    size: int
    """Length of the block: fillers, message and check."""
    order: NDArray[np.intp]
    """(size,) Interleaver."""
    places: NDArray[np.intp]
    """(k + width,) Places of message and check in the block."""
    sent: NDArray[np.intp]
    """(n,) Which bit is sent; see `Layout`."""
    known: NDArray[np.intp]
    """Bits that are zero and not sent."""
    check: CyclicCheck
    """CRC."""
    limit: int
    """Integer for twice the mean magnitude of the ratios of a block."""
    largest: int
    """Largest magnitude of a quantised ratio."""
    most: int
    """Largest magnitude of an extrinsic value, before it is scaled."""
    scales: bool
    """Whether extrinsic values are multiplied by 3/4."""


def plan_of(code: Turbo) -> TurboPlan:
    """Return what the decoder of a code in integers works with."""
    found = code._layout
    return TurboPlan(
        found.size, code._order, code._places, found.sent, found.known, code._check, _LIMIT, _LARGEST,
        int(_MOST / code._scale), code._scale != 1,
    )  # fmt: skip


def _trellis() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Return the targets, the incoming branches and the output words of the code of 8 states.

    Its polynomials are 1 + D^2 + D^3 for the feedback and 1 + D + D^3 for the parity bit (section
    5.1.3.2.1). The most significant bit of a state is the newest one.
    """
    state, bit = np.arange(8), np.array([[0], [1]])
    one, two, three = state >> 2, state >> 1 & 1, state & 1
    new = bit ^ two ^ three
    targets = (new << 2 | state >> 1).reshape(-1)
    words = (bit | (new ^ one ^ three) << 1).reshape(-1)
    return targets, np.argsort(targets, kind="stable"), words.astype(np.uint8)
