"""Concatenated codes: the codeword of the outer code is the message of the inner code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netchat.coding.arrays import Bools, Decoded, Floats, Rows
from netchat.coding.code import Code
from netchat.coding.registry import get

__all__ = ["AsBits", "Concatenated"]


def _count_corrected(
    code: Code, result: Decoded, received: Rows, erasures: Bools | None
) -> NDArray[np.int64]:
    """Count the symbols of `received` that the decoder changed or filled in; -1 for failures."""
    changed = code.encode(result.message) != received
    if erasures is not None:
        changed |= erasures
    return np.where(result.failed, np.int64(-1), changed.sum(axis=1))


class AsBits(Code):
    """A code over bytes as a code over bits, most significant bit of each byte first.

    Args:
        code: Code over bytes, or its specification.

    >>> code = AsBits("rs:20,10")
    >>> code.n, code.k
    (160, 80)
    """

    def __init__(self, code: Code | str) -> None:
        self.code = code = get(code)
        super().__init__(
            code.name,
            k=8 * code.k,
            n=8 * code.n,
            minimum_distance=code.minimum_distance,
            corrects=code.corrects,
            detects=code.detects,
            erasure_capability=code.erasure_capability,
            systematic=code.systematic,
            linear=code.linear,
            citation=code.citation,
        )
        self.spec: str = code.spec

    @property
    def data_positions(self) -> NDArray[np.intp]:
        """(k,) Positions of the message symbols."""
        return (8 * self.code.data_positions[:, None] + np.arange(8)).ravel()

    def spread(self, width: int) -> int:
        """Return the largest number of bytes of one codeword in a window of bits."""
        if 8 % width == 0:
            octets = 1
        elif width % 8 == 0:
            octets = width // 8
        else:
            octets = (width - 2) // 8 + 2
        return self.code.spread(octets)

    def _encode(self, message: Rows) -> Rows:
        return np.unpackbits(self.code.encode(np.packbits(message, axis=1)), axis=1)

    def _decode(self, received: Rows) -> Decoded:
        return self._decode_octets(received, None)

    def _decode_erasures(self, received: Rows, erasures: Bools) -> Decoded:
        return self._decode_octets(received, erasures)

    def _decode_octets(self, received: Rows, erasures: Bools | None) -> Decoded:
        lost = None
        if erasures is not None:
            lost = erasures.reshape(len(received), self.code.n, 8).any(axis=2)
        result = self.code.decode(np.packbits(received, axis=1), lost)
        bits = Decoded(np.unpackbits(result.message, axis=1), result.corrected)
        return Decoded(bits.message, _count_corrected(self, bits, received, erasures))

    def _shorten(self, k: int) -> Code:
        if k % 8:
            return super()._shorten(k)
        return AsBits(self.code.shortened(k // 8))


class Concatenated(Code):
    """Concatenated code: n and k follow from the two codes; see `minimum_distance` for its bound.

    The decoder decodes the inner code first. If the outer code then fails, it is decoded again with
    the blocks that the inner decoder gave up as erasures.

    Reference: G. D. Forney, "Concatenated Codes" (1966).

    Args:
        outer: Code next to the data, or its specification.
        inner: Code next to the channel, or its specification. Its last block may be shortened.

    >>> from netchat.coding import Hamming, ReedSolomon
    >>> code = Concatenated(ReedSolomon(255, 223), Hamming(7, 4))
    >>> code.n, code.k, code.minimum_distance
    (3570, 1784, 99)
    """

    outer: Code
    """Code next to the data."""
    inner: Code
    """Code next to the channel."""

    def __init__(self, outer: Code | str, inner: Code | str) -> None:
        outer, inner = get(outer), get(inner)
        if outer.alphabet != inner.alphabet:
            outer, inner = (AsBits(c) if c.alphabet == "byte" else c for c in (outer, inner))
        self.outer, self.inner = outer, inner
        self._full, rest = divmod(outer.n, inner.k)
        self._codes = [(inner, self._full)] if self._full else []
        if rest:
            self._codes.append((inner.shortened(rest), 1))
        # The outer code fails only if more than outer.corrects / spread inner blocks fail, and each of
        # them takes more than inner.corrects errors. The minimum distance follows in the same way.
        spread = outer.spread(min(inner.k, outer.n))
        super().__init__(
            f"{outer.name} + {inner.name}",
            k=outer.k,
            n=sum(code.n * blocks for code, blocks in self._codes),
            minimum_distance=((outer.minimum_distance - 1) // spread + 1) * inner.minimum_distance,
            alphabet=inner.alphabet,
            corrects=(corrects := (outer.corrects // spread + 1) * (inner.corrects + 1) - 1),
            detects=corrects,
            erasure_capability=0,
            systematic=outer.systematic and inner.systematic,
            linear=outer.linear and inner.linear,
            citation=f"Forney, Concatenated Codes (1966); {outer.citation}; {inner.citation}",
        )
        self.spec: str = f"{outer.spec}+{inner.spec}"
        self.soft: bool = inner.soft

    @property
    def data_positions(self) -> NDArray[np.intp]:
        """(k,) Positions of the message symbols."""
        parts, start = [], 0
        for code, blocks in self._codes:
            starts = start + code.n * np.arange(blocks)
            parts.append((starts[:, None] + code.data_positions).ravel())
            start += code.n * blocks
        return np.concatenate(parts)[self.outer.data_positions]

    def _encode(self, message: Rows) -> Rows:
        batch, word, parts, start = len(message), self.outer.encode(message), [], 0
        for code, blocks in self._codes:
            stop = start + blocks * code.k
            coded = code.encode(word[:, start:stop].reshape(batch * blocks, code.k))
            parts.append(coded.reshape(batch, blocks * code.n))
            start = stop
        return np.concatenate(parts, axis=1)

    def _decode(self, received: Rows) -> Decoded:
        return self._decode_both(received, None, None)

    def _decode_erasures(self, received: Rows, erasures: Bools) -> Decoded:
        return self._decode_both(received, erasures, None)

    def _decode_soft(self, received: Rows, soft: Floats, erasures: Bools | None) -> Decoded:
        return self._decode_both(received, erasures, soft)

    def _decode_both(self, received: Rows, erasures: Bools | None, soft: Floats | None) -> Decoded:
        batch, words, lost, start = len(received), [], [], 0
        for code, blocks in self._codes:
            stop = start + blocks * code.n
            shape = (batch * blocks, code.n)
            gone, ratios = (
                None if what is None else what[:, start:stop].reshape(shape)
                for what in (erasures, soft)
            )
            part = code.decode(received[:, start:stop].reshape(shape), gone, ratios)
            words.append(part.message.reshape(batch, blocks * code.k))
            lost.append(np.repeat(part.failed.reshape(batch, blocks), code.k, axis=1))
            start = stop
        word, erased = np.concatenate(words, axis=1), np.concatenate(lost, axis=1)
        result = self.outer.decode(word)
        again = result.failed & erased.any(axis=1)
        if again.any():
            second = self.outer.decode(word[again], erased[again])
            message, corrected = result.message.copy(), result.corrected.copy()
            message[again], corrected[again] = second.message, second.corrected
            result = Decoded(message, corrected)
        return Decoded(result.message, _count_corrected(self, result, received, erasures))

    def _shorten(self, k: int) -> Code:
        return Concatenated(self.outer.shortened(k), self.inner)
