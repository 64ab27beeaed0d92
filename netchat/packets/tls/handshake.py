"""TLS handshake messages: what an observer learns from each (RFC 8446, section 4).

Bytes come from captures and may be hostile: a message that cannot be parsed is described as such.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from netchat.packets.tls.key_schedule import SUITES
from netchat.packets.tls.records import version_name
from netchat.wire.safe_text import show_line
from netchat.wording import many

__all__ = [
    "CLIENT_HELLO",
    "END_OF_EARLY_DATA",
    "FINISHED",
    "KEY_UPDATE",
    "MESSAGES",
    "SERVER_HELLO",
    "ClientHello",
    "ServerHello",
    "describe_alert",
    "describe_message",
    "read_client_hello",
    "read_server_hello",
]

CLIENT_HELLO, SERVER_HELLO, END_OF_EARLY_DATA, FINISHED, KEY_UPDATE = 1, 2, 5, 20, 24

#: Names of the handshake messages of TLS 1.2 and 1.3.
MESSAGES = {
    0: "HelloRequest",
    CLIENT_HELLO: "ClientHello",
    SERVER_HELLO: "ServerHello",
    4: "NewSessionTicket",
    END_OF_EARLY_DATA: "EndOfEarlyData",
    8: "EncryptedExtensions",
    11: "Certificate",
    12: "ServerKeyExchange",
    13: "CertificateRequest",
    14: "ServerHelloDone",
    15: "CertificateVerify",
    16: "ClientKeyExchange",
    FINISHED: "Finished",
    22: "CertificateStatus",
    KEY_UPDATE: "KeyUpdate",
    25: "CompressedCertificate",
    254: "MessageHash",
}

#: Random of a ServerHello that is a HelloRetryRequest (RFC 8446, section 4.1.3).
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")

_SERVER_NAME, _ALPN, _PRE_SHARED_KEY, _EARLY_DATA, _VERSIONS = 0, 16, 41, 42, 43

_ALERTS = {
    0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 22: "record_overflow",
    40: "handshake_failure", 42: "bad_certificate", 43: "unsupported_certificate",
    44: "certificate_revoked", 45: "certificate_expired", 46: "certificate_unknown",
    47: "illegal_parameter", 48: "unknown_ca", 49: "access_denied", 50: "decode_error",
    51: "decrypt_error", 70: "protocol_version", 71: "insufficient_security", 80: "internal_error",
    86: "inappropriate_fallback", 90: "user_canceled", 109: "missing_extension",
    110: "unsupported_extension", 112: "unrecognized_name", 113: "bad_certificate_status_response",
    115: "unknown_psk_identity", 116: "certificate_required", 120: "no_application_protocol",
}  # fmt: skip


class ClientHello(NamedTuple):
    """First message of a client.

    Attributes:
        random: Its random, by which key logs name the connection.
        versions: Versions that it offers.
        suites: Cipher suites that it offers.
        server_name: Name of the server that it wants, or "".
        protocols: Application protocols that it offers (ALPN).
        resumes: Whether it offers to resume a session.
        early_data: Whether it sends data at once (0-RTT).
    """

    random: bytes
    versions: tuple[int, ...]
    suites: tuple[int, ...]
    server_name: str
    protocols: tuple[str, ...]
    resumes: bool
    early_data: bool


class ServerHello(NamedTuple):
    """First message of a server.

    Attributes:
        version: Version that it selects.
        suite: Cipher suite that it selects.
        is_retry: Whether it is a HelloRetryRequest.
        resumed: Whether it resumes a session.
    """

    version: int
    suite: int
    is_retry: bool
    resumed: bool


class _Bytes:
    """Reader of a message; raises ValueError where it ends early."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def take(self, size: int) -> bytes:
        part = self._data[self._at : self._at + size]
        if len(part) < size:
            raise ValueError
        self._at += size
        return part

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> _Bytes:
        """Read a vector whose length has `size` bytes."""
        return _Bytes(self.take(self.number(size)))

    def rest(self) -> bytes:
        return self._data[self._at :]

    def numbers(self) -> tuple[int, ...]:
        """Return the rest as numbers of two bytes."""
        rest = self.rest()
        return tuple(int.from_bytes(rest[at : at + 2], "big") for at in range(0, len(rest) - 1, 2))


