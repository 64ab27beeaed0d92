"""The server's side of all links over datagrams: which block belongs to which, and who is let in.

Without I/O, and without a clock. Nothing is kept for an address, nor sent to it beyond what it sent
itself, before it has shown that it receives what is sent there.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from netchat.errors import LinkError
from netchat.link.address_validation import Cookies, write_challenge
from netchat.link.code_table import CodeSource, block_code, table
from netchat.link.header import (
    HEADER_SIZE,
    Header,
    Kind,
    ReadHeader,
    read_header,
    read_masked_header,
)
from netchat.link.link import Link
from netchat.link.open_request import OpenRequest, read_open_request
from netchat.link.payload_decoder import CONTROL, MAX_CONTROL, payload_context

__all__ = ["Arrival", "DatagramListener"]


class Arrival(NamedTuple):
    """What a datagram has led to."""

    link: Link | None = None
    """The link that has taken it; it may have something to send, or to be taken."""
    answer: bytes = b""
    """A datagram to be sent back to where this one came from, by nobody's link."""
    ended: Link | None = None
    """The link that was at this address before, and is closed now."""


class DatagramListener:
    """Knows the links of one socket by their addresses.

    Args:
        mtu: bytes of a datagram that are sent at most.
        most: links at a time.
        code: makes the codes that clients name.

    Attributes:
        challenged: datagrams that were answered with a challenge.
    """

    def __init__(self, mtu: int, most: int, code: CodeSource = block_code) -> None:
        self._mtu, self._most, self._code = mtu, most, code
        self._cookies = Cookies()
        self._by_address: dict[Hashable, Link] = {}
        self._addresses: dict[Link, Hashable] = {}
        self._by_identity: dict[tuple[int, int], Link] = {}
        self.challenged = 0

    def __len__(self) -> int:
        return len(self._addresses)

    def link_at(self, address: Hashable) -> Link | None:
        """Return the link whose client is at an address."""
        return self._by_address.get(address)

    def address(self, link: Link) -> Hashable | None:
        """Where a link's datagrams go to: where it was last proven to be; None if it is at an end."""
        return self._addresses.get(link)

    def forget(self, link: Link) -> None:
        """A link is at an end."""
        address = self._addresses.pop(link, None)
        if address is not None:
            del self._by_address[address]
            del self._by_identity[link.identity]

    def receive(self, datagram: bytes, address: Hashable, now: float) -> Arrival:
        """A datagram has arrived.

        Args:
            datagram: it, damaged perhaps.
            address: where it says it comes from.
            now: seconds.
        """
        link = self._by_address.get(address)
        if link is not None and (head := link.read_datagram_header(datagram)) is not None:
            header = head.header
            if header.link == link.identity[0] and (
                header.kind is not Kind.OPEN or header.offset == link.identity[1]
            ):
                link.receive_with_header(head, datagram, now)
                return Arrival(link)
        coded, head = datagram[:HEADER_SIZE], None
        if len(coded) == HEADER_SIZE:
            head = read_header(coded) or read_masked_header(coded)
        if head is None or (
            link is not None
            and head.header.link == link.identity[0]
            and head.header.kind is not Kind.OPEN
        ):
            if link is not None:
                link.stats.unreadable_headers += 1
            return Arrival(link)
        if head.header.kind is Kind.OPEN:
            return self._open(head, datagram, address, now)
        if head.header.kind in (Kind.DATA, Kind.ACK):
            # A link that has a new address (behind a NAT, say), or one from before we were started.
            return self._challenge(head.header, address, now)
        return Arrival()

    def _challenge(self, header: Header, address: Hashable, now: float) -> Arrival:
        self.challenged += 1
        cookie = self._cookies.make(repr(address), header, now)
        return Arrival(answer=write_challenge(header, cookie))

    def _open(self, head: ReadHeader, datagram: bytes, address: Hashable, now: float) -> Arrival:
        header, coded = head.header, datagram[HEADER_SIZE:]
        opening = _read(header, coded)
        if opening is None:
            return Arrival()
        if not self._cookies.is_good(opening.cookie, repr(address), header, now):
            return self._challenge(header, address, now)
        link = self._by_identity.get((header.link, header.offset))
        if link is not None and link.opening is not None and link.opening.key != opening.key:
            return Arrival()  # not from the client that began it
        if link is None:
            link = Link.server(mtu=self._mtu, code=self._code)
            if header.ack != header.offset or header.number != header.offset & 0xFFFFFF:
                why = "the server does not know it; it may have been started anew"
                link.refuse(header, opening, why)
            elif len(self) >= self._most:
                why = f"the server has {self._most} of them, and takes no more"
                link.refuse(header, opening, why)
        if not link.closed:
            link.receive_with_header(head, datagram, now)
        if link.closed:
            return Arrival(answer=link.data_to_send(now))
        if not link.opened:  # its code is not ready yet
            return Arrival()
        ended = self._by_address.get(address)
        if ended is not None:
            ended.closed = "its client has opened another link"
            self.forget(ended)
        self.forget(link)
        self._by_address[address] = self._by_identity[link.identity] = link
        self._addresses[link] = address
        return Arrival(link, ended=ended)


def _read(header: Header, coded: bytes) -> OpenRequest | None:
    """Read the payload of an OPEN; None where that is not possible."""
    control = table()[CONTROL]
    right = header.code == CONTROL and 0 < header.length <= MAX_CONTROL
    if not right or len(coded) != control.coded_length(header.length):
        return None
    found = control.decode(payload_context(header), coded, header.length)
    try:
        return read_open_request(found.payload) if found.good else None
    except LinkError:
        return None
