"""TLS conversations for tests: a real client and a real server of OpenSSL, without sockets."""

from __future__ import annotations

import contextlib
import datetime
import functools
import ssl
import tempfile
from pathlib import Path

from tests.packets.segments import ACK, PSH, Talk

__all__ = ["TlsTalk", "certificate"]


@functools.cache
def certificate() -> Path:
    """Return a file with a self-signed certificate for `chat.lab` and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "chat.lab")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("chat.lab")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = Path(tempfile.mkdtemp(prefix="netchat-cert-")) / "cert.pem"
    path.write_bytes(made.public_bytes(pem) + private)
    return path


class TlsTalk:
    """TLS connection whose records become the segments of a `Talk`.

    Args:
        talk: The TCP conversation; new by default.
        version: TLS version.
        session: Session to resume.
        contexts: Contexts of an earlier conversation; needed to resume one of its sessions.
        chunk: Bytes per segment.

    Attributes:
        key_log: The client's key log, once the handshake is over.
    """

    def __init__(
        self,
        talk: Talk | None = None,
        *,
        version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
        session: ssl.SSLSession | None = None,
        contexts: tuple[ssl.SSLContext, ssl.SSLContext] | None = None,
        alpn: list[str] | None = None,
        chunk: int = 1448,
    ) -> None:
        self.talk = talk or Talk()
        if not self.talk.packets:
            self.talk.open()
        self.contexts = contexts or self._contexts(version, alpn)
        self._log = Path(self.contexts[0].keylog_filename)
        self._from = self._log.stat().st_size if self._log.exists() else 0
        self._chunk = chunk
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._out = to_server, to_client
        self._ends = (
            self.contexts[0].wrap_bio(
                to_client, to_server, server_hostname="chat.lab", session=session
            ),
            self.contexts[1].wrap_bio(to_server, to_client, server_side=True),
        )
        # Bytes go through these, so that they can be recorded.
        self._sides = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ends = (
            self.contexts[0].wrap_bio(
                self._sides[0], to_server, server_hostname="chat.lab", session=session
            ),
            self.contexts[1].wrap_bio(self._sides[1], to_client, server_side=True),
        )
        self._shake()

    @property
    def key_log(self) -> bytes:
        return self._log.read_bytes()[self._from :]

    @property
    def session(self) -> ssl.SSLSession | None:
        return self._ends[0].session

    @staticmethod
    def _contexts(
        version: ssl.TLSVersion, alpn: list[str] | None
    ) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        path = certificate()
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(path)
        client = ssl.create_default_context(cafile=str(path))
        for context in (client, server):
            context.minimum_version = context.maximum_version = version
            if alpn:
                context.set_alpn_protocols(alpn)
        client.keylog_filename = str(Path(tempfile.mkdtemp(prefix="netchat-keys-")) / "keys.log")
        return client, server

    def _shake(self) -> None:
        done = [False, False]
        for _ in range(10):
            for side in (0, 1):
                if not done[side]:
                    try:
                        self._ends[side].do_handshake()
                        done[side] = True
                    except ssl.SSLWantReadError:
                        pass
                self._flush(side)
            if all(done):
                break
        assert all(done)
        self._read(0)

    def _flush(self, side: int) -> None:
        """Send what one side has written."""
        raw = self._out[side].read()
        for at in range(0, len(raw), self._chunk):
            self.talk.add(side, ACK | PSH, raw[at : at + self._chunk])
        if raw:
            self._sides[1 - side].write(raw)

    def _read(self, side: int) -> bytes:
        got = b""
        try:
            while part := self._ends[side].read(65536):
                got += part
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass
        return got

    def say(self, side: int, data: bytes) -> None:
        """Send application data from the client (0) or the server (1)."""
        self._ends[side].write(data)
        self._flush(side)
        assert self._read(1 - side) == data

    def close(self) -> None:
        """Send close_notify in both directions, then FIN."""
        for side in (0, 1):
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLError):
                self._ends[side].unwrap()
            self._flush(side)
        self.talk.close()
