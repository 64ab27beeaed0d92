"""The TLS transport against Python's own TLS, in memory: every size, every order, every attack."""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl

import pytest

from netchat.errors import NetchatError, TlsError
from netchat.net.tls.context import client_context, server_context
from netchat.net.tls.server import TlsServer
from netchat.net.tls.transport import SLICE, TlsTransport
from tests.net.serving import certificate_folder


@pytest.fixture(scope="module")
def server_side() -> ssl.SSLContext:
    files = TlsServer(folder=certificate_folder()).files
    return server_context(files.chain, files.key)


class Wire(asyncio.Transport):
    """Transport below that records calls."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = bytearray()
        self.reading = True
        self.state = "open"
        self.protocol = None

    def write(self, data) -> None:
        assert self.state == "open"
        self.sent += data

    def take(self) -> bytes:
        data, self.sent = bytes(self.sent), bytearray()
        return data

    def close(self) -> None:
        self.state = "closed"

    abort = close

    def write_eof(self) -> None:
        self.state = "half closed"

    def can_write_eof(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return self.state == "closed"

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def set_protocol(self, protocol) -> None:
        self.protocol = protocol

    def get_write_buffer_size(self) -> int:
        return len(self.sent)


class Upper(asyncio.Protocol):
    """Protocol above that records what it gets."""

    def __init__(self) -> None:
        self.got = b""
        self.calls: list[str] = []
        self.lost: list[Exception | None] = []

    def connection_made(self, transport) -> None:
        self.calls.append("made")

    def data_received(self, data: bytes) -> None:
        self.got += data

    def connection_lost(self, exc) -> None:
        self.lost.append(exc)


class Peer:
    """A client of Python's ssl module, in memory."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = (context or client_context(None)).wrap_bio(self.incoming, self.outgoing)

    def shake(self, data: bytes = b"") -> bytes:
        self.incoming.write(data)
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self.outgoing.read()

    def send(self, data: bytes) -> bytes:
        self.tls.write(data)
        return self.outgoing.read()

    def receive(self, data: bytes) -> bytes:
        self.incoming.write(data)
        got = b""
        while True:
            try:
                piece = self.tls.read(65536)
            except ssl.SSLWantReadError:
                return got
            if not piece:
                return got + b"<end>"
            got += piece


class Pair:
    """A server's transport, and its client."""

    def __init__(self, context: ssl.SSLContext, **options) -> None:
        self.upper, self.wire, self.peer = Upper(), Wire(), Peer()
        self.failed: list[str] = []
        self.layer = TlsTransport(
            self.upper, context, is_server=True, failed=self.failed.append, **options
        )

    def connect(self, step: int = 10**6) -> Pair:
        hello = self.peer.shake()
        self.layer.connection_made(self.wire)
        self.feed(hello, step)
        self.feed(self.peer.shake(self.wire.take()), step)
        assert self.upper.calls == ["made"]
        return self

    def feed(self, data: bytes, step: int = 10**6) -> None:
        for at in range(0, len(data), step):
            self.layer.data_received(data[at : at + step])


@pytest.mark.parametrize("step", [1, 7, 1000, 10**6])
async def test_bytes_arrive_in_both_directions(server_side, step) -> None:
    pair = Pair(server_side).connect(step)
    pair.feed(pair.peer.send(b"to the server"), step)
    assert pair.upper.got == b"to the server"
    pair.layer.write(b"to the ")
    pair.layer.write(bytearray(b"client"))
    assert pair.peer.receive(pair.wire.take()) == b"to the client"


async def test_one_write_is_one_record(server_side) -> None:
    pair = Pair(server_side).connect()
    pair.wire.take()
    pair.layer.write(bytes(1000))
    data = pair.wire.take()
    assert data[:3] == b"\x17\x03\x03"
    assert int.from_bytes(data[3:5], "big") + 5 == len(data)


