"""Edits, deletions and reactions of a room's messages, in whatever order its events are loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from netchat.chat.names import fold
from netchat.wire import Event, EventKind
from netchat.wire.annotations import Annotation, parse_annotation

__all__ = ["AnnotationLog", "MessageView"]

#: Messages of a room whose annotations are kept, and annotations of one message.
MAX_TARGETS, MAX_PER_TARGET = 20_000, 1000


@dataclass(slots=True)
class MessageView:
    """The present state of a message.

    Attributes:
        text: Its text, without the reference of a reply; empty if it was deleted.
        answers: Sequence number of the message that a reply answers, or 0.
        is_edited: Whether its text has changed.
        is_deleted: Whether it was deleted.
        deleted_by: Name of the user who deleted it, as far as that event is known.
        reactions: Names of the users who reacted, by reaction.
    """

    text: str
    answers: int = 0
    is_edited: bool = False
    is_deleted: bool = False
    deleted_by: str = ""
    reactions: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Entry:
    found: Annotation
    sender: str
    is_sealed: bool


class AnnotationLog:
    """The annotations of one room's messages.

    The server has checked who may edit and delete what, except in sealed messages: there, only a message
    of the same sender counts.
    """

    def __init__(self) -> None:
        self._by_target: dict[int, dict[int, _Entry]] = {}

    def add(
        self, event: Event, *, is_sealed: bool = False, problems: Sequence[str] = ()
    ) -> Annotation | None:
        """Record an event.

        Args:
            event: Any event of the room. Repeating one changes nothing.
            is_sealed: Whether it was sealed.
            problems: What is wrong with it, if it was sealed or should have been. Such an event proves
                nothing, and changes nothing.

        Returns:
            How it changes an earlier message, or None.
        """
        found = parse_annotation(event.kind, event.text) if not problems else None
        if found is None or found.kind is EventKind.REPLY or found.target >= event.seq:
            return None
        entries = self._by_target.get(found.target)
        if entries is None:
            entries = self._by_target[found.target] = {}
            if len(self._by_target) > MAX_TARGETS:
                del self._by_target[next(iter(self._by_target))]
        if len(entries) < MAX_PER_TARGET:
            entries[event.seq] = _Entry(found, event.sender, is_sealed)
        return found

    def view(self, event: Event) -> MessageView:
        """Return the present state of a message."""
        reply = parse_annotation(event.kind, event.text) if event.kind == EventKind.REPLY else None
        view = MessageView(event.text) if reply is None else MessageView(reply.text, reply.target)
        view.is_deleted = event.kind == EventKind.ERASED
        own = fold(event.sender)
        for _, entry in sorted(self._by_target.get(event.seq, {}).items()):
            found = entry.found
            if found.kind is EventKind.REACTION:
                _react(view.reactions, entry)
            elif entry.is_sealed and fold(entry.sender) != own:
                continue
            elif found.kind is EventKind.DELETE:
                view.is_deleted, view.deleted_by = True, entry.sender
            elif event.kind in (EventKind.CHAT, EventKind.REPLY):
                view.is_edited, view.text = True, found.text
        if view.is_deleted:
            return MessageView("", view.answers, is_deleted=True, deleted_by=view.deleted_by)
        return view

    def clear_before(self, seq: int) -> None:
        """Forget the annotations of the messages before a sequence number."""
        for target in [target for target in self._by_target if target < seq]:
            del self._by_target[target]


def _react(reactions: dict[str, list[str]], entry: _Entry) -> None:
    names = reactions.setdefault(entry.found.text, [])
    names[:] = [name for name in names if fold(name) != fold(entry.sender)]
    if not entry.found.is_removal:
        names.append(entry.sender)
    if not names:
        del reactions[entry.found.text]
