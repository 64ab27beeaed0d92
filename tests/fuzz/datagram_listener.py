"""The listener for links over datagrams, with valid and forging clients, replays and address changes.

Invariants:
    - No exception is raised.
    - An address without a valid cookie is sent no more bytes than it sent, and has no state.
    - The table is bounded, and its three indices of a link agree.
    - The bytes of a valid client's stream arrive unchanged.
    - Once the network loses nothing, all bytes arrive.
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
    """A valid client."""

    def __init__(self, number: int) -> None:
        self.link = Link.client("uncoded", mtu=MTU, identity=(77 + number) << 32 | 2**32 - 300)
        self.address = ADDRESSES[number]
        self.said = bytearray()
        self.got = bytearray()
        self.server: Link | None = None


class Network:
    """A listener and its clients."""

    def __init__(self) -> None:
        self.listener = DatagramListener(MTU, MOST)
        self.clients = [Client(number) for number in range(3)]
        self.now = 1.0
        self.overheard: list[bytes] = []
        self.brought = dict.fromkeys(STRANGERS, 0)
        self.sent = dict.fromkeys(STRANGERS, 0)

    def deliver(self, datagram: bytes, address: tuple[str, int]) -> None:
        """Deliver a datagram to the listener, and its answer to the sender's address."""
        if address in self.brought:
            self.brought[address] += len(datagram)
        arrival = self.listener.receive(datagram, address, self.now)
        if arrival.answer:
            self.back(arrival.answer, address)
        if arrival.link is not None:
            self.serve(arrival.link)

    def serve(self, link: Link) -> None:
        """Serve a link as the server does."""
        if link.closed:
            self.listener.forget(link)
            return
        for client in self.clients:
            if client.link.identity == link.identity:
                client.server = link
                client.got += link.received(self.now)
        for block in link.blocks_to_send(self.now):
            self.back(block, self.listener.address(link))

    def back(self, datagram: bytes, address: object) -> None:
        """Deliver a datagram to an address."""
        if address in self.sent:
            self.sent[address] += len(datagram)  # type: ignore[index]
        for client in self.clients:
            if client.address == address:
                client.link.receive_block(datagram, self.now)

    def pump(self, client: Client, choices: Choices | None = None) -> None:
        """Send a client's datagrams, which may be lost, duplicated or damaged."""
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
        """Check the invariants."""
        door = self.listener
        assert len(door) <= MOST
        assert {door._by_address[a]: a for a in door._by_address} == door._addresses
        assert set(door._by_identity.values()) == set(door._addresses)
        for address in STRANGERS:
            assert door.link_at(address) is None, (
                "the listener stores an address without a valid cookie"
            )
            assert self.sent[address] <= self.brought[address], (
                "the listener sent more bytes than it received"
            )
        for client in self.clients:
            assert client.said.startswith(client.got), "the stream is not what was sent"


def check(data: bytes) -> None:
    """Run one case."""
    choices, network = Choices(data), Network()
    while choices:
        client = network.clients[choices.below(3)]
        match choices.below(8):
            case 0:
                text = bytes([choices.byte()]) * choices.pick((1, 60, 3000))
                client.said += text
                client.link.send(text)
            case 1 | 2:
                network.pump(client, choices)
            case 3:
                network.now += choices.pick((0.01, 0.3, 2.0, 40.0))
                for link in list(network.listener._addresses):
                    link.tick(network.now)
                    network.serve(link)
            case 4:
                client.address = ADDRESSES[choices.below(8)]
            case 5 if network.overheard:  # a stranger replays a datagram from its own address
                network.deliver(choices.pick(network.overheard), choices.pick(STRANGERS))
            case 6:
                network.deliver(choices.blob(150), choices.pick(STRANGERS))
            case 7:
                block = forged(choices)
                if (head := read_header(block[:HEADER_SIZE])) and head.header.link == 77:
                    continue  # an attacker who sees a link's number can forge its datagrams
                network.deliver(block, choices.pick((*STRANGERS, client.address)))
        network.look()
    for client in network.clients:
        _finish(network, client)


def _finish(network: Network, client: Client) -> None:
    """Deliver everything from now on, with only the client at its address."""
    if client.link.closed or not client.link.opened:
        return
    client.address = ("198.51.100.1", 77 + network.clients.index(client))
    for _ in range(400):
        if client.link.closed or client.got == client.said:
            break
        network.now += 0.1
        network.pump(client)
        if client.server is not None and not client.server.closed:
            client.server.tick(network.now)
            if client.server in network.listener._addresses:
                network.serve(client.server)
    network.look()
    assert client.link.closed or client.got == client.said, "not everything arrived"
