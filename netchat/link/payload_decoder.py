"""Decoder for the payloads of blocks, alone or combined with earlier copies."""

from __future__ import annotations

from netchat.link.block_code import DecodedPayload
from netchat.link.code_table import OPENED, BlockCode, table
from netchat.link.harq_buffer import REDUNDANCY, HarqBuffer
from netchat.link.header import Header, Kind
from netchat.link.incremental_redundancy import RedundancyCode, decode_pieces
from netchat.link.incremental_work import Steps, finish
from netchat.link.open_request import Mode
from netchat.link.stats import LinkStats

__all__ = [
    "CONTROL",
    "MAX_CONTROL",
    "MAX_PAYLOAD",
    "MAX_RECEIVED",
    "PayloadDecoder",
    "payload_context",
]

#: Number of the code of OPEN, REFUSE and CLOSE, which is also the header's code.
CONTROL = 1

#: Maximum payload of those, and of DATA, in bytes.
MAX_CONTROL, MAX_PAYLOAD = 255, 8192

#: Maximum coded payload that a receiver accepts, in bytes.
MAX_RECEIVED = 16384

#: Capacity of the HARQ buffer in bytes.
_MAX_BUFFERED = 256 * 1024


def payload_context(header: Header) -> bytes:
    """Return the header fields that a payload's CRC covers; all copies of a block share them."""
    return b"%d %d %d %d" % (header.kind, header.link, header.length, header.offset)


class PayloadDecoder:
    """Decoder for the payloads that one side of a link receives.

    Args:
        stats: Counters of the link.

    Attributes:
        opened: Code that OPEN names for this direction, if it is not in the table.
        mode: Handling of payloads that cannot be decoded.
        spec: Spec of the last DATA payload's code; empty before the first.
    """

    def __init__(self, stats: LinkStats) -> None:
        self.opened: BlockCode | None = None
        self.mode = Mode.HYBRID
        self.spec = ""
        self._stats = stats
        self._codes = table()
        self._redundancy = {
            number: code for number, code in self._codes.items() if isinstance(code, RedundancyCode)
        }
        self._copies = HarqBuffer(_MAX_BUFFERED)

    @property
    def held(self) -> int:
        """Number of bytes in the HARQ buffer."""
        return self._copies.held

    def size(self, header: Header) -> int | None:
        """Return the coded length of a block's payload in bytes; None if the header is invalid."""
        if header.kind in (Kind.ACCEPT, Kind.ACK, Kind.CHALLENGE):
            return 0 if not header.length else None
        if header.kind is not Kind.DATA and (header.code != CONTROL or header.length > MAX_CONTROL):
            return None
        code = self._code(header.code)
        if code is None or header.length > MAX_PAYLOAD:
            return None
        size = code.coded_length(header.length) if header.length else 0
        return size if size <= MAX_RECEIVED else None

    def control(self, header: Header, coded: bytes) -> bytes | None:
        """Decode the payload of OPEN, REFUSE or CLOSE; return None if it cannot be decoded."""
        if not header.length:
            return b""
        found = self._codes[CONTROL].decode(payload_context(header), coded, header.length)
        if not found.good:
            self._stats.failed_blocks += 1
            return None
        self._stats.corrected_symbols += found.corrected
        return found.payload

    def data(self, header: Header, coded: bytes, offset: int) -> bytes | None:
        """Decode the payload of DATA; see `data_steps`."""
        return finish(self.data_steps(header, coded, offset))

    def data_steps(self, header: Header, coded: bytes, offset: int) -> Steps[bytes | None]:
        """Decode the payload of DATA in short steps.

        Args:
            header: Header of the block.
            coded: Received coded payload.
            offset: Offset in the stream, without wrap-around.

        Returns:
            The payload; None if it cannot be decoded. In `Mode.FEC`, the damaged payload.
        """
        code, context = self._code(header.code), payload_context(header)
        assert code is not None
        self.spec = code.spec
        if isinstance(code, RedundancyCode) and self.mode is Mode.HYBRID:
            return (yield from self._piece_steps(header, code, coded, offset))
        found = yield from code.decode_steps(context, coded, header.length)
        if found.good:
            return self._count(found, len(coded))
        self._stats.failed_blocks += 1
        if self.mode is Mode.FEC:
            self._stats.damaged_blocks += 1
            self._stats.damaged_bytes += header.length
            return found.payload
        if self.mode is Mode.ARQ:
            return None
        copies = self._copies.add((offset, header.length, header.code), header.code, coded)
        if len(copies) < 2:
            return None
        yield
        payload = yield from code.decode_combined(
            context, [copy for _, copy in copies], header.length
        )
        if payload is not None:
            self._stats.combined_blocks += 1
        return payload

    def _piece_steps(
        self, header: Header, code: RedundancyCode, coded: bytes, offset: int
    ) -> Steps[bytes | None]:
        """Decode a piece of a block together with its earlier pieces."""
        context, key = payload_context(header), (offset, header.length, REDUNDANCY)
        if self._copies.has(key):
            held = self._copies.add(key, header.code, coded)
            pieces = [(self._redundancy[number], piece) for number, piece in held]
            # A burst may have destroyed the earlier pieces.
            found = yield from code.decode_steps(context, coded, header.length)
            if not found.good:
                yield
                found = yield from decode_pieces(context, pieces, header.length)
                self._stats.combined_blocks += found.good
            else:
                pieces = [(code, coded)]
        else:
            pieces = [(code, coded)]
            found = yield from code.decode_steps(context, coded, header.length)
            if not found.good:
                self._copies.add(key, header.code, coded)
        if found.good:
            return self._count(found, sum(len(piece) for _, piece in pieces))
        self._stats.failed_blocks += 1
        return None

    def _count(self, found: DecodedPayload, size: int) -> bytes:
        """Count the errors in a decoded payload; return it.

        Args:
            found: The decoded payload.
            size: Number of bytes in which its errors were.
        """
        self._stats.corrected_symbols += found.corrected
        self._stats.wrong_bits += found.wrong
        self._stats.checked_bits += 8 * size
        return found.payload

    def sent(self, header: Header, payload: bytes) -> bytes:
        """Re-encode a decoded payload, which yields the coded payload as it was sent."""
        code = self._code(header.code)
        assert code is not None
        return code.encode(payload_context(header), payload) if payload else b""

    def forget_before(self, offset: int) -> None:
        """Discard copies of blocks that end at or before a stream offset."""
        self._copies.forget_before(offset)

    def _code(self, number: int) -> BlockCode | None:
        return self.opened if number == OPENED else self._codes.get(number)
