"""The door of links over datagrams: honest clients, strangers, liars, replays and moves.

What must hold:
    - nothing is raised;
    - an address that has shown no cookie is sent no more than it sent, and nothing is kept for it;
    - the table is bounded, and its three ways of looking at a link agree;
    - what comes out of an honest client's stream is what went in;
    - once everything gets through, everything arrives.
"""

from __future__ import annotations

from netchat.link.datagram_listener import DatagramListener
from netchat.link.header import HEADER_SIZE, read_header
from netchat.link.link import Link
from tests.fuzz.choices import Choices
from tests.fuzz.link import forged

__all__ = ["check"]

MTU, MOST = 1200, 2
ADDRESSES = tuple(("192.0.2.1", port) for port in range(8))
STRANGERS = tuple(("203.0.113.9", port) for port in range(4))


class Client:
    """An honest client."""

    def __init__(self, number: int) -> None:
        self.link = Link.client("uncoded", mtu=MTU, identity=(77 + number) << 32 | 2**32 - 300)
        self.address = ADDRESSES[number]
        self.said = bytearray()
        self.got = bytearray()
        self.server: Link | None = None


class Town:
    """A door, and everybody who comes to it."""

    def __init__(self) -> None:
        self.door = DatagramListener(MTU, MOST)
        self.clients = [Client(number) for number in range(3)]
        self.now = 1.0
        self.overheard: list[bytes] = []
        self.brought = dict.fromkeys(STRANGERS, 0)
        self.sent = dict.fromkeys(STRANGERS, 0)

    def deliver(self, datagram: bytes, address: tuple[str, int]) -> None:
        """Something arrives at the door; what it says goes back to the address."""
        if address in self.brought:
            self.brought[address] += len(datagram)
        arrival = self.door.receive(datagram, address, self.now)
        if arrival.answer:
            self.back(arrival.answer, address)
        if arrival.link is not None:
            self.serve(arrival.link)

    def serve(self, link: Link) -> None:
        """What the server does with a link."""
        if link.closed:
            self.door.forget(link)
            return
        for client in self.clients:
            if client.link.identity == link.identity:
                client.server = link
                client.got += link.received(self.now)
        for block in link.blocks_to_send(self.now):
            self.back(block, self.door.address(link))

    def back(self, datagram: bytes, address: object) -> None:
        """A datagram goes to an address."""
        if address in self.sent:
            self.sent[address] += len(datagram)  # type: ignore[index]
        for client in self.clients:
            if client.address == address:
                client.link.receive_block(datagram, self.now)

    def pump(self, client: Client, choices: Choices | None = None) -> None:
        """A client sends what it wants to; the way may lose, double or break it."""
        client.link.tick(self.now)
        for datagram in client.link.blocks_to_send(self.now):
            self.overheard = [*self.overheard[-20:], datagram]
            fate = choices.below(5) if choices is not None else 0
            if fate == 1:
                continue
            if fate == 2 and choices is not None:
                broken = bytearray(datagram)
                broken[choices.below(len(broken))] ^= 1 << choices.below(8)
                datagram = bytes(broken)
            for _ in range(2 if fate == 3 else 1):
                self.deliver(datagram, client.address)

    def look(self) -> None:
        """What must hold at any moment."""
        door = self.door
        assert len(door) <= MOST
        assert {door._by_address[a]: a for a in door._by_address} == door._addresses
        assert set(door._by_identity.values()) == set(door._addresses)
        for address in STRANGERS:
            assert door.link_at(address) is None, "an address is known that has shown no cookie"
            assert self.sent[address] <= self.brought[address], "more went back than came"
        for client in self.clients:
            assert client.said.startswith(client.got), "the stream is not what was sent"


def check(data: bytes) -> None:
    """Run one case."""
    choices, town = Choices(data), Town()
    while choices:
        client = town.clients[choices.below(3)]
        match choices.below(8):
            case 0:
                text = bytes([choices.byte()]) * choices.pick((1, 60, 3000))
                client.said += text
                client.link.send(text)
            case 1 | 2:
                town.pump(client, choices)
            case 3:
                town.now += choices.pick((0.01, 0.3, 2.0, 40.0))
                for link in list(town.door._addresses):
                    link.tick(town.now)
                    town.serve(link)
            case 4:
                client.address = ADDRESSES[choices.below(8)]
            case 5 if town.overheard:  # somebody repeats what was said, from an address of his own
                town.deliver(choices.pick(town.overheard), choices.pick(STRANGERS))
            case 6:
                town.deliver(choices.blob(150), choices.pick(STRANGERS))
            case 7:
                block = forged(choices)
                if (head := read_header(block[:HEADER_SIZE])) and head.header.link == 77:
                    continue  # who knows the number of a link, and sees it, can forge it
                town.deliver(block, choices.pick((*STRANGERS, client.address)))
        town.look()
    for client in town.clients:
        _finish(town, client)


def _finish(town: Town, client: Client) -> None:
    """Everything gets through from now on, and nobody else is at the client's address."""
    if client.link.closed or not client.link.opened:
        return
    client.address = ("198.51.100.1", 77 + town.clients.index(client))
    for _ in range(400):
        if client.link.closed or client.got == client.said:
            break
        town.now += 0.1
        town.pump(client)
        if client.server is not None and not client.server.closed:
            client.server.tick(town.now)
            if client.server in town.door._addresses:
                town.serve(client.server)
    town.look()
    assert client.link.closed or client.got == client.said, "not everything arrived"
