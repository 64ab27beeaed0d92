"""The chat as its users read it, rebuilt from the events that the server sent."""

from __future__ import annotations

from netchat.packets.items import Damage, DecodedMessage, Gap, Item, TlsRecord
from netchat.packets.views.sealed import Opener
from netchat.wire import Event, EventKind, RoomKind, SealedEvent, SealedText
from netchat.wire.annotations import ANNOTATIONS, describe_annotation
from netchat.wire.file_offers import describe_offer
from netchat.wire.moderation_text import KINDS, describe, parse_notice
from netchat.wire.safe_text import show_line
from netchat.wording import many

__all__ = ["ChatTranscript"]

#: Kinds of sealed messages that are shown as what they are once they are opened.
_SEALED_KINDS = ANNOTATIONS | {EventKind.FILE}

#: Maximum number of events remembered, so that an event sent to several members is shown once.
_REMEMBERED = 100_000


class ChatTranscript:
    """Transcript that shows each event once, however many users received it.

    Args:
        opener: Opens sealed messages; None shows their sizes.
    """

    def __init__(self, opener: Opener | None = None) -> None:
        self._opener = opener
        self._seen: dict[tuple[object, str, int], None] = {}
        self._unread: dict[tuple[object, str], None] = {}

    def line(self, item: Item) -> str | None:
        """Return the line that an item adds, or None."""
        if isinstance(item, TlsRecord):
            return self._encrypted(item)
        if isinstance(item, (Gap, Damage)):
            layered = item.conversation.link is not None or item.conversation.tls is not None
            if layered and not item.inside:
                return None  # what the link or TLS could not deliver is reported as well
            who = show_line(item.conversation.user) or str(item.conversation)
            way = "from" if item.to_server else "to"
            verb = "is" if item.size == 1 else "are"
            return f"[{many(item.size, 'byte')} {way} {who} {verb} {_state(item)}]"
        if not isinstance(item, DecodedMessage) or not isinstance(
            item.message, Event | SealedEvent
        ):
            return None
        event = item.message
        key = item.conversation.server, event.room, event.seq
        if key in self._seen:
            return None
        self._seen[key] = None
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return self._text(item, self._plain(item, event))

    def _plain(self, item: DecodedMessage, event: Event | SealedEvent) -> Event:
        """Return a sealed message as the EVENT that it would be in an ordinary room."""
        if isinstance(event, Event):
            return event
        stated = event.sealed[0].kind if event.sealed else 0
        found = self._opener(item) if self._opener is not None else ""
        if isinstance(found, SealedText):
            name, text = found.name, found.text
        else:
            size = sum(len(sealed.ciphertext) for sealed in event.sealed)
            why = found or f"sealed, {many(size, 'byte')}"
            name, text = event.sender, f"({why})"
        is_known = stated in _SEALED_KINDS and isinstance(found, SealedText)
        kind = EventKind(stated) if is_known or stated == EventKind.REKEY else EventKind.CHAT
        return Event(
            event.seq, event.time, event.device, event.counter, kind, event.room, name, text
        )

    def _encrypted(self, item: TlsRecord) -> str | None:
        """Return a line for the first record of a conversation that cannot be read."""
        key = item.conversation, item.reason
        if not item.reason or key in self._unread:
            return None
        self._unread[key] = None
        if len(self._unread) > _REMEMBERED:
            del self._unread[next(iter(self._unread))]
        who = show_line(item.conversation.user) or str(item.conversation)
        return f"[TLS of {who} cannot be read: {item.reason}]"

    def _text(self, item: DecodedMessage, event: Event) -> str:
        membership = item.conversation.rooms.get(event.room)
        room, sender = show_line(event.room), show_line(event.sender)
        if membership is not None and membership.kind == RoomKind.PRIVATE:
            ends = sorted({show_line(item.conversation.user), show_line(membership.peer)})
            room = " + ".join(ends)
        if event.kind in KINDS:
            return f"[{room}] {show_line(describe(parse_notice(event)))}"
        shown = event.text
        if event.kind in ANNOTATIONS or event.kind == EventKind.ERASED:
            shown = describe_annotation(event.kind, event.text)
        # Further lines are indented, so that a text cannot imitate another user's message.
        text = "\n    ".join(show_line(line) for line in shown.split("\n"))
        match event.kind:
            case (
                EventKind.CHAT
                | EventKind.EDIT
                | EventKind.DELETE
                | EventKind.REPLY
                | EventKind.REACTION
                | EventKind.ERASED
            ):
                return f"[{room}] {sender}: {text}"
            case EventKind.JOIN:
                return f"[{room}] {sender} joined"
            case EventKind.LEAVE:
                return f"[{room}] {sender} left{f': {text}' if text else ''}"
            case EventKind.RENAME:
                return f"[{room}] {sender} is now {text}"
            case EventKind.FILE:
                return f"[{room}] {sender} offers {show_line(describe_offer(event.text))}"
            case EventKind.REKEY:
                return f"[{room}] {sender} changed the room's secret{f': {text}' if text else ''}"
        return f"[{room}] {sender}: event {event.kind} {text}"


def _state(item: Gap | Damage) -> str:
    return "missing" if isinstance(item, Gap) else "not a message"
