"""The certificate authority and the server certificate that `netchat serve --tls` creates.

The folder has four files: `ca.crt` (to install on phones), `ca.key`, `server.crt` (the server's
certificate and the CA's) and `server.key`. The server's key stays when its certificate is renewed, so that
its fingerprint, which clients store, stays too. The CA can certify no DNS names except this machine's and
`.local`: with a stolen key, an attacker cannot impersonate other sites to a phone that trusts the CA.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import ipaddress
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netchat.errors import TlsError
from netchat.files import make_private_folder, open_private, sync_folder, tighten
from netchat.net.tls.machine_names import MachineNames
from netchat.wording import cannot

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

__all__ = [
    "CertificateFiles",
    "ensure_certificate",
    "expiry",
    "fingerprints",
    "key_fingerprint",
]

#: Lifetimes in days. Apple's devices reject server certificates for more than 825 days.
CA_DAYS, SERVER_DAYS = 3650, 365

#: Days before the end of a certificate at which it is renewed.
RENEW_DAYS = 30

#: Clock differences that a new certificate tolerates, in days.
_EARLIER = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Files of a server's certificate."""

    chain: Path
    """Certificates in PEM: the server's first, then those of the CAs."""
    key: Path
    """The server's private key in PEM."""
    ca: Path | None
    """The CA's certificate; None if it is not netchat's own."""


def ensure_certificate(
    folder: Path, names: MachineNames, now: datetime.datetime
) -> tuple[CertificateFiles, list[str]]:
    """Create the CA and the certificate of this machine, or renew them if necessary.

    Args:
        folder: Folder of the files.
        names: Names and addresses for the certificate.
        now: Current time, with a time zone.

    Returns:
        The files, and one sentence for each thing that changed.

    Raises:
        TlsError: A file cannot be read or written.
    """
    files = CertificateFiles(folder / "server.crt", folder / "server.key", folder / "ca.crt")
    try:
        make_private_folder(folder.parent)  # by default, the history is there too
        make_private_folder(folder)
        notices = [tighten(folder)]
        with _locked(folder / "lock"):
            notices += [tighten(path) for path in sorted(folder.iterdir())]
            notices += _ensure(folder, names, now)
    except OSError as error:
        raise TlsError(cannot("use", f"the certificates in {folder}", error)) from error
    except ValueError as error:
        raise TlsError(
            f"a certificate or key in {folder} is damaged ({error}); delete the folder to create new ones"
        ) from error
    return files, [notice for notice in notices if notice]


def _ensure(folder: Path, names: MachineNames, now: datetime.datetime) -> list[str]:
    notices = []
    ca = _Pair.load(folder / "ca.crt", folder / "ca.key")
    lifetime = datetime.timedelta(days=SERVER_DAYS)
    if ca is None or not ca.lasts(now + lifetime) or not _permits(ca.certificate, names):
        new = _new_ca(names, now)
        new.save(folder / "ca.crt", folder / "ca.key")
        if ca is None:
            notices.append(f"created a certificate authority in {folder}")
        else:
            notices.append(
                "created a new certificate authority, because the old one expires or this machine "
                "has a new name: install it on devices that trust the old one"
            )
        ca = new
    server = _Pair.load(folder / "server.crt", folder / "server.key")
    reason = _renewal_reason(server, ca, names, now)
    if reason:
        key = None if server is None else server.key
        _issue(ca, names, now, key).save(folder / "server.crt", folder / "server.key", ca)
        if server is not None:
            notices.append(f"renewed the certificate: {reason}")
    return notices


def _renewal_reason(
    server: _Pair | None, ca: _Pair, names: MachineNames, now: datetime.datetime
) -> str:
    """Return why a new certificate is needed, or an empty string."""
    if server is None:
        return "it is missing"
    if not server.lasts(now + datetime.timedelta(days=RENEW_DAYS)):
        return "it expires soon"
    if now < server.certificate.not_valid_before_utc:
        return "the clock has been set back"
    if server.certificate.issuer != ca.certificate.subject or not _is_issued_by(server, ca):
        return "the certificate authority is new"
    if not _covers(server.certificate, names):
        return "this machine has a new name or address"
    return ""


