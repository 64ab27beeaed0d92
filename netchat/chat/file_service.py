"""Transfers of files between a server and its clients, without I/O.

The service decides which bytes may come and go. It emits jobs as effects (`RunFileJob`), and continues
with their results.

Uploads: a client may send up to `limit`, which grows as bytes reach the disk. Downloads: a client requests
ranges. The server reads a few chunks ahead, and sends them when the connection has nothing else to send.
Therefore no more than a few chunks of a connection are in memory, whatever the size of the file.
"""

from __future__ import annotations

from collections.abc import Iterable

from netchat.chat.connection import Connection
from netchat.chat.connection_transfers import ConnectionTransfers, FileRange, ServerUpload
from netchat.chat.effects import RunFileJob
from netchat.chat.file_catalog import FileCatalog
from netchat.chat.file_jobs import (
    ClosePartial,
    DropPartial,
    FileJob,
    FileJobResult,
    FinishPartial,
    OpenPartial,
    PartialKey,
    ReadStored,
    RemoveStored,
    StoredFile,
    WritePartial,
)
from netchat.chat.model import Room, Session
from netchat.chat.server_state import ServerState
from netchat.chat.transfer_window import MIN_WINDOW
from netchat.wire import MAX_CHUNK, Chunk, Download, ErrorCode, Upload, UploadState
from netchat.wording import cannot

__all__ = ["FileService", "owner_of"]

#: Uploads and DOWNLOADs of one connection at a time.
MAX_UPLOADS, MAX_DOWNLOADS = 4, 32

#: Uploads whose end a connection remembers, because CHUNKs of them may still arrive.
MAX_ENDED = 32

#: Bytes of all uploads that may be on their way or wait for the disk.
UPLOAD_BUDGET = 32 * 1024 * 1024

#: Bytes that one job reads, and those that may wait to be sent on a connection.
READ_SIZE, READ_AHEAD = 4 * MAX_CHUNK, 4 * MAX_CHUNK

#: log2 of the bytes for which resuming an upload costs one frame of the rate limit: they are hashed again.
HASHED_UNIT = 16

#: Jobs that read, at a time.
MAX_READS = 8

#: Seconds between deletions of expired files, and after which an incomplete upload is deleted.
SWEEP_EVERY, PARTIAL_SECONDS = 60.0, 86_400.0

_GONE = "The server does not have this file: it has expired or was deleted."


def owner_of(session: Session) -> str:
    """Return the user whose quota an upload counts against: an account, or a guest's device."""
    account = session.account
    return f"account:{account.id}" if account is not None else f"device:{session.device}"