async def test_large_data_arrive_in_turns(server_side) -> None:
    pair = Pair(server_side).connect()
    data = random.Random(1).randbytes(20 * SLICE)
    pair.feed(pair.peer.send(data))
    assert len(pair.upper.got) <= SLICE
    assert not pair.wire.reading  # until the rest is decrypted
    while len(pair.upper.got) < len(data):
        await asyncio.sleep(0)
    assert pair.upper.got == data
    assert pair.wire.reading
    pair.layer.write(data)
    assert pair.peer.receive(pair.wire.take()) == data


async def test_a_protocol_that_pauses_gets_nothing(server_side) -> None:
    pair = Pair(server_side).connect()
    data = bytes(5 * SLICE)
    pair.feed(pair.peer.send(data))
    pair.layer.pause_reading()
    got = len(pair.upper.got)
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(pair.upper.got) == got
    assert pair.layer.memory()[1] > 0
    pair.layer.resume_reading()
    while len(pair.upper.got) < len(data):
        await asyncio.sleep(0)
    assert pair.wire.reading


async def test_what_is_written_early_waits_for_the_handshake(server_side) -> None:
    pair = Pair(server_side)
    hello = pair.peer.shake()
    pair.layer.connection_made(pair.wire)
    pair.layer.write(b"early")
    assert pair.layer.get_write_buffer_size() == 5
    pair.feed(hello)
    pair.feed(pair.peer.shake(pair.wire.take()))
    assert pair.peer.receive(pair.wire.take()) == b"early"


async def test_data_with_the_end_of_the_handshake(server_side) -> None:
    pair = Pair(server_side)
    pair.layer.connection_made(pair.wire)
    pair.feed(pair.peer.shake())
    finished = pair.peer.shake(pair.wire.take())
    pair.feed(finished + pair.peer.send(b"at once"))
    assert pair.upper.got == b"at once"


async def test_the_end_is_announced(server_side) -> None:
    pair = Pair(server_side).connect()
    pair.layer.write(b"last")
    pair.layer.close()
    assert pair.peer.receive(pair.wire.take()) == b"last<end>"
    assert pair.wire.state == "closed"
    assert pair.layer.is_closing()
    pair.layer.write(b"too late")
    assert pair.wire.take() == b""


async def test_half_close_discards_what_still_comes(server_side) -> None:
    pair = Pair(server_side).connect()
    pair.layer.write(b"BYE")
    assert pair.layer.can_write_eof()
    pair.layer.write_eof()
    assert pair.wire.state == "half closed"
    assert pair.peer.receive(pair.wire.take()) == b"BYE<end>"
    pair.feed(b"not decrypted")
    assert pair.upper.got == b"not decrypted"  # its length is all that matters


async def test_the_peer_may_end_the_connection(server_side) -> None:
    pair = Pair(server_side).connect()
    data = pair.peer.send(b"bye")
    with pytest.raises(ssl.SSLWantReadError):
        pair.peer.tls.unwrap()
    pair.feed(data + pair.peer.outgoing.read())
    assert pair.upper.got == b"bye"
    assert pair.wire.state == "closed"


async def test_a_damaged_record_ends_the_connection(server_side) -> None:
    pair = Pair(server_side).connect()
    data = bytearray(pair.peer.send(b"hello"))
    data[-1] ^= 1
    pair.feed(bytes(data))
    assert pair.failed == ["a record was damaged or forged"]
    assert pair.upper.got == b""
    pair.feed(b"more")  # ignored
    assert len(pair.failed) == 1


async def test_replayed_and_reordered_records_end_it(server_side) -> None:
    pair = Pair(server_side).connect()
    first = pair.peer.send(b"1")
    pair.feed(first)
    pair.feed(first)
    assert pair.upper.got == b"1"
    assert pair.failed == ["a record was damaged or forged"]


@pytest.mark.parametrize("seed", range(40))
async def test_damaged_handshakes_fail_or_wait(server_side, seed) -> None:
    """Flip, drop, insert or cut bytes in the client's handshake, as tlsfuzzer does."""
    rng = random.Random(seed)
    pair = Pair(server_side)
    pair.layer.connection_made(pair.wire)
    data = bytearray(pair.peer.shake())
    at = rng.randrange(len(data))
    match seed % 4:
        case 0:
            data[at] ^= 1 << rng.randrange(8)
        case 1:
            del data[at]
        case 2:
            data[at:at] = rng.randbytes(3)
        case _:
            del data[at:]
    pair.feed(bytes(data))
    alert = pair.wire.take()
    if pair.failed:
        assert alert[:1] in (b"\x15", b"")  # an alert, or nothing
    assert "made" not in pair.upper.calls


