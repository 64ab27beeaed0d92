"""The hub with unusual conversations that begin like real ones.

An input is read as a sequence of steps of a small server: connections come and go, say HELLO and
other frames, some of them damaged; time passes, commits end late, readers stall. See `driver.py`
for the invariants.
"""

from __future__ import annotations

from netchat.chat.credentials import short_id
from netchat.wire import (
    Bans,
    Bye,
    Create,
    CreateSealed,
    Device,
    DeviceList,
    EventKind,
    Hello,
    History,
    Join,
    Leave,
    Login,
    Logout,
    Message,
    Moderate,
    ModeratorAction,
    Password,
    Ping,
    Pong,
    Position,
    Private,
    Register,
    Rename,
    Sealed,
    SealedSend,
    Send,
    Who,
    Wrap,
    encode,
)
from tests.fuzz.choices import Choices
from tests.fuzz.driver import Driver, Peer
from tests.fuzz.samples import any_message, damaged

__all__ = ["check"]

_PEOPLE = ("Nova", "Sourav", "Zoë", "Ada", "Ida")
_NAMES = (*_PEOPLE, "nova", "", "you", "x" * 25, "a b", "e\x1b[31m", "Nоva")  # noqa: RUF001
_TEXTS = ("hi", "two\nlines", "", "\x1b[2J", "x" * 64, "x" * 65, "é" * 33, "\u202ehidden")
_DEVICES = tuple(name[:1].encode() * 16 for name in ("N", "S", "Z", "A", "I"))
_NUMBERS = (0, 1, 2, 3, 5, 2**32, 2**63 - 1, 2**63, 2**64 - 1)
#: Number of the device whose keys are all zeros.
_KEY_ID = short_id(bytes(64))
_PASSWORDS = ("correct horse", "battery staple", "short", "", "x" * 1025)
_SECONDS = (0.0, 0.1, 1.0, 5.5, 10.5, 31.0, 91.0, 121.0, 4000.0)

#: Maximum number of steps per case; more steps find no more errors.
MOST_STEPS = 150


def check(data: bytes) -> None:
    """Run one case."""
    choices = Choices(data)
    driver = Driver()
    driver.commit()
    if choices.one_in(2):
        _begin(driver)
    steps = 0
    while choices and steps < MOST_STEPS:
        steps += 1
        _step(driver, choices)
        if steps % 8 == 0:
            driver.check()
    driver.check()
    driver.finish()


def _begin(driver: Driver) -> None:
    """Begin with an owner, a guest, and a sealed room with both: random inputs rarely get this far."""
    for device, name in zip(_DEVICES[:2], _PEOPLE, strict=False):
        driver.connect()
        hello = Hello(15, device, b"", name, "fuzz", ())
        keys = Device("", 0, bytes(128), b"")
        for message in (hello, Join(1, 0, 0, "lobby"), keys):
            driver.receive(driver.peers[-1], encode(message))
            driver.commit()
    owner, guest = driver.peers
    for message in (Register(1, _PEOPLE[0], _PASSWORDS[0], ""), CreateSealed(2, bytes(16))):
        driver.receive(owner, encode(message))
        driver.check_password()
        driver.commit()
    room = driver.codes[-1]
    for peer in (owner, guest):
        driver.receive(peer, encode(Join(3, 0, 0, room)))
        driver.receive(peer, encode(Device(room, 1, bytes(128), bytes(32))))
        driver.commit()


def _step(driver: Driver, choices: Choices) -> None:
    what = choices.byte() % 64
    peers = driver.peers
    if what < 3 or not peers:
        if len(peers) < 8:
            driver.connect()
            driver.receive(peers[-1], encode(_hello(driver, peers[-1], choices)))
        return
    peer = peers[choices.byte() % len(peers)]
    if peer.told_to_close and what % 2:
        driver.lose(peer)  # otherwise, after some steps, the server reads from no peer
        return
    match what:
        case 3:
            driver.connect()
        case 4:
            driver.lose(peer)
        case 5:
            driver.stall(peer)
        case 6:
            driver.catch_up()
        case 7:
            driver.write()
        case 8:
            driver.wait(choices.pick(_SECONDS))
        case 9 if choices.one_in(3):
            driver.receive(peer, damaged(encode(_message(driver, peer, choices)), choices))
        case 10 if choices.one_in(3):
            driver.receive(peer, choices.blob(40))
        case 11 if choices.one_in(3):
            driver.receive(peer, encode(any_message(choices, driver.codes)))
        case 24 | 25 | 26:
            driver.check_password()
        case 27:
            driver.receive(peer, encode(_entry(driver, peer, choices)))
        case 12:  # many at once, the last one incomplete
            frames = [encode(_message(driver, peer, choices)) for _ in range(choices.below(5))]
            driver.receive(peer, b"".join(frames)[: -choices.below(20) or None])
        case _ if what < 24:
            driver.commit()
        case _:
            driver.receive(peer, encode(_message(driver, peer, choices)))


