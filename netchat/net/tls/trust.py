"""Which servers a client trusts: those of a CA, one with a given key, or those it knows."""

from __future__ import annotations

import datetime
import re
import ssl
from collections.abc import Callable
from pathlib import Path

from netchat.chat.text import show_text
from netchat.errors import CannotConnect, NetchatError, PeerError, TlsError, UntrustedServer
from netchat.net.address import show_address
from netchat.net.tls.certificates import fingerprints
from netchat.net.tls.context import client_context, keylog_file
from netchat.net.tls.known_servers import KnownServers
from netchat.net.tls.problems import handshake_problem
from netchat.wire import Error, ErrorCode, FrameReader, decode

__all__ = ["Trust", "parse_fingerprint"]

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def parse_fingerprint(text: str) -> str:
    """Parse a SHA-256 in hexadecimal, with or without colons, spaces and a prefix.

    Raises:
        ValueError: The text has another form.
    """
    digits = re.sub(r"^sha-?256[:= ]", "", text.strip().casefold())
    digits = re.sub(r"[: ]", "", digits)
    if not _FINGERPRINT.fullmatch(digits):
        raise ValueError(
            f"a fingerprint is a SHA-256 of 64 hexadecimal digits, as `netchat serve --tls` prints it; "
            f"got {text[:80]!r}"
        )
    return digits


def _plaintext_error(first: bytes) -> str | None:
    """Return the text of an ERROR frame, unless the server only complains about TLS itself."""
    try:
        frames = FrameReader().feed(first)
        message = decode(frames[0]) if frames else None
    except PeerError:
        return None
    is_error = isinstance(message, Error) and message.code != ErrorCode.BAD_FRAME
    return message.text if is_error and isinstance(message, Error) else None


class Trust:
    """Rule by which a client accepts the certificates of servers.

    With a CA, the certificate must be valid for the server's name. With a fingerprint, the server's key or
    its certificate must have it. Otherwise the key must be the one that is stored for the server. On the
    first connection, the key is stored.

    Args:
        ca: File with CA certificates in PEM.
        fingerprint: SHA-256 of the server's public key or certificate.
        known: Known servers.
        keylog: File to append the keys of all connections to; by default that of `SSLKEYLOGFILE`.
        notify: Called with a line for the user when a server's key is stored.

    Attributes:
        context: Context for the connections.

    Raises:
        ValueError: The fingerprint is invalid, or there is a CA, too.
        TlsError: A file cannot be used.
    """

    def __init__(
        self,
        *,
        ca: Path | str | None = None,
        fingerprint: str | None = None,
        known: KnownServers | None = None,
        keylog: Path | None = None,
        notify: Callable[[str], None] = lambda _: None,
    ) -> None:
        if ca is not None and fingerprint is not None:
            raise ValueError("a CA and a fingerprint cannot be combined")
        self._expected = None if fingerprint is None else parse_fingerprint(fingerprint)
        self._has_ca = ca is not None
        self._known = known or KnownServers()
        self.notify = notify
        self.context: ssl.SSLContext = client_context(
            None if ca is None else Path(ca), keylog_file(keylog)
        )

    def check(self, host: str, port: int, tls: ssl.SSLObject | ssl.SSLSocket) -> None:
        """Check the certificate of a server after the handshake.

        Raises:
            UntrustedServer: The server does not have the expected key.
            TlsError: The known servers cannot be read or written.
        """
        if self._has_ca:
            return
        certificate = tls.getpeercert(binary_form=True)
        if certificate is None:
            raise UntrustedServer(f"{show_address(host, port)} has sent no certificate.")
        key, whole = fingerprints(certificate)
        address, today = show_address(host, port), datetime.date.today().isoformat()
        known = self._known.find(address)
        if self._expected is not None:
            if self._expected not in (key, whole):
                raise UntrustedServer(
                    f"{address} is not the expected server: its key has the SHA-256 {key}.\n"
                    f"--fingerprint is {self._expected}. Compare it with the one that the server prints."
                )
            if known is None or known.fingerprint != key:
                self._known.store(address, key, today)
            return
        if known is None:
            self._known.store(address, key, today)
            self.notify(
                f"First connection to {address}; from now on it must have this key. To be sure, compare "
                f"the SHA-256 with the one that the server prints: {key}"
            )
        elif known.fingerprint != key:
            raise UntrustedServer(
                f"The key of {address} has changed since {known.since}: another server may be "
                f"impersonating it.\nIf the server was set up again, compare this SHA-256 with the one that "
                f"it prints, and accept the new key with: --fingerprint {key}"
            )

    def problem(
        self, host: str, port: int, error: BaseException, first: bytes = b""
    ) -> NetchatError:
        """Return an error of the handshake with a server, in netchat's words.

        Args:
            host: Name or address of the server.
            port: Its port.
            error: The error.
            first: First bytes that the server has sent; a server without TLS may have sent a frame.
        """
        address = show_address(host, port)
        if isinstance(error, NetchatError) and not isinstance(error, TlsError):
            return error
        if isinstance(error, ssl.SSLCertVerificationError):
            return UntrustedServer(
                f"The certificate of {address} is not valid: {error.verify_message.rstrip('.')}.\n"
                "--ca must name the CA that issued it, and the address must be in the certificate."
            )
        reason = str(error) if isinstance(error, TlsError) else handshake_problem(error)
        if (text := _plaintext_error(first)) is not None:
            return CannotConnect(
                f"No TLS connection to {address}: it answers without TLS: {show_text(text)}"
            )
        hint = ""
        if "does not use TLS" in reason:
            hint = " Omit tls://, or start the server with: netchat serve --tls"
        return CannotConnect(f"No TLS connection to {address}: {reason}.{hint}")
