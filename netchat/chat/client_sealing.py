"""Sealed messages of a client: its device keys, and its sealed rooms and private rooms.

A text waits in the outbox until it can be sealed: until the room's secret is known, and, if a member has
left, until the room has a new one. The counters of sealed messages leave gaps, in which a REKEY finds a
counter that is smaller than that of the message it is made for.
"""

from __future__ import annotations

import secrets
from typing import Any

from netchat.chat.client_events import (
    RoomEvent,
    SafetyReceived,
    SealingWarning,
    SecretKnown,
    Undelivered,
)
from netchat.chat.client_session import COUNTER_GAP, ClientSession
from netchat.chat.names import fold
from netchat.chat.outbox import (
    OutgoingMessage,
    OutgoingOffer,
    RoomView,
    sealed_content,
    shown_text,
    unsealed_message,
)
from netchat.chat.sealing.device_key import DeviceKey
from netchat.chat.sealing.epoch_keys import check_value
from netchat.chat.sealing.pins import Pins
from netchat.chat.sealing.room_secret import new_secret, show_secret
from netchat.chat.sealing.safety import pair_number, room_number
from netchat.chat.sealing.sealed_room import Opened, SealedRoom, changed_keys
from netchat.errors import SealingError
from netchat.wire import (
    CreateSealed,
    Device,
    DeviceKeys,
    DeviceList,
    Devices,
    Event,
    EventKind,
    RoomKind,
    SealedEvent,
    SealedSend,
    encode,
)
from netchat.wire.annotations import ANNOTATIONS

__all__ = ["ClientSealing"]

_SEALABLE = (RoomKind.SEALED, RoomKind.PRIVATE)

#: Events that change the members of a room.
_MOVES = (EventKind.JOIN, EventKind.LEAVE, EventKind.REMOVED)


#: Plaintexts that are kept for front ends that show the frames.
_MAX_PLAINTEXTS = 200

#: Kinds that a sealed message keeps when it is shown; others are texts.
_OWN_KINDS = ANNOTATIONS | {EventKind.REKEY, EventKind.FILE}


