"""Off-path attackers, who can forge source addresses but cannot read datagrams."""

from __future__ import annotations

import random
import secrets

import pytest

from netchat.link import datagram_listener as listener_module
from netchat.link import link as link_module
from netchat.link.address_validation import write_challenge
from netchat.link.code_table import table
from netchat.link.datagram_mask import KEY_SIZE, MASKED, make_mask, masked
from netchat.link.header import (
    HEADER_SIZE,
    Header,
    Kind,
    read_header,
    read_masked_header,
    write_header,
)
from netchat.link.link import Link
from netchat.link.open_request import OpenRequest, read_open_request, write_open_request
from netchat.link.payload_decoder import payload_context
from tests.link.test_datagram_listener import HERE, THERE, Network

KEYS = [pytest.param(None, id="masked"), pytest.param(b"", id="older client")]


def header(link: Link, **fields: int) -> Header:
    """Return a valid header, except for `fields`."""
    number, first = link.identity
    values = {
        "kind": Kind.DATA, "code": 4, "link": number, "length": 0, "offset": first,
        "number": first, "window": 64, "ack": first, "echo": first - 1, "delay": 0, "arrived": 0,
        "wrong": 0, "checked": 0,
    }  # fmt: skip
    return Header(**{**values, **fields})  # type: ignore[arg-type]


def server_link(network: Network) -> Link:
    (link,) = network.listener._addresses
    return link


def transfer(network: Network, client: Link, address: tuple[str, int] = HERE) -> None:
    """Check that the link carries data in both directions."""
    server = server_link(network)
    client.send(b"up" * 500)
    server.send(b"down" * 500)
    got = b"", b""
    for _ in range(50):
        network.now += 0.05
        for side in (client, server):
            side.tick(network.now)
        network.exchange(client, address)
        got = got[0] + server.received(network.now), got[1] + client.received(network.now)
        if got == (b"up" * 500, b"down" * 500):
            return
    pytest.fail(f"{len(got[0])} and {len(got[1])} bytes arrived")


@pytest.mark.parametrize("key", KEYS)
def test_blind_datagrams_harm_neither_side(key: bytes | None) -> None:
    """The attacker knows the link's identifier, and guesses the other fields."""
    network, rng = Network(), random.Random(1)
    client = network.open_link(HERE, identity=77 << 32 | 123456789, key=key)
    transfer(network, client)
    for _ in range(1500):
        forged = write_header(
            header(
                client,
                kind=rng.choice((Kind.DATA, Kind.DATA, Kind.ACK, Kind.ACCEPT)),
                offset=rng.getrandbits(32), number=rng.getrandbits(24), ack=rng.getrandbits(32),
                echo=rng.getrandbits(24), arrived=rng.getrandbits(32), window=rng.getrandbits(8),
            )
        )  # fmt: skip
        network.listener.receive(forged, HERE, network.now)
        client.receive_block(forged, network.now)
    for ahead in (
        2**17,
        2**21,
        2**23 - 1,
    ):  # so far that every acknowledgement would be implausible
        forged = write_header(header(client, number=client.identity[1] + ahead))
        network.listener.receive(forged, HERE, network.now)
        client.receive_block(forged, network.now)

    assert client.opened
    assert not client.closed
    transfer(network, client)


@pytest.mark.parametrize("kind", [Kind.DATA, Kind.ACK, Kind.ACCEPT, Kind.CLOSE, Kind.REFUSE])
def test_an_attacker_without_the_key_changes_nothing(kind: Kind) -> None:
    network, rng = Network(), random.Random(2)
    client = network.open_link(HERE, identity=77 << 32 | 1000)
    server = server_link(network)
    transfer(network, client)
    before = client.stats.counters(), server.stats.counters()
    number = server._receiver.highest + 1
    ack, offset = server._sender.base, server._receiver.expected
    for mask in (bytes(MASKED), rng.randbytes(MASKED), rng.randbytes(MASKED)):
        for length in (0, 5):
            made = header(
                client, kind=kind, code=1 if length else 4, length=length, number=number, ack=ack,
                offset=offset if kind is Kind.DATA else 1000,
            )  # fmt: skip
            block = masked(write_header(made), mask)
            if length:
                code = table()[1]
                block += code.encode(payload_context(made), b"forge")
            network.listener.receive(block, HERE, network.now)
            client.receive_block(block, network.now)

    assert server.received(network.now) == client.received(network.now) == b""
    assert not client.closed
    assert not server.closed
    for side, counters in zip((client, server), before, strict=True):
        ignored = {"bytes_received", "unreadable_headers"}
        after = side.stats.counters()
        assert {k: v for k, v in after.items() if k not in ignored} == {
            k: v for k, v in counters.items() if k not in ignored
        }
    transfer(network, client)


