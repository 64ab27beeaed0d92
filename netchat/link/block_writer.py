"""Writer for the blocks of one side of a link: header, marker or mask, and coded payload."""

from __future__ import annotations

from collections.abc import Callable

from netchat.link.block_size import MAX_CODED, BlockSizer
from netchat.link.code_table import OPENED, BlockCode, table
from netchat.link.datagram_headers import DatagramHeaders
from netchat.link.header import HEADER_SIZE, Header, Kind, write_header
from netchat.link.path_mtu import PathMtu
from netchat.link.payload_decoder import CONTROL, MAX_PAYLOAD, MAX_RECEIVED, payload_context
from netchat.link.receiver import Acknowledgement, Receiver
from netchat.link.sender import Sender
from netchat.link.stats import LinkStats
from netchat.link.sync_marker import MARKER

__all__ = ["BlockWriter"]

#: Minimum size of a datagram's coded payload, in bytes.
_MIN_DATAGRAM = 64


class BlockWriter:
    """Writer for blocks, including the choice of their size.

    Args:
        mtu: Maximum datagram size in bytes; None for a stream.
        stats: Counters of the link.

    Attributes:
        opened_code: Code that OPEN names for this direction, if it is not in the table.
        sizer: Learned block size of each code.
        path_mtu: Size limit of datagrams; None for a stream.
        announces_redundancy: Whether headers say that this side can decode incremental redundancy.
    """

    def __init__(self, mtu: int | None, stats: LinkStats) -> None:
        self.opened_code: BlockCode | None = None
        self.path_mtu = None if mtu is None else PathMtu(mtu)
        self.sizer = BlockSizer(MAX_CODED if mtu is None else max(_MIN_DATAGRAM, mtu - HEADER_SIZE))
        self.announces_redundancy: Callable[[], bool] = lambda: False
        self._stats = stats
        self._codes = table()

    def begin(
        self, link: int, first: int, headers: DatagramHeaders, sender: Sender, receiver: Receiver
    ) -> None:
        """Set the identity of the link, and the state that its headers report."""
        self._link, self._first, self._headers = link, first, headers
        self._sender, self._receiver = sender, receiver

    def code(self, number: int) -> BlockCode:
        """Return the code with a number: one of the table, or `OPENED`."""
        if number == OPENED:
            assert self.opened_code is not None
            return self.opened_code
        return self._codes[number]

    def payload_limits(self, number: int, now: float, unanswered: int) -> tuple[int, int]:
        """Return the payload length to aim at, and the maximum, in bytes.

        Args:
            number: Number of the code.
            now: Time in seconds.
            unanswered: Number of overdue answers in a row.
        """
        code = self.code(number)
        maximum = min(MAX_PAYLOAD, code.payload_within(MAX_RECEIVED))
        if self.path_mtu is not None:
            datagram = self.path_mtu.longest(now, unanswered)
            maximum = code.payload_within(max(_MIN_DATAGRAM, datagram - HEADER_SIZE))
        return min(maximum, code.payload_within(self.sizer.coded(number))), maximum

    def write(
        self,
        kind: Kind,
        now: float,
        payload: bytes = b"",
        code: int = CONTROL,
        offset: int | None = None,
        acknowledgement: Acknowledgement | None = None,
    ) -> bytes:
        """Return a block.

        Args:
            kind: Kind of the block.
            now: Time in seconds.
            payload: Payload before coding.
            code: Number of the payload's code.
            offset: Offset of the payload in the stream; None is the offset of OPEN.
            acknowledgement: Acknowledgement to report; None reports the current one.
        """
        if acknowledgement is None:
            acknowledgement = self._receiver.acknowledge()
        header = Header(
            kind=kind,
            code=code,
            link=self._link,
            length=len(payload),
            offset=(self._first if offset is None else offset) & 0xFFFFFFFF,
            number=self._sender.number,
            window=self._receiver.window,
            ack=acknowledgement.ack,
            echo=acknowledgement.echo,
            delay=min(255, int((now - acknowledgement.time) * 1e4)),
            arrived=acknowledgement.arrived,
            wrong=self._stats.wrong_bits,
            checked=self._stats.checked_bits // 512,
            redundancy=self.announces_redundancy(),
        )
        is_stream = self.path_mtu is None
        head = MARKER + write_header(header) if is_stream else self._headers.write(header)
        if not payload:
            return head
        return head + self.code(code).encode(payload_context(header), payload)
