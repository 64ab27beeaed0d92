"""Handlers of the messages about files on the server: they check form and rights."""

from __future__ import annotations

from netchat.chat.commands import OfferFile
from netchat.chat.connection import Connection
from netchat.chat.file_service import FileService
from netchat.chat.large_replies import refuse_non_member
from netchat.chat.message_counters import find_last_counter, refuse_large_counter
from netchat.chat.model import Room, Session
from netchat.chat.moderation_handlers import post_refusal
from netchat.chat.moderation_rules import post_problem
from netchat.chat.ordering import answers, propose
from netchat.chat.outcomes import Outcome, Reason, Rejected
from netchat.chat.server_state import ServerState
from netchat.wire import (
    MAX_PIECE,
    CancelUpload,
    Chunk,
    Download,
    ErrorCode,
    Message,
    Offer,
    Upload,
)
from netchat.wire.file_offers import (
    HASH_SIZE,
    MAX_SIZE,
    FileOffer,
    clean_name,
    clean_type,
    offer_text,
)
from netchat.wording import show_size

__all__ = [
    "handle_cancel_upload",
    "handle_chunk",
    "handle_download",
    "handle_offer",
    "handle_upload",
]

#: Cost of an UPLOAD, in frames of the rate limit: a file is opened, and a part of it may be read.
UPLOAD_COST = 20

#: log2 of the bytes for which an unexpected CHUNK costs one frame more.
CHUNK_UNIT = 10


def _service(
    state: ServerState, connection: Connection, about: type[Message], reference: int
) -> FileService | None:
    """Return the server's files; if it has none, refuse the request and return None."""
    if state.files is None:
        text = (
            "A server of a cluster does not transfer files."
            if state.proposals is not None
            else "This server does not transfer files; it runs with --files 0."
        )
        state.refuse(connection, ErrorCode.NO_FILES, text, about, reference)
    files: FileService | None = state.files
    return files


def _hash_problem(sha256: bytes) -> str:
    return "" if len(sha256) == HASH_SIZE else f"A SHA-256 has 32 bytes, got {len(sha256)}."


def handle_upload(
    state: ServerState, connection: Connection, session: Session, message: Upload
) -> None:
    """Handle UPLOAD."""
    connection.allowance -= UPLOAD_COST
    files = _service(state, connection, Upload, message.request)
    if files is None:
        return
    room = session.rooms.get(message.room)
    if room is None:
        refuse_non_member(state, connection, message.room, Upload, message.request)
        return
    if problem := _hash_problem(message.sha256):
        state.refuse(connection, ErrorCode.BAD_FILE, problem, Upload, message.request)
        return
    most = state.settings.max_file
    if message.size > most:
        text = f"A file must be at most {show_size(most)}, this one is {show_size(message.size)}."
        state.refuse(connection, ErrorCode.FILE_TOO_LARGE, text, Upload, message.request)
    elif refusal := _writing_refusal(state, session, room):
        state.refuse(connection, *refusal, Upload, message.request)
    else:
        files.upload(connection, session, room, message)


def _writing_refusal(
    state: ServerState, session: Session, room: Room
) -> tuple[ErrorCode, str] | None:
    """Return the code and text of the ERROR for a member who must not write in a room, or None."""
    if room.rules is None:
        return None
    reason = post_problem(state.shared, session, room, room.rules, state.time)
    if reason is None:
        return None
    command = OfferFile(session.id, session.attachment, 0, 0, state.time, room.code, "")
    return post_refusal(state, command, reason)


def handle_chunk(
    state: ServerState,
    connection: Connection,
    session: Session,  # noqa: ARG001 - all handlers share one signature
    message: Chunk,
) -> None:
    """Handle CHUNK. Its flow is controlled by UPLOAD_STATE, so that it costs no frame."""
    if state.files is None or not state.files.chunk(connection, message):
        connection.allowance -= len(message.data) >> CHUNK_UNIT
    else:
        connection.allowance += 1


def handle_cancel_upload(
    state: ServerState,
    connection: Connection,
    session: Session,  # noqa: ARG001 - all handlers share one signature
    message: CancelUpload,
) -> None:
    """Handle CANCEL_UPLOAD."""
    if state.files is not None:
        state.files.cancel(connection, message.request)


def handle_download(
    state: ServerState, connection: Connection, session: Session, message: Download
) -> None:
    """Handle DOWNLOAD."""
    files = _service(state, connection, Download, message.request)
    if files is None:
        return
    room = session.rooms.get(message.room)
    if room is None:
        refuse_non_member(state, connection, message.room, Download, message.request)
        return
    problem = _hash_problem(message.sha256)
    if not 0 < message.count <= MAX_PIECE:
        problem = f"A DOWNLOAD requests 1 to {MAX_PIECE} bytes, got {message.count}."
    if problem:
        state.refuse(connection, ErrorCode.BAD_FILE, problem, Download, message.request)
    else:
        files.download(connection, room, message)


def handle_offer(
    state: ServerState, connection: Connection, session: Session, message: Offer
) -> None:
    """Handle OFFER."""
    counter, code = message.counter, message.room
    files = _service(state, connection, Offer, counter)
    if files is None:
        return
    room = session.rooms.get(code)
    if room is None:
        refuse_non_member(state, connection, code, Offer, counter)
        return
    known = find_last_counter(state, connection, session, room, Offer, counter)
    if known is None:
        return
    problem = _hash_problem(message.sha256)
    if problem or message.size >= MAX_SIZE:
        state.refuse(connection, ErrorCode.BAD_FILE, problem or "Too large.", Offer, counter)
        return
    file = files.catalog.find(room.log, message.sha256, message.size)
    if file is None:
        text = "The server does not have this file: upload it to the room first."
        state.refuse(connection, ErrorCode.NO_SUCH_FILE, text, Offer, counter)
        return
    if refuse_large_counter(state, connection, Offer, counter):
        return
    media_type, name = clean_type(message.media_type), clean_name(message.file)
    text = offer_text(FileOffer(message.size, message.sha256, media_type, name))
    command = OfferFile(session.id, session.attachment, counter, known, state.time, code, text)
    propose(state, command, connection, message)
    files.offered(file)


@answers(OfferFile)
def _offered(
    state: ServerState, connection: Connection, message: Offer, command: OfferFile, outcome: Outcome
) -> None:
    assert isinstance(outcome, Rejected), "the event is the answer"
    counter = message.counter
    if refusal := post_refusal(state, command, outcome.reason):
        state.refuse(connection, *refusal, Offer, counter)
    elif outcome.reason is Reason.NOT_SEALED:
        problem = "This room is sealed: the server accepts only sealed offers."
        state.refuse(connection, ErrorCode.NOT_SEALED, problem, Offer, counter)
    else:
        problem = "The other user has left; the file was not offered."
        state.refuse(connection, ErrorCode.NO_SUCH_USER, problem, Offer, counter)
