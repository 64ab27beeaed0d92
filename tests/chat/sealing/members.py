"""Members of a sealed room, and the server between them, which a test can make dishonest."""

from __future__ import annotations

from netchat.chat.sealing.device_key import DeviceKey
from netchat.chat.sealing.pins import Pins
from netchat.chat.sealing.sealed_room import Opened, SealedRoom
from netchat.wire import DeviceKeys, Event, EventKind, Sealed, SealedEvent

__all__ = ["LOG", "SECRET", "Member", "Relay", "event"]

LOG, SECRET = 77, bytes(range(16))


def event(seq: int, kind: EventKind, sender: str, text: str = "") -> Event:
    return Event(seq, 1000 + seq, 0, 0, kind, "R", sender, text)


class Member:
    """A member with keys of its own.

    Attributes:
        room: The member's side of the room.
        opened: What it has opened so far.
        problems: What it has found wrong so far.
    """

    def __init__(
        self, name: str, *, secret: bytes = SECRET, seq: int = 0, is_private: bool = False
    ) -> None:
        self.name, self.device = name, DeviceKey()
        self.room = SealedRoom(self.device, Pins(), LOG, 1, seq, is_private=is_private)
        if not is_private:
            self.room.set_secret(secret, 1)
        self.counter = 0
        self.opened: list[Opened] = []
        self.problems: list[str] = []

    def get(self, received: Event | SealedEvent) -> None:
        """Handle an event from the server."""
        if isinstance(received, Event):
            self.problems += self.room.observe(received)
            return
        opened = self.room.open(received)
        self.opened.append(opened)
        self.problems += opened.problems

    def seal(self, text: str) -> tuple[int, Sealed]:
        """Return a message, with its counter."""
        self.counter += 1
        return self.counter, self.room.seal(self.counter, self.name, text)

    @property
    def entry(self) -> DeviceKeys:
        """The keys that it publishes as a member."""
        return DeviceKeys(self.name, self.room.epoch, self.device.bundle, self.room.proof())


class Relay:
    """A server. Honest unless a test changes what it sends.

    Attributes:
        members: The members that get its events.
        log: What it has sent so far.
    """

    def __init__(self, *members: Member) -> None:
        self.members = list(members)
        self.log: list[Event | SealedEvent] = []

    @property
    def next(self) -> int:
        """Sequence number of the next event."""
        return len(self.log) + 1

    def send(self, received: Event | SealedEvent, *only: Member) -> None:
        """Send an event to all members, or only to some."""
        if not only:
            self.log.append(received)
        for member in only or self.members:
            member.get(received)

    def notice(self, kind: EventKind, sender: str, text: str = "") -> None:
        self.send(event(self.next, kind, sender, text))

    def sealed(self, sender: Member, text: str, name: str = "") -> SealedEvent:
        """Return the event of a new message, without sending it."""
        counter, message = sender.seal(text)
        return SealedEvent(self.next, 0, 5, counter, "R", name or sender.name, (message,))

    def say(self, sender: Member, text: str) -> None:
        self.send(self.sealed(sender, text))

    def rekey(self, sender: Member, *others: Member) -> None:
        sender.counter += 1
        keys = [member.device.keys for member in others]
        sealed = sender.room.rekey(sender.counter, sender.name, keys, sender.room.rekey_reason)
        self.send(SealedEvent(self.next, 0, 5, sender.counter, "R", sender.name, (sealed,)))
