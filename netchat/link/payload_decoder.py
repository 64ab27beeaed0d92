"""Decodes the payloads of blocks, by themselves or with earlier copies of them."""

from __future__ import annotations

from netchat.link.code_table import OPENED, BlockCode, table
from netchat.link.harq_buffer import HarqBuffer
from netchat.link.header import Header, Kind
from netchat.link.open_request import Mode
from netchat.link.stats import LinkStats

__all__ = ["CONTROL", "MAX_CONTROL", "MAX_PAYLOAD", "PayloadDecoder", "payload_context"]

#: The code of OPEN, REFUSE and CLOSE: the header's own.
CONTROL = 1

#: Bytes of payload of one of those, and of a DATA block.
MAX_CONTROL, MAX_PAYLOAD = 255, 8192

#: Bytes of coded payload that are waited for.
_MOST_CODED = 16384

#: Bytes of failed blocks that are kept to be combined with their next copies.
_MOST_KEPT = 256 * 1024


def payload_context(header: Header) -> bytes:
    """What the CRC of a payload vouches for beside it: the same for every copy of a block."""
    return b"%d %d %d %d" % (header.kind, header.link, header.length, header.offset)


class PayloadDecoder:
    """What one side of a link knows about the other one's payloads.

    Args:
        stats: where it counts.

    Attributes:
        opened: the code that OPEN has named for this direction; None before.
        mode: what is done about a payload that fails.
        spec: the code of the last payload of data; empty before.
    """

    def __init__(self, stats: LinkStats) -> None:
        self.opened: BlockCode | None = None
        self.mode = Mode.HYBRID
        self.spec = ""
        self._stats = stats
        self._codes = table()
        self._copies = HarqBuffer(_MOST_KEPT)

    @property
    def held(self) -> int:
        """Bytes of failed blocks that are kept."""
        return self._copies.held

    def size(self, header: Header) -> int | None:
        """Bytes that a payload takes up as coded; None if the header makes no sense."""
        if header.kind in (Kind.ACCEPT, Kind.ACK, Kind.CHALLENGE):
            return 0 if not header.length else None
        if header.kind is not Kind.DATA and (header.code != CONTROL or header.length > MAX_CONTROL):
            return None
        code = self._code(header.code)
        if code is None or header.length > MAX_PAYLOAD:
            return None
        size = code.coded_length(header.length) if header.length else 0
        return size if size <= _MOST_CODED else None

    def control(self, header: Header, coded: bytes) -> bytes | None:
        """The payload of OPEN, REFUSE or CLOSE; None if it cannot be decoded."""
        if not header.length:
            return b""
        found = self._codes[CONTROL].decode(payload_context(header), coded, header.length)
        if not found.good:
            self._stats.failed_blocks += 1
            return None
        self._stats.corrected_symbols += found.corrected
        return found.payload

    def data(self, header: Header, coded: bytes, offset: int) -> bytes | None:
        """The payload of DATA; None if it cannot be decoded. Without retransmission, as it is.

        Args:
            header: its header.
            coded: the payload as it arrived.
            offset: where in the stream it begins, counted without wrapping around.
        """
        code, context = self._code(header.code), payload_context(header)
        assert code is not None
        self.spec = code.spec
        found = code.decode(context, coded, header.length)
        if found.good:
            self._stats.corrected_symbols += found.corrected
            self._stats.wrong_bits += found.wrong
            self._stats.checked_bits += 8 * len(coded)
            return found.payload
        self._stats.failed_blocks += 1
        if self.mode is Mode.FEC:
            self._stats.damaged_blocks += 1
            self._stats.damaged_bytes += header.length
            return found.payload
        if self.mode is Mode.ARQ:
            return None
        copies = self._copies.add((offset, header.length, header.code), coded)
        payload = code.decode_combined(context, copies, header.length) if len(copies) > 1 else None
        if payload is not None:
            self._stats.combined_blocks += 1
        return payload

    def sent(self, header: Header, payload: bytes) -> bytes:
        """The coded payload as it was sent, for a payload that was decoded."""
        code = self._code(header.code)
        assert code is not None
        return code.encode(payload_context(header), payload) if payload else b""

    def forget_before(self, offset: int) -> None:
        """Everything in front of this place of the stream has arrived."""
        self._copies.forget_before(offset)

    def _code(self, number: int) -> BlockCode | None:
        return self.opened if number == OPENED else self._codes.get(number)