async def test_random_bytes_after_the_hello(server_side) -> None:
    for seed in range(20):
        pair = Pair(server_side)
        pair.layer.connection_made(pair.wire)
        pair.feed(pair.peer.shake())
        pair.feed(random.Random(seed).randbytes(200))
        pair.feed(b"\x14\x03\x03\x00\x01\x01" * 100)
        assert pair.failed
        assert "made" not in pair.upper.calls


async def test_an_endless_handshake_fails(server_side) -> None:
    pair = Pair(server_side)
    pair.layer.connection_made(pair.wire)
    for _ in range(10):
        # Handshake records that continue one message of 16 MB.
        pair.feed(b"\x16\x03\x01\x40\x00" + b"\x01\xff\xff\xff" + bytes(16380))
    assert pair.failed


async def test_records_without_data_are_limited(server_side) -> None:
    pair = Pair(server_side).connect()
    for _ in range(10_000):
        if pair.failed:
            break
        pair.layer._overhead += 27  # a KeyUpdate, which Python cannot send
        pair.layer._decrypt()
    assert pair.failed == ["the peer sends too many records without data"]


async def test_the_handshake_times_out(server_side) -> None:
    pair = Pair(server_side, timeout=0.01)
    pair.layer.connection_made(pair.wire)
    async with asyncio.timeout(5):
        while not pair.failed:
            await asyncio.sleep(0.005)
    assert pair.failed == ["the handshake was not completed in time"]


def client(upper: Upper, **options) -> TlsTransport:
    return TlsTransport(upper, client_context(None), is_server=False, host="localhost", **options)


async def test_a_client_waits_for_the_handshake(server_side) -> None:
    server, upper, wire = Pair(server_side), Upper(), Wire()
    layer = client(upper)
    waiting = asyncio.create_task(layer.opened())
    layer.connection_made(wire)
    server.layer.connection_made(server.wire)
    await asyncio.sleep(0)
    assert not waiting.done()
    server.feed(wire.take())
    layer.data_received(server.wire.take())
    await waiting
    await layer.opened()
    assert upper.calls == ["made"]
    assert layer.get_extra_info("ssl_object") is layer.tls
    assert layer.get_extra_info("cipher")[1] == "TLSv1.3"
    assert layer.get_extra_info("sslcontext") is layer.tls.context


async def test_a_client_refuses_a_server(server_side) -> None:
    def refuse(_):
        raise NetchatError("an impostor")

    server, upper, wire = Pair(server_side), Upper(), Wire()
    layer = client(upper, verify=refuse)
    layer.connection_made(wire)
    layer.write(b"my password")
    server.layer.connection_made(server.wire)
    server.feed(wire.take())
    layer.data_received(server.wire.take())
    with pytest.raises(NetchatError, match="an impostor"):
        await layer.opened()
    server.feed(wire.take())
    assert server.upper.got == b""
    assert upper.calls == []
    assert wire.state == "closed"


async def test_a_client_whose_server_goes_away(server_side) -> None:
    layer = client(Upper())
    layer.connection_made(Wire())
    waiting = asyncio.create_task(layer.opened())
    await asyncio.sleep(0)
    layer.connection_lost(None)
    with pytest.raises(TlsError, match="closed the connection during the handshake"):
        await waiting


async def test_lost_connections_are_reported_once_above(server_side) -> None:
    pair = Pair(server_side).connect()
    pair.layer.connection_lost(None)
    assert pair.upper.lost == [None]
    unfinished = Pair(server_side)
    unfinished.layer.connection_made(unfinished.wire)
    unfinished.layer.connection_lost(None)
    assert unfinished.upper.lost == []
