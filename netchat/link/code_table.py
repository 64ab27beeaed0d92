"""Which code a payload is in: a numbered table, and whatever the client asked for.

A spec that came over the network names built-in codes only, and small ones: it loads no file, no
plug-in, and costs no more memory or time than any code of the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from zlib import crc32

import numpy as np

from netchat.coding import get
from netchat.coding.code import Code, Decoded, Rows
from netchat.link.harq_combining import combined
from netchat.link.sync_marker import differing_bits

__all__ = [
    "CODES",
    "OPENED",
    "BlockCode",
    "CodeSource",
    "DecodedPayload",
    "block_code",
    "check_spec",
    "known_code",
    "table",
    "warm_up",
]

#: The codes that both sides know by number, in the order of their rates but for the first two: no
#: code, and the header's own. A policy chooses among them block by block.
CODES = {
    0: "uncoded",
    1: "rs:96,32",
    2: "rs:255,251",
    3: "rs:255,239",
    4: "rs:255,223",
    5: "rs:255,191",
    6: "rs:255,127",
    7: "rs:255,127+hamming:7,4",
}

#: The number of the code that OPEN names for a direction, if it is not in the table.
OPENED = 255

#: What a spec from the network may be: so long, of so many of these stages, with arguments up to
#: so much, with a codeword of so many bits and at least such a rate.
_LONGEST_SPEC = 64
_MOST_STAGES = 3
_STAGES = {
    "uncoded": 512,
    "repetition": 15,
    "hamming": 255,
    "secded": 255,
    "rs": 255,
    "crc": 4096,
    "interleave": 8,
}
_MOST_BITS = 32768
_LEAST_RATE = 1 / 16
_STAGE = re.compile(r"([a-z]+)(?::(\d{1,4}(?:,\d{1,4})?))?")

#: Bytes of the CRC behind a payload.
_CRC = 4

#: Codes that are kept for the next link that asks for one of them.
_KEPT = 4

#: Lengths to which a code is shortened, at most, for each one: a shortened code takes memory, one
#: of several stages much more, and the lengths of blocks are for the peer to choose.
_LENGTHS, _LENGTHS_OF_CHAIN = 64, 8


def check_spec(spec: str) -> str:
    """Check a code's spec that came from somebody else, which may mean to build that code.

    Returns:
        The spec, without spaces.

    Raises:
        ValueError: it is not one of the codes that a link may use; the text says why.
    """
    text = check_form(spec)
    _limited(text)
    return text


def check_form(spec: str) -> str:
    """Check how a code's spec is written; that takes no time.

    Returns:
        The spec, without spaces.

    Raises:
        ValueError: it is not one of the codes that a link may use; the text says why.
    """
    text = spec.replace(" ", "")
    stages = text.split("+")
    if len(text) > _LONGEST_SPEC or len(stages) > _MOST_STAGES:
        raise ValueError(
            f"the code of a link has at most {_MOST_STAGES} stages and {_LONGEST_SPEC} characters"
        )
    for stage in stages:
        match = _STAGE.fullmatch(stage)
        if match is None or match[1] not in _STAGES:
            raise ValueError(
                f"{stage!r} is no code for a link: it is made of {', '.join(_STAGES)}, "
                "as in rs:255,223 or rs:255,127+hamming:7,4"
            )
        most = _STAGES[match[1]]
        if any(int(number) > most for number in (match[2] or "0").split(",")):
            raise ValueError(f"{stage!r} is too large for a link: its numbers go up to {most}")
    return text


def _limited(spec: str) -> Code:
    code = get(spec)
    if code.n * code.bits > _MOST_BITS or code.rate < _LEAST_RATE:
        raise ValueError(
            f"{spec} is too large for a link: a codeword has at most {_MOST_BITS} bits, and a rate "
            f"of at least {_LEAST_RATE:g}"
        )
    return code


@lru_cache(maxsize=_KEPT)
def block_code(spec: str) -> BlockCode:
    """The code of a spec, for payloads.

    Raises:
        ValueError: it is not one of the codes that a link may use.
    """
    return known_code(spec) or BlockCode(check_spec(spec))


def known_code(spec: str) -> BlockCode | None:
    """Return the code of the table that has a spec, or None."""
    return next((table()[number] for number, known in CODES.items() if known == spec), None)


@cache
def table() -> dict[int, BlockCode]:
    """The codes of the table, by number."""
    return {number: BlockCode(spec) for number, spec in CODES.items()}


@cache
def warm_up() -> None:
    """Load, or compile, what the codes of the table run on, so that no block waits for it later."""
    for code in table().values():
        code.warm_up()


class DecodedPayload:
    """The payload of a block, decoded or not.

    Attributes:
        payload: it; what came out of the decoder, even where that failed.
        good: its CRC is right.
        corrected: symbols that were corrected.
        wrong: bits that were wrong, if it is good.
    """

    __slots__ = ("corrected", "good", "payload", "wrong")

    def __init__(self, payload: bytes, *, good: bool, corrected: int, wrong: int) -> None:
        self.payload, self.good, self.corrected, self.wrong = payload, good, corrected, wrong


class BlockCode:
    """A channel code for payloads of any length, each with a CRC-32.

    The symbols are shared out evenly over as few codewords as they need, and those are sent
    interleaved: first symbol of each, second symbol of each, … so that a burst is spread over all.

    Args:
        spec: which code.
    """

    def __init__(self, spec: str) -> None:
        self.spec = spec
        self._code = None if spec.partition(":")[0] == "uncoded" else _limited(spec)
        code = self._code
        self.rate = 1.0 if code is None else code.rate
        self._within: dict[int, int] = {}
        # RS and CRC nearly always notice that they have failed; a perfect code never does.
        self._sure = np.bool_(code is not None and code.distance > 4)
        self._step = 1
        if code is not None:
            lengths = _LENGTHS_OF_CHAIN if "+" in spec else _LENGTHS
            self._step = -(-code.k // lengths)

    def warm_up(self) -> None:
        """Load, compile and build whatever encoding and decoding will need."""
        self.decode(b"", self.encode(b"", b"x"), 1)
        self.decode_combined(b"", [bytes(self.coded_length(100))] * 3, 100)

    def coded_length(self, length: int) -> int:
        """Bytes that a payload of so many becomes."""
        if self._code is None:
            return length + _CRC
        blocks, code = self._layout(length)
        return -(-blocks * code.n * code.bits // 8)

    def payload_within(self, coded: int) -> int:
        """The longest payload that becomes no more than so many bytes.

        It is one of whole codewords where they nearly fill that.
        """
        if coded not in self._within:
            self._within[coded] = max(1, self._search_within(coded))
        return self._within[coded]

    def _search_within(self, coded: int) -> int:
        code = self._code
        if code is None:
            return coded - _CRC
        symbols = coded * 8 // code.bits
        blocks = symbols // code.n
        k = code.k
        if blocks * code.n < 0.9 * symbols:
            blocks += 1
            k = max(1, symbols // blocks - (code.n - code.k), int(symbols / blocks * code.rate))
        length = blocks * k * code.bits // 8 - _CRC
        while length > 1 and self.coded_length(length) > coded:
            length -= 1
        return length

    def encode(self, context: bytes, payload: bytes) -> bytes:
        """Put the CRC behind a payload, and encode both.

        Args:
            context: what else the CRC vouches for.
            payload: bytes.
        """
        return self._encode(payload + crc32(payload, crc32(context)).to_bytes(_CRC, "big"))

    def decode(self, context: bytes, coded: bytes, length: int) -> DecodedPayload:
        """Decode what `close` made.

        Args:
            context: as it was there.
            coded: `coded_length(length)` bytes.
            length: bytes of payload.
        """
        corrected, sealed = 0, coded
        if self._code is not None:
            result = self._decode(coded, length + _CRC)
            corrected = int(np.maximum(result.corrected, 0).sum())
            sealed = self._octets(result.message, length + _CRC)
        payload, good = sealed[:length], _is_good(context, sealed)
        wrong = differing_bits(coded, self._encode(sealed)) if good and corrected else 0
        return DecodedPayload(payload, good=good, corrected=max(0, corrected), wrong=wrong)

    def decode_combined(self, context: bytes, copies: list[bytes], length: int) -> bytes | None:
        """Decode several damaged copies of what `close` made; see `netchat.link.harq_combining`.

        Returns:
            The payload; None if the copies do not tell it.
        """
        size = length + _CRC

        def decode(coded: bytes) -> tuple[bytes, np.typing.NDArray[np.bool_]]:
            if self._code is None:
                return coded, np.zeros(size, np.bool_)
            result = self._decode(coded, size)
            bits = result.message.shape[1] * self._code.bits
            sure = np.repeat(~result.failed & self._sure, bits)[: 8 * size]
            return self._octets(result.message, size), np.packbits(sure) == 255

        sealed = combined(copies, decode, lambda sealed: _is_good(context, sealed))
        return None if sealed is None else sealed[:length]

    def _layout(self, length: int) -> tuple[int, Code]:
        """How many codewords a payload takes, and of which code."""
        assert self._code is not None
        code = self._code
        symbols = (length + _CRC) * 8 // code.bits
        blocks = -(-symbols // code.k)
        step = self._step
        k = min(code.k, -(-symbols // (blocks * step)) * step)
        return -(-symbols // k), code.shortened(k)

    def _encode(self, sealed: bytes) -> bytes:
        if self._code is None:
            return sealed
        blocks, code = self._layout(len(sealed) - _CRC)
        octets = np.frombuffer(sealed, np.uint8)
        symbols = octets if code.alphabet == "byte" else np.unpackbits(octets)
        if symbols.size < blocks * code.k:
            symbols = np.concatenate([symbols, np.zeros(blocks * code.k - symbols.size, np.uint8)])
        words = code.encode(symbols.reshape(blocks, code.k)).T
        return (words if code.alphabet == "byte" else np.packbits(words)).tobytes()

    def _decode(self, coded: bytes, size: int) -> Decoded:
        blocks, code = self._layout(size - _CRC)
        octets = np.frombuffer(coded, np.uint8)
        symbols = octets if code.alphabet == "byte" else np.unpackbits(octets)
        words = symbols[: blocks * code.n].reshape(code.n, blocks).T
        return code.decode(np.ascontiguousarray(words))

    def _octets(self, message: Rows, size: int) -> bytes:
        """The first bytes of what was decoded."""
        assert self._code is not None
        symbols = message.ravel()
        octets = symbols if self._code.alphabet == "byte" else np.packbits(symbols)
        return octets.tobytes()[:size]


def _is_good(context: bytes, sealed: bytes) -> bool:
    """Whether the CRC behind a payload is right."""
    return crc32(sealed[:-_CRC], crc32(context)) == int.from_bytes(sealed[-_CRC:], "big")


CodeSource = Callable[[str], BlockCode | None]
"""Makes a code from a spec that came from somebody else: None if it is not ready yet; raises
ValueError if a link may not use it."""