def _message(driver: Driver, peer: Peer, choices: Choices) -> Message:
    """Return a message that a client may send, about existing or missing rooms and users."""
    room = "lobby" if choices.one_in(2) else driver.codes[-1 - choices.below(len(driver.codes))]
    request = choices.below(256)
    if choices.one_in(2):
        return _trust_message(choices, request, room)
    match choices.below(24):
        case 0:
            return Create(request)
        case 1 | 2 | 20 | 21:
            return Join(request, choices.pick(_NUMBERS), choices.pick(_NUMBERS), room)
        case 3:
            return Leave(request, room)
        case 4:
            return Who(request, room, choices.pick(_NAMES))
        case 5:
            return Rename(request, choices.pick(_NAMES))
        case 6 | 7:
            return Private(request, choices.pick(_NAMES))
        case 8:
            return History(request, choices.pick(_NUMBERS), choices.pick(_NUMBERS), room)
        case 9:
            return Ping(request)
        case 10:
            return Pong(request)
        case 11 if choices.one_in(3):
            return Bye(choices.pick(_TEXTS))
        case 12 if choices.one_in(4):
            return _hello(driver, peer, choices)
        case 13:
            return Send(choices.pick(_NUMBERS), room, choices.pick(_TEXTS))
        case _:
            return Send(choices.below(64), room, "hi")


def _entry(driver: Driver, peer: Peer, choices: Choices) -> Message:
    """Return a message that is allowed before HELLO."""
    name, password = choices.pick(_NAMES), choices.pick(_PASSWORDS)
    match choices.below(3):
        case 0:
            return Login(1, choices.pick((*_DEVICES, b"short")), name, password)
        case 1:
            return Register(1, name, password, choices.pick(("", "AAAAA-BBBBB-CCCCC-D")))
        case _:
            return _hello(driver, peer, choices)


def _trust_message(choices: Choices, request: int, room: str) -> Message:
    """Return a message about accounts, moderation or sealed rooms."""
    size = choices.pick((0, 1, 32, 128))
    match choices.below(12):
        case 0 if choices.one_in(8):
            return Login(request, choices.pick(_DEVICES), choices.pick(_NAMES), "correct horse")
        case 1:
            return Register(request, choices.pick(_NAMES), choices.pick(_PASSWORDS), "")
        case 2:
            return Password(request, choices.pick(_PASSWORDS), choices.pick(_PASSWORDS))
        case 3 if choices.one_in(2):
            return Logout(request, choices.below(3))
        case 4 | 5 | 6:
            return _moderate(choices, request, room)
        case 7:
            return Bans(request, choices.pick(_NUMBERS), room)
        case 8:
            return CreateSealed(request, bytes(choices.pick((0, 16, 17))))
        case 9:
            proof = bytes(choices.pick((0, 32)))
            place = choices.pick(("", room))
            return Device(place, choices.pick((0, 1, 2**32 - 1)), bytes(size), proof)
        case 10:
            return DeviceList(request, room, choices.pick(_NAMES))
        case _:
            return SealedSend(
                choices.below(64), room, () if choices.one_in(9) else _sealed(choices)
            )


def _moderate(choices: Choices, request: int, room: str) -> Moderate:
    """Return an action of a moderator; about one in three has fields that no client sends."""
    if choices.one_in(3):
        target = choices.pick((*_NAMES, "10.0.0.1", "#1", "#" + "9" * 40))
        seconds = choices.pick((0, 1, 2**32 - 1))
        text = choices.pick((*_TEXTS, "x" * 201))
        return Moderate(request, choices.below(17), choices.below(9), seconds, room, target, text)
    action = 1 + choices.below(14)
    target = choices.pick(_PEOPLE[:2]) if action <= ModeratorAction.DISMISS else ""
    text = "x" if action not in (ModeratorAction.UNMUTE, ModeratorAction.UNBAN) else ""
    return Moderate(request, action, 0, 0, room, target, text)


def _sealed(choices: Choices) -> tuple[Sealed, ...]:
    """Return a sealed message; about one in four has fields that no client sends."""
    kind, text, key, epoch = EventKind.SEALED, bytes(64), bytes(64), 1 + choices.below(2)
    if choices.one_in(4):
        kind = choices.pick((EventKind.SEALED, EventKind.REKEY, 0, 255))
        text = bytes(choices.pick((0, 64, 2000)))
        key = bytes(choices.pick((64, 128)))
        epoch = choices.pick((0, 3, 2**32 - 1))
    elif choices.one_in(3):
        kind = EventKind.REKEY
    is_rekey = kind == EventKind.REKEY
    wraps = (Wrap(choices.pick((_KEY_ID, 0)), bytes(32), bytes(32), bytes(32)),) * is_rekey
    check = bytes(16) if is_rekey else b""
    return (Sealed(kind, 0, epoch, 0, 0, b"", b"", key, check, wraps, text, bytes(64)),)


def _hello(driver: Driver, peer: Peer, choices: Choices) -> Hello:
    who = choices.below(len(_PEOPLE))
    device, name = _DEVICES[who], _PEOPLE[who]
    token = b""
    if choices.one_in(3):
        token = driver.tokens[-1 - choices.below(len(driver.tokens))]
    if choices.one_in(12):
        device, name = choices.pick((device, b"", b"short", bytes(16))), choices.pick(_NAMES)
    code, last = choices.pick(driver.codes), choices.pick(_NUMBERS)
    log = driver.hub.state.shared.rooms[code].log if code in driver.hub.state.shared.rooms else 0
    positions = (Position(code, log, last),) if token else ()
    return Hello(choices.below(16), device, token, name, "fuzz\x1b[31m", positions)
