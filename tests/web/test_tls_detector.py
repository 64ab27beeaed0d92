"""First bytes of connections to the page's port: HTTP, TLS, or too few to tell."""

from __future__ import annotations

import asyncio

import pytest

from netchat.web.tls_detector import TlsDetector


class Transport(asyncio.Transport):
    """Transport that records calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.protocol = None

    def abort(self) -> None:
        self.calls.append("abort")

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def set_protocol(self, protocol) -> None:
        self.protocol = protocol


class Upper(asyncio.Protocol):
    """Protocol above that records what it gets."""

    def __init__(self) -> None:
        self.transport = None
        self.got = b""

    def connection_made(self, transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.got += data


class Tls:
    """Stands in for the certificate; records what a handshake begins with."""

    def __init__(self) -> None:
        self.begun: list[tuple[bytes, bool]] = []

    def transport(self, upper, share, *, timeout):
        assert (share, timeout) == ("10.0.0.1", 5.0)
        return self

    def begin(self, transport, data: bytes, *, announced: bool) -> None:
        self.begun.append((data, announced))


@pytest.fixture
async def parts():
    upper, tls, transport = Upper(), Tls(), Transport()
    detector = TlsDetector(upper, tls, "10.0.0.1", 5.0)
    detector.connection_made(transport)
    yield detector, upper, tls, transport
    detector.connection_lost(None)


async def test_http_is_handed_over_with_its_first_bytes(parts) -> None:
    detector, upper, tls, transport = parts
    detector.data_received(b"GET / HTTP/1.1\r\n")
    assert upper.got == b"GET / HTTP/1.1\r\n"
    assert transport.protocol is upper
    assert upper.transport is transport
    assert not tls.begun


async def test_a_hello_in_pieces_is_tls(parts) -> None:
    detector, upper, tls, transport = parts
    for piece in (b"\x16", b"\x03\x01", b"\x02\x00"):
        detector.data_received(piece)
    assert not tls.begun
    detector.data_received(b"\x01rest")
    assert tls.begun == [(b"\x16\x03\x01\x02\x00\x01rest", False)]
    assert transport.calls == ["pause"]
    assert upper.transport is None


async def test_a_record_that_is_no_hello_counts_as_http(parts) -> None:
    detector, upper, tls, _ = parts
    detector.data_received(b"\x16\x03\x01\x02\x00\x02")
    assert upper.got
    assert not tls.begun


async def test_silence_is_cut_off() -> None:
    transport = Transport()
    detector = TlsDetector(Upper(), Tls(), "10.0.0.1", 0.01)
    detector.connection_made(transport)
    await asyncio.sleep(0.05)
    assert transport.calls == ["abort"]
