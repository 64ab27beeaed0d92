"""Address validation for datagrams: cookies, before the server stores or sends anything.

Anyone can forge the source address of a datagram. The server therefore answers the first OPEN with a
cookie, and the client must return it, which proves that it receives datagrams at its address. The
cookie is computed from the address and a secret, so the server stores nothing in the meantime (as
in SYN cookies, and in QUIC's Retry, RFC 9000, 8.1.2). It travels in a header without a payload, the
shortest block there is, so no answer is longer than its request.
"""

from __future__ import annotations

import secrets
from hashlib import blake2s

from netchat.link.header import Header, Kind, write_header

__all__ = ["Cookies", "cookie_of", "write_challenge"]

#: Size of a cookie in bytes: it fills two fields of a header.
_COOKIE = 8

#: Minimum lifetime of a cookie in seconds; the maximum is twice as long.
_GOOD_FOR = 30.0


class Cookies:
    """Issuer and verifier of cookies."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(16)

    def make(self, address: str, header: Header, now: float) -> bytes:
        """Return the cookie for a link and a client's address.

        Args:
            address: Address of the client as text.
            header: Header of a block of the link.
            now: Time in seconds.
        """
        return self._make(address, header, int(now / _GOOD_FOR))

    def is_good(self, cookie: bytes, address: str, header: Header, now: float) -> bool:
        """Return whether a cookie was issued for this address and link and has not expired."""
        period = int(now / _GOOD_FOR)
        return any(
            secrets.compare_digest(cookie, self._make(address, header, made))
            for made in (period, period - 1)
        )

    def _make(self, address: str, header: Header, period: int) -> bytes:
        text = f"{address} {header.link} {period}"
        return blake2s(text.encode(), key=self._secret, digest_size=_COOKIE).digest()


def write_challenge(header: Header, cookie: bytes) -> bytes:
    """Return the CHALLENGE that answers a block from an address that is not validated.

    Args:
        header: Header of that block.
        cookie: Cookie for the client to return.
    """
    return write_header(
        Header(
            kind=Kind.CHALLENGE, code=0, link=header.link, length=0, offset=header.offset, number=0,
            window=0, ack=int.from_bytes(cookie[:4], "big"), echo=0, delay=0,
            arrived=int.from_bytes(cookie[4:], "big"), wrong=0, checked=0,
        )
    )  # fmt: skip


def cookie_of(header: Header) -> bytes:
    """Return the cookie in the header of a CHALLENGE."""
    return header.ack.to_bytes(4, "big") + header.arrived.to_bytes(4, "big")
