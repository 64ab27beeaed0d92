"""Files in the chat in memory: the part of the client's driver that reads and writes them."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from netchat.chat.client_events import FileEnded, FileProgress
from netchat.chat.outbox import ClientState
from netchat.chat.sealing.sealed_file import FileOpener, FileSealer, new_file_key, sealed_size
from netchat.net.files.file_store import FileStore
from netchat.wire import Event, EventKind
from netchat.wire.file_offers import FileOffer, parse_offer
from tests.chat.world import History, User, World


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


class FileUser(User):
    """A client with the files that it sends and saves.

    Attributes:
        sources: What it uploads, by transfer.
        saved: What it has downloaded, by transfer.
        wanted: The offers that it downloads, by transfer.
    """

    def __init__(self, name: str, memory: ClientState | None = None, **options: bool) -> None:
        super().__init__(name, memory, **options)
        self.sources: dict[int, bytes] = {}
        self.saved: dict[int, bytearray] = {}
        self.wanted: dict[int, tuple[FileOffer, FileOpener | None, int]] = {}

    def send_file(
        self, room: str, data: bytes, name: str = "a.bin", *, sealed: bool = False
    ) -> int:
        """Upload and offer a file."""
        key = new_file_key() if sealed else b""
        stored = FileSealer(key, len(data)).seal(data, 0, sealed_size(len(data))) if key else data
        offer = FileOffer(len(data), sha256(stored), "text/plain", name, key)
        transfer = self.core.files.upload(room, offer, len(stored), "source")
        self.sources[transfer] = stored
        return transfer

    def save_file(self, room: str, offer: FileOffer, have: bytes = b"") -> int:
        """Download a file, of which the user has the first bytes."""
        size = sealed_size(offer.size) if offer.key else offer.size
        opener = FileOpener(offer.key, offer.size) if offer.key else None
        transfer = self.core.files.download(room, offer.name, offer.sha256, size, len(have))
        self.saved[transfer] = bytearray(have)
        self.wanted[transfer] = offer, opener, size
        if len(have) == size:
            self.core.files.finish(transfer)
        return transfer

    def pump(self) -> None:
        """Read and write what the core wants."""
        files = self.core.files
        for transfer, offset, length in files.take_reads():
            files.provide(transfer, offset, self.sources[transfer][offset : offset + length])
        for transfer, offset, data in files.take_data():
            if transfer not in self.wanted:
                continue
            saved, (offer, _, size) = self.saved[transfer], self.wanted[transfer]
            assert offset == len(saved)
            saved += data
            files.written(transfer, len(saved))
            if len(saved) == size:
                if sha256(bytes(saved)) == offer.sha256:
                    files.finish(transfer)
                else:
                    files.fail(transfer, "wrong hash")
        self.happened += self.core.take_events()

    def ended(self, transfer: int) -> FileEnded | None:
        """Return the end of a transfer, or None."""
        found = [end for end in self.all(FileEnded) if end.transfer == transfer]
        assert len(found) <= 1
        return found[0] if found else None

    def progress(self, transfer: int) -> list[int]:
        """Return the reported numbers of bytes."""
        return [p.done for p in self.all(FileProgress) if p.transfer == transfer]

    def offers(self, room: str = "lobby") -> list[FileOffer]:
        """Return the offers in a room that the client has reported."""
        found = [parse_offer(e.text) for e in self.events(room) if e.kind == EventKind.FILE]
        assert None not in found
        return found  # type: ignore[return-value]


class FileWorld(World):
    """A chat whose server has files, in a temporary folder.

    Attributes:
        folder: The folder.
    """

    def __init__(
        self, history: History | None = None, *, folder: Path | None = None, **settings: float
    ) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="netchat-test-")
        self.folder = folder or Path(self._temporary.name) / "files"
        super().__init__(history, store=FileStore(self.folder, fsync=False), **settings)

    def file_user(self, name: str, *rooms: str, can_seal: bool = False) -> FileUser:
        """Connect a client and join rooms."""
        user = FileUser(name, can_seal=can_seal)
        self.users.append(user)
        self.connect(user)
        for room in rooms:
            user.core.join(room)
        self.settle()
        return user

    def exchange(self) -> bool:
        for user in self.users:
            if isinstance(user, FileUser):
                user.core.files.now = self.now
                user.pump()
        return super().exchange()

    def restart(self) -> None:
        """Stop the server, losing what was not committed, and start it again with its files."""
        self.jobs.clear()
        assert self.store is not None
        self.store.close()
        self.crash()
        self.store = FileStore(self.folder, fsync=False)
        self.hub.enable_files(self.store.files, self.store.partials)

    def close(self) -> None:
        """Delete the folder."""
        assert self.store is not None
        self.store.close()
        self._temporary.cleanup()


def file_event(world: World, user: User) -> Event:
    """Return the last event of kind FILE that a user has."""
    return [e for e in user.events() if e.kind == EventKind.FILE][-1]
