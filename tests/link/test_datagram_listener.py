"""Who is let in over datagrams, and what an address gets that has not proven itself."""

from __future__ import annotations

import random
from typing import Any

import pytest

from netchat.link.address_validation import cookie_of
from netchat.link.datagram_listener import DatagramListener
from netchat.link.header import HEADER_SIZE, Header, Kind, read_header, read_masked_header
from netchat.link.link import Link

HERE, THERE = ("192.0.2.1", 1000), ("192.0.2.9", 2000)


class Street:
    """A door, and clients that knock on it."""

    def __init__(self, most: int = 10) -> None:
        self.door = DatagramListener(1200, most)
        self.now = 100.0

    def knock(self, client: Link, address: tuple[str, int]) -> list[bytes]:
        """Let a client send what it wants to; what comes back from the door itself."""
        answers = []
        for datagram in client.blocks_to_send(self.now):
            arrival = self.door.receive(datagram, address, self.now)
            if arrival.answer:
                answers.append(arrival.answer)
                client.receive_block(arrival.answer, self.now)
            if arrival.link is not None:
                for block in arrival.link.blocks_to_send(self.now):
                    client.receive_block(block, self.now)
        return answers

    def enter(self, address: tuple[str, int], spec: str = "rs:255,223", **options: Any) -> Link:
        client = Link.client(spec, mtu=1200, **options)
        self.knock(client, address)
        self.knock(client, address)
        assert client.opened
        return client


def kind_of(datagram: bytes) -> Kind:
    return header_of(datagram).kind


def header_of(datagram: bytes) -> Header:
    head = read_header(datagram[:HEADER_SIZE]) or read_masked_header(datagram[:HEADER_SIZE])
    assert head is not None
    return head.header


def test_a_client_shows_a_cookie_and_is_in() -> None:
    street, client = Street(), Link.client("rs:255,223", mtu=1200)

    (challenge,) = street.knock(client, HERE)
    assert kind_of(challenge) is Kind.CHALLENGE
    assert len(challenge) == HEADER_SIZE
    assert not client.opened
    assert len(street.door) == 0

    assert street.knock(client, HERE) == []
    assert client.opened
    assert len(street.door) == 1
    client.send(b"hello")
    (link,) = street.door._addresses
    street.knock(client, HERE)
    assert link.received(street.now) == b"hello"


@pytest.mark.parametrize("spec", ["uncoded", "crc:8", "rs:255,127+hamming:7,4", "hamming:7,4"])
def test_no_answer_to_a_stranger_is_longer_than_the_question(spec: str) -> None:
    door = DatagramListener(1200, 10)
    rng = random.Random(1)
    client = Link.client(spec, mtu=1200)
    (opening,) = client.blocks_to_send(0.0)
    known = Street().enter(HERE, spec)
    known.send(rng.randbytes(3000))
    questions = [opening, *known.blocks_to_send(1.0), known._block(Kind.ACK, 1.0)]
    known.close("bye")
    questions += known.blocks_to_send(1.0)
    questions += [question[:size] for question in questions for size in (1, 95, 96, 97)]

    answered = 0
    for question in questions:
        arrival = door.receive(question, HERE, 1.0)
        assert arrival.link is None
        assert len(arrival.answer) <= len(question)
        answered += bool(arrival.answer)
    assert answered >= 4
    assert len(door) == 0


def test_a_cookie_is_good_for_its_address_and_link_only_and_not_for_long() -> None:
    street = Street()
    client = Link.client("rs:255,223", mtu=1200)
    street.knock(client, HERE)
    (shown,) = client.blocks_to_send(street.now)

    assert kind_of(street.door.receive(shown, THERE, street.now).answer) is Kind.CHALLENGE
    late = street.door.receive(shown, HERE, street.now + 61)
    assert kind_of(late.answer) is Kind.CHALLENGE
    other = Link.client("rs:255,223", mtu=1200)
    other.blocks_to_send(street.now)
    other._handshake.present_cookie(client.open_request.cookie)
    (stolen,) = other.blocks_to_send(street.now)
    assert kind_of(street.door.receive(stolen, HERE, street.now).answer) is Kind.CHALLENGE
    assert len(street.door) == 0
    assert street.door.receive(shown, HERE, street.now + 29).link is not None


def test_a_link_moves_with_its_client() -> None:
    street = Street()
    client = street.enter(HERE)
    (link,) = street.door._addresses
    client.send(b"hello")
    street.knock(client, HERE)
    client.send(b", Nova")

    (challenge,) = street.knock(client, THERE)
    assert kind_of(challenge) is Kind.CHALLENGE
    assert street.door.address(link) == HERE
    street.knock(client, THERE)

    assert street.door.address(link) == THERE
    assert len(street.door) == 1
    assert not street.door.link_at(HERE)
    while client.buffered:
        street.now += 0.1
        client.tick(street.now)
        street.knock(client, THERE)
    assert link.received(street.now) == b"hello, Nova"


