"""One member's side of a sealed room: its secrets, and what it checks in each message.

The events of the room must be passed to `observe` and `open` in the order of the log. This module does no
I/O, and the server does not use it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from netchat.chat.credentials import short_id
from netchat.chat.names import fold
from netchat.chat.sealing.device_key import DeviceKey, check_bundle, wrap
from netchat.chat.sealing.epoch_keys import EpochKeys, check_value
from netchat.chat.sealing.member_devices import MemberDevices
from netchat.chat.sealing.pins import Pins
from netchat.chat.sealing.room_secret import new_secret
from netchat.chat.sealing.sealed_message import (
    link_of,
    open_sealed,
    seal_text,
    signed_part,
    verify,
)
from netchat.chat.sealing.transcript import Transcript
from netchat.errors import SealingError
from netchat.wire import DeviceKeys, Event, EventKind, Sealed, SealedEvent, Wrap
from netchat.wire.annotations import ANNOTATIONS

__all__ = ["Opened", "SealedRoom", "changed_keys"]

#: Maximum number of senders whose last message is remembered. Beyond it, the least recent is forgotten.
MAX_SENDERS = 4096

_INFO = struct.Struct(">QI")

#: Kinds of events that a server adds to a sealed room. Any other EVENT imitates a sealed message.
_UNSEALED_KINDS = frozenset(
    {
        EventKind.JOIN,
        EventKind.LEAVE,
        EventKind.RENAME,
        EventKind.REMOVED,
        EventKind.MODERATED,
        EventKind.ROOM_CHANGED,
    }
)

#: Kinds of events that a private room has until its first secret.
_MESSAGE_KINDS = ANNOTATIONS | {EventKind.CHAT, EventKind.FILE, EventKind.ERASED}


def changed_keys(name: str) -> str:
    """Return the warning about a user whose keys have changed."""
    return (
        f"the keys of {name} have changed: another device, another person with this name, or a server "
        "that is reading along; compare the safety number"
    )


class Opened(NamedTuple):
    """An opened sealed message.

    Attributes:
        name: The sender's name as the sender's device states it, or as the server does if that is unknown.
        text: The text, or an empty string if the message cannot be opened.
        keys: Public keys of the sending device; empty if the signature is invalid.
        is_readable: Whether the text could be opened.
        problems: What is wrong, for the user; empty if nothing is.
    """

    name: str
    text: str
    keys: bytes
    is_readable: bool
    problems: tuple[str, ...]


class _Sender:
    """The last message of a device in this room."""

    __slots__ = ("counter", "has_rejoined", "link", "name")

    def __init__(self, name: str, counter: int, link: bytes) -> None:
        self.name, self.counter, self.link = name, counter, link
        self.has_rejoined = False  # if so, it may have forgotten its last message


class SealedRoom:
    """A member's state of a sealed room, or of a private room with sealed messages.

    Args:
        device: Keys of this device.
        pins: The device keys known by name.
        log: Identity of the room's log.
        run: Random number of this object, for its nonces.
        seq: Last event before the first that will be observed.
        is_private: Whether it is a private room, whose first secret comes in a REKEY.

    Attributes:
        log: Identity of the room's log.
        epoch: The room's epoch, as far as the events were observed.
        must_rekey: Whether a member has left since the last secret, so that the next message needs
            a new one.
        transcript: The hash of the room's events.
    """

    def __init__(
        self,
        device: DeviceKey,
        pins: Pins,
        log: int,
        run: int,
        seq: int = 0,
        *,
        is_private: bool = False,
    ) -> None:
        self.log = log
        self.epoch = 0
        self.must_rekey = False
        self.transcript = Transcript(log, seq)
        self.is_private = is_private
        self._device, self._pins, self._run = device, pins, run
        self._epochs: dict[int, EpochKeys] = {}
        self._senders: dict[bytes, _Sender] = {}
        self._left_at = 0
        self._gone: set[bytes] = set()
        self._member_devices = MemberDevices()
        self._renames: dict[str, tuple[str, int]] = {}  # old name -> new name, sequence number
        self._link = b""  # of this device's last message, in the log or not yet
        self._linked = 0  # counter of that message
        self._disagreeing: set[bytes] = set()

    # -- secrets --------------------------------------------------------------------------------

    @property
    def keys(self) -> EpochKeys | None:
        """The keys of the current epoch, or None if this device does not have them."""
        return self._epochs.get(self.epoch)

    @property
    def can_seal(self) -> bool:
        """Whether a message can be sealed now."""
        return self.keys is not None and not self.must_rekey

    def set_secret(self, secret: bytes, epoch: int) -> None:
        """Set the secret of an epoch, from the room's link or at its creation."""
        self._epochs[epoch] = EpochKeys(secret, self.log, epoch)
        self.epoch = max(self.epoch, epoch)

    def try_secret(self, secret: bytes, event: SealedEvent) -> bool:
        """Take over the secret of a link if it opens a message; return whether it does.

        The message may arrive before the answer that tells the room's epoch.
        """
        sealed = event.sealed[0]
        epoch = sealed.epoch - (sealed.kind == EventKind.REKEY)
        if epoch < 1:
            return False
        try:
            signed = signed_part(sealed, self.log, event.counter)
            open_sealed(sealed, signed, EpochKeys(secret, self.log, epoch), event.counter)
        except SealingError:
            return False
        self.set_secret(secret, epoch)
        return True

    @property
    def rekey_reason(self) -> str:
        """Why the room needs a new secret; empty if it needs none."""
        return "a member left the room" if self._left_at else ""

    def proof(self) -> bytes:
        """Return the proof that this device is a member in the current epoch."""
        assert self.keys is not None
        return self.keys.proof(self._device.keys)

    # -- sending --------------------------------------------------------------------------------

    def seal(self, counter: int, name: str, text: str, *, kind: int = EventKind.SEALED) -> Sealed:
        """Seal a message, or the offer of a file.

        Raises:
            SealingError: This device does not have the room's secret.
        """
        if self.keys is None:
            raise SealingError("this device does not have the room's secret; ask for its new link")
        return self._seal(counter, name, text, self.keys, kind=kind)

    def _seal(
        self, counter: int, name: str, text: str, keys: EpochKeys | None, **more: Any
    ) -> Sealed:
        transcript = self.transcript
        sealed, signed = seal_text(
            self._device,
            keys,
            self.log,
            counter,
            name,
            text,
            run=self._run,
            seen=transcript.seq,
            view=transcript.value,
            previous=self._link,
            **more,
        )
        self._link, self._linked = link_of(sealed, signed), counter
        return sealed

    def members(self, devices: Iterable[DeviceKeys]) -> dict[str, bytes]:
        """Return the public keys of those devices that have proved to be members, by name.

        In a private room, these are all devices whose keys are consistent: the user compares them.
        """
        found = {}
        for device in devices:
            try:
                keys = check_bundle(device.keys)
            except SealingError:
                continue
            current = self.keys
            if self.is_private or (
                current is not None
                and device.epoch == self.epoch
                and keys not in self._gone
                and current.is_member(keys, device.proof)
            ):
                found[device.name] = keys
        return found

    def rekey(self, counter: int, name: str, members: Iterable[bytes], reason: str) -> Sealed:
        """Make a REKEY: a new secret for the members, and for no one else.

        The new secret is used once the REKEY comes back as an event.

        Args:
            counter: Counter of the message.
            name: The user's name.
            members: Public keys of their devices; this one is added.
            reason: The reason, for the members.

        Raises:
            SealingError: This device does not have the current secret.
        """
        if self.keys is None and (self.epoch or not self.is_private):
            raise SealingError("this device does not have the room's secret; ask for its new link")
        epoch, secret = self.epoch + 1, new_secret()
        new = EpochKeys(secret, self.log, epoch)
        info = self._rekey_info(epoch, self._device.keys)
        wraps = []
        for keys in sorted({self._device.keys, *members}):
            enc, sealed = wrap(secret, keys, info)
            wraps.append(Wrap(short_id(keys), enc, sealed, new.proof(keys)))
        more = {"kind": EventKind.REKEY, "epoch": epoch, "check": new.check, "wraps": tuple(wraps)}
        return self._seal(counter, name, reason, self.keys, **more)

    def _rekey_info(self, epoch: int, keys: bytes) -> bytes:
        return b"netchat rekey 1\0" + _INFO.pack(self.log, epoch) + keys

    def forget_unsent(self) -> None:
        """Continue after this device's last message in the log: later ones were refused."""
        own = self._senders.get(self._device.keys)
        self._link, self._linked = (own.link, own.counter) if own is not None else (b"", 0)

    # -- the list of members --------------------------------------------------------------------

    def review(self, members: dict[str, bytes]) -> list[str]:
        """Return warnings about listed devices that may be a former member's, each once.

        Args:
            members: Valid public keys of the other members by name, as `members` returns them.
        """
        return [
            changed_keys(name)
            if is_other
            else f"the device of {name} is new here since a member left, and has proved only a secret that "
            f"the former member knows too; compare the safety number: /safety {name}"
            for name, is_other in self._member_devices.review(members)
        ]

    def has_strangers(self, event: SealedEvent) -> bool:
        """Return whether a REKEY gives the secret to devices that were not listed here yet."""
        known = {
            short_id(keys) for keys in (*self._member_devices.listed.values(), self._device.keys)
        }
        return any(wrapped.device not in known for wrapped in event.sealed[0].wraps)

    # -- receiving ------------------------------------------------------------------------------

    def observe(self, event: Event) -> tuple[str, ...]:
        """Handle an event that is not sealed; return what is wrong with it."""
        self.transcript.add(event.seq, event.encode())
        match event.kind:
            case EventKind.JOIN:
                self._member_devices.joined(event.sender, event.seq)
                joined = self._pins.get(event.sender) or b""
                self._gone.discard(joined)
                if joined in self._senders:
                    self._senders[joined].has_rejoined = True
            case EventKind.LEAVE | EventKind.REMOVED:
                if keys := self._pins.get(event.sender):
                    self._gone.add(keys)
                self._member_devices.left(event.sender, event.seq)
                if not self.is_private:
                    self.must_rekey, self._left_at = True, event.seq
            case EventKind.RENAME:
                self._renames[fold(event.sender)] = (fold(event.text), event.seq)
                self._pins.rename(event.sender, event.text)
                self._member_devices.renamed(event.sender, event.text)
            case _:
                pass
        return self.unsealed_problems(event, follows_sealed=bool(self.epoch))

    def unsealed_problems(self, event: Event, *, follows_sealed: bool) -> tuple[str, ...]:
        """Return the problems of an event that is not sealed.

        Args:
            event: The event.
            follows_sealed: Whether there was a sealed message before it.
        """
        if event.kind in _UNSEALED_KINDS:
            return ()
        if not self.is_private:
            return ("this text is not sealed: the server has inserted it, or changed the room",)
        if follows_sealed or event.kind not in _MESSAGE_KINDS:
            return ("this text is not sealed, although earlier ones were",)
        return ()

    def open(self, event: SealedEvent) -> Opened:
        """Open the next sealed message of the log, and check all that can be checked."""
        sealed = event.sealed[0]
        try:
            signed = signed_part(sealed, self.log, event.counter)
            verify(sealed, signed)
        except SealingError as error:
            self.transcript.add(event.seq, event.encode())
            return Opened(event.sender, "", b"", is_readable=False, problems=(str(error),))
        problems = [*self._order_problems(event, sealed, link_of(sealed, signed))]
        self.transcript.add(event.seq, event.encode())
        if sealed.kind == EventKind.REKEY:
            return self._apply_rekey(event, sealed, signed, problems)
        keys = self._epochs.get(sealed.epoch)
        if sealed.epoch != self.epoch and not (keys is None and not self.epoch):
            problems.append("it is sealed with an old secret, which former members know")
        return self._opened(event, sealed, signed, keys, problems)

    def _opened(
        self,
        event: SealedEvent,
        sealed: Sealed,
        signed: bytes,
        keys: EpochKeys | None,
        problems: list[str],
    ) -> Opened:
        name = event.sender
        if keys is None:
            problems.append("this device does not have the secret it is sealed with")
            return Opened(name, "", sealed.key, is_readable=False, problems=tuple(problems))
        try:
            stated, text = open_sealed(sealed, signed, keys, event.counter)
        except SealingError as error:
            problems.append(str(error))
            return Opened(name, "", sealed.key, is_readable=False, problems=tuple(problems))
        problems += self._sender_problems(stated, event, sealed)
        if not self._is_renamed(stated, event, sealed):
            name = stated
        return Opened(name, text, sealed.key, is_readable=True, problems=tuple(problems))

    def _order_problems(self, event: SealedEvent, sealed: Sealed, link: bytes) -> Iterable[str]:
        """Yield the problems in the order of events that a message reveals, and record the message."""
        keys, counter = sealed.key, event.counter
        last = self._senders.pop(keys, None)
        if last is not None and counter <= last.counter:
            self._senders[keys] = last
            yield "it is repeated or out of order: the server sent a later one first"
        else:
            has_restarted = last is not None and last.has_rejoined and not sealed.previous
            if last is not None and sealed.previous != last.link and not has_restarted:
                yield "an earlier message from this sender is missing"
            self._senders[keys] = _Sender(event.sender, counter, link)
            if len(self._senders) > MAX_SENDERS:
                del self._senders[next(iter(self._senders))]
            if keys == self._device.keys and counter > self._linked:
                # Sealed before the state was loaded; the state had been stored even earlier.
                self._link, self._linked = link, counter
        if sealed.seen >= event.seq:
            yield "the sender has seen more events than this device"
        elif self.transcript.agrees(sealed.seen, sealed.view):
            if sealed.view:
                self._disagreeing.discard(keys)
        elif keys not in self._disagreeing:
            self._disagreeing.add(keys)
            yield (
                "the sender has seen different events: the server shows members different "
                "versions of this room"
            )
        if keys in self._gone:
            yield "its sender has left the room"

    def _sender_problems(self, stated: str, event: SealedEvent, sealed: Sealed) -> Iterable[str]:
        """Yield what is wrong with the sender's name and keys."""
        is_same = stated == event.sender or fold(stated) == fold(event.sender)
        if not is_same and not self._is_renamed(stated, event, sealed):
            yield f"the server says that {event.sender} sent it, but it is signed by {stated}"
        if not self._pins.check(stated, sealed.key):
            yield changed_keys(stated)

    def _is_renamed(self, stated: str, event: SealedEvent, sealed: Sealed) -> bool:
        """Return whether a sender was renamed, but had not seen that event yet."""
        if stated == event.sender or not self._renames:
            return False
        new, seq = self._renames.get(fold(stated), ("", 0))
        return new == fold(event.sender) and sealed.seen < seq

    def _apply_rekey(
        self, event: SealedEvent, sealed: Sealed, signed: bytes, problems: list[str]
    ) -> Opened:
        first = self.is_private and not self.epoch
        if first:  # there is no secret yet that could seal the reason
            problems += self._sender_problems(event.sender, event, sealed)
            opened = Opened(event.sender, "", sealed.key, is_readable=True, problems=())
        else:
            opened = self._opened(event, sealed, signed, self._epochs.get(sealed.epoch - 1), [])
        problems += opened.problems
        is_valid = opened.is_readable and sealed.key not in self._gone
        # Without the old secret, a device cannot tell a member's REKEY from one that the server
        # made. It follows the room's epoch, but takes no secret.
        if sealed.epoch != self.epoch + 1 or not (is_valid or self.keys is None):
            problems.append("the room's secret is not changed by this message")
            return opened._replace(problems=tuple(problems))
        self.epoch = sealed.epoch
        self._member_devices.rekeyed(event.seq)
        if self._left_at <= sealed.seen:
            self.must_rekey, self._left_at = False, 0
        if not is_valid:
            return opened._replace(problems=tuple(problems))
        try:
            secret = self._unwrap(sealed)
        except SealingError as error:
            problems.append(str(error))
        else:
            self._epochs[self.epoch] = EpochKeys(secret, self.log, self.epoch)
        return opened._replace(problems=tuple(problems))

    def _unwrap(self, sealed: Sealed) -> bytes:
        own, epoch = short_id(self._device.keys), sealed.epoch
        found = next((wrapped for wrapped in sealed.wraps if wrapped.device == own), None)
        if found is None:
            raise SealingError("this device was not given the new secret; ask for the new link")
        info = self._rekey_info(epoch, sealed.key)
        secret = self._device.unwrap(found.enc, found.secret, info)
        if len(secret) != 16 or check_value(secret, epoch) != sealed.check:
            raise SealingError("this device was given a different secret from the other members")
        return secret

    def open_past(self, events: Sequence[Event | SealedEvent]) -> list[Opened | None]:
        """Open consecutive events of the history, without changing the state.

        A signature also covers the sender's messages before it, to which it is linked. So only the
        last one of each sender is verified, and those whose link is broken.

        Returns:
            What `open` would return for each sealed event; None for the others.
        """
        signed: dict[int, bytes] = {}
        verified: dict[int, bool] = {}
        successors: dict[
            bytes, bytes
        ] = {}  # sender -> link that its later, verified message states
        for at in reversed(range(len(events))):
            event = events[at]
            if not isinstance(event, SealedEvent):
                continue
            sealed = event.sealed[0]
            try:
                signed[at] = signed_part(sealed, self.log, event.counter)
                if successors.get(sealed.key) != link_of(sealed, signed[at]):
                    verify(sealed, signed[at])
                verified[at] = True
                successors[sealed.key] = sealed.previous
            except SealingError:
                verified[at] = False
        return [
            self._open_past(event, signed.get(at, b""), is_verified=verified[at])
            if isinstance(event, SealedEvent)
            else None
            for at, event in enumerate(events)
        ]

    def _open_past(self, event: SealedEvent, signed: bytes, *, is_verified: bool) -> Opened:
        sealed, name = event.sealed[0], event.sender
        if not is_verified:
            why = "its signature is invalid"
            return Opened(name, "", b"", is_readable=False, problems=(why,))
        epoch = sealed.epoch - (sealed.kind == EventKind.REKEY)
        if not epoch:
            return Opened(name, "", sealed.key, is_readable=True, problems=())
        keys = self._epochs.get(epoch)
        if keys is None:
            problem = "this device does not have the secret it is sealed with"
            return Opened(name, "", sealed.key, is_readable=False, problems=(problem,))
        try:
            stated, text = open_sealed(sealed, signed, keys, event.counter)
        except SealingError as error:
            return Opened(name, "", sealed.key, is_readable=False, problems=(str(error),))
        known = self._pins.get(stated)
        problem = "" if known in (None, sealed.key) else f"{stated} had different keys then"
        problems = (problem,) if problem else ()
        return Opened(stated, text, sealed.key, is_readable=True, problems=problems)

    # -- the store ------------------------------------------------------------------------------

    def dump(self) -> dict[str, Any]:
        """Return the state for JSON. It holds the room's secrets."""
        return {
            "log": self.log,
            "epoch": self.epoch,
            "private": self.is_private,
            "secrets": {str(epoch): keys.secret.hex() for epoch, keys in self._epochs.items()},
            "seq": self.transcript.seq,
            "view": self.transcript.value.hex(),
            "must_rekey": self.must_rekey,
            "left_at": self._left_at,
            "gone": [keys.hex() for keys in self._gone],
            "devices": self._member_devices.dump(),
            "senders": {
                keys.hex(): [sender.name, sender.counter, sender.link.hex()]
                for keys, sender in self._senders.items()
            },
        }

    @classmethod
    def load(cls, device: DeviceKey, pins: Pins, run: int, saved: dict[str, Any]) -> SealedRoom:
        """Return the room that `dump` saved.

        Raises:
            ValueError, LookupError, TypeError, AttributeError: It is damaged.
        """
        room = cls(device, pins, saved["log"], run, is_private=saved["private"])
        for epoch, secret in saved["secrets"].items():
            room.set_secret(bytes.fromhex(secret), int(epoch))
        room.epoch = saved["epoch"]
        room.transcript = Transcript(room.log, saved["seq"], bytes.fromhex(saved["view"]))
        room.must_rekey, room._left_at = saved["must_rekey"], saved["left_at"]
        room._gone = {bytes.fromhex(keys) for keys in saved["gone"]}
        room._member_devices = MemberDevices.load(saved.get("devices"))
        for keys, (name, counter, link) in saved["senders"].items():
            room._senders[bytes.fromhex(keys)] = _Sender(name, counter, bytes.fromhex(link))
        room.forget_unsent()
        return room
