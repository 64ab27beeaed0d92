"""Parts of TLS 1.3 with secrets of a student's own, and encrypted traffic of a chat as a sniffer sees it.

The records are valid: netchat and Wireshark decrypt them with their secret. Everything comes from the seed:
equal seeds give equal bytes, unlike in a real handshake.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from typing import NamedTuple

from netchat.packets.tls.key_schedule import expand_label

__all__ = [
    "EncryptedRecord",
    "EncryptedTraffic",
    "client_hello",
    "encrypted_traffic",
    "protect",
    "tls_record",
]

_SERVER_NAME, _GROUPS, _ALGORITHMS, _ALPN, _VERSIONS, _KEY_SHARE = 0, 10, 13, 16, 43, 51

#: Seconds from a client to the server or back, and a server's work.
_WAY, _WORK = (0.004, 0.02), 0.001

#: Bytes of a record beyond the text of its message: frame, record header, content type and tag.
_OVERHEAD = 22 + 38

#: Length of a record with a PING or a PONG, in bytes.
_PING = 52


def tls_record(kind: int, body: bytes) -> bytes:
    """Return a record with its header (RFC 8446, section 5.1)."""
    return struct.pack(">BHH", kind, 0x0301 if body[:1] == b"\1" else 0x0303, len(body)) + body


def client_hello(rng: random.Random, server_name: str) -> bytes:
    """Return a ClientHello, with its handshake header, for a server's name."""
    name = server_name.encode()
    extensions = [
        (_GROUPS, _vector(2, struct.pack(">HH", 29, 23))),
        (_ALGORITHMS, _vector(2, struct.pack(">HHH", 0x0807, 0x0403, 0x0804))),
        (_VERSIONS, _vector(1, struct.pack(">H", 0x0304))),
        (_KEY_SHARE, _vector(2, struct.pack(">H", 29) + _vector(2, rng.randbytes(32)))),
        (_ALPN, _vector(2, _vector(1, b"netchat/1"))),
        (_SERVER_NAME, _vector(2, b"\0" + _vector(2, name))),
    ]
    rng.shuffle(extensions)
    session = rng.randbytes(rng.choice((0, 32)))
    suites = rng.sample((0x1301, 0x1302, 0x1303), rng.randrange(1, 4))
    body = struct.pack(">H", 0x0303) + rng.randbytes(32) + _vector(1, session)
    body += _vector(2, b"".join(struct.pack(">H", suite) for suite in suites)) + _vector(1, b"\0")
    body += _vector(2, b"".join(struct.pack(">H", kind) + _vector(2, x) for kind, x in extensions))
    return b"\1" + _vector(3, body)


def protect(
    secret: bytes, sequence: int, content: bytes, *, kind: int = 23, padding: int = 0
) -> bytes:
    """Return an encrypted record of TLS_AES_128_GCM_SHA256 (RFC 8446, sections 5.2 and 5.3).

    Args:
        secret: Traffic secret, 32 bytes.
        sequence: Sequence number of the record.
        content: The content.
        kind: Its content type.
        padding: Number of zero bytes after the content type.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key, iv = expand_label(secret, "key", b"", 16), expand_label(secret, "iv", b"", 12)
    nonce = (int.from_bytes(iv, "big") ^ sequence).to_bytes(12, "big")
    inner = content + bytes((kind,)) + bytes(padding)
    header = struct.pack(">BHH", 23, 0x0303, len(inner) + 16)
    return header + AESGCM(key).encrypt(nonce, inner, header)


class EncryptedRecord(NamedTuple):
    """A TLS record on the wire."""

    time: float
    """Seconds since the beginning."""
    user: str
    """User of the connection: a sniffer knows their address."""
    to_server: bool
    """Whether the client sent it."""
    size: int
    """Length of the record, in bytes."""


class EncryptedTraffic(NamedTuple):
    """Traffic of a chat, and what a sniffer wants to know."""

    records: list[EncryptedRecord]
    """The records of all connections, in the order of time."""
    rooms: list[set[str]]
    """The members of each room."""


def encrypted_traffic(
    seed: int,
    *,
    users: int = 9,
    messages: int = 120,
    block: int | Callable[[int], int] = 1,
    hold: float = 0.0,
) -> EncryptedTraffic:
    """Return the TLS records of users who chat in three rooms of one server.

    Args:
        seed: Random seed.
        users: Number of users, 3 to 18; each is in one room.
        messages: Number of messages.
        block: Padding: every record's length is rounded up to a multiple of it. A function returns the
            padded length of a record.
        hold: Longest random time for which the server holds back each delivery, in seconds.
    """
    rng = random.Random(seed)
    names = [f"user {letter}" for letter in "ABCDEFGHIJKLMNOPQR"[:users]]
    rooms: list[set[str]] = [set(), set(), set()]
    shuffled = rng.sample(names, len(names))
    for number, name in enumerate(shuffled):
        rooms[number % 3 if number < 6 else rng.randrange(3)].add(name)
    ways = {name: rng.uniform(*_WAY) for name in names}
    records = []

    def record(time: float, name: str, size: int, *, to_server: bool) -> None:
        padded = block(size) if callable(block) else -(-size // block) * block
        records.append(EncryptedRecord(time, name, to_server, padded))

    time = 0.0
    for _ in range(messages):
        time += rng.expovariate(8.0)
        sender = rng.choice(names)
        (room,) = (one for one in rooms if sender in one)
        size = min(400, 3 + int(rng.expovariate(1 / 40)))
        record(time, sender, size + _OVERHEAD, to_server=True)
        for name in sorted(room):
            late = time + ways[sender] + _WORK + ways[name] + rng.uniform(0, hold)
            # An EVENT has the sender's name, a number and a time in addition.
            record(late, name, size + _OVERHEAD + 26, to_server=False)
    for name in names:  # idle clients send a PING, and get a PONG
        at = rng.uniform(0, 20)
        while at < time:
            record(at, name, _PING, to_server=True)
            record(at + 2 * ways[name], name, _PING, to_server=False)
            at += 20
    return EncryptedTraffic(sorted(records), [room for room in rooms if room])


def _vector(length_size: int, data: bytes) -> bytes:
    """Return data after its length, as TLS writes it."""
    return len(data).to_bytes(length_size, "big") + data
