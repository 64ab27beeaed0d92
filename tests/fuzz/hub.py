"""The hub with unusual conversations that begin like real ones.

An input is read as a sequence of steps of a small server: connections come and go, say HELLO and
other frames, some of them damaged; time passes, commits end late, readers stall. See `driver.py`
for the invariants.
"""

from __future__ import annotations

from netchat.wire import (
    Bye,
    Create,
    Hello,
    History,
    Join,
    Leave,
    Message,
    Ping,
    Pong,
    Position,
    Private,
    Rename,
    Send,
    Who,
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
_SECONDS = (0.0, 0.1, 1.0, 5.5, 10.5, 31.0, 91.0, 121.0, 4000.0)

#: Maximum number of steps per case; more steps find no more errors.
MOST_STEPS = 150


def check(data: bytes) -> None:
    """Run one case."""
    choices = Choices(data)
    driver = Driver()
    driver.commit()
    steps = 0
    while choices and steps < MOST_STEPS:
        steps += 1
        _step(driver, choices)
        if steps % 8 == 0:
            driver.check()
    driver.check()
    driver.finish()


def _step(driver: Driver, choices: Choices) -> None:
    what = choices.byte() % 64
    peers = driver.peers
    if what < 3 or not peers:
        if len(peers) < 8:
            driver.connect()
            driver.receive(peers[-1], encode(_hello(driver, peers[-1], choices)))
        return
    peer = peers[choices.byte() % len(peers)]
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
    return Hello(choices.below(4), device, token, name, "fuzz\x1b[31m", positions)
