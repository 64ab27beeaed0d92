"""What a channel code is: the interface of all of them, and the base class that does the checking."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netchat.coding import bit_slicing
from netchat.coding.bit_slicing import DecodedBitSlices

__all__ = ["Alphabet", "BitSlices", "Bools", "Code", "Decoded", "Floats", "Rows"]

#: Symbols that a codeword may have: beyond that, a batch of them does not fit into memory.
LONGEST = 1 << 20

Alphabet = Literal["bit", "byte"]
Rows = NDArray[np.uint8]
BitSlices = NDArray[np.uint64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a decoder made of a batch of blocks."""

    message: Rows
    """(batch, k) The messages. Where decoding failed: what arrived, as good as it could be had."""
    corrected: NDArray[np.int64]
    """(batch,) Symbols that were wrong or erased and are right now; -1 where decoding failed."""

    @property
    def failed(self) -> Bools:
        """(batch,) Where decoding failed."""
        return self.corrected < 0


class Code(ABC):
    """A block code: k symbols in, n symbols out, each a bit or a byte.

    To write one, give its numbers to `__init__` and implement `_encode` and `_decode` for batches
    of rows; everything else follows from them. `docs/CODES.md` has an example of 30 lines.

    Args:
        name: what it is called in tables.
        k: symbols in a message.
        n: symbols in a codeword.
        minimum_distance: the minimum distance, or a lower bound of it; 1 if nothing is known.
        alphabet: what a symbol is.
        corrects: every pattern of so many wrong symbols is corrected.
            Half of what the distance allows, unless given.
        detects: every pattern of so many wrong symbols is corrected or reported, never accepted as
            something else. What the distance leaves beside `corrects`, unless given.
        erasure_capability: every pattern of e wrong and s erased symbols with
            2e + s <= erasure_capability is corrected.
            For bits, what two decodings can do, unless given; for bytes 0, and an erasure is then
            taken for an error.
        systematic: whether the message stands in the codeword, at `data_positions`.
        linear: whether the sum of two codewords is one.
        citation: where it is from.

    Attributes:
        spec: what `netchat.coding.get` makes it from.
    """

    fast: ClassVar[Literal["rows", "bit_sliced"]] = "rows"
    """The face on which this code is fast, and from which the other is converted."""

    soft: bool = False
    """Whether the bench decodes by log-likelihood ratios; true of a class with a `_decode_soft`."""

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
        if not 1 <= k <= n:
            raise ValueError(f"{name}: k = {k} and n = {n}, but 1 <= k <= n is needed.")
        if n > LONGEST:
            raise ValueError(f"{name}: n = {n}, but a codeword has at most {LONGEST} symbols.")
        self.name = self.spec = name
        self.k, self.n, self.minimum_distance = k, n, minimum_distance
        self.alphabet: Alphabet = alphabet
        self.corrects = (minimum_distance - 1) // 2 if corrects is None else corrects
        self.detects = minimum_distance - 1 - self.corrects if detects is None else detects
        if erasure_capability is None:
            erasure_capability = (
                min(minimum_distance - 1, 2 * self.corrects + 1) if alphabet == "bit" else 0
            )
        self.erasure_capability = erasure_capability
        self.systematic, self.linear, self.citation = systematic, linear, citation
        self._shortened: dict[int, Code] = {}

    def __repr__(self) -> str:
        return f"<Code {self.spec}>"

    @property
    def rate(self) -> float:
        """Symbols of message in a symbol of codeword."""
        return self.k / self.n

    @property
    def bits_per_symbol(self) -> int:
        """Bits in a symbol."""
        return 8 if self.alphabet == "byte" else 1

    @property
    def data_positions(self) -> NDArray[np.intp]:
        """(k,) Where the message stands in the codeword, if the code is systematic."""
        return np.arange(self.k)

    def spread(self, width: int) -> int:
        """How many symbols that are protected together a window of the codeword can hold.

        Args:
            width: symbols in the window, which begins at a multiple of this.
        """
        return width

    # Rows: for people and plug-ins.

    def encode(self, message: ArrayLike) -> Rows:
        """Encode a batch.

        Args:
            message: (batch, k), one symbol an entry.

        Returns:
            (batch, n)

        Raises:
            ValueError: if the shape or a value does not fit.
        """
        return self._encode(self._rows(message, self.k, "message"))

    def decode(
        self,
        received: ArrayLike,
        erasures: ArrayLike | None = None,
        soft: ArrayLike | None = None,
    ) -> Decoded:
        """Decode a batch.

        Args:
            received: (batch, n), one symbol an entry.
            erasures: (batch, n) of bool, true where a symbol is known to be lost.
            soft: (batch, n) log-likelihood ratios ln P(0)/P(1) of bits, of which `received` is the
                hard decision. A code that cannot use them decodes `received`.

        Raises:
            ValueError: if a shape or a value does not fit.
        """
        rows = self._rows(received, self.n, "received word")
        lost = None
        if erasures is not None:
            lost = np.asarray(erasures)
            if lost.shape != rows.shape or lost.dtype != np.bool_:
                raise ValueError(f"{self.spec}: erasures are of bool and shaped {rows.shape}.")
        if soft is not None:
            ratios = np.asarray(soft, dtype=np.float64)
            if self.alphabet != "bit" or ratios.shape != rows.shape:
                raise ValueError(f"{self.spec}: soft values belong to bits, shaped {rows.shape}.")
            return self._decode_soft(rows, ratios, lost)
        if lost is not None and lost.any():
            return self._decode_erasures(rows, lost)
        return self._decode(rows)

    # BitSlices: for speed. `netchat.coding.bit_slicing` says what they are.

    def encode_bit_sliced(self, message: BitSlices) -> BitSlices:
        """Encode planes (k bits, words) into planes (n bits, words); bits are k times 8 for bytes."""
        rows = self._symbols(self._bit_slices(message, self.k, "message"))
        return bit_slicing.from_rows(self._bits(self._encode(rows)))

    def decode_bit_sliced(
        self, received: BitSlices, erasures: BitSlices | None = None
    ) -> DecodedBitSlices:
        """Decode planes (n bits, words).

        Args:
            received: the blocks.
            erasures: (n, words), set where a symbol is lost.
        """
        rows = self._symbols(self._bit_slices(received, self.n, "received word"))
        lost = None if erasures is None else bit_slicing.to_rows(erasures).astype(np.bool_)
        result = self.decode(rows, lost)
        return DecodedBitSlices(
            bit_slicing.from_rows(self._bits(result.message)),
            bit_slicing.from_counts(np.maximum(result.corrected, 0)),
            bit_slicing.from_rows(result.failed.astype(np.uint8)[:, None])[0],
        )

    # Bytes of any length: for the chat. `netchat.coding.framing` says how.

    def encode_bytes(self, data: bytes) -> bytes:
        """Encode any number of bytes; a last block that is not full is a shortened one."""
        from netchat.coding.framing import encode_bytes

        return encode_bytes(self, data)

    def decode_bytes(self, coded: bytes) -> Any:
        """Decode what `encode_bytes` made; see `netchat.coding.framing.DecodedBytes`.

        Raises:
            ValueError: if no data encodes to that many bytes.
        """
        from netchat.coding.framing import decode_bytes

        return decode_bytes(self, coded)

    def shortened(self, k: int) -> Code:
        """This code with a message of fewer symbols; the others are zero and are not sent."""
        if k not in self._shortened:
            self._shortened[k] = self._shorten(k) if k != self.k else self
        return self._shortened[k]

    # What a code implements; arguments are checked, and are not to be changed.

    @abstractmethod
    def _encode(self, message: Rows) -> Rows:
        """(batch, k) to (batch, n)."""

    @abstractmethod
    def _decode(self, received: Rows) -> Decoded:
        """(batch, n) to (batch, k) and what was corrected."""

    def _decode_erasures(self, received: Rows, erasures: Bools) -> Decoded:
        """Decode where some symbols are lost; by two decodings, unless the code knows better.

        With the lost bits filled with zeros and then with ones, one of the two has at most half of
        them wrong. What is accepted must be the only codeword so near (Moon 2005, section 3.8.1).
        """
        if self.alphabet != "bit" or self.erasure_capability == 0:
            return self._decode(received)
        # Where both fail, what is handed through is what arrived.
        message = self._decode(received).message.copy()
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
        """Decode with log-likelihood ratios; without them, unless the code can use them."""
        if erasures is not None and erasures.any():
            return self._decode_erasures(received, erasures)
        return self._decode(received)

    def _shorten(self, k: int) -> Code:
        from netchat.coding.shortened import Shortened

        return Shortened(self, k)

    # Checks and conversions.

    def _rows(self, value: ArrayLike, width: int, what: str) -> Rows:
        given = np.asarray(value)
        if given.ndim != 2 or given.shape[1] != width:
            raise ValueError(
                f"{self.spec}: a {what} is shaped (batch, {width}), not {given.shape}."
            )
        top = (1 << self.bits_per_symbol) - 1
        if given.dtype != np.uint8:
            if given.dtype.kind not in "biu":
                raise ValueError(f"{self.spec}: a {what} is of integers, not {given.dtype}.")
            if given.size and not 0 <= given.min() <= given.max() <= top:
                raise ValueError(f"{self.spec}: a {what} holds values from 0 to {top}.")
            given = given.astype(np.uint8)
        elif top == 1 and given.size and given.max() > 1:
            raise ValueError(f"{self.spec}: a {what} holds bits, 0 and 1.")
        return np.ascontiguousarray(given)

    def _bit_slices(self, value: BitSlices, width: int, what: str) -> BitSlices:
        width *= self.bits_per_symbol
        if value.dtype != np.uint64 or value.ndim != 2 or value.shape[0] != width:
            raise ValueError(
                f"{self.spec}: planes of a {what} are uint64, shaped ({width}, words)."
            )
        return np.ascontiguousarray(value)

    def _symbols(self, value: BitSlices) -> Rows:
        rows = bit_slicing.to_rows(value)
        return np.packbits(rows, axis=1) if self.alphabet == "byte" else rows

    def _bits(self, rows: Rows) -> Rows:
        return np.unpackbits(rows, axis=1) if self.alphabet == "byte" else rows
