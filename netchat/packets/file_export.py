"""Files that were transferred in a capture, written to a folder under safe names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from netchat.errors import CaptureError, SealingError
from netchat.files import create_new, make_private_folder
from netchat.packets.items import DecodedMessage, Item
from netchat.packets.views.sealed import Opener, is_sealed
from netchat.wire import (
    Chunk,
    Download,
    Event,
    EventKind,
    FileOffer,
    Offer,
    SealedText,
    Upload,
    parse_offer,
)
from netchat.wire.file_offers import HASH_SIZE, clean_name
from netchat.wording import cannot, show_size

__all__ = ["FileExport", "Unsealer"]

#: Decrypts a file of a sealed room: its offer, its sealed form, and the file to write. The packet tools do
#: not know the chat: their caller brings it.
Unsealer = Callable[[FileOffer, BinaryIO, BinaryIO], None]

#: Largest file that is exported, in bytes. A damaged capture could name any offset.
MAX_SIZE = 2**40

#: Transfers whose request is remembered.
MAX_REQUESTS = 100_000

#: Bytes to copy at a time.
_BLOCK = 1024 * 1024


class _Content:
    """Bytes of a file that were captured, in a file of their own.

    Attributes:
        path: The file.
        ranges: Captured ranges, as begin and end, in order and disjoint.
        offers: Offers of this content.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ranges: list[tuple[int, int]] = []
        self.offers: list[FileOffer] = []
        self._file: BinaryIO | None = None

    def add(self, offset: int, data: bytes) -> None:
        if self._file is None:
            self._file = create_new(self.path)
        self._file.seek(offset)
        self._file.write(data)
        begin, end = offset, offset + len(data)
        kept = []
        for first, last in self.ranges:
            if last < begin or end < first:
                kept.append((first, last))
            else:
                begin, end = min(begin, first), max(end, last)
        self.ranges = sorted([*kept, (begin, end)])

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def size(self) -> int:
        """Number of captured bytes."""
        return sum(last - first for first, last in self.ranges)

    def digest(self) -> bytes:
        """Return the SHA-256 of what was captured; empty bytes if there are gaps."""
        if len(self.ranges) > 1 or (self.ranges and self.ranges[0][0]):
            return b""
        found = hashlib.sha256()
        if self.ranges:
            with self.path.open("rb") as file:
                while block := file.read(_BLOCK):
                    found.update(block)
        return found.digest()


class FileExport:
    """Collector of the files in a capture.

    Each file is written under the name of its offer, made safe; files that are incomplete, or do not have
    their SHA-256, are named in the report and left out.

    Args:
        folder: Folder to write to; created if it does not exist.
        opener: Opens the offers of sealed rooms; None leaves their files sealed.
        unseal: Decrypts their files.

    Raises:
        CaptureError: The folder cannot be used.
    """

    def __init__(
        self, folder: Path, opener: Opener | None = None, unseal: Unsealer | None = None
    ) -> None:
        self._folder, self._opener, self._unseal = folder, opener, unseal
        self._contents: dict[bytes, _Content] = {}
        # SHA-256 by conversation, whether it is an upload, and request
        self._requests: dict[tuple[int, bool, int], bytes] = {}
        try:
            make_private_folder(folder)
        except OSError as error:
            raise CaptureError(cannot("create", folder, error)) from error

    def add(self, item: Item) -> None:
        """Take the next item of the capture.

        Raises:
            CaptureError: A file cannot be written.
        """
        if not isinstance(item, DecodedMessage):
            return
        match item.message:
            case Upload(request, size, sha256, _):
                if size <= MAX_SIZE:
                    self._begin(item, sha256, request, is_upload=True)
            case Download(request, _, _, sha256, _):
                self._begin(item, sha256, request, is_upload=False)
            case Chunk(request, offset, data):
                sha256 = self._requests.get(
                    (item.conversation.number, item.to_server, request), b""
                )
                if sha256 and data and offset + len(data) <= MAX_SIZE:
                    self._write(sha256, offset, data)
            case Offer():
                message = item.message
                self._offered(
                    FileOffer(
                        message.size, message.sha256, message.media_type, clean_name(message.file)
                    )
                )
            case Event(kind=EventKind.FILE, text=text):
                self._offered(parse_offer(text))
            case _ if is_sealed(item) and self._opener is not None:
                opened = self._opener(item)
                if isinstance(opened, SealedText):
                    self._offered(parse_offer(opened.text))

    def _begin(self, item: DecodedMessage, sha256: bytes, request: int, *, is_upload: bool) -> None:
        if len(sha256) != HASH_SIZE:
            return
        self._requests[item.conversation.number, is_upload, request] = sha256
        if len(self._requests) > MAX_REQUESTS:
            del self._requests[next(iter(self._requests))]

    def _content(self, sha256: bytes) -> _Content:
        content = self._contents.get(sha256)
        if content is None:
            path = self._folder / f".netchat-{sha256.hex()[:16]}.part"
            content = self._contents[sha256] = _Content(path)
        return content

    def _write(self, sha256: bytes, offset: int, data: bytes) -> None:
        content = self._content(sha256)
        try:
            content.add(offset, data)
        except OSError as error:
            raise CaptureError(cannot("write", content.path, error)) from error

    def _offered(self, offer: FileOffer | None) -> None:
        if offer is not None and len(offer.sha256) == HASH_SIZE:
            offers = self._content(offer.sha256).offers
            if offer not in offers:
                offers.append(offer)

    def finish(self) -> list[str]:
        """Write the complete files; return one sentence for each file.

        Raises:
            CaptureError: A file cannot be written.
        """
        report = []
        for sha256, content in self._contents.items():
            try:
                report += self._finish(sha256, content)
            except OSError as error:
                raise CaptureError(cannot("write", self._folder, error)) from error
            finally:
                content.close()
                content.path.unlink(missing_ok=True)
        return report

    def _finish(self, sha256: bytes, content: _Content) -> list[str]:
        content.close()
        name = content.offers[0].name if content.offers else f"{sha256.hex()[:16]}.bin"
        if content.digest() != sha256:
            of = f" of {show_size(content.offers[0].size)}" if content.offers else ""
            return [f"{name}: only {show_size(content.size)}{of} were captured; it was left out."]
        report = []
        offers: list[FileOffer | None] = [*content.offers] or [None]
        for offer in offers:
            target = self._free(offer.name if offer is not None else name)
            with create_new(target) as out:
                problem = self._copy(content, offer, out)
            if problem:
                target.unlink()
                report.append(f"{name}: {problem}; it was left out.")
            else:
                report.append(f"Wrote {target} ({show_size(target.stat().st_size)}).")
        return report

    def _copy(self, content: _Content, offer: FileOffer | None, out: BinaryIO) -> str:
        """Copy a file's bytes, decrypted if it is sealed; return the problem, or an empty string."""
        if not content.ranges and not (offer is not None and offer.key):
            return ""
        with content.path.open("rb") as source:
            if offer is None or not offer.key:
                while block := source.read(_BLOCK):
                    out.write(block)
            elif self._unseal is not None:
                try:
                    self._unseal(offer, source, out)
                except SealingError as error:
                    return str(error)
        return ""

    def _free(self, name: str) -> Path:
        """Return a path in the folder that does not exist."""
        path, number = self._folder / name, 1
        while path.is_symlink() or path.exists():
            number += 1
            path = self._folder / f"{Path(name).stem} ({number}){Path(name).suffix}"
        return path
