"""Messages of one room that a session has seen: what commands such as /edit and /reply refer to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netchat.chat.annotation_log import AnnotationLog, MessageView
from netchat.wire import Event, EventKind
from netchat.wire.annotations import MESSAGE_KINDS, Annotation
from netchat.wire.file_offers import describe_offer

__all__ = ["MAX_MESSAGES", "RoomMessages"]

#: Messages of a room that a session remembers.
MAX_MESSAGES = 5_000

#: Number of messages that are forgotten at once.
_CHUNK = 500

_KEPT_KINDS = MESSAGE_KINDS | {EventKind.ERASED}


class RoomMessages:
    """The messages of one room, with their edits, deletions and reactions."""

    def __init__(self) -> None:
        self._events: dict[int, Event] = {}
        self._log = AnnotationLog()

    def take(
        self, event: Event, *, is_sealed: bool = False, problems: Sequence[str] = ()
    ) -> Annotation | None:
        """Record an event; return how it changes an earlier message, or None.

        The arguments are those of `AnnotationLog.add`.
        """
        if event.kind in _KEPT_KINDS:
            self._events[event.seq] = event
            if len(self._events) > MAX_MESSAGES + _CHUNK:
                self._events = dict(sorted(self._events.items())[_CHUNK:])
        return self._log.add(event, is_sealed=is_sealed, problems=problems)

    def get(self, seq: int) -> Event | None:
        """Return a message, or None if it is not known."""
        return self._events.get(seq)

    def view(self, event: Event) -> MessageView:
        """Return the present state of a message."""
        return self._log.view(event)

    def all(self) -> list[Event]:
        """Return the messages that are not deleted, in order."""
        events = (event for _, event in sorted(self._events.items()))
        return [event for event in events if not self.view(event).is_deleted]

    def last(self, is_wanted: Callable[[Event], bool]) -> Event | None:
        """Return the last message with a property that is not deleted, or None."""
        for _, event in sorted(self._events.items(), reverse=True):
            if is_wanted(event) and not self.view(event).is_deleted:
                return event
        return None

    def text_of(self, seq: int) -> tuple[str, str]:
        """Return the sender and the present text of a message, for a quotation.

        Both are empty if it is not known.
        """
        event = self._events.get(seq)
        if event is None:
            return "", ""
        view = self.view(event)
        if view.is_deleted:
            return event.sender, "(deleted)"
        if event.kind == EventKind.FILE:
            return event.sender, describe_offer(event.text)
        return event.sender, view.text

    def clear_before(self, seq: int) -> None:
        """Forget the messages before a sequence number."""
        self._events = {n: event for n, event in self._events.items() if n >= seq}
        self._log.clear_before(seq)