def test_a_link_from_before_the_server_was_started_is_refused_at_once() -> None:
    old = Street()
    client = old.enter(HERE)
    client.send(b"hello")
    old.knock(client, HERE)
    client.send(b", Nova")
    fresh = Street()

    fresh.knock(client, HERE)
    (refusal,) = fresh.knock(client, HERE)

    assert kind_of(refusal) is Kind.REFUSE
    assert "the server does not know this link" in client.closed
    assert len(fresh.door) == 0


def test_the_table_is_bounded_and_who_comes_too_late_is_told() -> None:
    street = Street(most=3)
    for port in range(3):
        street.enter(("192.0.2.1", port))
    late = Link.client("rs:255,223", mtu=1200)
    street.knock(late, HERE)
    street.knock(late, HERE)

    assert "its maximum" in late.closed
    assert len(street.door) == 3

    for link in list(street.door._addresses)[:2]:
        street.door.forget(link)
        street.door.forget(link)
    assert len(street.door) == 1
    street.enter(HERE)


def test_a_flood_from_made_up_addresses_leaves_nothing() -> None:
    street = Street()
    for port in range(500):
        (opening,) = Link.client("rs:255,223", mtu=1200).blocks_to_send(street.now)
        street.door.receive(opening, ("203.0.113.1", port), street.now)

    assert len(street.door) == 0
    assert street.door.challenged == 500
    assert not street.door._by_address
    assert not street.door._by_identity


def test_another_link_from_the_same_address_takes_the_place_of_the_first() -> None:
    street = Street()
    street.enter(HERE)
    (first,) = street.door._addresses
    client = Link.client("rs:255,223", mtu=1200)
    street.knock(client, HERE)
    assert not first.closed
    (opening,) = client.blocks_to_send(street.now)
    arrival = street.door.receive(opening, HERE, street.now)

    assert arrival.ended is first
    assert "another link" in first.closed
    assert len(street.door) == 1


def test_answers_are_answered_by_nobody() -> None:
    """Else two servers could be made to talk to each other for ever."""
    street = Street()
    client = Link.client("rs:255,223", mtu=1200)
    (challenge,) = street.knock(client, HERE)
    for kind in (Kind.ACCEPT, Kind.REFUSE, Kind.CLOSE):
        block = client._block(kind, 0.0)
        assert street.door.receive(block, THERE, street.now) == (None, b"", None)
    assert street.door.receive(challenge, THERE, street.now) == (None, b"", None)


def test_who_does_not_know_where_a_link_began_cannot_end_it() -> None:
    client = Street().enter(HERE, identity=77 << 32 | 1000, key=b"")
    for kind in (Kind.CLOSE, Kind.REFUSE):
        forger = Link.client("rs:255,223", mtu=1200, identity=77 << 32 | 1001, key=b"")
        client.receive_block(forger._block(kind, 0.0), 1.0)

    assert not client.closed
    assert client.stats.ignored_blocks == 2


def test_a_datagram_that_cannot_be_read_counts_where_it_belongs() -> None:
    street = Street()
    street.enter(HERE)
    (link,) = street.door._addresses
    street.door.receive(bytes(200), HERE, street.now)
    street.door.receive(b"", HERE, street.now)

    assert street.door.receive(bytes(200), THERE, street.now) == (None, b"", None)
    assert link.stats.unreadable_headers == 2


def test_a_code_that_is_none_is_refused_when_the_address_is_proven() -> None:
    street = Street()
    client = Link.client("rs:255,223", mtu=1200)
    object.__setattr__(client.open_request, "up", "turbo")
    street.knock(client, HERE)
    (refusal,) = street.knock(client, HERE)

    assert kind_of(refusal) is Kind.REFUSE
    assert "a link cannot use the code 'turbo'" in client.closed
    assert len(street.door) == 0


def test_cookies_survive_in_a_header() -> None:
    street, client = Street(), Link.client("rs:255,223", mtu=1200)
    (challenge,) = street.knock(client, HERE)

    assert cookie_of(header_of(challenge)) == client.open_request.cookie
    assert len(client.open_request.cookie) == 8


def test_where_long_datagrams_do_not_get_through_short_ones_are_sent_for_a_while() -> None:
    street = Street()
    client = street.enter(HERE)
    client.send(bytes(3000))
    assert max(map(len, client.blocks_to_send(street.now))) > 1000

    client.reduce_mtu(street.now)  # what was sent is given up when something later has arrived
    while client.buffered:
        street.now += 0.1
        client.tick(street.now)
        for datagram in client.blocks_to_send(street.now):
            assert len(datagram) <= 548
            (link,) = street.door._addresses
            street.door.receive(datagram, HERE, street.now)
            for block in link.blocks_to_send(street.now):
                client.receive_block(block, street.now)
        assert street.now < 120

    client.send(bytes(3000))
    assert max(map(len, client.blocks_to_send(street.now + 61))) > 548
