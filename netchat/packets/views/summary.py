"""Short summaries of messages, and names of the sides of a conversation."""

from __future__ import annotations

from netchat.packets.decode.conversation import Conversation, show_endpoint
from netchat.wire import (
    Annotate,
    Error,
    Event,
    EventKind,
    Field,
    Hello,
    Joined,
    Message,
    Sealed,
    SealedEvent,
    SealedSend,
    Send,
    Welcome,
    fields_of,
)
from netchat.wire.annotations import ANNOTATIONS, describe_annotation
from netchat.wire.file_offers import describe_offer
from netchat.wire.moderation_text import KINDS, describe, parse_notice
from netchat.wire.safe_text import INVISIBLE, show_line
from netchat.wording import many

__all__ = ["details", "quote", "side_name", "summary", "value_name"]


def quote(text: str, longest: int = 200) -> str:
    """Quote a text on one line, shortened to `longest` characters."""
    cut = text[:longest]
    more = f"… ({many(len(text), 'character')})" if len(text) > longest else ""
    return f'"{show_line(cut)}{more}"'


def side_name(conversation: Conversation, *, server: bool) -> str:
    """Return the name of one side of a conversation, such as `Nova:50000`."""
    if server:
        return f"server:{conversation.server[1]}"
    if conversation.user:
        return f"{show_line(conversation.user)}:{conversation.client[1]}"
    return show_endpoint(conversation.client)


def summary(message: Message) -> str:
    """Summarise a message in a few words, without its type."""
    match message:
        case Send():
            return f"{_word(message.room)} #{message.counter} {quote(message.text)}"
        case Annotate():
            kind = value_name(fields_of(Annotate)[1], message.kind)
            head = f"{_word(message.room)} #{message.counter} {kind} of {message.target}"
            return f"{head} {quote(message.text)}" if message.text else head
        case Event():
            return _event(message)
        case SealedSend(sealed=(sealed, *_)):
            return f"{_word(message.room)} #{message.counter} {_sealed(sealed)}"
        case SealedEvent(sealed=(sealed, *_)):
            head = f"{_word(message.room)} {message.seq}"
            return f"{head} {_sealed(sealed)} {_word(message.sender)}"
        case Hello():
            again = ", resumes" if message.token else ""
            return f"{quote(message.name)} with {quote(message.software)}{again}"
        case Welcome():
            again = ", resumed" if message.resumed else ""
            rooms = "".join(f", {_word(r.room)} {r.last}/{r.head}" for r in message.rooms[:5])
            return f"{quote(message.name)} session {message.session}{again}{rooms}"
        case Joined(membership=(room, *_)):
            peer = f" with {quote(room.peer)}" if room.peer else ""
            return f"{_word(room.room)}{peer}, {many(message.members, 'member')}, last event {room.last}"
        case Error():
            advice = f" try {quote(message.suggestion)}" if message.suggestion else ""
            code = value_name(fields_of(Error)[0], message.code)
            return f"{code} {quote(message.text)}{advice}"
    return details(message)


def _sealed(sealed: Sealed) -> str:
    kind = value_name(fields_of(Sealed)[0], sealed.kind)
    wraps = f", for {many(len(sealed.wraps), 'device')}" if sealed.wraps else ""
    return f"{kind} epoch {sealed.epoch}, {many(len(sealed.ciphertext), 'byte')}{wraps}"


def _event(event: Event) -> str:
    kind = value_name(fields_of(Event)[4], event.kind)
    head = f"{_word(event.room)} {event.seq} {kind} {_word(event.sender)}"
    if event.kind == EventKind.CHAT:
        return f"{head}: {quote(event.text)}"
    if event.kind in KINDS:
        return f"{head}: {quote(describe(parse_notice(event)))}"
    if event.kind in ANNOTATIONS:
        return f"{head}: {quote(describe_annotation(event.kind, event.text))}"
    if event.kind == EventKind.FILE:
        return f"{head}: {quote(describe_offer(event.text))}"
    return f"{head} {quote(event.text)}" if event.text else head


def details(message: Message) -> str:
    """List the fields of a message that are not empty or zero, with their names."""
    parts = []
    for field in fields_of(type(message)):
        value = getattr(message, field.name)
        if isinstance(value, str):
            shown = _word(value) if value else ""
        elif isinstance(value, bytes):
            shown = f"({many(len(value), 'byte')})" if value else ""
        elif isinstance(value, tuple):
            names = [_word(item.name) for item in value[:8] if hasattr(item, "name")]
            more = ", …" if len(value) > len(names) else ""
            shown = f"{len(value)} ({', '.join(names)}{more})" if names else str(len(value))
        else:
            shown = value_name(field, value)
        if shown not in ("", "0"):
            parts.append(f"{field.name}={shown}")
    return " ".join(parts)


def value_name(field: Field, value: int) -> str:
    """Return the name of a field's value, or the number if it has no name."""
    if field.enum is None:
        return str(value)
    try:
        return field.enum(value).name
    except ValueError:
        return str(value)


def _word(text: str) -> str:
    """Return a name or code, quoted unless it is one plain word."""
    plain = text.isalnum() and not INVISIBLE.search(text)
    return text if plain and len(text) <= 64 else quote(text)
