"""Convolutional codes with a Viterbi decoder for hard and soft decisions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from netchat.arguments import whole_number
from netchat.coding.arrays import Bools, Decoded, Floats, Rows
from netchat.coding.code import LONGEST, Code
from netchat.coding.convolutional.trellis import Trellis
from netchat.wording import cut

__all__ = ["Convolutional", "ConvolutionalAlgorithm", "Termination"]

Termination = Literal["terminated", "truncated", "tailbiting"]
ConvolutionalAlgorithm = Literal["viterbi", "bcjr", "max-log"]

#: Largest memory: the decoder keeps 64 metrics of 2 bytes for each of 2^memory states.
_MAX_MEMORY = 14
_MAX_OUTPUTS = 6
_MAX_PERIOD = 64

#: Bytes of decisions that the decoder stores: those of a segment of a block stay in the cache.
_DECISIONS = 1 << 20
_MIN_SEGMENT = 64

#: Bytes of forward metrics that the BCJR decoder keeps.
_FORWARD = 4 << 20

#: Largest memory and number of outputs for metrics of 8 bits.
_SHORT_MEMORY, _FEW_OUTPUTS = 8, 4


@dataclass(frozen=True, slots=True)
class _Preset:
    generators: tuple[int, ...]
    k: int
    end: Termination
    citation: str
    punctured: dict[str, str]


_VOYAGER = {"2/3": "10.11", "3/4": "101.110", "5/6": "10101.11010", "7/8": "1000101.1111010"}
_WIFI = {"2/3": "11.10", "3/4": "110.101", "5/6": "11010.10101"}
_PRESETS = {
    "voyager": _Preset(
        (171, -133), 1024, "terminated",
        "CCSDS 131.0-B, section 3: deep space; Voyager (1977)", _VOYAGER,
    ),
    "wifi": _Preset((133, 171), 1024, "terminated", "IEEE 802.11-2012, section 18.3.5.6", _WIFI),
    "gsm": _Preset((23, 33), 185, "terminated", "3GPP TS 45.003, section 3.1: GSM speech", {}),
    "lte": _Preset((133, 171, 165), 40, "tailbiting", "3GPP TS 36.212, section 5.1.3.1: LTE control", {}),
}  # fmt: skip


class Convolutional(Code):
    """Convolutional code: each message bit and the `memory` bits before it determine n output bits.

    The Viterbi decoder finds the likeliest codeword of a terminated or truncated block, for hard or
    soft decisions. A tail-biting block is decoded in up to four rounds (Shao, Lin and Fossorier, "Two
    decoding algorithms for tailbiting codes", 2003); the decoder reports a failure if the path does not
    close, and gives no guarantee for a number of errors.

    Ratios are quantised: up to twice their mean magnitude in the block to 15 to 30 levels of magnitude,
    with metrics of 8 bits; or up to four times the mean to 127 levels, with metrics of 16 bits, if the
    memory is above 8 or there are more than 4 outputs.

    The BCJR decoder decides each bit on its own, in floats and much more slowly: it minimises the bit
    error rate, and its message need not be on one path. "bcjr" adds probabilities (log-MAP), "max-log" takes
    the largest one. A tail-biting block is wrapped around once to find its first state.

    References: A. J. Viterbi, "Error bounds for convolutional codes and an asymptotically optimum
    decoding algorithm" (1967); S. Lin and D. J. Costello, "Error Control Coding" (2004), chapters 11
    and 12.

    Args:
        generators: Octal generators, such as 133 and 171; a negative one inverts its output. Or the name
            of a preset: voyager (CCSDS), wifi (802.11), gsm or lte.
        k: Number of message bits; 1024 by default, or that of the preset.
        end: "terminated" appends `memory` zeros to the message, "truncated" appends nothing, and
            "tailbiting" starts in the state where the message ends.
        puncture: Puncturing pattern, with a group of digits for each generator, joined by dots: 1 is
            sent. 110.101 makes rate 3/4 of rate 1/2.
        rate: Rate of a preset with standard puncturing patterns, such as 3/4 for voyager and wifi.
        algorithm: "viterbi", "bcjr" or "max-log".

    Raises:
        TypeError: k is not an integer.
        ValueError: An argument is out of range, or the code is catastrophic.

    >>> code = Convolutional(5, 7, k=4)
    >>> code.n, code.k, code.minimum_distance
    (12, 4, 5)
    >>> code.encode([[1, 0, 1, 1]]).tolist()
    [[1, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 1]]
    >>> Convolutional("wifi", rate="3/4").minimum_distance
    5
    """

    memory: int
    """Number of message bits before the newest that determine an output."""
    generators: tuple[int, ...]
    """Generators as integers; the most significant of `memory` + 1 bits belongs to the newest bit."""
    end: Termination
    """Kind of termination."""
    algorithm: ConvolutionalAlgorithm
    """Algorithm of the decoder."""

    def __init__(
        self,
        *generators: int | str,
        k: int | None = None,
        end: str | None = None,
        puncture: str = "",
        rate: str = "",
        algorithm: str = "viterbi",
    ) -> None:
        preset = _PRESETS.get(str(generators[0])) if len(generators) == 1 else None
        if preset is not None:
            generators = preset.generators
            k = preset.k if k is None else k
            end = preset.end if end is None else end
            if rate and rate != f"1/{len(generators)}":
                if rate not in preset.punctured or puncture:
                    rates = ", ".join([f"1/{len(generators)}", *preset.punctured])
                    raise ValueError(f"Argument 'rate' must be {rates} here, got {cut(rate)}.")
                puncture = preset.punctured[rate]
        elif rate:
            raise ValueError("Argument 'rate' needs a preset; use 'puncture' with generators.")
        k = whole_number("k", 1024 if k is None else k)
        end = end or "terminated"
        if end not in get_args(Termination):
            names = ", ".join(get_args(Termination))
            raise ValueError(f"Argument 'end' must be {names}, got {cut(end)!r}.")
        if algorithm not in get_args(ConvolutionalAlgorithm):
            names = ", ".join(get_args(ConvolutionalAlgorithm))
            raise ValueError(f"Argument 'algorithm' must be {names}, got {cut(algorithm)!r}.")
        self.algorithm = algorithm  # type: ignore[assignment] # checked above
        parsed = [_octal(generator) for generator in generators]
        self.generators = tuple(abs(generator) for generator in parsed)
        inverted = sum(1 << place for place, generator in enumerate(parsed) if generator < 0)
        self.memory = max((g.bit_length() for g in self.generators), default=1) - 1
        count = len(self.generators)
        if not 2 <= count <= _MAX_OUTPUTS or not 1 <= self.memory <= _MAX_MEMORY:
            raise ValueError(
                f"Argument 'generators' must be 2 to {_MAX_OUTPUTS} octal numbers of 2 to "
                f"{_MAX_MEMORY + 1} bits, or one of {', '.join(_PRESETS)}, got "
                f"{cut(', '.join(map(str, generators)) or 'nothing')}."
            )
        self.end = end  # type: ignore[assignment] # checked above
        kept = _pattern(puncture, count)
        self._trellis = trellis = Trellis(self.generators, self.memory, kept, inverted)
        if trellis.is_catastrophic:
            raise ValueError("Argument 'generators' must not have a common factor.")
        least = self.memory if end == "tailbiting" else 1
        if not least <= k <= LONGEST:
            raise ValueError(f"Argument 'k' must be from {least} to {LONGEST}, got {k}.")
        self._steps = k + (self.memory if end == "terminated" else 0)
        sent = np.resize(kept, (self._steps, count))
        # Position of each output in the codeword, and the output that each position holds.
        self._columns = np.where(sent, np.cumsum(sent).reshape(sent.shape) - 1, -1)
        self._sources = np.flatnonzero(sent)
        distance = self._distance(k)
        is_sure = end != "tailbiting" and algorithm == "viterbi"
        corrects = (distance - 1) // 2 if is_sure else 0
        names = ",".join(f"{'-' if g < 0 else ''}{abs(g):o}" for g in parsed)
        of_pattern = f", punctured {puncture}" if puncture else ""
        super().__init__(
            f"convolutional ({names}){of_pattern}",
            k=k,
            n=len(self._sources),
            minimum_distance=distance,
            corrects=corrects,
            detects=corrects,
            erasure_capability=distance - 1 if is_sure else 0,
            systematic=False,
            linear=not inverted,
            citation=preset.citation if preset else "Lin and Costello, Error Control Coding (2004)",
        )
        self._arguments = generators, end, puncture, algorithm
        self._spectra: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]] | None] = {}
        options = [f"k={k}", *([f"end={end}"] if end != "terminated" else [])]
        options += [f"puncture={puncture}"] if puncture else []
        options += [f"algorithm={algorithm}"] if algorithm != "viterbi" else []
        self.spec: str = f"conv:{names},{','.join(options)}"

    @property
    def branch_outputs(self) -> NDArray[np.uint8]:
        """(branches,) Outputs of each branch; output i is bit i.

        A branch is numbered by the new bit, then the state that it leaves.
        """
        return self._trellis.outputs

    @property
    def trellis_shape(self) -> tuple[int, int]:
        """Number of steps of the trellis, and of outputs in each step."""
        return self._steps, len(self.generators)

    @property
    def sent_outputs(self) -> NDArray[np.intp]:
        """(n,) Output that each bit of the codeword is: step * outputs + number of the output."""
        return self._sources

    def _distance(self, k: int) -> int:
        trellis = self._trellis
        biting = self.end == "tailbiting"
        distance = trellis.tail_biting_distance(k) if biting else trellis.free_distance
        if self.end == "truncated" and distance is not None:
            distance = min(distance, trellis.last_weight)
        if distance == 0:
            raise ValueError(f"Two messages of k = {k} bits have the same codeword.")
        return distance or 1  # 1 where it takes too long to compute

    def spectrum(self, above: int = 16) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Return the distance spectrum: error events by weight, and the sum of their message bits.

        With puncturing, the numbers are averages over the steps at which an event can begin.

        Args:
            above: Number of weights above the free distance.

        Returns:
            Two arrays, whose index is the weight. None if the trellis is too large.
        """
        free = self._trellis.free_distance
        if free is None:
            return None
        most = free + above
        if most not in self._spectra:
            self._spectra[most] = self._trellis.paths(most)
        return self._spectra[most]

    def generating_function(self, factor: float) -> tuple[float, float] | None:
        """Return the sums over all error events of `factor ** weight`, and of that times their bits.

        None if the sums diverge or the trellis is too large.
        """
        return self._trellis.transfer(factor)

    def _encode(self, message: Rows) -> Rows:
        from netchat.coding.convolutional import kernels
        from netchat.jit import read_only

        word = np.empty((len(message), self.n), np.uint8)
        kernels.encode(
            read_only(message),
            self._trellis.outputs,
            self.memory,
            self._columns,
            self.end == "tailbiting",
            word,
        )
        return word

    def _decode(self, received: Rows) -> Decoded:
        return self._decode_ratios(np.float32(1) - 2 * received.astype(np.float32), hard=True)

    def _decode_erasures(self, received: Rows, erasures: Bools) -> Decoded:
        ratios = np.float32(1) - 2 * received.astype(np.float32)
        ratios[erasures] = 0
        return self._decode_ratios(ratios, hard=True)

    def _decode_soft(self, received: Rows, soft: Floats, erasures: Bools | None) -> Decoded:  # noqa: ARG002
        if erasures is not None and erasures.any():
            soft = np.where(erasures, np.float32(0), soft)
        return self._decode_ratios(soft)

    def _decode_ratios(self, ratios: Floats, *, hard: bool = False) -> Decoded:
        if self.algorithm != "viterbi":
            return self._decode_bits(ratios)
        from netchat.coding import vector_kernels as vectors
        from netchat.coding.convolutional import kernels
        from netchat.jit import read_only

        batch, states, count = len(ratios), self._trellis.states, len(self.generators)
        # Metrics of 8 bits saturate only for paths far from the best one; with longer memories, or
        # more outputs, metrics of 16 bits never do.
        kind: type[np.unsignedinteger[Any]] = np.uint8
        limit = largest = min(30, 60 // count)
        if self.memory > _SHORT_MEMORY or count > _FEW_OUTPUTS:
            kind, limit, largest = np.uint16, 60, 127
        if hard:
            limit = 2  # each ratio counts 1
        message = np.empty((batch, self.k), np.uint8)
        corrected = np.zeros(batch, np.int64)
        segment = max(_MIN_SEGMENT, _DECISIONS // (8 * states))
        kernels.decode(
            read_only(np.ascontiguousarray(ratios)), self._sources, self.memory, self._steps,
            count, self._trellis.outputs, limit, largest,
            get_args(Termination).index(self.end), segment,
            np.zeros((2, states * vectors.LANES), kind), message, corrected,
        )  # fmt: skip
        return Decoded(message, corrected)

    def _decode_bits(self, ratios: Floats) -> Decoded:
        """Decide each bit on its own (BCJR)."""
        from netchat.coding import vector_kernels as vectors
        from netchat.coding.convolutional import bcjr_kernels
        from netchat.jit import read_only

        states = self._trellis.states
        branches = np.arange(2 * states)
        targets = branches >> 1
        message = np.empty((len(ratios), self.k), np.uint8)
        bcjr_kernels.decode(
            read_only(np.ascontiguousarray(ratios)), self._sources, self._steps, len(self.generators),
            targets, np.argsort(targets, kind="stable"), self._trellis.outputs,
            get_args(Termination).index(self.end), self.algorithm == "bcjr",
            max(1, _FORWARD // (4 * vectors.LANES * states)), message,
        )  # fmt: skip
        hard = (ratios < 0).view(np.uint8)
        differs = (self._encode(message) != hard) | (ratios == 0)
        return Decoded(message, differs.sum(axis=1, dtype=np.int64))

    def _shorten(self, k: int) -> Code:
        generators, end, puncture, algorithm = self._arguments
        if end == "tailbiting" and k < self.memory:
            return super()._shorten(k)
        return Convolutional(*generators, k=k, end=end, puncture=puncture, algorithm=algorithm)


def _octal(generator: int | str) -> int:
    """Parse a generator, whose decimal digits are octal."""
    text = str(generator)
    if not re.fullmatch(r"-?[0-7]{1,6}", text, re.ASCII):
        raise ValueError(
            f"Argument 'generators' must be octal numbers or one of {', '.join(_PRESETS)}, "
            f"got {cut(text)!r}."
        )
    return int(text, 8)


def _pattern(puncture: str, count: int) -> Bools:
    """Parse a puncturing pattern to an array (period, count)."""
    if not puncture:
        return np.ones((1, count), np.bool_)
    rows = str(puncture).split(".")
    period = len(rows[0])
    if (
        len(rows) != count
        or not 1 <= period <= _MAX_PERIOD
        or any(len(row) != period or set(row) - {"0", "1"} for row in rows)
    ):
        raise ValueError(
            f"Argument 'puncture' must be {count} groups of as many digits 0 and 1, joined by dots, "
            f"got {cut(str(puncture))!r}."
        )
    return np.array([[digit == "1" for digit in row] for row in rows]).T
