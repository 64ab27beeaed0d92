"""Simulation of a code over a channel, in independent batches of frames."""

from __future__ import annotations

import hashlib
import math
import pickle
import re
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from netchat.bench.engine.batch import BatchResult, Speed
from netchat.bench.engine.pickle_by_value import pickle_by_value
from netchat.bench.engine.tally import Tally
from netchat.channels import Channel
from netchat.channels import get as get_channel
from netchat.channels.channel import ErrorChannel
from netchat.coding import Code
from netchat.coding import get as get_code
from netchat.errors import BenchError

__all__ = ["Simulation"]

#: Bytes of a batch: data that fits a core's own cache is processed several times faster.
_WORKING_SET = {"bit_sliced": 512 * 1024, "rows": 256 * 1024, "soft": 1024 * 1024}

#: Frames in the first batch of a code on rows. Each further batch is twice as large, up to the full
#: size, so that a slow code with many errors does not decode thousands of frames.
_FIRST = 64

#: Length of a cluster, in memories of the channel, so that clusters are nearly independent.
_MEMORIES = 32

#: Seconds for which the first batch is repeated, to measure its speed.
_TIMING = 0.02

#: Size of an array after which glibc's thresholds are at their largest.
_FREED = (32 << 20) - 8192

#: Codes and kinds of channels whose kernels this process has loaded.
_warm: set[tuple[str, type, type]] = set()