class FileService:
    """Files of one server.

    Args:
        state: The server's state.
        files: The complete files.
        partials: The incomplete ones, each with the time of its last change, in microseconds since 1970.

    Attributes:
        catalog: What each room has, and how much space is left.
    """

    def __init__(
        self,
        state: ServerState,
        files: Iterable[StoredFile] = (),
        partials: Iterable[tuple[PartialKey, int]] = (),
    ) -> None:
        self._state = state
        self.catalog = FileCatalog(state.settings, files, partials)
        self._active: dict[PartialKey, ServerUpload] = {}
        self._waiting: dict[Connection, None] = {}  # connections whose next range is to be read
        self._reads = 0
        self._swept_at = float("-inf")

    # -- uploads --------------------------------------------------------------------------------

    def upload(self, connection: Connection, session: Session, room: Room, message: Upload) -> None:
        """Start or resume an upload, whose form and rights were checked."""
        state, transfers = self._state, self._transfers(connection)
        known = self.catalog.find(room.log, message.sha256, message.size)
        if known is not None:
            state.send(connection, UploadState(message.request, known.size, known.size, 1))
            return
        key = PartialKey(owner_of(session), message.sha256, message.size)
        before = self._active.get(key)
        text = ""
        if before is not None and before.connection is connection:
            text = "This file is being uploaded already; retry after that."
        elif transfers.active_uploads >= MAX_UPLOADS:
            text = f"{MAX_UPLOADS} uploads at a time are the limit; retry after one has ended."
        if text:
            state.refuse(connection, ErrorCode.TOO_MANY_TRANSFERS, text, Upload, message.request)
            return
        if problem := self.catalog.quota_problem(key):
            state.refuse(connection, ErrorCode.QUOTA_EXCEEDED, problem, Upload, message.request)
            return
        if before is not None:  # usually, the server does not know yet that its connection is lost
            text = "The upload continues on another connection."
            self._fail(before, ErrorCode.TOO_MANY_TRANSFERS, text)
        self.catalog.begin(key, state.time)
        upload = ServerUpload(connection, message.request, key, room.log, state.now)
        self._remember(transfers, upload)
        self._active[key] = upload
        self._run(OpenPartial(upload, key))

    def _remember(self, transfers: ConnectionTransfers, upload: ServerUpload) -> None:
        uploads = transfers.uploads
        if (replaced := uploads.pop(upload.request, None)) is not None:
            self._end(replaced)
        uploads[upload.request] = upload
        if len(uploads) > MAX_ENDED:
            oldest = next(number for number, one in uploads.items() if one.is_over)
            del uploads[oldest]

    def chunk(self, connection: Connection, message: Chunk) -> bool:
        """Take bytes of an upload; return whether the client was allowed to send them."""
        transfers = connection.transfers
        upload = transfers.uploads.get(message.request) if transfers is not None else None
        if upload is None:
            return False
        end = message.offset + len(message.data)
        if upload.is_over:
            # They were on their way when the upload ended; the limit bounds them.
            is_expected = end <= upload.limit and message.offset >= upload.received
            upload.received = max(upload.received, end)
            return is_expected
        if not upload.is_open or message.offset != upload.received or end > upload.limit:
            where = f"at offset {upload.received}" if upload.is_open else "after UPLOAD_STATE"
            text = f"A CHUNK must start {where}, and end at {upload.limit} or before."
            self._fail(upload, ErrorCode.BAD_FILE, text)
            return False
        upload.received = end
        self._run(WritePartial(upload, upload.key, message.data))
        return True

    def cancel(self, connection: Connection, request: int) -> None:
        """End an upload and delete what was stored of it."""
        transfers = connection.transfers
        upload = transfers.uploads.get(request) if transfers is not None else None
        if upload is not None and self._active.get(upload.key) is upload:
            self._end(upload)
            self._drop(upload.key)

    def _end(self, upload: ServerUpload) -> None:
        """End an upload; its incomplete file stays."""
        if not upload.is_over:
            upload.is_over = True
            del self._active[upload.key]
            self._run(ClosePartial(upload.key))

    def _drop(self, key: PartialKey) -> None:
        self.catalog.end(key)
        self._run(DropPartial(key))

    def _fail(self, upload: ServerUpload, code: ErrorCode, text: str) -> None:
        self._end(upload)
        self._state.refuse(upload.connection, code, text, Upload, upload.request)

    def _advance(self, upload: ServerUpload, stored: int) -> None:
        """Grant more bytes to an upload, or finish it."""
        state, key = self._state, upload.key
        upload.window.arrived(stored - upload.stored, state.now)
        upload.stored = stored
        if stored == key.size:
            file = StoredFile(upload.log, key.sha256, key.size, key.owner, state.time)
            upload.is_open = False
            self._run(FinishPartial(upload, key, file))
            return
        size = max(MIN_WINDOW, min(upload.window.size, UPLOAD_BUDGET // len(self._active)))
        limit = max(upload.limit, min(key.size, stored + size))
        if not upload.is_open or stored - upload.told >= size // 4 or stored >= upload.limit:
            upload.is_open, upload.limit, upload.told = True, limit, stored
            state.send(upload.connection, UploadState(upload.request, stored, limit, 0))

    # -- downloads ------------------------------------------------------------------------------

    def download(self, connection: Connection, room: Room, message: Download) -> None:
        """Queue a range of a file, whose form and rights were checked."""
        state, transfers = self._state, self._transfers(connection)
        file = self.catalog.get(room.log, message.sha256)
        if file is None:
            state.refuse(connection, ErrorCode.NO_SUCH_FILE, _GONE, Download, message.request)
            return
        if message.offset >= file.size:
            text = f"The offset must be below the size, {file.size}, got {message.offset}."
            state.refuse(connection, ErrorCode.BAD_FILE, text, Download, message.request)
            return
        if transfers.downloads >= MAX_DOWNLOADS:
            text = f"{MAX_DOWNLOADS} DOWNLOADs at a time are the limit; wait for their CHUNKs."
            state.refuse(connection, ErrorCode.TOO_MANY_TRANSFERS, text, Download, message.request)
            return
        end = min(file.size, message.offset + message.count)
        transfers.ranges.append(FileRange(message.request, message.sha256, message.offset, end))
        self._read(connection)

    def _read(self, connection: Connection) -> None:
        """Read what a connection needs next, now or when it is its turn."""
        transfers = connection.transfers
        if (
            transfers is None
            or transfers.is_reading
            or not transfers.ranges
            or transfers.ready_bytes >= READ_AHEAD
            or connection.stalled_since
            or connection.closing
        ):
            return
        if self._reads >= MAX_READS:
            self._waiting[connection] = None
            return
        first = transfers.ranges[0]
        length = min(READ_SIZE, first.end - first.offset)
        transfers.is_reading = True
        self._reads += 1
        self._run(ReadStored(connection, first.request, first.sha256, first.offset, length))

    def _have_read(self, job: ReadStored, result: FileJobResult) -> None:
        connection, state = job.connection, self._state
        transfers = connection.transfers
        self._reads -= 1
        assert transfers is not None
        transfers.is_reading = False
        if connection in state.connections and transfers.ranges:
            first = transfers.ranges[0]
            # Otherwise the connection has stalled meanwhile, and continues at an earlier offset.
            if (first.request, first.offset) == (job.request, job.offset):
                self._take_read(connection, transfers, job, result)
        while self._waiting and self._reads < MAX_READS:
            following = next(iter(self._waiting))
            del self._waiting[following]
            self._read(following)
        self._read(connection)

    def _take_read(
        self,
        connection: Connection,
        transfers: ConnectionTransfers,
        job: ReadStored,
        result: FileJobResult,
    ) -> None:
        state, first = self._state, transfers.ranges.popleft()
        if not isinstance(result, list):
            code, text = ErrorCode.NO_SUCH_FILE, _GONE
            if isinstance(result, OSError) and not isinstance(result, FileNotFoundError):
                code, text = ErrorCode.DISK_FULL, cannot("read", "the file", result)
            state.refuse(connection, code, text, Download, job.request)
            return
        end = job.offset + job.length
        if end < first.end:
            transfers.ranges.appendleft(first._replace(offset=end))
        if connection.stalled_since:
            transfers.ranges.appendleft(first._replace(end=end))
            return
        offset = job.offset
        for frame in result:
            size = min(MAX_CHUNK, end - offset)
            transfers.ready.append(
                (frame, FileRange(job.request, job.sha256, offset, offset + size))
            )
            transfers.ready_bytes += size
            offset += size
        state.catching_up[connection] = None

    def send_next(self, connection: Connection) -> bool:
        """Send the next chunk of a download; return whether another one is ready."""
        transfers = connection.transfers
        assert transfers is not None
        if not transfers.ready:
            return False
        frame, piece = transfers.ready.popleft()
        transfers.ready_bytes -= piece.end - piece.offset
        self._state.write(connection, frame)
        self._read(connection)
        return bool(transfers.ready)

    def stalled(self, connection: Connection) -> None:
        """Discard the chunks that wait for a connection whose send buffer is full."""
        transfers = connection.transfers
        if transfers is None:
            return
        self._waiting.pop(connection, None)
        while transfers.ready:
            transfers.ranges.appendleft(transfers.ready.pop()[1])
        transfers.ready_bytes = 0

    def drained(self, connection: Connection) -> None:
        """Continue the downloads of a connection that reads again."""
        self._read(connection)

    # -- both -----------------------------------------------------------------------------------

    def lost(self, connection: Connection) -> None:
        """End the transfers of a connection; what was uploaded stays for a day."""
        transfers = connection.transfers
        if transfers is None:
            return
        for upload in list(transfers.uploads.values()):
            self._end(upload)
        transfers.ranges.clear()
        transfers.ready.clear()
        self._waiting.pop(connection, None)

    def job_done(self, job: FileJob, result: FileJobResult) -> None:
        """Continue after a job."""
        match job:
            case ReadStored():
                self._have_read(job, result)
            case FinishPartial():
                self._finished(job, result)
            case OpenPartial(upload) | WritePartial(upload):
                if isinstance(result, OSError):
                    if not upload.is_over:
                        text = cannot("store", "the file", result)
                        self._fail(upload, ErrorCode.DISK_FULL, f"{text}. Nothing else is lost.")
                elif not upload.is_over:
                    assert isinstance(result, int)
                    if isinstance(job, OpenPartial):
                        self._opened(upload, result)
                    else:
                        self._advance(upload, result)
            case _:
                pass

    def _opened(self, upload: ServerUpload, stored: int) -> None:
        key, state = upload.key, self._state
        if self.catalog.find(upload.log, key.sha256, key.size) is not None:
            # It was being finished when the client returned.
            self._end(upload)
            self._drop(key)
            complete = UploadState(upload.request, key.size, key.size, 1)
            state.send(upload.connection, complete)
            return
        self.catalog.begin(key, state.time)
        upload.connection.allowance -= stored >> HASHED_UNIT
        upload.received = upload.stored = upload.told = stored
        upload.window.start(state.now)
        self._advance(upload, stored)

    def _finished(self, job: FinishPartial, result: FileJobResult) -> None:
        upload, file, state = job.upload, job.stored, self._state
        if not upload.is_over:
            del self._active[job.key]
        is_over, upload.is_over = upload.is_over, True
        if isinstance(result, OSError):
            if not is_over:
                text = cannot("store", "the file", result)
                state.refuse(upload.connection, ErrorCode.DISK_FULL, text, Upload, upload.request)
            return
        self.catalog.end(job.key)
        if result:
            self.catalog.add(file)
        if is_over:
            return  # a client that returns finds it complete
        if result:
            state.send(upload.connection, UploadState(upload.request, file.size, file.size, 1))
        else:
            text = (
                "The bytes do not have the SHA-256 of the UPLOAD: the file has changed meanwhile."
            )
            state.refuse(upload.connection, ErrorCode.WRONG_HASH, text, Upload, upload.request)

    def offered(self, file: StoredFile) -> None:
        """Keep a file that was offered for the full time from now on."""
        self.catalog.add(file._replace(time=self._state.time))

    # -- deletion -------------------------------------------------------------------------------

    def tick(self) -> None:
        """Delete what has expired, from time to time."""
        state = self._state
        if state.now - self._swept_at < SWEEP_EVERY:
            return
        self._swept_at = state.now
        before = state.time - int(state.settings.files * 1e6)
        logs = {room.log for room in state.shared.rooms.values()}
        self._remove(self.catalog.expired(before, logs))
        oldest = state.time - int(PARTIAL_SECONDS * 1e6)
        for key, time in list(self.catalog.partials.items()):
            if time < oldest and key not in self._active:
                self._drop(key)

    def clear_room(self, log: int) -> None:
        """Delete the files of a room."""
        self._remove(self.catalog.in_room(log))

    def erase(self, log: int, sha256: bytes) -> None:
        """Delete a file of a room, if it has it."""
        file = self.catalog.get(log, sha256)
        self._remove([file] if file is not None else [])

    def _remove(self, files: list[StoredFile]) -> None:
        if files:
            deleted = self.catalog.remove(files)
            self._run(RemoveStored(tuple(files), deleted))

    def _transfers(self, connection: Connection) -> ConnectionTransfers:
        if connection.transfers is None:
            connection.transfers = ConnectionTransfers()
        return connection.transfers

    def _run(self, job: FileJob) -> None:
        self._state.effects.append(RunFileJob(job))