def _is_issued_by(server: _Pair, ca: _Pair) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        server.certificate.verify_directly_issued_by(ca.certificate)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Pair:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def load(cls, certificate: Path, key: Path) -> _Pair | None:
        """Load a pair; return None if a file is missing.

        Raises:
            ValueError: A file is damaged, or the key belongs to another certificate.
        """
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            text, secret = certificate.read_bytes(), key.read_bytes()
        except FileNotFoundError:
            return None
        try:
            private = load_pem_private_key(secret, None)
        except TypeError as error:
            raise ValueError(f"{key.name} is encrypted") from error
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{key.name} is not an elliptic curve key")
        pair = cls(x509.load_pem_x509_certificates(text)[0], private)
        if pair.certificate.public_key() != private.public_key():
            raise ValueError(f"{key.name} is not the key of {certificate.name}")
        return pair

    def lasts(self, until: datetime.datetime) -> bool:
        """Return whether the certificate is valid until a time."""
        return self.certificate.not_valid_after_utc >= until

    def save(self, certificate: Path, key: Path, issuer: _Pair | None = None) -> None:
        """Write the files atomically, readable by their owner only."""
        from cryptography.hazmat.primitives import serialization as s

        _write(key, self.key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))
        chain = [self, *([issuer] if issuer else [])]
        _write(certificate, b"".join(one.certificate.public_bytes(s.Encoding.PEM) for one in chain))


def _write(path: Path, content: bytes) -> None:
    new = path.with_name(f"{path.name}.new")
    with contextlib.suppress(FileNotFoundError):  # left by a crash, perhaps with another mode
        new.unlink()
    with open(new, "wb", opener=open_private) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(path.parent)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time create certificates, on systems that have `flock`."""
    with open(path, "ab", opener=open_private) as file:
        with contextlib.suppress(ImportError):
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _permits(ca: x509.Certificate, names: MachineNames) -> bool:
    """Return whether a CA may issue certificates for all names."""
    from cryptography import x509

    try:
        constraints = ca.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return True
    permitted = [
        n.value for n in constraints.permitted_subtrees or () if isinstance(n, x509.DNSName)
    ]
    return all(
        any(name == one or name.endswith(f".{one}") for one in permitted) for name in names.names
    )


def _covers(certificate: x509.Certificate, names: MachineNames) -> bool:
    """Return whether a certificate has all names and addresses."""
    from cryptography import x509

    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = {str(address) for address in found.get_values_for_type(x509.IPAddress)}
    return set(found.get_values_for_type(x509.DNSName)) >= names.names and (
        addresses >= names.addresses
    )


def _new_ca(names: MachineNames, now: datetime.datetime) -> _Pair:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    # A random part: a device that trusts an older CA of the same name must not confuse them.
    label = f"netchat on {names.host[:40]} ({os.urandom(3).hex()})"
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, label)])
    # A subtree includes all names below it.
    subtrees = sorted({"localhost", "local", *names.names})
    public = key.public_key()
    certificate = (
        _builder(name, name, public, now, CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(is_ca=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.NameConstraints([x509.DNSName(one) for one in subtrees], None), critical=True
        )
        .sign(key, hashes.SHA256())
    )
    return _Pair(certificate, key)


def _issue(
    ca: _Pair,
    names: MachineNames,
    now: datetime.datetime,
    key: ec.EllipticCurvePrivateKey | None,
) -> _Pair:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = key or ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names.host[:64])])
    alternatives: list[x509.GeneralName] = [x509.DNSName(one) for one in sorted(names.names)]
    alternatives += [x509.IPAddress(ipaddress.ip_address(one)) for one in sorted(names.addresses)]
    ca_id = ca.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        _builder(name, ca.certificate.subject, public, now, SERVER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(is_ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca_id), critical=False
        )
        .sign(ca.key, hashes.SHA256())
    )
    return _Pair(certificate, key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime.datetime,
    days: int,
) -> x509.CertificateBuilder:
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _usage(*, is_ca: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not is_ca,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


# -- fingerprints -------------------------------------------------------------------------------


def key_fingerprint(certificate: bytes) -> str:
    """Return the SHA-256 of a certificate's public key in hexadecimal.

    The key (SubjectPublicKeyInfo, RFC 7469) stays when a certificate is renewed. Browsers show the same
    value as the public key's fingerprint.

    Args:
        certificate: Certificate in DER.

    Raises:
        TlsError: The certificate is damaged.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization as s

    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
    except Exception as error:
        raise TlsError(f"the certificate is damaged: {error}") from error
    info = key.public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(info).hexdigest()


def fingerprints(certificate: bytes) -> tuple[str, str]:
    """Return the SHA-256 of a certificate's public key, and that of the certificate itself."""
    return key_fingerprint(certificate), hashlib.sha256(certificate).hexdigest()


def expiry(chain: Path) -> datetime.datetime:
    """Return the time at which a certificate expires.

    Args:
        chain: Certificates in PEM, the server's first.

    Raises:
        TlsError: The file cannot be read.
    """
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(chain.read_bytes())[0].not_valid_after_utc
    except (OSError, ValueError) as error:
        raise TlsError(cannot("read", f"the certificate {chain}", error)) from error
