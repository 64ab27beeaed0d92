"""Server side of TLS: the certificate, and its renewal while the server runs."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable
from pathlib import Path

from netchat.errors import TlsError
from netchat.net.tls.certificates import (
    RENEW_DAYS,
    CertificateFiles,
    ensure_certificate,
    expiry,
    key_fingerprint,
)
from netchat.net.tls.context import keylog_file, load_certificate, server_context
from netchat.net.tls.handshake_queue import HandshakeQueue
from netchat.net.tls.machine_names import MachineNames, machine_names
from netchat.net.tls.transport import TlsTransport
from netchat.wording import cannot

__all__ = ["TlsServer", "default_folder"]

#: Seconds between checks whether the certificate expires or the machine has a new address.
CHECK_EVERY = 60.0


def default_folder() -> Path:
    """Return the folder of this user's certificates."""
    import platformdirs

    return platformdirs.user_data_path("netchat") / "tls"


def _utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class TlsServer:
    """A server's certificate, and the factory for its TLS connections.

    Args:
        own: Certificate and key to use; None creates them in `folder`.
        folder: Folder of the certificates that are created; by default that of this user.
        is_required: Whether plaintext connections are refused.
        keylog: File to append the keys of all connections to; by default that of `SSLKEYLOGFILE`.
        names: Returns the names and addresses of this machine.
        now: Returns the current time.

    Attributes:
        is_required: Whether plaintext connections are refused.
        fingerprint: SHA-256 of the server's public key.
        files: Files of the certificate.
        notices: One sentence for each thing that was created or renewed since `start`.
        keylog: File that the keys are appended to, or None.

    Raises:
        TlsError: The certificate cannot be used or created.
    """

    def __init__(
        self,
        own: tuple[Path, Path] | None = None,
        *,
        folder: Path | None = None,
        is_required: bool = False,
        keylog: Path | None = None,
        names: Callable[[], MachineNames] = machine_names,
        now: Callable[[], datetime.datetime] = _utc_now,
    ) -> None:
        self.is_required = is_required
        self.notices: list[str] = []
        self.keylog = keylog_file(keylog)
        self._folder = folder
        self._names = names
        self._now = now
        self._is_own = own is not None
        self._warned_of: datetime.datetime | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._queue: HandshakeQueue | None = None
        if own is not None:
            self.files = CertificateFiles(*own, ca=None)
        else:
            self._folder = folder or default_folder()
            self._known_names = names()
            self.files, self.notices = ensure_certificate(self._folder, self._known_names, now())
        self._version = self._file_version()
        self.context = server_context(self.files.chain, self.files.key, self.keylog)
        self.fingerprint = self._fingerprint()
        self._expiry = expiry(self.files.chain)

    def _fingerprint(self) -> str:
        import ssl

        text = self.files.chain.read_text("utf-8", errors="replace")
        end = "-----END CERTIFICATE-----"
        begin = text.index("-----BEGIN CERTIFICATE-----")
        first = text[begin : text.index(end) + len(end)]
        return key_fingerprint(ssl.PEM_cert_to_DER_cert(first))

    def start(self, log: Callable[[str], None]) -> None:
        """Check the certificate regularly on the running event loop.

        Args:
            log: Called with one sentence for each thing that was renewed.
        """
        if self._timer is None:
            self._queue = HandshakeQueue(asyncio.get_running_loop())
            self._check(log)

    def stop(self) -> None:
        """Stop checking."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self, log: Callable[[str], None]) -> None:
        # Schedule the next check first, so that an error in this one does not stop the timer.
        self._timer = asyncio.get_running_loop().call_later(CHECK_EVERY, self._check, log)
        try:
            for notice in self.refresh():
                log(notice)
        except TlsError as error:
            log(f"The certificate could not be renewed: {error}")

    def refresh(self) -> list[str]:
        """Renew the certificate if necessary; new connections use the new one.

        Returns:
            One sentence for each thing that changed, and for a certificate that is about to expire.

        Raises:
            TlsError: The certificate cannot be read or created.
        """
        notices: list[str] = []
        if self._folder is not None and not self._is_own:
            # An address that has vanished may come back, for example after the network was lost.
            names = self._names()
            known = self._known_names
            names = MachineNames(
                names.host, names.names | known.names, names.addresses | known.addresses
            )
            is_late = self._now() > self._expiry - datetime.timedelta(days=RENEW_DAYS)
            if is_late or not known.covers(names):
                _, notices = ensure_certificate(self._folder, names, self._now())
                self._known_names = names
        version = self._file_version()
        if version != self._version:
            load_certificate(self.context, self.files.chain, self.files.key)
            self._version = version
            self.fingerprint = self._fingerprint()
            self._expiry = expiry(self.files.chain)
            if self._is_own:
                notices.append(f"loaded the new certificate {self.files.chain}")
        if self._is_own:
            notices += self._warning()
        return notices

    def _warning(self) -> list[str]:
        end = self._expiry
        left = end - self._now()
        if left > datetime.timedelta(days=RENEW_DAYS // 2) or self._warned_of == end:
            return []
        self._warned_of = end
        verb = "expired" if left < datetime.timedelta() else "expires"
        return [f"the certificate {self.files.chain} {verb} on {end:%Y-%m-%d}; replace the file"]

    def _file_version(self) -> tuple[int, ...]:
        try:
            status = [path.stat() for path in (self.files.chain, self.files.key)]
        except OSError as error:
            raise TlsError(cannot("read", error.filename, error)) from error
        return tuple(number for one in status for number in (one.st_mtime_ns, one.st_ino))

    def transport(
        self,
        upper: asyncio.Protocol,
        share: str,
        *,
        timeout: float | None = None,
        failed: Callable[[str], None] | None = None,
    ) -> TlsTransport:
        """Return the transport of a new connection; see `TlsTransport` for the arguments."""
        return TlsTransport(
            upper,
            self.context,
            is_server=True,
            queue=self._queue,
            share=share,
            timeout=timeout,
            failed=failed,
        )
