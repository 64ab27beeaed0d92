"""Links over datagrams: address validation, and what unvalidated addresses receive."""

from __future__ import annotations

import random
from typing import Any

import pytest

from netchat.link.address_validation import cookie_of
from netchat.link.code_table import block_code
from netchat.link.datagram_listener import DatagramListener
from netchat.link.header import HEADER_SIZE, Header, Kind, read_header, read_masked_header
from netchat.link.link import Link

HERE, THERE = ("192.0.2.1", 1000), ("192.0.2.9", 2000)


class Network:
    """A datagram listener, and clients that exchange datagrams with it."""

    def __init__(self, most: int = 10, **options: Any) -> None:
        self.listener = DatagramListener(1200, most, **options)
        self.now = 100.0

    def exchange(self, client: Link, address: tuple[str, int]) -> list[bytes]:
        """Send a client's blocks, and return the listener's own answers."""
        answers = []
        for datagram in client.blocks_to_send(self.now):
            arrival = self.listener.receive(datagram, address, self.now)
            if arrival.answer:
                answers.append(arrival.answer)
                client.receive_block(arrival.answer, self.now)
            if arrival.link is not None:
                for block in arrival.link.blocks_to_send(self.now):
                    client.receive_block(block, self.now)
        return answers

    def open_link(self, address: tuple[str, int], spec: str = "rs:255,223", **options: Any) -> Link:
        client = Link.client(spec, mtu=1200, **options)
        self.exchange(client, address)
        self.exchange(client, address)
        assert client.opened
        return client


def kind_of(datagram: bytes) -> Kind:
    return header_of(datagram).kind


def header_of(datagram: bytes) -> Header:
    head = read_header(datagram[:HEADER_SIZE]) or read_masked_header(datagram[:HEADER_SIZE])
    assert head is not None
    return head.header


def test_a_client_returns_the_cookie_and_the_link_opens() -> None:
    network, client = Network(), Link.client("rs:255,223", mtu=1200)

    (challenge,) = network.exchange(client, HERE)
    assert kind_of(challenge) is Kind.CHALLENGE
    assert len(challenge) == HEADER_SIZE
    assert not client.opened
    assert len(network.listener) == 0

    assert network.exchange(client, HERE) == []
    assert client.opened
    assert len(network.listener) == 1
    client.send(b"hello")
    (link,) = network.listener._addresses
    network.exchange(client, HERE)
    assert link.received(network.now) == b"hello"


@pytest.mark.parametrize("spec", ["uncoded", "crc:8", "rs:255,127+hamming:7,4", "hamming:7,4"])
def test_no_answer_to_an_unvalidated_address_exceeds_its_request(spec: str) -> None:
    listener = DatagramListener(1200, 10)
    rng = random.Random(1)
    client = Link.client(spec, mtu=1200)
    (opening,) = client.blocks_to_send(0.0)
    known = Network().open_link(HERE, spec)
    known.send(rng.randbytes(3000))
    questions = [opening, *known.blocks_to_send(1.0), known._block(Kind.ACK, 1.0)]
    known.close("bye")
    questions += known.blocks_to_send(1.0)
    questions += [question[:size] for question in questions for size in (1, 95, 96, 97)]

    answered = 0
    for question in questions:
        arrival = listener.receive(question, HERE, 1.0)
        assert arrival.link is None
        assert len(arrival.answer) <= len(question)
        answered += bool(arrival.answer)
    assert answered >= 4
    assert len(listener) == 0


def test_a_cookie_is_good_for_its_address_and_link_only_and_not_for_long() -> None:
    network = Network()
    client = Link.client("rs:255,223", mtu=1200)
    network.exchange(client, HERE)
    (shown,) = client.blocks_to_send(network.now)

    assert kind_of(network.listener.receive(shown, THERE, network.now).answer) is Kind.CHALLENGE
    late = network.listener.receive(shown, HERE, network.now + 61)
    assert kind_of(late.answer) is Kind.CHALLENGE
    other = Link.client("rs:255,223", mtu=1200)
    other.blocks_to_send(network.now)
    other._handshake.present_cookie(client.open_request.cookie)
    (stolen,) = other.blocks_to_send(network.now)
    assert kind_of(network.listener.receive(stolen, HERE, network.now).answer) is Kind.CHALLENGE
    assert len(network.listener) == 0
    assert network.listener.receive(shown, HERE, network.now + 29).link is not None


def test_a_link_moves_with_its_client() -> None:
    network = Network()
    client = network.open_link(HERE)
    (link,) = network.listener._addresses
    client.send(b"hello")
    network.exchange(client, HERE)
    client.send(b", Nova")

    (challenge,) = network.exchange(client, THERE)
    assert kind_of(challenge) is Kind.CHALLENGE
    assert network.listener.address(link) == HERE
    network.exchange(client, THERE)

    assert network.listener.address(link) == THERE
    assert len(network.listener) == 1
    assert not network.listener.link_at(HERE)
    while client.buffered:
        network.now += 0.1
        client.tick(network.now)
        network.exchange(client, THERE)
    assert link.received(network.now) == b"hello, Nova"


def test_a_link_from_before_the_server_was_started_is_refused_at_once() -> None:
    old = Network()
    client = old.open_link(HERE)
    client.send(b"hello")
    old.exchange(client, HERE)
    client.send(b", Nova")
    fresh = Network()

    fresh.exchange(client, HERE)
    (refusal,) = fresh.exchange(client, HERE)

    assert kind_of(refusal) is Kind.REFUSE
    assert "the server does not know this link" in client.closed
    assert len(fresh.listener) == 0


