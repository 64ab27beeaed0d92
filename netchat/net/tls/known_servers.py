"""Keys of the servers that this user has connected to, for trust on first use.

One line per server: `HOST:PORT FINGERPRINT DATE`, as in SSH's `known_hosts`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from netchat.errors import TlsError
from netchat.files import make_private_folder, open_private, replacement, tighten
from netchat.wording import cannot

__all__ = ["KnownServer", "KnownServers"]

_HEADER = "# Keys of netchat servers: HOST:PORT SHA-256 DATE. Delete a line to forget a server.\n"


class KnownServer(NamedTuple):
    """Key of a server.

    Attributes:
        fingerprint: SHA-256 of its public key, in hexadecimal.
        since: Date on which it was stored, such as 2026-11-30.
    """

    fingerprint: str
    since: str


class KnownServers:
    """File of known servers, which several processes may use.

    Args:
        path: The file; None is `known_servers` in the user's data directory.
    """

    def __init__(self, path: Path | None = None) -> None:
        if path is None:
            import platformdirs

            path = platformdirs.user_data_path("netchat") / "known_servers"
        self.path = path

    def find(self, address: str) -> KnownServer | None:
        """Return the stored key of a server, or None.

        Args:
            address: Host and port, as `netchat.net.address.show_address` writes them.

        Raises:
            TlsError: The file cannot be read.
        """
        for line in self._lines():
            name, *rest = line.split()
            if name == address.casefold() and rest:
                return KnownServer(rest[0], rest[1] if len(rest) > 1 else "an unknown date")
        return None

    def store(self, address: str, fingerprint: str, date: str) -> None:
        """Store the key of a server, and replace an older one.

        Raises:
            TlsError: The file cannot be written.
        """
        name = address.casefold()
        try:
            make_private_folder(self.path.parent)
            with self._locked():
                kept = [line for line in self._lines() if line.split()[0] != name]
                kept.append(f"{name} {fingerprint} {date}")
                with open(self.path, "ab", opener=open_private):
                    pass  # `replacement` keeps the mode of an existing file
                tighten(self.path)
                with (
                    replacement(self.path) as file,
                    open(file, "w", encoding="utf-8", closefd=False) as out,
                ):
                    out.write(_HEADER + "".join(f"{line}\n" for line in kept))
        except OSError as error:
            raise TlsError(cannot("write", self.path, error)) from error

    def _lines(self) -> list[str]:
        try:
            text = self.path.read_text("utf-8", errors="replace")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise TlsError(cannot("read", self.path, error)) from error
        lines = (line.strip() for line in text.splitlines())
        return [line for line in lines if line and not line.startswith("#")]

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process at a time change the file, on systems that have `flock`."""
        with open(self.path.with_name(f"{self.path.name}.lock"), "ab", opener=open_private) as file:
            with contextlib.suppress(ImportError):
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX)
            yield
