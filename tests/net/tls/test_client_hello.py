"""The first bytes of TLS, as real clients send them."""

from __future__ import annotations

import ssl

import pytest

from netchat.link.sync_marker import MARKER
from netchat.net.tls.client_hello import CLIENT_HELLO_BYTES, starts_like_tls
from netchat.wire import Hello, encode


def test_every_beginning_of_a_real_client_hello() -> None:
    out = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = out.read()
    assert all(starts_like_tls(hello[:size]) for size in range(1, len(hello) + 1))


@pytest.mark.parametrize(
    "first",
    [
        encode(Hello(0, bytes(16), b"", "Nova", "test", ())),
        MARKER,
        b"GET / HTTP/1.1\r\n",
        b"\x16\x02\x00",
        bytes.fromhex("1603010005")[:CLIENT_HELLO_BYTES] + b"\x02",  # a ServerHello
        b"\x80\x2e\x01\x03\x01",  # SSL 2.0
    ],
)
def test_others(first: bytes) -> None:
    assert not starts_like_tls(first)