class Simulation:
    """Simulation of a code over a channel.

    Batch i has its own random stream, determined by the seed, both specifications and i. Its counts
    do not depend on where and when it runs.

    Args:
        code: Code, or its specification. One with `soft` receives log-likelihood ratios.
        channel: Channel, or its specification. Eb/N0 is per information bit at the rate of the code.
        seed: Random seed, at least 0.
        frames: Number of frames in all batches together; None if there is no limit.
        from_specs: Whether the specifications of these objects create equal ones in another process.
    """

    code: Code
    """Code."""
    channel: Channel
    """Channel."""
    frames: int | None
    """Number of frames in all batches together; None if there is no limit."""

    def __init__(
        self,
        code: Code | str,
        channel: Channel | str,
        seed: int,
        frames: int | None = None,
        *,
        from_specs: bool = False,
    ) -> None:
        self.code, self.channel, self.frames = get_code(code), get_channel(channel), frames
        self._seed, self._from_specs = seed, from_specs
        code, channel = self.code, self.channel
        self._at_rate = channel.at_rate(code.rate)
        name = hashlib.sha256(f"{code.spec} over {channel.spec}".encode()).digest()
        self._entropy = [seed, *np.frombuffer(name, "<u4").tolist()]
        # Bit slices carry no ratios; if all have one magnitude, hard decisions are equivalent.
        self._soft = (
            code.soft
            and code.alphabet == "bit"
            and (code.fast != "bit_sliced" or self._at_rate.is_soft)
        )
        self._is_bit_sliced = code.fast == "bit_sliced" and not self._soft
        # The message, the codeword and the decoded message; a bit in a row takes a byte.
        symbols = 2 * code.k + code.n + (4 * code.n if self._soft else 0)
        working_set = _WORKING_SET["soft" if self._soft else "rows"]
        if self._is_bit_sliced:
            working_set = 8 * _WORKING_SET["bit_sliced"]
        frames = working_set // symbols
        self._full = max(_FIRST, frames // 64 * 64)
        self._first = self._full if self._is_bit_sliced else _FIRST
        memory = self._at_rate.memory
        self._cluster = 1
        if memory:
            span = _MEMORIES * memory / (code.n * code.bits_per_symbol)
            self._cluster = math.ceil(span) if span < self._full else self._full

    def __reduce__(self) -> tuple[Callable[..., Simulation], tuple[object, ...]]:
        code, channel = self.code.spec, self.channel.spec
        if self._from_specs:
            return _from_specs, (code, channel, self._seed, self.frames)
        return _from_pickle, (self._pickled, self._seed, self.frames)

    @cached_property
    def _pickled(self) -> bytes | None:
        return pickle_by_value(self.code, self.channel)

    @property
    def portable(self) -> bool:
        """Whether another process can run it."""
        return self._from_specs or self._pickled is not None

    def carry_files(self) -> None:
        """Pickle the code and the channel themselves if their specifications may name files.

        A worker on another machine may not have the files.
        """
        specs = self.code.spec + self.channel.spec
        if re.search(r"\.[a-z]", specs):
            self._from_specs = self._from_specs and self._pickled is None

    def start(self, index: int) -> int:
        """Return the number of frames in the batches before this one."""
        doublings = (self._full // self._first).bit_length()
        ramp = min(index, doublings)
        sizes = (min(self._first << i, self._full) for i in range(ramp))
        return sum(sizes) + (index - ramp) * self._full

    def run(self, index: int) -> BatchResult:
        """Run a batch; the last one ends at the limit of the frames."""
        _keep_freed_memory()
        start = self.start(index)
        frames = self.start(index + 1) - start
        if self.frames is not None:
            frames = min(frames, self.frames - start)
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
        return BatchResult(
            tally, Speed(*(bits / s / 1e6 for s in (encode, decode, seconds))), seconds
        )

    def run_all(self, indices: range) -> list[BatchResult]:
        """Run consecutive batches, with the kernels loaded before their time is measured.

        Raises:
            BenchError: The code or the channel raised an error.
        """
        kind = self.code.spec, type(self.code), type(self.channel)
        try:
            if kind not in _warm:
                _warm.add(kind)
                self.run(0)
            batches = [self.run(index) for index in indices]
            if indices.start == 0:
                batches[0] = self._timed(batches[0])
            return batches
        except Exception as error:
            code, channel = self.code.spec, self.channel.spec
            raise BenchError(
                f"{code} over {channel} raised {type(error).__name__}: {error}\n"
                f"Run `netchat codes check {code}` to see whether the code breaks a law."
            ) from error

    def _timed(self, batch: BatchResult) -> BatchResult:
        """Repeat the first batch until its speed is known, and return it with that speed."""
        speed, spent = batch.speed, batch.seconds
        while spent < _TIMING:
            again = self.run(0)
            speed, spent = speed | again.speed, spent + again.seconds
        return replace(batch, speed=speed)

    def _on_bit_slices(
        self, frames: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], float, float]:
        from netchat.bench.engine.tally_kernels import tally_bit_slices

        code, words = self.code, -(-frames // 64)
        sent = rng.bit_generator.random_raw(code.k * words).reshape(code.k, words)
        began = time.perf_counter()
        received = code.encode_bit_sliced(sent)
        encoded = time.perf_counter()
        lost = self._at_rate.corrupt_bit_sliced(received, rng)
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
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None, NDArray[np.float32] | None]:
        """Transmit rows; return the received rows, their erasures, and ratios for a soft decoder."""
        channel, alphabet = self._at_rate, self.code.alphabet
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


@cache
def _keep_freed_memory() -> None:
    """Make the C library keep freed memory, so that not every batch gets new pages from the kernel.

    After an array of nearly 32 MiB is freed, glibc serves smaller ones from its heap, and keeps twice as
    much of it (mallopt(3), M_MMAP_THRESHOLD). A soft decoder's batch is twice as fast then.
    """
    np.empty(_FREED, np.uint8)


# A worker receives a simulation with every few batches, but creates its code and channel only once.


@cache
def _from_specs(code: str, channel: str, seed: int, frames: int | None) -> Simulation:
    return Simulation(_code(code), channel, seed, frames, from_specs=True)


@cache
def _from_pickle(pickled: bytes, seed: int, frames: int | None) -> Simulation:
    try:
        code, channel = pickle.loads(pickled)  # noqa: S301 - from the bench that started this process
    except Exception as error:
        raise BenchError(
            f"A worker process cannot load the code or the channel: {type(error).__name__}: {error}. "
            "Use one worker."
        ) from error
    return Simulation(code, channel, seed, frames)


@cache
def _code(spec: str) -> Code:
    return get_code(spec)
