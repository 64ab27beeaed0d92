"""Lines about edits, deletions, replies and reactions.

[edit] Nova: Hello everyone (was “Hello everone”)
Sourav ↩ Nova “Hello everyone”: Hi!
[react] Maya 👍 Nova “Hello everyone” (👍 2)
[delete] Nova deleted a message
"""

from __future__ import annotations

from dataclasses import replace

from netchat.chat.annotation_log import MessageView
from netchat.chat.client_events import HistoryReceived, RoomEvent
from netchat.tui.file_lines import file_number
from netchat.tui.lines import Line, Part, past_line, shorten
from netchat.tui.room_messages import RoomMessages
from netchat.tui.session import ChatSession
from netchat.wire import Event, EventKind, ModeratorAction
from netchat.wire.annotations import Annotation, parse_annotation

__all__ = [
    "QUOTED",
    "annotation_parts",
    "entry_lines",
    "message_suffix",
    "past_lines",
    "quotation",
    "take_message",
]

#: Kinds of events that are not shown of the past: who came and went is no longer of interest.
_ARRIVALS = frozenset({EventKind.JOIN, EventKind.LEAVE, EventKind.RENAME})

#: Columns of a quotation.
QUOTED = 40


def quotation(messages: RoomMessages, seq: int) -> str:
    """Return how a line refers to a message: its sender and the beginning of its text."""
    sender, text = messages.text_of(seq)
    return f"{sender} “{shorten(text, QUOTED)}”" if sender else f"message {seq}"


def _counts(view: MessageView) -> str:
    """Return the reactions to a message with their numbers, or an empty string."""
    return "  ".join(f"{reaction} {len(names)}" for reaction, names in view.reactions.items())


def message_suffix(view: MessageView) -> str:
    """Return what follows the text of a message: whether it was edited, and the reactions."""
    counts = _counts(view)
    return " (edited)" * view.is_edited + f"  [{counts}]" * bool(counts)


def annotation_parts(
    messages: RoomMessages, event: Event, found: Annotation | None, before: str = ""
) -> tuple[Part, ...] | None:
    """Return the parts of the line about an event of these kinds; None for others.

    Args:
        messages: The room's messages, which have taken the event.
        event: The event.
        found: How it changes an earlier message, as `RoomMessages.take` has returned it.
        before: Text of that message before.
    """
    name: Part = ("name", event.sender)
    if event.kind == EventKind.REPLY:
        reply = parse_annotation(event.kind, event.text)
        if reply is None:
            return None
        about = quotation(messages, reply.target)
        return name, ("tag", f" ↩ {about}"), ("", ": "), ("said", messages.view(event).text)
    if event.kind == EventKind.ERASED:
        return name, ("tag", ": (deleted)")
    if found is None:
        return None
    target = messages.get(found.target)
    about = quotation(messages, found.target)
    if found.kind is EventKind.EDIT:
        was = f" (was “{shorten(before, QUOTED)}”)" if before else f" (message {found.target})"
        return ("tag", "[edit] "), name, ("", ": "), ("said", found.text), ("tag", was)
    if found.kind is EventKind.DELETE:
        of = f" of {target.sender}" if target is not None and target.sender != event.sender else ""
        return ("tag", "[delete] "), name, ("tag", f" deleted a message{of}")
    counts = _counts(messages.view(target)) if target is not None else ""
    does = "took back " if found.is_removal else ""
    end = f" {about}" + f" ({counts})" * bool(counts)
    return ("tag", "[react] "), name, ("", f" {does}{found.text}"), ("tag", end)


def take_message(session: ChatSession, room_event: RoomEvent) -> tuple[Part, ...] | None:
    """Record an event among the messages of its room; return the parts of its line, if it needs others."""
    event = room_event.event
    messages = session.messages_of(event.room)
    if event.kind == EventKind.ROOM_CHANGED and event.counter == ModeratorAction.CLEAR:
        messages.clear_before(event.seq)
        return None
    stated = parse_annotation(event.kind, event.text)
    _, before = messages.text_of(stated.target) if stated is not None else ("", "")
    found = messages.take(event, is_sealed=room_event.is_sealed, problems=room_event.problems)
    return annotation_parts(messages, event, found, before)


def past_lines(session: ChatSession, received: HistoryReceived) -> list[Line]:
    """Return the lines about events of the history, with their edits and reactions.

    An edit, a deletion or a reaction has a line of its own only if the message is not among them.
    """
    messages = session.messages_of(received.room)
    changes = {}
    for event in received.events:
        problems = received.sealed.get(event.seq, received.unsealed.get(event.seq, ()))
        is_sealed = event.seq in received.sealed
        changes[event.seq] = messages.take(event, is_sealed=is_sealed, problems=problems)
    lines = []
    for event in received.events:
        found = changes[event.seq]
        if found is not None and found.target in changes:
            continue
        lines.append(
            past_line(
                event,
                file=file_number(session, event),
                problems=received.sealed.get(event.seq),
                unsealed=received.unsealed.get(event.seq, ()),
                parts=_past_parts(messages, event, found),
            )
        )
    return lines


def entry_lines(session: ChatSession, received: HistoryReceived) -> list[Line]:
    """Return the last messages of a room that the user has entered, before those already shown."""
    room = session.entry_requests.pop(received.request)
    before = session.first_live.get(room, 2**63)
    events = tuple(e for e in received.events if e.seq < before and e.kind not in _ARRIVALS)
    lines = past_lines(session, replace(received, events=events))
    return [line.without_number() for line in lines[-session.past_count :]]


def _past_parts(
    messages: RoomMessages, event: Event, found: Annotation | None
) -> tuple[Part, ...] | None:
    view = messages.view(event)
    if view.is_deleted:
        return ("name", event.sender), ("tag", ": (deleted)")
    suffix: tuple[Part, ...] = (("tag", message_suffix(view)),)
    if event.kind == EventKind.CHAT:
        return ("name", event.sender), ("", ": "), ("said", view.text), *suffix
    parts = annotation_parts(messages, event, found)
    return (*parts, *suffix) if parts is not None else None