def test_the_number_of_links_is_bounded_and_excess_clients_are_refused() -> None:
    network = Network(most=3)
    for port in range(3):
        network.open_link(("192.0.2.1", port))
    late = Link.client("rs:255,223", mtu=1200)
    network.exchange(late, HERE)
    network.exchange(late, HERE)

    assert "its maximum" in late.closed
    assert len(network.listener) == 3

    for link in list(network.listener._addresses)[:2]:
        network.listener.forget(link)
        network.listener.forget(link)
    assert len(network.listener) == 1
    network.open_link(HERE)


def test_a_flood_from_made_up_addresses_leaves_nothing() -> None:
    network = Network()
    for port in range(500):
        (opening,) = Link.client("rs:255,223", mtu=1200).blocks_to_send(network.now)
        network.listener.receive(opening, ("203.0.113.1", port), network.now)

    assert len(network.listener) == 0
    assert network.listener.challenged == 500
    assert not network.listener._by_address
    assert not network.listener._by_identity


def test_another_link_from_the_same_address_takes_the_place_of_the_first() -> None:
    network = Network()
    network.open_link(HERE)
    (first,) = network.listener._addresses
    client = Link.client("rs:255,223", mtu=1200)
    network.exchange(client, HERE)
    assert not first.closed
    (opening,) = client.blocks_to_send(network.now)
    arrival = network.listener.receive(opening, HERE, network.now)

    assert arrival.ended is first
    assert "another link" in first.closed
    assert len(network.listener) == 1


def test_answers_are_never_answered() -> None:
    """Otherwise two servers could be made to answer each other forever."""
    network = Network()
    client = Link.client("rs:255,223", mtu=1200)
    (challenge,) = network.exchange(client, HERE)
    for kind in (Kind.ACCEPT, Kind.REFUSE, Kind.CLOSE):
        block = client._block(kind, 0.0)
        assert network.listener.receive(block, THERE, network.now) == (None, b"", None)
    assert network.listener.receive(challenge, THERE, network.now) == (None, b"", None)


def test_ending_a_link_requires_its_initial_offset() -> None:
    client = Network().open_link(HERE, identity=77 << 32 | 1000, key=b"")
    for kind in (Kind.CLOSE, Kind.REFUSE):
        forger = Link.client("rs:255,223", mtu=1200, identity=77 << 32 | 1001, key=b"")
        client.receive_block(forger._block(kind, 0.0), 1.0)

    assert not client.closed
    assert client.stats.ignored_blocks == 2


def test_a_datagram_that_cannot_be_read_counts_where_it_belongs() -> None:
    network = Network()
    network.open_link(HERE)
    (link,) = network.listener._addresses
    network.listener.receive(bytes(200), HERE, network.now)
    network.listener.receive(b"", HERE, network.now)

    assert network.listener.receive(bytes(200), THERE, network.now) == (None, b"", None)
    assert link.stats.unreadable_headers == 2


def test_an_invalid_code_is_refused_once_the_address_is_validated() -> None:
    network = Network()
    client = Link.client("rs:255,223", mtu=1200)
    object.__setattr__(client.open_request, "up", "turbo")
    network.exchange(client, HERE)
    (refusal,) = network.exchange(client, HERE)

    assert kind_of(refusal) is Kind.REFUSE
    assert "a link cannot use the code 'turbo'" in client.closed
    assert len(network.listener) == 0


def test_cookies_survive_in_a_header() -> None:
    network, client = Network(), Link.client("rs:255,223", mtu=1200)
    (challenge,) = network.exchange(client, HERE)

    assert cookie_of(header_of(challenge)) == client.open_request.cookie
    assert len(client.open_request.cookie) == 8


def test_short_datagrams_are_sent_for_a_while_if_long_ones_are_lost() -> None:
    network = Network()
    client = network.open_link(HERE)
    client.send(bytes(3000))
    assert max(map(len, client.blocks_to_send(network.now))) > 1000

    client.reduce_mtu(network.now)  # earlier blocks count as lost once later ones have arrived
    while client.buffered:
        network.now += 0.1
        client.tick(network.now)
        for datagram in client.blocks_to_send(network.now):
            assert len(datagram) <= 548
            (link,) = network.listener._addresses
            network.listener.receive(datagram, HERE, network.now)
            for block in link.blocks_to_send(network.now):
                client.receive_block(block, network.now)
        assert network.now < 120

    client.send(bytes(3000))
    assert max(map(len, client.blocks_to_send(network.now + 61))) > 548


def test_an_address_with_too_many_links_is_refused_another() -> None:
    network = Network(allows=lambda address: address == HERE)
    network.open_link(HERE)
    client = Link.client("rs:255,223", mtu=1200)
    network.exchange(client, THERE)
    network.exchange(client, THERE)

    assert "your address already has its share" in client.closed
    assert len(network.listener) == 1


def test_a_link_opens_once_its_codes_are_ready() -> None:
    ready = False
    network = Network(code=lambda _: lambda spec: block_code(spec) if ready else None)
    client = Link.client("rs:255,223", mtu=1200)
    network.exchange(client, HERE)
    (opening,) = client.blocks_to_send(network.now)
    assert network.listener.receive(opening, HERE, network.now) == (None, b"", None)
    assert len(network.listener) == 0

    ready = True
    assert network.listener.receive(opening, HERE, network.now).link is not None


def test_an_invalid_open_is_ignored() -> None:
    network = Network()
    invalid = Link.client("rs:255,223", mtu=1200)._block(Kind.OPEN, 0.0, b"\xff")

    assert network.listener.receive(invalid, HERE, network.now) == (None, b"", None)
    assert network.listener.challenged == 0
