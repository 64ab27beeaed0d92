"""Errors of OpenSSL in netchat's words."""

from __future__ import annotations

import ssl

__all__ = ["handshake_problem"]

_OLD = "the peer supports no TLS version that is allowed; netchat requires TLS 1.3"
_NOT_TLS = "the peer does not use TLS"
_DISTRUST = "the peer does not trust the certificate"

#: Reasons of OpenSSL, with and without the prefix of an alert.
_REASONS = {
    "UNSUPPORTED_PROTOCOL": _OLD,
    "NO_PROTOCOLS_AVAILABLE": _OLD,
    "VERSION_TOO_LOW": _OLD,
    "TLSV1_ALERT_PROTOCOL_VERSION": _OLD,
    "WRONG_VERSION_NUMBER": _NOT_TLS,
    "HTTP_REQUEST": _NOT_TLS,
    "HTTPS_PROXY_REQUEST": _NOT_TLS,
    "PACKET_LENGTH_TOO_LONG": _NOT_TLS,
    "UNEXPECTED_MESSAGE": "a message of the handshake is out of order",
    "NO_SHARED_CIPHER": "the peer supports no cipher suite of TLS 1.3",
    "NO_SUITABLE_KEY_SHARE": "the peer supports none of the key exchange groups",
    "TLSV1_ALERT_UNKNOWN_CA": _DISTRUST,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _DISTRUST,
    "SSLV3_ALERT_BAD_CERTIFICATE": _DISTRUST,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": _DISTRUST,
    "DECRYPTION_FAILED_OR_BAD_RECORD_MAC": "a record was damaged or forged",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the peer refused the handshake",
}


def handshake_problem(error: BaseException) -> str:
    """Return why a handshake or a record failed, as a clause.

    Args:
        error: Error of OpenSSL.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {error.verify_message.rstrip('.')}"
    reason = getattr(error, "reason", None)
    if isinstance(error, ssl.SSLEOFError):
        return "the peer closed the connection"
    if reason in _REASONS:
        return _REASONS[reason]
    if reason:
        return f"invalid TLS ({reason.lower().replace('_', ' ')})"
    return f"invalid TLS ({error})"
