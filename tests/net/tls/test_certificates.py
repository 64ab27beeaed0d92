"""Certificates: openssl verifies them; they are renewed when they must be, and private."""

from __future__ import annotations

import datetime
import shutil
import stat
import subprocess

import pytest

from netchat.errors import TlsError
from netchat.net.tls.certificates import (
    RENEW_DAYS,
    SERVER_DAYS,
    ensure_certificate,
    expiry,
    key_fingerprint,
)
from netchat.net.tls.machine_names import MachineNames

NAMES = MachineNames(
    "nova", frozenset({"localhost", "nova", "nova.local"}), frozenset({"127.0.0.1", "::1"})
)
NOW = datetime.datetime(2026, 11, 30, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is missing")


def openssl(*command: object) -> str:
    done = subprocess.run(
        ["openssl", *map(str, command)], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def verify(files, *options: object) -> str:
    at = str(int(NOW.timestamp()))
    return openssl(
        "verify", "-x509_strict", "-attime", at, "-CAfile", files.ca, *options, files.chain
    )


@pytest.fixture
def files(tmp_path):
    return ensure_certificate(tmp_path / "tls", NAMES, NOW)[0]


def changed(tmp_path, names=NAMES, now=NOW) -> tuple[str, str, list[str]]:
    """Ensure the certificate again; return the CA, the certificate, and the notices."""
    found, notices = ensure_certificate(tmp_path / "tls", names, now)
    assert found.ca is not None
    return found.ca.read_text(), found.chain.read_text(), notices


@needs_openssl
@pytest.mark.parametrize(
    "option",
    [
        ("-verify_ip", "127.0.0.1"),
        ("-verify_ip", "::1"),
        ("-verify_hostname", "localhost"),
        ("-verify_hostname", "nova.local"),
        ("-purpose", "sslserver"),
    ],
)
def test_openssl_accepts_the_chain(files, option) -> None:
    assert verify(files, *option).strip().endswith(": OK")


@needs_openssl
def test_openssl_refuses_other_names(files) -> None:
    assert "IP address mismatch" in verify(files, "-verify_ip", "10.0.0.1")
    assert "hostname mismatch" in verify(files, "-verify_hostname", "example.org")


@needs_openssl
def test_the_ca_cannot_issue_certificates_for_other_sites(files, tmp_path) -> None:
    request = tmp_path / "request"
    openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "k", "-subj",
            "/CN=x", "-addext", "subjectAltName=DNS:bank.example", "-out", request)  # fmt: skip
    ca_key = files.ca.with_name("ca.key")
    forged = tmp_path / "forged"
    openssl("x509", "-req", "-in", request, "-CA", files.ca, "-CAkey", ca_key, "-copy_extensions",
            "copy", "-days", "3000", "-out", forged)  # fmt: skip
    assert "permitted subtree violation" in openssl("verify", "-CAfile", files.ca, forged)


@needs_openssl
def test_the_fingerprint_is_that_of_openssl(files) -> None:
    import hashlib
    import ssl

    text = files.chain.read_text()
    der = ssl.PEM_cert_to_DER_cert(text[: text.index("-----END CERTIFICATE-----") + 25])
    pem = openssl("x509", "-in", files.chain, "-noout", "-pubkey")
    info = subprocess.run(
        ["openssl", "pkey", "-pubin", "-outform", "DER"],
        input=pem.encode(),
        capture_output=True,
        check=True,
    )
    assert key_fingerprint(der) == hashlib.sha256(info.stdout).hexdigest()


def test_only_the_owner_can_read_the_files(files) -> None:
    folder = files.chain.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_permissions_that_were_widened_are_corrected(files, tmp_path) -> None:
    files.key.chmod(0o644)
    assert "Other users could access" in changed(tmp_path)[2][0]
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600


def test_nothing_changes_without_a_reason(files, tmp_path) -> None:
    before = files.ca.read_text(), files.chain.read_text()
    later = NOW + (SERVER_DAYS - RENEW_DAYS - 1) * DAY
    assert changed(tmp_path, now=later) == (*before, [])


def test_renewal_keeps_the_key_and_the_ca(files, tmp_path) -> None:
    before, key = files.ca.read_text(), files.key.read_bytes()
    later = NOW + (SERVER_DAYS - RENEW_DAYS + 1) * DAY
    ca, _, notices = changed(tmp_path, now=later)
    assert notices == ["renewed the certificate: it expires soon"]
    assert (ca, files.key.read_bytes()) == (before, key)
    assert expiry(files.chain) == later + SERVER_DAYS * DAY


def test_a_new_address_needs_a_new_certificate(files, tmp_path) -> None:
    names = MachineNames(NAMES.host, NAMES.names, NAMES.addresses | {"192.168.1.5"})
    ca = files.ca.read_text()
    found = changed(tmp_path, names)
    assert found[0] == ca
    assert found[2] == ["renewed the certificate: this machine has a new name or address"]
    if shutil.which("openssl"):
        assert verify(files, "-verify_ip", "192.168.1.5").strip().endswith(": OK")


def test_an_address_that_vanishes_changes_nothing(files, tmp_path) -> None:
    names = MachineNames(NAMES.host, NAMES.names, frozenset({"127.0.0.1"}))
    assert changed(tmp_path, names)[2] == []


def test_a_new_host_name_needs_a_new_ca(files, tmp_path) -> None:
    names = MachineNames("leo", NAMES.names | {"leo"}, NAMES.addresses)
    key = files.key.read_bytes()
    _, _, notices = changed(tmp_path, names)
    assert notices[0].startswith("created a new certificate authority")
    assert files.key.read_bytes() == key  # so that clients that know it are not disturbed
    if shutil.which("openssl"):
        assert verify(files, "-verify_hostname", "leo").strip().endswith(": OK")


@needs_openssl
def test_an_expired_ca_is_replaced(files, tmp_path) -> None:
    ca, _, notices = changed(tmp_path, now=NOW + 3649 * DAY)
    assert notices[0].startswith("created a new certificate authority")
    assert ca != ""


def test_a_clock_that_was_wrong(files, tmp_path) -> None:
    _, _, notices = changed(tmp_path, now=NOW - 100 * DAY)
    assert notices == ["renewed the certificate: the clock has been set back"]


@pytest.mark.parametrize(
    ("name", "content"),
    [("server.crt", b"nonsense"), ("ca.key", b""), ("server.key", None), ("ca.crt", None)],
)
def test_damaged_files(files, tmp_path, name, content) -> None:
    path = files.chain.with_name(name)
    other = ensure_certificate(tmp_path / "other", NAMES, NOW)[0].chain.with_name(name)
    path.write_bytes(other.read_bytes() if content is None else content)
    with pytest.raises(TlsError, match="delete the folder"):
        ensure_certificate(tmp_path / "tls", NAMES, NOW)


def test_a_crash_leaves_a_usable_folder(files, tmp_path) -> None:
    files.chain.with_name("server.key.new").write_bytes(b"half")
    files.chain.unlink()
    assert changed(tmp_path)[1].count("BEGIN CERTIFICATE") == 2


def test_a_folder_that_cannot_be_created(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TlsError, match="Cannot use the certificates"):
        ensure_certificate(tmp_path / "file" / "tls", NAMES, NOW)


def test_errors_of_files_and_bytes(tmp_path) -> None:
    with pytest.raises(TlsError, match="Cannot read"):
        expiry(tmp_path / "missing")
    with pytest.raises(TlsError, match="damaged"):
        key_fingerprint(b"\x30\x00")
