"""How a server finds out that an address is real, before it keeps or sends anything for it.

Over datagrams anybody can write anybody's address on an envelope. Who opens a link is therefore
first sent a cookie, and must show it: then what we send does reach whoever asked for it. The cookie
is made from the address and a secret, so that nothing is kept meanwhile (as in SYN cookies, and in
QUIC's Retry, RFC 9000, 8.1.2). It travels in a header without a payload, which is the shortest
block there is: no answer is longer than its question.
"""

from __future__ import annotations

import secrets
from hashlib import blake2s

from netchat.link.header import Header, Kind, write_header

__all__ = ["Cookies", "cookie_of", "write_challenge"]

#: Bytes of a cookie: as much as fits into two fields of a header.
_COOKIE = 8

#: Seconds for which a cookie is good, at least; twice as long at most.
_GOOD_FOR = 30.0


class Cookies:
    """Makes cookies, and knows them again."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(16)

    def make(self, address: str, header: Header, now: float) -> bytes:
        """The cookie for who asks from an address for a link.

        Args:
            address: the address, in any form that is always the same.
            header: of a block of that link.
            now: seconds.
        """
        return self._make(address, header, int(now / _GOOD_FOR))

    def is_good(self, cookie: bytes, address: str, header: Header, now: float) -> bool:
        """Whether this is a cookie that was made for that address and link not long ago."""
        period = int(now / _GOOD_FOR)
        return any(
            secrets.compare_digest(cookie, self._make(address, header, made))
            for made in (period, period - 1)
        )

    def _make(self, address: str, header: Header, period: int) -> bytes:
        text = f"{address} {header.link} {period}"
        return blake2s(text.encode(), key=self._secret, digest_size=_COOKIE).digest()


def write_challenge(header: Header, cookie: bytes) -> bytes:
    """The block that answers one of a link from an address that is not proven.

    Args:
        header: of that block.
        cookie: what the other side is to show.
    """
    return write_header(
        Header(
            kind=Kind.CHALLENGE, code=0, link=header.link, length=0, offset=header.offset, number=0,
            window=0, ack=int.from_bytes(cookie[:4], "big"), echo=0, delay=0,
            arrived=int.from_bytes(cookie[4:], "big"), wrong=0, checked=0,
        )
    )  # fmt: skip


def cookie_of(header: Header) -> bytes:
    """The cookie in a CHALLENGE."""
    return header.ack.to_bytes(4, "big") + header.arrived.to_bytes(4, "big")
