"""Codes for the payloads of blocks."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import numpy as np

from netchat.coding.arrays import Decoded, Rows
from netchat.coding.code import Code
from netchat.link.code_spec import limited_code
from netchat.link.harq_combining import combined
from netchat.link.incremental_work import Steps, finish
from netchat.link.sync_marker import differing_bits

__all__ = ["CRC_SIZE", "BlockCode", "DecodedPayload", "crc_syndrome"]

#: Number of coded bytes to decode per step, except with the single codes of the table, which are fast.
_STEP = 2048

#: Size of the CRC after a payload, in bytes.
CRC_SIZE = 4

#: Maximum number of shortened lengths per code, and per concatenated code. Each uses memory, and the
#: peer chooses the lengths of blocks.
_LENGTHS, _LENGTHS_OF_CHAIN = 64, 8


@dataclass(slots=True, eq=False)
class DecodedPayload:
    """Result of decoding a block's payload.

    Attributes:
        payload: Decoder output, even if decoding failed.
        good: Whether the CRC is valid.
        corrected: Number of corrected symbols.
        wrong: Number of corrected bits, if the CRC is valid.
    """

    payload: bytes
    good: bool
    corrected: int
    wrong: int


class BlockCode:
    """A channel code for payloads of any length, each with a CRC-32.

    The symbols are distributed evenly over as few codewords as possible. The codewords are
    interleaved (first symbol of each, second symbol of each, …), which spreads a burst over all.

    Args:
        spec: Spec of the code.
        is_fast: Whether a payload of any length is decoded in one step.

    Attributes:
        spec: Spec of the code.
        rate: Rate of the code, without the CRC and padding.
    """

    def __init__(self, spec: str, *, is_fast: bool = False) -> None:
        self.spec = spec
        self._code = None if spec.partition(":")[0] == "uncoded" else limited_code(spec)
        code = self._code
        self.rate: float = 1.0 if code is None else code.rate
        self._within: dict[int, int] = {}
        # RS and CRC codes nearly always detect a decoding failure; a perfect code never does.
        self._sure = np.bool_(code is not None and code.minimum_distance > 4)
        self._step = 1
        if code is not None:
            lengths = _LENGTHS_OF_CHAIN if "+" in spec else _LENGTHS
            self._step = -(-code.k // lengths)
        self._is_slow = not is_fast

    def warm_up(self) -> None:
        """Load, compile and build everything that encoding and decoding use."""
        self.decode(b"", self.encode(b"", b"x"), 1)
        finish(self.decode_combined(b"", [bytes(self.coded_length(100))] * 3, 100))

    def coded_length(self, length: int) -> int:
        """Return the coded length of a payload of `length` bytes, in bytes."""
        if self._code is None:
            return length + CRC_SIZE
        blocks, code = self._layout(length)
        return -(-blocks * code.n * code.bits_per_symbol // 8)

    def payload_within(self, coded: int) -> int:
        """Return the longest payload that fits into `coded` bytes after coding.

        If whole codewords nearly fill the space, the payload fills whole codewords.
        """
        if coded not in self._within:
            self._within[coded] = max(1, self._search_within(coded))
        return self._within[coded]

    def _search_within(self, coded: int) -> int:
        code = self._code
        if code is None:
            return coded - CRC_SIZE
        symbols = coded * 8 // code.bits_per_symbol
        blocks = symbols // code.n
        k = code.k
        if blocks * code.n < 0.9 * symbols:
            blocks += 1
            k = max(1, symbols // blocks - (code.n - code.k), int(symbols / blocks * code.rate))
        length = blocks * k * code.bits_per_symbol // 8 - CRC_SIZE
        while length > 1 and self.coded_length(length) > coded:
            length -= 1
        return length

    def encode(self, context: bytes, payload: bytes) -> bytes:
        """Append the CRC to a payload and encode both.

        Args:
            context: Additional bytes that the CRC covers.
            payload: Payload.
        """
        return self._encode(payload + crc32(payload, crc32(context)).to_bytes(CRC_SIZE, "big"))

    def decode(self, context: bytes, coded: bytes, length: int) -> DecodedPayload:
        """Decode a coded payload.

        Args:
            context: Additional bytes that the CRC covers.
            coded: Coded payload of `coded_length(length)` bytes.
            length: Payload length in bytes.
        """
        return finish(self.decode_steps(context, coded, length))

    def decode_steps(self, context: bytes, coded: bytes, length: int) -> Steps[DecodedPayload]:
        """Decode a coded payload in steps, each of which takes at most a millisecond or two."""
        corrected, sealed = 0, coded
        if self._code is not None:
            result = yield from self._decode(coded, length + CRC_SIZE)
            corrected = int(np.maximum(result.corrected, 0).sum())
            sealed = self._octets(result.message, length + CRC_SIZE)
        payload, wrong = sealed[:length], 0
        good = not crc_syndrome(context, sealed)
        if good and corrected:
            yield
            wrong = differing_bits(coded, self._encode(sealed))
        return DecodedPayload(payload, good=good, corrected=max(0, corrected), wrong=wrong)

    def decode_combined(
        self, context: bytes, copies: list[bytes], length: int
    ) -> Steps[bytes | None]:
        """Decode several damaged copies of a coded payload; see `netchat.link.harq_combining`.

        Args:
            context: Additional bytes that the CRC covers.
            copies: Two or more damaged copies, the latest last.
            length: Payload length in bytes.

        Returns:
            The payload; None if the copies do not suffice.
        """
        size = length + CRC_SIZE

        def decode(coded: bytes) -> Steps[tuple[bytes, np.typing.NDArray[np.bool_]]]:
            if self._code is None:
                return coded, np.zeros(size, np.bool_)
            result = yield from self._decode(coded, size)
            bits = result.message.shape[1] * self._code.bits_per_symbol
            sure = np.repeat(~result.failed & self._sure, bits)[: 8 * size]
            return self._octets(result.message, size), np.packbits(sure) == 255

        sealed = yield from combined(copies, decode, lambda sealed: crc_syndrome(context, sealed))
        return None if sealed is None else sealed[:length]

    def _layout(self, length: int) -> tuple[int, Code]:
        """Return the number of codewords for a payload, and their shortened code."""
        assert self._code is not None
        code = self._code
        symbols = (length + CRC_SIZE) * 8 // code.bits_per_symbol
        blocks = -(-symbols // code.k)
        step = self._step
        k = min(code.k, -(-symbols // (blocks * step)) * step)
        return -(-symbols // k), code.shortened(k)

    def _encode(self, sealed: bytes) -> bytes:
        if self._code is None:
            return sealed
        blocks, code = self._layout(len(sealed) - CRC_SIZE)
        octets = np.frombuffer(sealed, np.uint8)
        symbols = octets if code.alphabet == "byte" else np.unpackbits(octets)
        if symbols.size < blocks * code.k:
            symbols = np.concatenate([symbols, np.zeros(blocks * code.k - symbols.size, np.uint8)])
        words = code.encode(symbols.reshape(blocks, code.k)).T
        return (words if code.alphabet == "byte" else np.packbits(words)).tobytes()

    def _decode(self, coded: bytes, size: int) -> Steps[Decoded]:
        blocks, code = self._layout(size - CRC_SIZE)
        octets = np.frombuffer(coded, np.uint8)
        symbols = octets if code.alphabet == "byte" else np.unpackbits(octets)
        words = np.ascontiguousarray(symbols[: blocks * code.n].reshape(code.n, blocks).T)
        count = max(1, blocks * _STEP // len(coded)) if self._is_slow else blocks
        parts = [code.decode(words[:count])]
        for at in range(count, blocks, count):
            yield
            parts.append(code.decode(words[at : at + count]))
        return Decoded(
            np.concatenate([part.message for part in parts]),
            np.concatenate([part.corrected for part in parts]),
        )

    def _octets(self, message: Rows, size: int) -> bytes:
        """Return the first `size` bytes of decoded symbols."""
        assert self._code is not None
        symbols = message.ravel()
        octets = symbols if self._code.alphabet == "byte" else np.packbits(symbols)
        return octets.tobytes()[:size]


def crc_syndrome(context: bytes, sealed: bytes) -> int:
    """Return the difference between the CRC after a payload and the right one."""
    return crc32(sealed[:-CRC_SIZE], crc32(context)) ^ int.from_bytes(sealed[-CRC_SIZE:], "big")
