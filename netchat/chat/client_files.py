"""Transfers of files of a client, without I/O.

The driver reads and writes the files. For an upload, it asks `take_reads` what to read, and passes the bytes
to `provide`. For a download, it takes the bytes from `take_data`, writes them, and reports that with
`written`, which requests more. All offsets are those of the bytes that the server stores: in a sealed room,
of the sealed form.
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

from netchat.chat.client_events import FileEnded, FileProgress
from netchat.chat.outbox import OutgoingFile
from netchat.chat.transfer_window import TransferWindow
from netchat.errors import Refused, Unexpected
from netchat.wire import (
    HEADER_SIZE,
    MAX_CHUNK,
    MAX_PIECE,
    CancelUpload,
    Chunk,
    Download,
    Error,
    ErrorCode,
    Feature,
    Upload,
    UploadState,
    encode,
)
from netchat.wire.file_offers import FileOffer, offer_text

__all__ = ["ClientFiles", "IncomingFile", "ReadRequest"]

#: Bytes to read from a file at a time.
READ_SIZE = 1024 * 1024

#: Bytes of a CHUNK frame besides the file's, and the fewest bytes of a file in one.
_OVERHEAD, _SMALLEST = HEADER_SIZE + 16, 4096

#: Parts into which a window is divided, so that the next range is requested before the last one is here.
_RANGES = 4

#: Seconds between two reports of a transfer's progress.
PROGRESS_EVERY = 0.1

_NO_FILES = "This server does not transfer files."


class ReadRequest(NamedTuple):
    """Bytes of an upload that the driver must read."""

    transfer: int
    offset: int
    length: int


class _Sending:
    """The state of an upload on this connection.

    Attributes:
        file: The file.
        request: Number of the UPLOAD, or 0 before it.
        sent: Offset of the next byte to send.
        stored: Bytes that the server has stored.
        limit: Offset up to which the client may send.
        is_ready: Whether the server has answered UPLOAD on this connection.
        is_reading: Whether the driver reads.
        resumed_at: What the server had at the first answer.
        is_repeated: Whether the upload was started over, because what the server had was wrong.
        reported: Time of the last report.
    """

    __slots__ = (
        "file", "is_paused", "is_reading", "is_ready", "is_repeated", "limit", "reported", "request",
        "resumed_at", "sent", "stored",
    )  # fmt: skip

    def __init__(self, file: OutgoingFile) -> None:
        self.file = file
        self.request = self.sent = self.stored = self.limit = self.resumed_at = 0
        self.is_ready = self.is_reading = self.is_paused = self.is_repeated = False
        self.reported = float("-inf")


class IncomingFile:
    """A download.

    Attributes:
        transfer: Number of the transfer.
        room: Code of the room.
        name: Name of the file.
        sha256: SHA-256 of the bytes that the server stores.
        size: Number of these bytes.
        received: Offset of the next byte from the server.
        written: Bytes that the application has written.
        requested: Offset of the next byte to request.
        ranges: End of each requested range by request number, in order.
        window: Bytes that may be requested and not yet written.
        is_paused: Whether nothing more is requested.
        reported: Time of the last report.
    """

    __slots__ = (
        "is_paused", "name", "ranges", "received", "reported", "requested", "room", "sha256", "size",
        "transfer", "window", "written",
    )  # fmt: skip

    def __init__(
        self,
        transfer: int,
        room: str,
        name: str,
        sha256: bytes,
        size: int,
        offset: int,
        now: float,
    ) -> None:
        self.transfer, self.room, self.name = transfer, room, name
        self.sha256, self.size = sha256, size
        self.received = self.written = self.requested = offset
        self.ranges: dict[int, int] = {}
        self.window = TransferWindow(now)
        self.is_paused = False
        self.reported = float("-inf")


class ClientFiles:
    """The transfers of one client.

    Args:
        client: The client.

    Attributes:
        now: Current time in seconds; the driver sets it before it calls the client.
        is_supported: Whether the server of this connection transfers files.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self.now = 0.0
        self.is_supported = False
        self._sending: dict[int, _Sending] = {}
        self._incoming: dict[int, IncomingFile] = {}
        self._uploads: dict[int, _Sending] = {}  # by request
        self._downloads: dict[int, IncomingFile] = {}  # by request
        self._data: deque[tuple[int, int, bytes]] = deque()
        self._next = max(client.memory.uploads, default=0) + 1
        for file in client.memory.uploads.values():
            self._sending[file.transfer] = _Sending(file)

    @property
    def is_busy(self) -> bool:
        """Whether a transfer is in progress."""
        return bool(self._sending or self._incoming)

    # -- the connection -------------------------------------------------------------------------

    def online(self, features: int) -> None:
        """Continue all transfers after WELCOME; they fail if the server has no files."""
        self.is_supported = bool(features & Feature.FILES)
        for sending in list(self._sending.values()):
            if not self.is_supported:
                self._end_upload(sending, _NO_FILES, ErrorCode.NO_FILES)
            elif sending.file.room not in self._client.memory.rooms:
                self._end_upload(sending, "you left the room", ErrorCode.NOT_A_MEMBER)
            else:
                self._ask_upload(sending)
        for incoming in list(self._incoming.values()):
            if self.is_supported:
                self._request(incoming)
            else:
                self._end_download(incoming, _NO_FILES, ErrorCode.NO_FILES)

    def lost(self) -> None:
        """Handle the loss of the connection."""
        requests = self._client.requests
        for number in [*self._uploads, *self._downloads]:
            requests.pop(number, None)
        self._uploads.clear()
        self._downloads.clear()
        for sending in self._sending.values():
            sending.request, sending.is_ready = 0, False
        for incoming in self._incoming.values():
            incoming.ranges.clear()
            incoming.requested = incoming.received

    # -- uploads --------------------------------------------------------------------------------

    def upload(self, room: str, offer: FileOffer, size: int, source: str = "") -> int:
        """Upload a file to a room, then offer it there. `FileEnded` follows.

        Args:
            room: Code of the room.
            offer: The offer; in a sealed room, with the file's key.
            size: Number of bytes to upload.
            source: What the driver needs to continue after a restart, such as a path; empty if it cannot.

        Returns:
            Number of the transfer.

        Raises:
            KeyError: The user is not a member of the room.
            Refused: The server does not transfer files.
        """
        client = self._client
        if client.online and not self.is_supported:
            raise Refused(ErrorCode.NO_FILES, _NO_FILES)
        client.memory.rooms[room]
        file = OutgoingFile(self._take_number(), room, offer, size, source)
        client.memory.uploads[file.transfer] = file
        sending = self._sending[file.transfer] = _Sending(file)
        if client.online:
            self._ask_upload(sending)
        return file.transfer

    def _ask_upload(self, sending: _Sending) -> None:
        """Request an upload, unless the same bytes are being uploaded: then after that."""
        file = sending.file
        sha256 = file.offer.sha256
        if any(other.file.offer.sha256 == sha256 for other in self._uploads.values()):
            return
        sending.request = self._client.ask(lambda n: Upload(n, file.size, sha256, file.room))
        self._uploads[sending.request] = sending

    def state(self, message: UploadState) -> None:
        """Handle UPLOAD_STATE."""
        sending = self._uploads.get(message.request)
        if sending is None:
            return
        if not sending.is_ready:
            sending.is_ready = True
            sending.sent = sending.resumed_at = message.stored
        if message.stored > sending.sent and not message.is_complete:
            raise Unexpected("UPLOAD_STATE acknowledges bytes that were not sent")
        sending.stored, sending.limit = message.stored, min(message.limit, sending.file.size)
        if message.is_complete:
            self._offer(sending)
        else:
            self._report_upload(sending)

    def _offer(self, sending: _Sending) -> None:
        """Offer a file that is complete on the server."""
        client, file = self._client, sending.file
        if file.room not in client.memory.rooms:
            self._end_upload(sending, "you left the room", ErrorCode.NOT_A_MEMBER)
            return
        sending.stored = file.size
        self._report_upload(sending, at_once=True)
        counter = client.offer(file.room, offer_text(file.offer))
        self._end_upload(sending, counter=counter)

    def take_reads(self) -> list[ReadRequest]:
        """Return what the driver must read now, and pass to `provide`."""
        reads = []
        for transfer, sending in self._sending.items():
            length = min(READ_SIZE, sending.limit - sending.sent)
            if sending.is_ready and not (sending.is_paused or sending.is_reading) and length > 0:
                sending.is_reading = True
                reads.append(ReadRequest(transfer, sending.sent, length))
        return reads

    def provide(self, transfer: int, offset: int, data: bytes) -> None:
        """Send bytes that the driver has read; they are dropped if the upload continues elsewhere."""
        sending = self._sending.get(transfer)
        if sending is None:
            return
        sending.is_reading = False
        if not sending.is_ready or offset != sending.sent or offset + len(data) > sending.limit:
            return
        client = self._client
        most = min(MAX_CHUNK, client.max_frame - _OVERHEAD)
        # Another message on this connection waits for one chunk at least.
        size = max(_SMALLEST, min(most, (sending.limit - sending.stored) // _RANGES))
        for at in range(0, len(data), min(size, most)):
            part = data[at : at + min(size, most)]
            client.out.append(encode(Chunk(sending.request, offset + at, part)))
        sending.sent = offset + len(data)

    def fail(self, transfer: int, why: str) -> None:
        """End a transfer, because the driver cannot read or write the file."""
        self._cancel(transfer, why, 0)

    # -- downloads ------------------------------------------------------------------------------

    def download(self, room: str, name: str, sha256: bytes, size: int, offset: int = 0) -> int:
        """Download a file of a room. `FileEnded` follows once all is written.

        Args:
            room: Code of the room.
            name: Name of the file.
            sha256: SHA-256 of the bytes that the server stores.
            size: Number of these bytes.
            offset: Number of bytes that the driver has from before.

        Returns:
            Number of the transfer.

        Raises:
            Refused: The server does not transfer files.
        """
        if self._client.online and not self.is_supported:
            raise Refused(ErrorCode.NO_FILES, _NO_FILES)
        transfer = self._take_number()
        incoming = IncomingFile(transfer, room, name, sha256, size, offset, self.now)
        self._incoming[transfer] = incoming
        if self._client.online:
            self._request(incoming)
        return transfer

    def _request(self, incoming: IncomingFile) -> None:
        """Request ranges, as many as fit into the window."""
        client, window = self._client, incoming.window.size
        length = max(1, min(MAX_PIECE, window // _RANGES))
        if incoming.is_paused or not client.online:
            return
        while incoming.requested < incoming.size and (
            incoming.requested - incoming.written < window
        ):
            begin = incoming.requested
            end = min(incoming.size, begin + length)
            number = client.ask(
                lambda n, begin=begin, end=end: Download(
                    n, begin, end - begin, incoming.sha256, incoming.room
                )
            )
            incoming.ranges[number] = incoming.requested = end
            self._downloads[number] = incoming

    def chunk(self, message: Chunk) -> None:
        """Handle CHUNK.

        Raises:
            Unexpected: It does not continue what was received.
        """
        incoming = self._downloads.get(message.request)
        if incoming is None:
            return  # of a transfer that was cancelled
        end = message.offset + len(message.data)
        is_next = message.request == next(iter(incoming.ranges))
        last = incoming.ranges[message.request]
        if not is_next or message.offset != incoming.received or not message.offset < end <= last:
            raise Unexpected(
                f"CHUNK must continue at offset {incoming.received} of the download, got "
                f"{len(message.data)} bytes at {message.offset}"
            )
        incoming.received = end
        self._data.append((incoming.transfer, message.offset, message.data))
        if end == last:
            self._forget_range(incoming, message.request)

    def _forget_range(self, incoming: IncomingFile, number: int) -> None:
        incoming.ranges.pop(number, None)
        self._downloads.pop(number, None)
        self._client.requests.pop(number, None)

    def take_data(self) -> list[tuple[int, int, bytes]]:
        """Return the received bytes that the driver must write: transfer, offset and bytes."""
        data = list(self._data)
        self._data.clear()
        return data

    def written(self, transfer: int, offset: int) -> None:
        """Note that the driver has written a download up to an offset, and request more.

        After the last byte, the driver checks the SHA-256 and calls `finish` or `fail`.
        """
        incoming = self._incoming.get(transfer)
        if incoming is None:
            return
        incoming.window.arrived(offset - incoming.written, self.now)
        incoming.written = offset
        self._report_download(incoming)
        self._request(incoming)

    def finish(self, transfer: int, path: str = "") -> None:
        """End a download whose bytes are complete and right.

        Args:
            transfer: Number of the transfer.
            path: Where the driver has stored the file.
        """
        incoming = self._incoming.get(transfer)
        if incoming is not None:
            self._report_download(incoming, at_once=True)
            self._end_download(incoming, path=path)

    # -- both -----------------------------------------------------------------------------------

    def pause(self, transfer: int) -> None:
        """Stop a transfer until `resume`."""
        found = self._sending.get(transfer) or self._incoming.get(transfer)
        if found is not None:
            found.is_paused = True
            self._report(found)

    def resume(self, transfer: int) -> None:
        """Continue a paused transfer."""
        found = self._sending.get(transfer) or self._incoming.get(transfer)
        if found is not None:
            found.is_paused = False
            self._report(found)
            if isinstance(found, IncomingFile):
                found.window.start(self.now)
                self._request(found)

    def cancel(self, transfer: int) -> None:
        """Give up a transfer; the server deletes what it has of an upload."""
        self._cancel(transfer, "the transfer was cancelled", 0)

    def _cancel(self, transfer: int, why: str, code: int) -> None:
        if (sending := self._sending.get(transfer)) is not None:
            if sending.request and self._client.online:
                self._client.out.append(encode(CancelUpload(sending.request)))
            self._end_upload(sending, why, code)
        elif (incoming := self._incoming.get(transfer)) is not None:
            self._end_download(incoming, why, code)

    def left(self, room: str) -> None:
        """End the transfers of a room that the user is no longer in."""
        for sending in list(self._sending.values()):
            if sending.file.room == room:
                self._cancel(sending.file.transfer, "you left the room", ErrorCode.NOT_A_MEMBER)
        for incoming in list(self._incoming.values()):
            if incoming.room == room:
                self._end_download(incoming, "you left the room", ErrorCode.NOT_A_MEMBER)

    def refused(self, error: Error) -> None:
        """Handle an ERROR about UPLOAD, CHUNK or DOWNLOAD."""
        number = error.reference
        self._client.requests.pop(number, None)
        if error.about == Download.TYPE:
            incoming = self._downloads.get(number)
            if incoming is not None:
                self._end_download(incoming, error.text, error.code)
            return
        sending = self._uploads.pop(number, None)
        if sending is None:
            return
        # A crash may have damaged the part of an earlier attempt.
        if error.code == ErrorCode.WRONG_HASH and sending.resumed_at and not sending.is_repeated:
            sending.is_repeated, sending.is_ready = True, False
            sending.stored = sending.sent = sending.limit = 0
            self._ask_upload(sending)
            return
        self._end_upload(sending, error.text, error.code)

    def _end_upload(
        self, sending: _Sending, why: str = "", code: int = 0, *, counter: int = 0
    ) -> None:
        file, client = sending.file, self._client
        client.memory.uploads.pop(file.transfer, None)
        del self._sending[file.transfer]
        self._uploads.pop(sending.request, None)
        client.requests.pop(sending.request, None)
        client.events.append(
            FileEnded(file.transfer, file.room, file.offer.name, True, why, code, counter)
        )
        if client.online and self.is_supported:
            for other in self._sending.values():
                if not other.request:
                    self._ask_upload(other)

    def _end_download(
        self, incoming: IncomingFile, why: str = "", code: int = 0, *, path: str = ""
    ) -> None:
        del self._incoming[incoming.transfer]
        for number in list(incoming.ranges):
            self._forget_range(incoming, number)
        self._client.events.append(
            FileEnded(incoming.transfer, incoming.room, incoming.name, False, why, code, path=path)
        )

    def _report(self, found: _Sending | IncomingFile) -> None:
        if isinstance(found, IncomingFile):
            self._report_download(found, at_once=True)
        else:
            self._report_upload(found, at_once=True)

    def _report_upload(self, sending: _Sending, *, at_once: bool = False) -> None:
        if not at_once and self.now - sending.reported < PROGRESS_EVERY:
            return
        sending.reported, file = self.now, sending.file
        self._client.events.append(
            FileProgress(
                file.transfer,
                file.room,
                file.offer.name,
                True,
                sending.stored,
                file.size,
                sending.is_paused,
            )
        )

    def _report_download(self, incoming: IncomingFile, *, at_once: bool = False) -> None:
        if not at_once and self.now - incoming.reported < PROGRESS_EVERY:
            return
        incoming.reported = self.now
        self._client.events.append(
            FileProgress(
                incoming.transfer,
                incoming.room,
                incoming.name,
                False,
                incoming.written,
                incoming.size,
                incoming.is_paused,
            )
        )

    def _take_number(self) -> int:
        number, self._next = self._next, self._next + 1
        return number
