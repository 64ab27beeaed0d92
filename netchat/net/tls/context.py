"""Contexts of OpenSSL: TLS 1.3 only, with an optional key log."""

from __future__ import annotations

import contextlib
import os
import ssl
from pathlib import Path

from netchat.errors import TlsError
from netchat.files import open_private
from netchat.wording import cannot

__all__ = ["client_context", "keylog_file", "load_certificate", "server_context"]

#: Environment variable that names the file for the keys of all connections, as for browsers and curl.
KEYLOG = "SSLKEYLOGFILE"

#: Tickets for session resumption per connection. Clients need one at a time.
_TICKETS = 1


def keylog_file(given: Path | None) -> Path | None:
    """Return the file for keys: the given one, or that of `SSLKEYLOGFILE`."""
    if given is not None:
        return given
    name = os.environ.get(KEYLOG)
    return Path(name) if name else None


def _new(protocol: int, keylog: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if keylog is not None:
        try:
            # The keys decrypt everything, so that other users must not read them.
            with open(keylog, "ab", opener=open_private):
                pass
            context.keylog_filename = str(keylog)
        except OSError as error:
            raise TlsError(cannot("write", f"the key log {keylog}", error)) from error
    return context


def server_context(chain: Path, key: Path, keylog: Path | None = None) -> ssl.SSLContext:
    """Return the context of a server.

    Args:
        chain: Certificates in PEM, the server's first.
        key: Its private key in PEM.
        keylog: File to append the keys of all connections to; None writes none.

    Raises:
        TlsError: A file cannot be used.
    """
    context = _new(ssl.PROTOCOL_TLS_SERVER, keylog)
    context.num_tickets = _TICKETS
    load_certificate(context, chain, key)
    return context


def load_certificate(context: ssl.SSLContext, chain: Path, key: Path) -> None:
    """Load a certificate into a context, for new connections.

    Raises:
        TlsError: A file cannot be used.
    """

    def refuse() -> bytes:
        # Without a callback, OpenSSL would ask on the terminal.
        raise TlsError(f"the key {key} is encrypted; remove its password with: openssl pkey")

    try:
        context.load_cert_chain(chain, key, password=refuse)
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).lower().replace("_", " ")
        raise TlsError(
            f"Cannot use the certificate {chain} with the key {key}: {reason}. "
            "Both must be in PEM, the server's certificate first"
        ) from error
    except OSError as error:
        missing = next((str(path) for path in (chain, key) if not _is_readable(path)), str(chain))
        raise TlsError(cannot("read", missing, error)) from error


def _is_readable(path: Path) -> bool:
    with contextlib.suppress(OSError), path.open("rb"):
        return True
    return False


def client_context(ca: Path | None, keylog: Path | None = None) -> ssl.SSLContext:
    """Return the context of a client.

    Args:
        ca: CA certificates in PEM that must have issued the server's certificate. None verifies nothing
            in the handshake: the caller checks the certificate after it.
        keylog: File to append the keys of all connections to; None writes none.

    Raises:
        TlsError: A file cannot be used.
    """
    context = _new(ssl.PROTOCOL_TLS_CLIENT, keylog)
    if ca is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        context.load_verify_locations(ca)
    except ssl.SSLError as error:
        raise TlsError(f"{ca} contains no CA certificate in PEM") from error
    except OSError as error:
        raise TlsError(cannot("read", ca, error)) from error
    return context
