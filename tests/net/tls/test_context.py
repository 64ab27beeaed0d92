"""Contexts of TLS: versions, certificates, the key log."""

from __future__ import annotations

import ssl
import stat

import pytest

from netchat.errors import TlsError
from netchat.net.tls.context import client_context, keylog_file, load_certificate, server_context
from netchat.net.tls.server import TlsServer
from tests.net.serving import certificate_folder


@pytest.fixture(scope="module")
def files():
    return TlsServer(folder=certificate_folder()).files


def test_only_tls_1_3(files) -> None:
    for context in (server_context(files.chain, files.key), client_context(None)):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_3


def test_a_ca_makes_the_client_verify(files) -> None:
    assert client_context(files.ca).verify_mode == ssl.CERT_REQUIRED
    assert client_context(files.ca).check_hostname
    assert client_context(None).verify_mode == ssl.CERT_NONE


def test_the_key_log_is_private_and_named_once(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", "elsewhere")
    assert keylog_file(tmp_path) == tmp_path
    assert str(keylog_file(None)) == "elsewhere"
    monkeypatch.delenv("SSLKEYLOGFILE")
    assert keylog_file(None) is None
    log = tmp_path / "keys.txt"
    assert client_context(None, log).keylog_filename == str(log)
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    with pytest.raises(TlsError, match="Cannot write the key log"):
        client_context(None, tmp_path / "none" / "keys.txt")


def test_files_that_cannot_be_used(files, tmp_path) -> None:
    other = tmp_path / "other.pem"
    other.write_text("no certificate")
    with pytest.raises(TlsError, match="contains no CA certificate"):
        client_context(other)
    with pytest.raises(TlsError, match=r"Cannot read .*none"):
        client_context(tmp_path / "none")
    with pytest.raises(TlsError, match="Both must be in PEM"):
        server_context(other, files.key)
    with pytest.raises(TlsError, match=r"Cannot read .*none"):
        server_context(files.chain, tmp_path / "none")


def test_an_encrypted_key_is_refused_without_a_prompt(files, tmp_path) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )  # fmt: skip
    with pytest.raises(TlsError, match="is encrypted"):
        load_certificate(server_context(files.chain, files.key), files.chain, locked)