def read_client_hello(body: bytes) -> ClientHello | None:
    """Parse a ClientHello; None if it is invalid."""
    try:
        data = _Bytes(body)
        version, random = data.number(2), data.take(32)
        data.vector(1)
        suites = data.vector(2).numbers()
        data.vector(1)
        extensions = dict(_extensions(data))
        versions: tuple[int, ...] = (version,)
        name, protocols = "", list[str]()
        if _SERVER_NAME in extensions:
            entries = extensions[_SERVER_NAME].vector(2)
            if entries and entries.number(1) == 0:
                name = entries.vector(2).rest().decode("ascii", "backslashreplace")
        if _ALPN in extensions:
            entries = extensions[_ALPN].vector(2)
            while entries:
                protocols.append(entries.vector(1).rest().decode("ascii", "backslashreplace"))
        if _VERSIONS in extensions:
            versions = extensions[_VERSIONS].vector(1).numbers()
    except ValueError:
        return None
    return ClientHello(
        random, versions, suites, name, tuple(protocols),
        _PRE_SHARED_KEY in extensions, _EARLY_DATA in extensions,
    )  # fmt: skip


def read_server_hello(body: bytes) -> ServerHello | None:
    """Parse a ServerHello or HelloRetryRequest; None if it is invalid."""
    try:
        data = _Bytes(body)
        version, random = data.number(2), data.take(32)
        data.vector(1)
        suite = data.number(2)
        data.take(1)
        extensions = dict(_extensions(data))
        if _VERSIONS in extensions:
            version = extensions[_VERSIONS].number(2)
    except ValueError:
        return None
    return ServerHello(version, suite, random == _RETRY, _PRE_SHARED_KEY in extensions)


def _extensions(data: _Bytes) -> Iterator[tuple[int, _Bytes]]:
    entries = data.vector(2) if data else data
    while entries:
        kind = entries.number(2)
        yield kind, entries.vector(2)


def describe_message(kind: int, body: bytes) -> str:
    """Describe a handshake message in a few words."""
    name = MESSAGES.get(kind, f"handshake message {kind}")
    if kind == CLIENT_HELLO:
        client = read_client_hello(body)
        return f"{name} (invalid)" if client is None else _client(client)
    if kind == SERVER_HELLO:
        server = read_server_hello(body)
        return f"{name} (invalid)" if server is None else _server(server)
    if kind == KEY_UPDATE and body == b"\1":
        return f"{name}, asks the peer to update too"
    if kind == 8:
        return _encrypted_extensions(body)
    if kind == 4:
        return _ticket(body)
    return name


def _client(hello: ClientHello) -> str:
    versions = [version for version in hello.versions if 0x0300 <= version <= 0x0304]
    parts = [version_name(max(versions))] if versions else []
    if hello.server_name:
        parts.append(f"server name {show_line(hello.server_name[:253])}")
    if hello.protocols:
        parts.append(f"ALPN {', '.join(show_line(name) for name in hello.protocols[:8])}")
    parts += ["resumes a session"] * hello.resumes + ["sends early data (0-RTT)"] * hello.early_data
    return f"ClientHello: {', '.join(parts)}" if parts else "ClientHello"


def _server(hello: ServerHello) -> str:
    suite = SUITES.get(hello.suite)
    name = suite.name if suite is not None else f"cipher suite {hello.suite:#06x}"
    kind = "HelloRetryRequest" if hello.is_retry else "ServerHello"
    again = ", resumes the session" * hello.resumed
    return f"{kind}: {version_name(hello.version)}, {name}{again}"


def _encrypted_extensions(body: bytes) -> str:
    try:
        extensions = dict(_extensions(_Bytes(body)))
        parts = []
        if _ALPN in extensions:
            protocol = extensions[_ALPN].vector(2).vector(1).rest()
            parts.append(f"ALPN {show_line(protocol.decode('ascii', 'backslashreplace'))}")
        if _EARLY_DATA in extensions:
            parts.append("accepts early data")
    except ValueError:
        return "EncryptedExtensions (invalid)"
    return f"EncryptedExtensions: {', '.join(parts)}" if parts else "EncryptedExtensions"


def _ticket(body: bytes) -> str:
    seconds = int.from_bytes(body[:4], "big")
    return f"NewSessionTicket, valid for {many(seconds, 'second')}" if body else "NewSessionTicket"


def describe_alert(body: bytes) -> str:
    """Describe an alert record's content."""
    if len(body) != 2:
        return "alert (invalid)"
    level = {1: "warning", 2: "fatal"}.get(body[0], f"level {body[0]}")
    name = _ALERTS.get(body[1], f"number {body[1]}")
    return f"alert {name}" if body[1] == 0 else f"alert {name} ({level})"