class ClientSealing:
    """The sealing state of one client.

    Args:
        client: The client.
        saved: What `dump` returned, or an empty dictionary.

    Attributes:
        pins: The device keys known by name.
        rooms: The sealed and private rooms by code.
        is_active: Whether the server supports sealed messages.
        plaintexts: Name and text in the last sealed messages, by room, device id and counter; for what this
            client sends, the device id is 0.
    """

    def __init__(self, client: ClientSession, saved: dict[str, Any]) -> None:
        self._client = client
        self._device = DeviceKey(bytes.fromhex(saved["device"]) if saved else None)
        self.pins = Pins(saved.get("pins"))
        self.rooms: dict[str, SealedRoom] = {
            code: SealedRoom.load(self._device, self.pins, _new_run(), room)
            for code, room in saved.get("rooms", {}).items()
        }
        self._invited: dict[str, bytes] = {
            code: bytes.fromhex(secret) for code, secret in saved.get("invited", {}).items()
        }
        self._created: dict[int, bytes] = {}  # secrets of rooms to be created, by request
        self.is_active = False
        self.plaintexts: dict[tuple[str, int, int], tuple[str, str]] = {}
        self._sealed: dict[int, SealedSend] = {}  # by counter, while they are in the outbox
        self._sent: set[int] = set()  # counters sent on this connection
        self._rekeys: dict[str, int] = {}  # counter of this device's REKEY that is in flight
        self._spent: dict[int, int] = {}  # counters used in the gap before a message
        self._lists: dict[int, list[DeviceKeys]] = {}  # unfinished answers, by request
        self._devices: dict[str, dict[str, bytes]] = {}  # members' keys by room and name
        self._safety: dict[int, str] = {}  # requests for a safety number -> name, or ""

    def dump(self) -> dict[str, Any]:
        """Return the state for JSON. It holds private keys and secrets."""
        return {
            "device": self._device.seed.hex(),
            "pins": self.pins.dump(),
            "rooms": {code: room.dump() for code, room in self.rooms.items()},
            "invited": {code: secret.hex() for code, secret in self._invited.items()},
        }

    @property
    def keys(self) -> bytes:
        """Public keys of this device."""
        return self._device.keys

    # -- the connection -------------------------------------------------------------------------

    def online(self) -> None:
        """Publish this device's keys after WELCOME."""
        self.is_active = True
        self._client.out.append(encode(Device("", 0, self._device.bundle, b"")))

    def lost(self) -> None:
        """Handle the loss of the connection."""
        self._sent.clear()
        self._devices.clear()
        for code in self._rekeys:
            self._request_rekey(code)  # if it has arrived, its event removes the request

    # -- rooms ----------------------------------------------------------------------------------

    def create(self) -> int:
        """Request a new sealed room; return the request's number."""
        secret = new_secret()
        check = check_value(secret, 1)
        number = self._client.ask(lambda request: CreateSealed(request, check))
        self._created[number] = secret
        return number

    def invite(self, code: str, secret: bytes) -> None:
        """Note the secret of a room that the user is about to join, or is in already."""
        self._invited[code] = secret
        if code in self.rooms:
            self._ask_devices(code)

    def entered(self, view: RoomView, request: int) -> None:
        """Handle the entry to a room on this connection."""
        if view.kind not in _SEALABLE:
            return
        known = self.rooms.get(view.code)
        if known is None or known.log != view.log:
            is_private = view.kind is RoomKind.PRIVATE
            room = self.rooms[view.code] = SealedRoom(
                self._device, self.pins, view.log, _new_run(), view.last, is_private=is_private
            )
            for send in self._client.memory.outbox.values():
                if send.room == view.code:  # sealed for the earlier log
                    self._sealed.pop(send.counter, None)
            if known is not None and known.keys is not None:  # the server has recovered its history
                self._invited[view.code] = known.keys.secret
            if (secret := self._created.pop(request, None)) is not None:
                room.set_secret(secret, 1)
                self._report_secret(view.code)
        self._ask_devices(view.code)

    def left(self, code: str) -> None:
        """Forget a room, with its secrets."""
        for kept in (self.rooms, self._invited, self._rekeys, self._devices):
            kept.pop(code, None)
        for key in [key for key in self.plaintexts if key[0] == code]:
            del self.plaintexts[key]

    def secret(self, code: str) -> str:
        """Return a room's current secret as in its link, or an empty string."""
        room = self.rooms.get(code)
        keys = room.keys if room is not None else None
        return show_secret(keys.secret) if keys is not None else ""

    def _report_secret(self, code: str) -> None:
        room = self.rooms[code]
        self._client.events.append(SecretKnown(code, room.epoch, self.secret(code)))

    def can_send_sealed(self, code: str) -> bool:
        """Return whether texts to a room are sealed, as far as it is known."""
        room = self.rooms.get(code)
        return room is not None and (not room.is_private or room.epoch > 0)

    def seals_files(self, code: str) -> bool | None:
        """Return whether files for a room must be sealed; None if it is not known yet."""
        room, view = self.rooms.get(code), self._client.memory.rooms.get(code)
        if room is None or view is None:
            return False
        if self.can_send_sealed(code) or (view.peer and self.pins.get(view.peer) is not None):
            return True
        members = self._devices.get(code)
        return None if members is None else bool(members)

    # -- device lists ---------------------------------------------------------------------------

    def _ask_devices(self, code: str) -> None:
        """Request the device keys of a room's members, unless an answer is on its way."""
        requests = self._client.requests.values()
        if not any(isinstance(r, DeviceList) and r.room == code for r in requests):
            self._devices.pop(code, None)
            self._client.ask(lambda request: DeviceList(request, code, ""))

    def ask_safety(self, code: str, name: str = "") -> int:
        """Request the safety number of the room, or of this user and another one. `SafetyReceived` follows.

        Raises:
            SealingError: The room has no sealed messages, or the user has no known keys.
        """
        if code not in self.rooms:
            raise SealingError("this room is not sealed")
        number = self._client.ask(lambda request: DeviceList(request, code, ""))
        self._safety[number] = name
        return number

    def listed(self, message: Devices) -> None:
        """Handle a page of a room's device keys."""
        code, client = message.room, self._client
        found = self._lists.setdefault(message.request, [])
        found += message.devices
        if message.more and message.devices:
            last = message.devices[-1].name
            following = DeviceList(message.request, code, last)
            client.requests[message.request] = following
            client.out.append(encode(following))
            return
        client.requests.pop(message.request, None)
        del self._lists[message.request]
        room = self.rooms.get(code)
        if room is None:
            self._safety.pop(message.request, None)
            return
        if not room.is_private:
            self._check_secret(code, room, message)
        self._devices[code] = members = room.members(found)
        members.pop(client.name, None)
        if room.is_private:
            self._pin_peer(code, members)
        elif room.keys is not None and room.epoch == message.epoch:
            for text in room.review(members):
                self._warn(code, text)
            own = next((d for d in found if d.keys == self._device.bundle), None)
            if own is None or own.epoch != room.epoch:
                proof = room.proof()
                client.out.append(encode(Device(code, room.epoch, self._device.bundle, proof)))
        if (name := self._safety.pop(message.request, None)) is not None:
            self._report_safety(code, room, name, message.request)
        self.transmit(code)

    def _check_secret(self, code: str, room: SealedRoom, message: Devices) -> None:
        """Find out whether the secret of the link is the room's current one."""
        secret = self._invited.pop(code, None)
        is_current = room.keys is not None and room.epoch >= message.epoch
        if is_current and (not message.check or room.keys.check == message.check):  # type: ignore[union-attr]
            return
        if secret is not None and check_value(secret, message.epoch) == message.check:
            room.set_secret(secret, message.epoch)
            self._report_secret(code)
        elif room.keys is None:
            text = (
                "the secret in the link is not the room's current one: a member has changed it. Ask "
                "for the new link"
                if secret is not None
                else "this room is sealed, and its secret is missing: join it with its whole link, "
                "CODE#SECRET"
            )
            self._warn(code, text)

    def _pin_peer(self, code: str, members: dict[str, bytes]) -> None:
        for name, keys in members.items():
            if not self.pins.check(name, keys):
                self._warn(code, changed_keys(name))

    def _report_safety(self, code: str, room: SealedRoom, name: str, request: int) -> None:
        members, client = self._devices[code], self._client
        if name:
            wanted = fold(name)
            keys = next((k for n, k in members.items() if fold(n) == wanted), self.pins.get(name))
            if keys is None:
                self._warn(code, f"the keys of {name} are not known yet")
                return
            number = pair_number(self.keys, keys)
            names: tuple[str, ...] = (name,)
        elif room.keys is None:
            self._warn(code, "this device does not have the room's secret")
            return
        else:
            everyone = {*members.values(), self.keys}
            number = room_number(room.log, room.epoch, room.keys.check, everyone)
            names = tuple(sorted({*members, client.name}))
        is_verified = bool(name) and self.pins.is_verified(name)
        client.events.append(
            SafetyReceived(code, name, number.digits, number.words, names, is_verified, request)
        )

    def _warn(self, code: str, text: str) -> None:
        self._client.events.append(SealingWarning(code, text))

    # -- sending --------------------------------------------------------------------------------

    def rekey(self, code: str) -> None:
        """Give a room a new secret: before the messages that wait, and after those in flight.

        Raises:
            SealingError: The room is not sealed, or this device does not have its secret.
        """
        room = self.rooms.get(code)
        if room is None or (room.is_private and not room.epoch):
            raise SealingError("this room is not sealed")
        if room.keys is None:
            raise SealingError("this device does not have the room's secret; ask for its new link")
        room.must_rekey = True
        if not self._rekeys.get(code):
            self._request_rekey(code)
        self.transmit(code)

    def _request_rekey(self, code: str) -> None:
        """Note that a room needs a REKEY as soon as possible, even if no message waits for it."""
        self._client.memory.counter += COUNTER_GAP
        self._rekeys[code] = 0

    def transmit(self, code: str) -> None:
        """Send what waits for a room, as far as it can be sealed."""
        client, view = self._client, self._client.memory.rooms.get(code)
        room = self.rooms.get(code)
        if view is None or room is None or not (client.online and view.is_caught_up):
            return
        members = self._devices.get(code)
        waiting = [
            send
            for send in client.memory.outbox.values()
            if send.room == code and send.counter not in self._sent
        ]
        if not (waiting or self._rekeys.get(code) == 0):
            return
        if room.must_rekey or (room.is_private and not room.epoch):
            if self._has_sent(code):
                return  # a REKEY must follow this device's last message, which may still be refused
            if members is None:
                self._ask_devices(code)
            elif room.is_private and not members and not room.epoch:
                self._send_unsealed(view, waiting)
            elif not self._rekeys.get(code):
                self._send_rekey(code, room, members, waiting)
        elif room.keys is not None:
            for send in waiting:
                self._send_sealed(room, send)

    def _has_sent(self, code: str) -> bool:
        """Return whether a message to a room is in flight."""
        outbox = self._client.memory.outbox.values()
        return any(send.room == code and send.counter in self._sent for send in outbox)

    def _send_unsealed(self, view: RoomView, waiting: list[OutgoingMessage]) -> None:
        """Send private messages to a user whose program cannot open sealed ones."""
        client = self._client
        for send in waiting:
            if view.peer and self.pins.get(view.peer) is not None:
                # A server must not be able to switch sealing off.
                del client.memory.outbox[send.counter]
                why = (
                    f"{view.peer} had keys before, and the server now says that it has no keys; "
                    f"/safety {view.peer} forget allows messages that are not sealed"
                )
                client.events.append(Undelivered(shown_text(send), why, send.counter))
                continue
            if isinstance(send, OutgoingOffer) and send.is_sealed:
                self._refuse_offer(send, "the other user's program cannot open sealed files")
                continue
            client.out.append(encode(unsealed_message(send)))
            self._sent.add(send.counter)

    def _send_rekey(
        self,
        code: str,
        room: SealedRoom,
        members: dict[str, bytes],
        waiting: list[OutgoingMessage],
    ) -> None:
        client = self._client
        if waiting:
            spent = self._spent[waiting[0].counter] = self._spent.get(waiting[0].counter, 0) + 1
            counter = waiting[0].counter - COUNTER_GAP + spent
            if spent >= COUNTER_GAP:
                send = client.memory.outbox.pop(waiting[0].counter)
                why = "the room's secret was changed too often in the meantime"
                client.events.append(Undelivered(shown_text(send), why, send.counter))
                return
        else:
            counter = client.memory.counter
        room.forget_unsent()
        try:
            sealed = room.rekey(counter, client.name, members.values(), room.rekey_reason)
        except SealingError as error:
            self._warn(code, str(error))
            return
        self._rekeys[code] = counter
        client.out.append(encode(SealedSend(counter, code, (sealed,))))

    def _refuse_offer(self, offer: OutgoingOffer, why: str) -> None:
        client = self._client
        del client.memory.outbox[offer.counter]
        client.events.append(Undelivered(shown_text(offer), why, offer.counter))

    def _send_sealed(self, room: SealedRoom, send: OutgoingMessage) -> None:
        client, counter = self._client, send.counter
        if isinstance(send, OutgoingOffer) and not send.is_sealed:
            self._refuse_offer(
                send, "the conversation became sealed meanwhile; send the file again"
            )
            return
        message = self._sealed.get(counter)
        if message is None or message.sealed[0].epoch != room.epoch:
            kind, text = sealed_content(send)
            sealed = room.seal(counter, client.name, text, kind=kind)
            message = self._sealed[counter] = SealedSend(counter, send.room, (sealed,))
            self._keep_plaintext((send.room, 0, counter), client.name, text)
        client.out.append(encode(message))
        self._sent.add(counter)

    def refused(self, counter: int, *, is_old: bool, why: str) -> bool:
        """Handle a refused SEALED_SEND; return whether it is dealt with.

        Args:
            counter: Its counter.
            is_old: Whether it was sealed with an old secret. It is sealed again once the REKEY is here.
            why: The server's reason.
        """
        for code, rekey in list(self._rekeys.items()):
            if rekey == counter:
                del self._rekeys[code]
                self.rooms[code].forget_unsent()
                if not is_old:
                    self._warn(code, f"the room's secret could not be changed: {why}")
                    self._drop_waiting(code, why)
                return True
        return is_old

    def _drop_waiting(self, code: str, why: str) -> None:
        """Give up messages that the server will not take, such as those of a muted user."""
        client = self._client
        for counter, send in list(client.memory.outbox.items()):
            if send.room == code and counter not in self._sent:
                del client.memory.outbox[counter]
                self._acknowledged(counter)
                client.events.append(Undelivered(shown_text(send), why, counter))

    def dropped(self, send: OutgoingMessage) -> None:
        """Note that a message will not be delivered."""
        self._acknowledged(send.counter)
        if (room := self.rooms.get(send.room)) is not None:
            room.forget_unsent()
            self.transmit(send.room)

    def _acknowledged(self, counter: int) -> None:
        self._sealed.pop(counter, None)
        self._spent.pop(counter, None)
        self._sent.discard(counter)

    # -- receiving ------------------------------------------------------------------------------

    def apply(self, view: RoomView, event: Event | SealedEvent, *, own: bool, late: bool) -> None:
        """Report a room's next event to the application."""
        client, code = self._client, view.code
        room = self.rooms.get(code)
        if own:
            self._acknowledged(event.counter)
        if room is None or isinstance(event, Event):
            assert isinstance(event, Event), "only rooms that can be sealed have such events"
            problems = room.observe(event) if room is not None else ()
            client.events.append(
                RoomEvent(event, view.kind, view.peer, own, late, problems=problems)
            )
            if room is not None and event.kind in _MOVES:
                self._devices.pop(code, None)
                self.transmit(code)
            return
        secret = self._invited.get(code) if room.keys is None else None
        if secret is not None and room.try_secret(secret, event):
            self._report_secret(code)
        epoch = room.epoch
        opened = room.open(event)
        if opened.is_readable:
            self._keep_plaintext((code, event.device, event.counter), opened.name, opened.text)
        shown = shown_event(event, opened)
        problems = opened.problems
        client.events.append(
            RoomEvent(shown, view.kind, view.peer, own, late, is_sealed=True, problems=problems)
        )
        if room.epoch != epoch:
            self._changed_epoch(code)
            if not own and not room.is_private and room.has_strangers(event):
                self._ask_devices(code)
        elif own and room.must_rekey:
            self.transmit(code)

    def _keep_plaintext(self, key: tuple[str, int, int], name: str, text: str) -> None:
        self.plaintexts.pop(key, None)
        self.plaintexts[key] = name, text
        while len(self.plaintexts) > _MAX_PLAINTEXTS:
            del self.plaintexts[next(iter(self.plaintexts))]

    def _changed_epoch(self, code: str) -> None:
        """Seal again what the server has refused or will refuse, with the new secret."""
        self._rekeys.pop(code, None)
        room = self.rooms[code]
        if room.keys is not None and not room.is_private:
            self._report_secret(code)
        room.forget_unsent()
        for send in self._client.memory.outbox.values():
            if send.room == code:
                self._sent.discard(send.counter)
                self._sealed.pop(send.counter, None)
        self.transmit(code)

    def open_past(
        self, code: str, events: list[Event | SealedEvent]
    ) -> tuple[tuple[Event, ...], dict[int, tuple[str, ...]], dict[int, tuple[str, ...]]]:
        """Open events of the history.

        Returns:
            The events; what is wrong with each that was sealed, by sequence number; and what is wrong
            with those that should have been sealed.
        """
        room = self.rooms.get(code)
        if room is None:
            return tuple(event for event in events if isinstance(event, Event)), {}, {}
        shown: list[Event] = []
        problems: dict[int, tuple[str, ...]] = {}
        unsealed: dict[int, tuple[str, ...]] = {}
        for event, opened in zip(events, room.open_past(events), strict=True):
            if isinstance(event, Event):
                shown.append(event)
                found = room.unsealed_problems(event, follows_sealed=bool(problems))
                if found:
                    unsealed[event.seq] = found
            else:
                assert opened is not None
                shown.append(shown_event(event, opened))
                problems[event.seq] = opened.problems
        return tuple(shown), problems, unsealed


def _new_run() -> int:
    """Return a random number for the nonces of one object of a room.

    With one number per client, a server could let a client forget a room and seal a message of the same
    counter, epoch and log again, with the same nonce.
    """
    return secrets.randbits(32)


def shown_event(event: SealedEvent, opened: Opened) -> Event:
    """Return an opened message as the EVENT that it would be in an ordinary room."""
    stated = event.sealed[0].kind
    kind = EventKind(stated) if stated in _OWN_KINDS else EventKind.CHAT
    return Event(
        event.seq,
        event.time,
        event.device,
        event.counter,
        kind,
        event.room,
        opened.name,
        opened.text,
    )
