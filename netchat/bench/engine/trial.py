"""Simulation of a code over a channel, in independent batches of frames."""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netchat.bench.engine.tally import Tally
from netchat.channels import Channel
from netchat.channels import get as get_channel
from netchat.channels.channel import ErrorChannel
from netchat.coding import Code
from netchat.coding import get as get_code

__all__ = ["Batch", "Speed", "Trial"]

#: Bytes of a batch: data that fits a core's own cache is processed several times faster.
_WORKING_SET = {"bit_sliced": 512 * 1024, "rows": 256 * 1024}

#: Frames in the first batch of a code on rows. Each further batch is twice as large, up to the full
#: size, so that a slow code with many errors does not decode thousands of frames.
_FIRST = 64

#: Length of a cluster, in memories of the channel, so that clusters are nearly independent.
_MEMORIES = 32


@dataclass(frozen=True, slots=True)
class Speed:
    """Speed of the best batch, in megabits of information per second."""

    encode: float = 0.0
    """Encoding."""
    decode: float = 0.0
    """Decoding."""
    end_to_end: float = 0.0
    """Random data, encoding, channel, decoding and counting."""

    def __or__(self, other: Speed) -> Speed:
        return Speed(
            max(self.encode, other.encode),
            max(self.decode, other.decode),
            max(self.end_to_end, other.end_to_end),
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Result of one batch."""

    tally: Tally
    """Counts."""
    speed: Speed
    """Speed of this batch."""
    seconds: float
    """Computing time in seconds."""


class Trial:
    """Simulation of a code over a channel.

    Batch i has its own random stream, determined by the seed, both specifications and i. Its counts
    do not depend on where and when it runs.

    Args:
        code: Code, or its specification. One with `soft` receives log-likelihood ratios.
        channel: Channel, or its specification. Eb/N0 is per information bit at the rate of the code.
        seed: Random seed, at least 0.
    """

    def __init__(self, code: Code | str, channel: Channel | str, seed: int) -> None:
        code, channel = get_code(code), get_channel(channel)
        self.code, self.channel = code, channel.at_rate(code.rate)
        name = hashlib.sha256(f"{code.spec} over {channel.spec}".encode()).digest()
        self._entropy = [seed, *np.frombuffer(name, "<u4").tolist()]
        self._soft = code.soft and code.alphabet == "bit"
        self._is_bit_sliced = (
            code.fast == "bit_sliced" and not self._soft
        )  # bit slices hold no ratios
        # The message, the codeword and the decoded message; a bit in a row takes a byte.
        symbols = 2 * code.k + code.n + (8 * code.n if self._soft else 0)
        working_set = (
            8 * _WORKING_SET["bit_sliced"] if self._is_bit_sliced else _WORKING_SET["rows"]
        )
        frames = working_set // symbols
        self._full = max(_FIRST, frames // 64 * 64)
        self._first = self._full if self._is_bit_sliced else _FIRST
        memory = self.channel.memory
        self._cluster = 1
        if memory:
            span = _MEMORIES * memory / (code.n * code.bits_per_symbol)
            self._cluster = math.ceil(span) if span < self._full else self._full

    def start(self, index: int) -> int:
        """Return the number of frames in the batches before this one."""
        doublings = (self._full // self._first).bit_length()
        ramp = min(index, doublings)
        sizes = (min(self._first << i, self._full) for i in range(ramp))
        return sum(sizes) + (index - ramp) * self._full

    def run(self, index: int, limit: int | None = None) -> Batch:
        """Run a batch, up to a limit of the frames of the whole trial."""
        start = self.start(index)
        frames = self.start(index + 1) - start
        if limit is not None:
            frames = min(frames, limit - start)
        rng = np.random.Generator(np.random.SFC64([*self._entropy, index]))
        run = self._on_bit_slices if self._is_bit_sliced else self._on_rows
        began = time.perf_counter()
        counts, encode, decode = run(frames, rng)
        seconds = time.perf_counter() - began
        bits = frames * self.code.k * self.code.bits_per_symbol
        errors, wrong, undetected, touched, frame_squares, bit_squares = counts.tolist()
        tally = Tally(
            frames, errors, bits, wrong, undetected, -(-frames // self._cluster), touched,
            frame_squares, bit_squares,
        )  # fmt: skip
        return Batch(tally, Speed(*(bits / s / 1e6 for s in (encode, decode, seconds))), seconds)

    def _on_bit_slices(
        self, frames: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], float, float]:
        from netchat.bench.engine.tally_kernels import tally_bit_slices

        code, words = self.code, -(-frames // 64)
        sent = rng.bit_generator.random_raw(code.k * words).reshape(code.k, words)
        began = time.perf_counter()
        received = code.encode_bit_sliced(sent)
        encoded = time.perf_counter()
        lost = self.channel.corrupt_bit_sliced(received, rng)
        damaged = time.perf_counter()
        result = code.decode_bit_sliced(received, lost)
        decoded = time.perf_counter()
        counts = np.zeros(6, np.int64)
        tally_bit_slices(sent, result.message, result.failed, frames, self._cluster, counts)
        return counts, encoded - began, decoded - damaged

    def _on_rows(
        self, frames: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], float, float]:
        from netchat.bench.engine.tally_kernels import tally_rows

        code = self.code
        words = rng.bit_generator.random_raw(-(-frames * code.k * code.bits_per_symbol // 64))
        octets = words.view(np.uint8)
        symbols = octets if code.alphabet == "byte" else np.unpackbits(octets)
        sent = symbols[: frames * code.k].reshape(frames, code.k)
        began = time.perf_counter()
        received = code.encode(sent)
        encoded = time.perf_counter()
        received, lost, ratios = self._damage(received, rng)
        damaged = time.perf_counter()
        result = code.decode(received, lost, ratios)
        decoded = time.perf_counter()
        counts = np.zeros(6, np.int64)
        tally_rows(sent, result.message, result.corrected, frames, self._cluster, counts)
        return counts, encoded - began, decoded - damaged

    def _damage(
        self, word: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None, NDArray[np.float64] | None]:
        """Transmit rows; return the received rows, their erasures, and ratios for a soft decoder."""
        channel, alphabet = self.channel, self.code.alphabet
        if self._soft:
            out = channel.transmit(word, rng, alphabet)
            return out.block, out.erasures, channel.ratios(out)
        if alphabet == "byte":
            return word, channel.corrupt_bytes(word, rng), None
        if isinstance(channel, ErrorChannel):  # hard decisions need no Gaussian noise
            word.reshape(-1)[channel.positions(word.size, rng)] ^= 1
            return word, None, None
        out = channel.transmit(word, rng)
        return out.block, out.erasures, None
