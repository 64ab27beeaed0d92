"""Server side of links over datagrams, without I/O: demultiplexing and address validation.

Until an address is validated, the listener stores nothing for it and sends it no more bytes than it
received.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
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
    """Result of a received datagram."""

    link: Link | None = None
    """Link that processed the datagram; it may have blocks to send or bytes to read."""
    answer: bytes = b""
    """Datagram to send back to the source address, outside any link."""
    ended: Link | None = None
    """Link that used this address before, and is now closed."""


class DatagramListener:
    """Links of one socket, by address and by identity.

    Args:
        mtu: Maximum size of sent datagrams in bytes.
        most: Maximum number of links.
        code: Returns the source of the codes that the client at an address names.
        allows: Returns whether a client at an address may open one more link.

    Attributes:
        challenged: Number of datagrams answered with CHALLENGE.
    """

    def __init__(
        self,
        mtu: int,
        most: int,
        code: Callable[[Hashable], CodeSource] = lambda _: block_code,
        allows: Callable[[Hashable], bool] = lambda _: True,
    ) -> None:
        self._mtu, self._most, self._code, self._allows = mtu, most, code, allows
        self._cookies = Cookies()
        self._by_address: dict[Hashable, Link] = {}
        self._addresses: dict[Link, Hashable] = {}
        self._by_identity: dict[tuple[int, int], Link] = {}
        self.challenged = 0

    def __len__(self) -> int:
        return len(self._addresses)

    def link_at(self, address: Hashable) -> Link | None:
        """Return the link whose client has an address, or None."""
        return self._by_address.get(address)

    def address(self, link: Link) -> Hashable | None:
        """Return a link's last validated address; None if the link has ended."""
        return self._addresses.get(link)

    def forget(self, link: Link) -> None:
        """Remove a link that has ended."""
        address = self._addresses.pop(link, None)
        if address is not None:
            del self._by_address[address]
            del self._by_identity[link.identity]

    def receive(self, datagram: bytes, address: Hashable, now: float) -> Arrival:
        """Process a received datagram.

        Args:
            datagram: The datagram, possibly damaged.
            address: Its source address, possibly forged.
            now: Time in seconds.
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
            # A link with a new address, for example behind a NAT, or from before a restart.
            return self._challenge(head.header, address, now)
        return Arrival()

    def _challenge(self, header: Header, address: Hashable, now: float) -> Arrival:
        self.challenged += 1
        cookie = self._cookies.make(repr(address), header, now)
        return Arrival(answer=write_challenge(header, cookie))

    def _open(self, head: ReadHeader, datagram: bytes, address: Hashable, now: float) -> Arrival:
        header, coded = head.header, datagram[HEADER_SIZE:]
        request = _read_open(header, coded)
        if request is None:
            return Arrival()
        if not self._cookies.is_good(request.cookie, repr(address), header, now):
            return self._challenge(header, address, now)
        link = self._by_identity.get((header.link, header.offset))
        known = link.open_request if link is not None else None
        if known is not None and known.key != request.key:
            return Arrival()  # not from the client that opened the link
        if link is None:
            link = Link.server(mtu=self._mtu, code=self._code(address))
            if header.ack != header.offset or header.number != header.offset & 0xFFFFFF:
                why = "the server does not know this link; it may have been restarted"
                link.refuse(header, request, why)
            elif len(self) >= self._most:
                why = f"the server already has {self._most} links, its maximum"
                link.refuse(header, request, why)
            elif not self._allows(address):
                why = "your address already has its share of the server's links; close one"
                link.refuse(header, request, why)
        if not link.closed:
            link.receive_with_header(head, datagram, now)
        if link.closed:
            return Arrival(answer=link.data_to_send(now))
        if not link.opened:  # the code is not ready yet
            return Arrival()
        ended = self._by_address.get(address)
        if ended is not None:
            ended.replace("the client has opened another link")
            self.forget(ended)
        self.forget(link)
        self._by_address[address] = self._by_identity[link.identity] = link
        self._addresses[link] = address
        return Arrival(link, ended=ended)


def _read_open(header: Header, coded: bytes) -> OpenRequest | None:
    """Decode the payload of an OPEN; return None if it is invalid."""
    control = table()[CONTROL]
    is_valid = header.code == CONTROL and 0 < header.length <= MAX_CONTROL
    if not is_valid or len(coded) != control.coded_length(header.length):
        return None
    found = control.decode(payload_context(header), coded, header.length)
    try:
        return read_open_request(found.payload) if found.good else None
    except LinkError:
        return None
