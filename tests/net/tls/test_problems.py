"""Errors of OpenSSL in netchat's words."""

from __future__ import annotations

import ssl

import pytest

from netchat.net.tls.problems import handshake_problem


def error(reason: str | None) -> ssl.SSLError:
    made = ssl.SSLError(1, "text of OpenSSL")
    made.reason = reason
    return made


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("UNSUPPORTED_PROTOCOL", "requires TLS 1.3"),
        ("WRONG_VERSION_NUMBER", "does not use TLS"),
        ("TLSV1_ALERT_UNKNOWN_CA", "does not trust the certificate"),
        ("SOMETHING_NEW", "invalid TLS (something new)"),
        (None, "text of OpenSSL"),
    ],
)
def test_reasons(reason: str | None, words: str) -> None:
    assert words in handshake_problem(error(reason))


def test_other_errors() -> None:
    assert handshake_problem(ssl.SSLEOFError(8, "EOF")) == "the peer closed the connection"
    invalid = ssl.SSLCertVerificationError(1, "text")
    invalid.verify_message = "certificate has expired"
    assert "certificate has expired" in handshake_problem(invalid)