def test_a_link_moves_only_with_the_client_that_has_the_key() -> None:
    network = Network()
    client = network.open_link(HERE, identity=77 << 32 | 1000)
    server = server_link(network)
    thief = Link.client("rs:255,223", mtu=1200, identity=77 << 32 | 1000)

    for _ in range(3):  # receives a cookie, and returns it
        network.exchange(thief, THERE)
    assert network.listener.address(server) == HERE
    assert not thief.opened
    assert not thief.closed
    transfer(network, client)

    client.send(b"moved")
    network.exchange(client, THERE)
    network.exchange(client, THERE)
    assert network.listener.address(server) == THERE
    got = b""
    while got != b"moved":
        network.now += 0.1
        assert network.now < 110
        client.tick(network.now)
        network.exchange(client, THERE)
        got += server.received(network.now)


def test_a_forged_challenge_does_not_change_the_cookie() -> None:
    network = Network()
    client = network.open_link(HERE, identity=77 << 32 | 1000)
    cookie, rng = client.open_request.cookie, random.Random(3)
    for _ in range(500):
        forged = write_challenge(header(client, offset=rng.getrandbits(32)), rng.randbytes(8))
        client.receive_block(forged, network.now)

    assert client.open_request.cookie == cookie
    assert client.blocks_to_send(network.now) == []


def test_a_server_that_is_older_than_masks_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    def older(payload: bytes) -> OpenRequest:
        opening = read_open_request(payload)
        return OpenRequest(opening.up, opening.down, opening.mode, opening.cookie)

    monkeypatch.setattr(link_module, "read_open_request", older)
    monkeypatch.setattr(listener_module, "read_open_request", older)
    network = Network()
    client = network.open_link(HERE)

    assert client.open_request.key
    assert server_link(network).open_request.key == b""
    transfer(network, client)


def test_a_mask_costs_no_robustness() -> None:
    rng = random.Random(4)
    sent = header(Link.client("uncoded", mtu=1200))
    mask = make_mask(secrets.token_bytes(KEY_SIZE))
    for _ in range(50):
        coded = bytearray(masked(write_header(sent), mask))
        for place in rng.sample(range(HEADER_SIZE), 32):
            coded[place] ^= rng.randrange(1, 256)
        head = read_header(masked(bytes(coded), mask))
        assert head is not None
        assert head.header == read_header(write_header(sent)).header
        assert head.corrected == 32


def test_a_header_is_readable_without_the_mask_and_unmistakably_masked() -> None:
    rng = random.Random(5)
    sent = header(Link.client("uncoded", mtu=1200))
    for _ in range(50):
        coded = bytearray(masked(write_header(sent), make_mask(rng.randbytes(KEY_SIZE))))
        for place in rng.sample(range(HEADER_SIZE - MASKED), 8):
            coded[place] ^= rng.randrange(1, 256)
        assert read_header(bytes(coded)) is None
        head = read_masked_header(bytes(coded))
        assert head is not None
        assert head.corrected == 8
        assert head.header == read_header(write_header(sent)).header
        assert head.wrong >= 8


@pytest.mark.parametrize("key", [b"", b"8 bytes!"])
def test_open_carries_the_key_after_the_cookie(key: bytes) -> None:
    opening = OpenRequest("rs:255,223", "adaptive", cookie=b"a cookie", key=key)
    assert read_open_request(write_open_request(opening)) == opening
    assert read_open_request(write_open_request(opening) + b"\x04more") == opening
    plain = OpenRequest("rs:255,223", "adaptive", cookie=b"a cookie")
    assert read_open_request(write_open_request(plain) + b"\x08short") == plain
