"""Interface of the channel codes, and the code that shortens any of them."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netchat.arguments import whole_number
from netchat.coding import bit_slicing, framing
from netchat.coding.arrays import (
    Alphabet,
    BitSlices,
    Bools,
    Decoded,
    DecodedBitSlices,
    Floats,
    Rows,
    checked_bit_slices,
    checked_rows,
)

__all__ = ["Code", "Shortened"]

#: Largest length of a codeword, in symbols: a batch of longer ones does not fit into memory.
LONGEST = 1 << 20


class Code(ABC):
    """A block code that maps k symbols to n symbols; a symbol is a bit or a byte.

    A subclass passes its parameters to `__init__` and implements `_encode` and `_decode` for batches
    of blocks; all other methods follow. `docs/CODES.md` has an example of 30 lines.

    Args:
        name: Name shown in tables.
        k: Number of symbols in a message.
        n: Number of symbols in a codeword.
        minimum_distance: Minimum distance, or a lower bound of it; 1 if nothing is known.
        alphabet: Type of a symbol: "bit" or "byte".
        corrects: See the attribute; half of minimum_distance - 1 by default.
        detects: See the attribute; minimum_distance - 1 - corrects by default.
        erasure_capability: See the attribute. By default, what two decoding attempts achieve for
            bits, and 0 for bytes.
        systematic: Whether the codeword contains the message, at `data_positions`.
        linear: Whether the sum of two codewords is a codeword.
        citation: Publication or standard that defines the code.

    Raises:
        TypeError: n or k is not an integer.
        ValueError: n or k is out of range.
    """

    name: str
    """Name shown in tables."""
    spec: str
    """Specification from which `netchat.coding.get` creates the code."""
    n: int
    """Number of symbols in a codeword."""
    k: int
    """Number of symbols in a message."""
    minimum_distance: int
    """Minimum distance, or a lower bound of it."""
    alphabet: Alphabet
    """Type of a symbol."""
    corrects: int
    """Number of symbol errors that the decoder always corrects."""
    detects: int
    """Number of symbol errors that the decoder always corrects or reports as a failure."""
    erasure_capability: int
    """The decoder corrects e errors and s erasures if 2e + s is at most this number.

    If it is 0, the decoder treats an erased byte as a received one.
    """
    systematic: bool
    """Whether the codeword contains the message, at `data_positions`."""
    linear: bool
    """Whether the sum of two codewords is a codeword."""
    citation: str
    """Publication or standard that defines the code."""

    fast: ClassVar[Literal["rows", "bit_sliced"]] = "rows"
    """Layout in which the code is fast; the other one is converted to it."""

    soft: bool = False
    """Whether the bench passes log-likelihood ratios; True for a class with `_decode_soft`.

    A class that is fast on bit slices, which carry no ratios, gets them only from channels whose ratios
    differ in magnitude.
    """

    _forces_hard: bool = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "_decode_soft" in vars(cls) and "soft" not in vars(cls):
            cls.soft = True

    def __init__(
        self,
        name: str,
        *,
        k: int,
        n: int,
        minimum_distance: int = 1,
        alphabet: Alphabet = "bit",
        corrects: int | None = None,
        detects: int | None = None,
        erasure_capability: int | None = None,
        systematic: bool = True,
        linear: bool = True,
        citation: str = "",
    ) -> None:
        n, k = whole_number("n", n), whole_number("k", k)
        if not 1 <= n <= LONGEST:
            raise ValueError(f"{name}: Argument 'n' must be from 1 to {LONGEST}, got {n}.")
        if not 1 <= k <= n:
            raise ValueError(f"{name}: Argument 'k' must be from 1 to n = {n}, got {k}.")
        self.name = self.spec = name
        self.k, self.n, self.minimum_distance = k, n, minimum_distance
        self.alphabet = alphabet
        self.corrects = (minimum_distance - 1) // 2 if corrects is None else corrects
        self.detects = minimum_distance - 1 - self.corrects if detects is None else detects
        if erasure_capability is None:
            both_fills = min(minimum_distance - 1, 2 * self.corrects + 1)
            erasure_capability = both_fills if alphabet == "bit" else 0
        self.erasure_capability = erasure_capability
        self.systematic, self.linear, self.citation = systematic, linear, citation
        self._shortened: dict[int, Code] = {}

    def __repr__(self) -> str:
        return f"<Code {self.spec}>"

    @property
    def rate(self) -> float:
        """Code rate k / n."""
        return self.k / self.n

    @property
    def bits_per_symbol(self) -> int:
        """Number of bits in a symbol: 1 or 8."""
        return 8 if self.alphabet == "byte" else 1

    @property
    def data_positions(self) -> NDArray[np.intp]:
        """(k,) Positions of the message symbols in a systematic codeword."""
        return np.arange(self.k)

    def spread(self, width: int) -> int:
        """Return the largest number of symbols of one component codeword in a window.

        Args:
            width: Number of symbols in the window, which starts at a multiple of it.
        """
        return width

    def encode(self, message: ArrayLike) -> Rows:
        """Encode a batch of messages, or a single one.

        Args:
            message: (batch, k) or (k,) One symbol per entry.

        Returns:
            (batch, n) or (n,) Codewords.

        Raises:
            ValueError: The shape, the type or a value is wrong.
        """
        word = self._encode(self._rows(message, self.k, "message"))
        return word[0] if np.ndim(message) == 1 else word

    def decode(
        self,
        received: ArrayLike,
        erasures: ArrayLike | None = None,
        soft: ArrayLike | None = None,
    ) -> Decoded:
        """Decode a batch of received words, or a single one.

        Args:
            received: (batch, n) or (n,) One symbol per entry.
            erasures: Boolean array of the same shape, True where a symbol is known to be lost.
            soft: Log-likelihood ratios ln P(0)/P(1), of the same shape, of the bits whose hard
                decisions are in `received`, converted to float32. Hard-decision decoders ignore them.

        Returns:
            Messages (batch, k) and counts (batch,); a message (k,) and an integer for a single word.

        Raises:
            ValueError: The shape, the type or a value is wrong.
        """
        rows = self._rows(received, self.n, "received")
        if np.ndim(received) == 1:
            many = (None if each is None else np.asarray(each)[None] for each in (erasures, soft))
            result = self.decode(rows, *many)
            return Decoded(result.message[0], result.corrected[0])
        lost = None
        if erasures is not None:
            lost = np.asarray(erasures)
            if lost.shape != rows.shape or lost.dtype != np.bool_:
                raise ValueError(
                    f"{self.spec}: Argument 'erasures' must be a bool array of shape {rows.shape}, "
                    f"got {lost.dtype} {lost.shape}."
                )
        if soft is not None:
            ratios = np.asarray(soft, dtype=np.float32)
            if self.alphabet != "bit":
                raise ValueError(
                    f"{self.spec}: Argument 'soft' must be omitted: only codes over bits use it."
                )
            if ratios.shape != rows.shape:
                raise ValueError(
                    f"{self.spec}: Argument 'soft' must have shape {rows.shape}, got {ratios.shape}."
                )
            if not self._forces_hard:
                return self._decode_soft(rows, ratios, lost)
        if lost is not None and lost.any():
            return self._decode_erasures(rows, lost)
        return self._decode(rows)

    @cached_property  # unlike a property, it allows a subclass to set the attribute
    def G(self) -> Rows:  # noqa: N802 - its name in every textbook
        """(k, n) Generator matrix of a linear code, over its bits or bytes."""
        from netchat.coding.linear import generator_matrix

        return generator_matrix(self)

    @cached_property
    def H(self) -> Rows:  # noqa: N802
        """(n - k, n) Parity-check matrix of a linear code: H c = 0 for all codewords c."""
        from netchat.coding.linear import parity_check_matrix

        return parity_check_matrix(self)

    def weight_distribution(self) -> list[int]:
        """Return the number of codewords of each weight, 0 to n.

        It enumerates the code or its dual, whichever is smaller.

        Raises:
            ValueError: The code is not linear, not over bits, or both enumerations are too long.
        """
        from netchat.coding.linear import weight_distribution

        return weight_distribution(self)

    def encode_bit_sliced(self, message: BitSlices) -> BitSlices:
        """Encode a bit-sliced batch; see `netchat.coding.bit_slicing`.

        Args:
            message: (k bits, words) Messages; a byte symbol is 8 bits.

        Returns:
            (n bits, words) Codewords.
        """
        rows = self._symbols(self._bit_slices(message, self.k, "message"))
        return bit_slicing.from_rows(self._bits(self._encode(rows)))

    def decode_bit_sliced(
        self, received: BitSlices, erasures: BitSlices | None = None
    ) -> DecodedBitSlices:
        """Decode a bit-sliced batch.

        Args:
            received: (n bits, words) Received words.
            erasures: (n, words) Set where a symbol is lost.
        """
        rows = self._symbols(self._bit_slices(received, self.n, "received"))
        lost = None if erasures is None else bit_slicing.to_rows(erasures).astype(np.bool_)
        result = self.decode(rows, lost)
        return DecodedBitSlices(
            bit_slicing.from_rows(self._bits(result.message)),
            bit_slicing.from_counts(np.maximum(result.corrected, 0)),
            bit_slicing.from_rows(result.failed.astype(np.uint8)[:, None])[0],
        )

    def encode_bytes(self, data: bytes) -> bytes:
        """Encode any number of bytes; a partial last block uses the shortened code."""
        return framing.encode_bytes(self, data)

    def decode_bytes(self, coded: bytes) -> framing.DecodedBytes:
        """Decode the output of `encode_bytes`.

        Raises:
            ValueError: No data encodes to this number of bytes.
        """
        return framing.decode_bytes(self, coded)

    def shortened(self, k: int) -> Code:
        """Return this code shortened to messages of k symbols.

        The omitted message symbols are zero and are not sent.
        """
        if k not in self._shortened:
            code = self._shorten(k) if k != self.k else self
            self._shortened[k] = code.with_hard_decisions() if self._forces_hard else code
        return self._shortened[k]

    def with_hard_decisions(self) -> Code:
        """Return a copy of this code that ignores log-likelihood ratios: `CODE@hard`."""
        if self._forces_hard:
            return self
        code = copy.copy(self)
        code.soft, code._forces_hard, code._shortened = False, True, {}
        code.spec += "@hard"
        return code

    # Hooks for subclasses. Their arguments have been checked and must not be modified.

    @abstractmethod
    def _encode(self, message: Rows) -> Rows:
        """Encode messages (batch, k) to codewords (batch, n)."""

    @abstractmethod
    def _decode(self, received: Rows) -> Decoded:
        """Decode received words (batch, n)."""

    def _decode_erasures(self, received: Rows, erasures: Bools) -> Decoded:
        """Decode words with erasures, by default in two attempts.

        The erased bits are set to 0 and then to 1: in one of the attempts at most half of them are
        wrong. A result is accepted only if no other codeword can be as near (Moon 2005, section
        3.8.1).
        """
        if self.alphabet != "bit" or self.erasure_capability == 0:
            return self._decode(received)
        message = self._decode(received).message.copy()  # kept where both attempts fail
        corrected = np.full(len(received), -1, np.int64)
        lost = erasures.sum(axis=1)
        for fill in (0, 1):
            filled = np.where(erasures, np.uint8(fill), received)
            result = self._decode(filled)
            wrong = ((self._encode(result.message) != received) & ~erasures).sum(axis=1)
            good = ~result.failed & (2 * wrong + lost < self.minimum_distance)
            message[good] = result.message[good]
            corrected[good] = (wrong + lost)[good]
        return Decoded(message, corrected)

    def _decode_soft(self, received: Rows, soft: Floats, erasures: Bools | None) -> Decoded:  # noqa: ARG002
        """Decode with log-likelihood ratios; by default, ignore them."""
        if erasures is not None and erasures.any():
            return self._decode_erasures(received, erasures)
        return self._decode(received)

    def _shorten(self, k: int) -> Code:
        """Create the code shortened to k message symbols."""
        return Shortened(self, k)

    def _rows(self, value: ArrayLike, width: int, name: str) -> Rows:
        label = f"{self.spec}: Argument '{name}'"
        return checked_rows(value, width, (1 << self.bits_per_symbol) - 1, label)

    def _bit_slices(self, value: BitSlices, width: int, name: str) -> BitSlices:
        label = f"{self.spec}: Argument '{name}'"
        return checked_bit_slices(value, width * self.bits_per_symbol, label)

    def _symbols(self, value: BitSlices) -> Rows:
        rows = bit_slicing.to_rows(value)
        return np.packbits(rows, axis=1) if self.alphabet == "byte" else rows

    def _bits(self, rows: Rows) -> Rows:
        return np.unpackbits(rows, axis=1) if self.alphabet == "byte" else rows


class Shortened(Code):
    """A shortened code: the first message symbols are zero, known to the receiver, and not sent.

    It corrects and detects as many errors as the full code. If the decoder changes one of the
    omitted zeros, it has found a wrong codeword, which counts as a failure. A code that is not
    systematic sends all its symbols.

    Args:
        full: The full code.
        k: Number of symbols in a message, 1 to full.k.

    Raises:
        TypeError: k is not an integer.
        ValueError: k is out of range.

    >>> from netchat.coding import Hamming
    >>> Shortened(Hamming(7, 4), 1).encode([[1]]).tolist()
    [[1, 1, 1, 1]]
    """

    def __init__(self, full: Code, k: int) -> None:
        k = whole_number("k", k)
        if not 1 <= k <= full.k:
            raise ValueError(f"Argument 'k' must be from 1 to {full.k} for {full.spec}, got {k}.")
        self._full = full
        sent = np.ones(full.n, np.bool_)
        if full.systematic:
            sent[full.data_positions[: full.k - k]] = False
        self._sent = np.flatnonzero(sent)
        super().__init__(
            f"{full.name}, shortened to {k}",
            k=k,
            n=len(self._sent),
            minimum_distance=full.minimum_distance,
            alphabet=full.alphabet,
            corrects=full.corrects,
            detects=full.detects,
            erasure_capability=full.erasure_capability,
            systematic=full.systematic,
            linear=full.linear,
            citation=full.citation,
        )
        self.spec: str = f"{full.spec}, shortened to {k}"
        self.soft: bool = full.soft

    @property
    def data_positions(self) -> NDArray[np.intp]:
        """(k,) Positions of the message symbols."""
        return np.searchsorted(self._sent, self._full.data_positions[self._full.k - self.k :])

    def _encode(self, message: Rows) -> Rows:
        padded = np.zeros((len(message), self._full.k), np.uint8)
        padded[:, self._full.k - self.k :] = message
        return np.ascontiguousarray(self._full.encode(padded)[:, self._sent])

    def _decode(self, received: Rows) -> Decoded:
        return self._without_padding(self._full.decode(self._padded(received)))

    def _decode_erasures(self, received: Rows, erasures: Bools) -> Decoded:
        return self._without_padding(
            self._full.decode(self._padded(received), self._padded(erasures))
        )

    def _decode_soft(self, received: Rows, soft: Floats, erasures: Bools | None) -> Decoded:
        ratios = np.full(
            (len(soft), self._full.n), np.inf, np.float32
        )  # the omitted bits are surely zero
        ratios[:, self._sent] = soft
        lost = None if erasures is None else self._padded(erasures)
        return self._without_padding(self._full.decode(self._padded(received), lost, ratios))

    def _padded(self, rows: NDArray[np.generic]) -> NDArray[np.generic]:
        padded = np.zeros((len(rows), self._full.n), rows.dtype)
        padded[:, self._sent] = rows
        return padded

    def _without_padding(self, result: Decoded) -> Decoded:
        zeros = self._full.k - self.k
        padding_changed = result.message[:, :zeros].any(axis=1)
        corrected = np.where(padding_changed, np.int64(-1), result.corrected)
        return Decoded(np.ascontiguousarray(result.message[:, zeros:]), corrected)
