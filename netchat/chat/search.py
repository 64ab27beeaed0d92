"""Search of a room's history on the server, a part at a time.

A message matches if it contains all words, in any case. Of an edited message, the first text and those of
the edits are messages of their own.
"""

from __future__ import annotations

import unicodedata

from netchat.chat.connection import Connection, PartialSearch
from netchat.chat.model import Session
from netchat.chat.plain_events import KIND_AT
from netchat.chat.server_state import ServerState
from netchat.wire import (
    HEADER_SIZE,
    MAX_FOUND,
    ErrorCode,
    Event,
    EventKind,
    Found,
    FoundMessage,
    Frame,
    RoomKind,
    Search,
    decode,
)
from netchat.wire.annotations import parse_annotation
from netchat.wire.file_offers import parse_offer

__all__ = [
    "SEARCHED_BYTES",
    "continue_search",
    "excerpt",
    "match_words",
    "start_search",
    "words_of",
]

#: Bytes of events that one SEARCH examines.
SEARCHED_BYTES = 512 * 1024

#: Events that it examines at a time, and bytes that it reads at a time: a millisecond of work, or a few
#: if the texts are long.
SLICE_EVENTS, SLICE_BYTES = 32, 64 * 1024

#: Longest text of a SEARCH in characters, and maximum number of its words.
MAX_WORDS_LENGTH, MAX_WORDS = 200, 8

#: Characters of an excerpt, and those of them before the first word.
EXCERPT, BEFORE = 400, 80

_KINDS = frozenset({EventKind.CHAT, EventKind.EDIT, EventKind.REPLY, EventKind.FILE})


def words_of(text: str) -> list[str]:
    """Return the words of a text in the form in which they are compared, without repetitions."""
    return list(dict.fromkeys(unicodedata.normalize("NFC", text).casefold().split()))


def match_words(text: str, words: list[str]) -> bool:
    """Return whether a text contains all words."""
    folded = text.casefold()
    if not folded.isascii():
        folded = unicodedata.normalize("NFC", folded)
    return all(word in folded for word in words)


def excerpt(text: str, words: list[str]) -> str:
    """Return the part of a text around its first match."""
    if len(text) <= EXCERPT:
        return text
    # Folding can change lengths by a little, which an excerpt tolerates.
    folded = text.casefold()
    first = min((at for word in words if (at := folded.find(word)) >= 0), default=0)
    start = max(0, min(first - BEFORE, len(text) - EXCERPT + 2))
    end = start + EXCERPT - 2
    return "…" * bool(start) + text[start:end] + "…" * (end < len(text))


def start_search(
    state: ServerState, connection: Connection, session: Session, request: Search
) -> None:
    """Carry out the first slice of a SEARCH."""
    room = session.rooms.get(request.room)
    is_short = len(request.words) <= MAX_WORDS_LENGTH
    words = words_of(request.words) if is_short else []  # a long text takes long to normalise
    if room is None:
        text = f"You are not in the room {request.room[:40]}; join it first."
        code = ErrorCode.NOT_A_MEMBER
    elif room.kind is RoomKind.SEALED:
        text = "This room is sealed: the server cannot search its texts."
        code = ErrorCode.NOT_POSSIBLE
    elif not words or len(words) > MAX_WORDS:
        text = f"A search has 1 to {MAX_WORDS} words, with at most {MAX_WORDS_LENGTH} characters."
        code = ErrorCode.TEXT_NOT_ALLOWED
    else:
        feed = state.feeds[room.id]
        before = min(request.before or feed.delivered + 1, feed.delivered + 1)
        answer = PartialSearch(request, room.id, before, feed.oldest, 0, ())
        continue_search(state, connection, session, answer)
        return
    state.refuse(connection, code, text, Search, request.request)


def continue_search(
    state: ServerState, connection: Connection, session: Session, answer: PartialSearch
) -> None:
    """Carry out the next slice of a SEARCH, and queue the rest or send the answer."""
    request = answer.request
    room = session.rooms.get(request.room)
    if room is None or room.id != answer.room:
        text = f"You are no longer in the room {request.room[:40]}."
        state.refuse(connection, ErrorCode.NOT_A_MEMBER, text, Search, request.request)
        return
    words, found, read = words_of(request.words), list(answer.found), answer.read
    first = at = max(answer.before - SLICE_EVENTS, answer.oldest)
    matches: list[FoundMessage] = []
    while at < answer.before:
        frames, begin = state.read_events(room, at, answer.before - 1, SLICE_BYTES)
        if not frames:  # the rest was purged or is damaged
            break
        read += sum(map(len, frames))
        matches += filter(None, (_match(frame, words) for frame in frames))
        at = begin + len(frames)
    found += reversed(matches)
    before = first
    if len(found) > MAX_FOUND:
        found = found[:MAX_FOUND]
        before = found[-1].seq
    if len(found) < MAX_FOUND and before > answer.oldest and read < SEARCHED_BYTES:
        assert connection.pending_replies is not None
        following = answer._replace(before=before, read=read, found=tuple(found))
        connection.pending_replies.appendleft(following)
        return
    connection.allowance -= read >> 10
    searched = before if before > answer.oldest else 0
    state.send(connection, Found(request.request, searched, request.room, tuple(found)))


def _match(frame: bytes, words: list[str]) -> FoundMessage | None:
    """Return a message if it contains all words."""
    if frame[3] != Event.TYPE or frame[KIND_AT] not in _KINDS:
        return None
    tail = frame[KIND_AT:]
    # Most messages are ASCII and do not match: this takes a tenth of the time of decoding them.
    if tail.isascii() and not all(word.encode() in tail.lower() for word in words):
        return None
    event = decode(Frame(Event.TYPE, frame[HEADER_SIZE:]))
    assert isinstance(event, Event)
    text, target = event.text, 0
    if (reference := parse_annotation(event.kind, event.text)) is not None:
        text, target = reference.text, reference.target
    elif event.kind == EventKind.FILE:
        offer = parse_offer(event.text)
        text = offer.name if offer is not None else ""
    if not match_words(text, words):
        return None
    return FoundMessage(
        event.seq, event.time, event.kind, target, event.sender, excerpt(text, words)
    )
