"""Every message in every state of a connection, with the boundary values of each field."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from netchat.wire import (
    MAX_FRAME,
    MESSAGES,
    Bye,
    Device,
    Error,
    ErrorCode,
    Event,
    Hello,
    Join,
    Login,
    Logout,
    Message,
    ModeratorAction,
    Password,
    Register,
    Send,
    encode,
    fields_of,
)
from netchat.wire.fields import BLOB, LIST, TEXT, Field
from tests.chat.test_moderation_rules import operate
from tests.chat.world import Link, World

DEVICE = b"M" * 16
GOOD = "correct horse"

#: Types that are allowed before HELLO.
ENTRIES = (Hello, Login, Register)


def values(field: Field) -> Iterator[object]:
    """Yield the boundary values of a field."""
    if field.record is not None:
        usual = field.record(**{f.name: next(values(f)) for f in fields_of(field.record)})
        yield from ((), (usual,), (usual,) * min(field.most, 20))
    elif field.kind is TEXT:
        yield from ("lobby", "", "Nova", GOOD, "#1", "\x1b[2J\u202e\x00", "x" * (MAX_FRAME - 200))
    elif field.kind is BLOB:
        yield from (bytes(size) for size in (16, 0, 32, 64, 128, MAX_FRAME - 200))
    elif field.kind is not LIST:
        yield from (1, 0, 2, 256**field.kind.size - 1)


def messages() -> Iterator[Message]:
    """Yield every message with the boundary values of each field, one field at a time."""
    for kind in MESSAGES.values():
        usual = kind(**{field.name: next(values(field)) for field in fields_of(kind)})
        yield usual
        for field in fields_of(kind):
            for value in values(field):
                changed = dataclasses.replace(usual, **{field.name: value})
                if changed != usual:
                    yield changed


def new(world: World) -> Link:
    return world.link("10.0.0.9")


def checking_login(world: World) -> Link:
    link = new(world)
    world.slow_checks = True
    world.say(link, Login(1, DEVICE, "Ada", GOOD))
    return link


def checking_registration(world: World) -> Link:
    link = new(world)
    world.slow_checks = True
    world.say(link, Register(1, "Mallory", GOOD, ""))
    return link


def logged_in(world: World) -> Link:
    link = new(world)
    world.say(link, Login(1, DEVICE, "Ada", GOOD))
    return link


def guest(world: World) -> Link:
    link = new(world)
    world.say(link, Hello(15, DEVICE, b"", "Mallory", "test", ()), Join(1, 0, 0, "lobby"))
    return link


def owner(world: World) -> Link:
    """Return the connection of the owner, whose device has keys."""
    link = logged_in(world)
    keys = Device("", 0, bytes(128), b"")
    world.say(link, Hello(15, DEVICE, b"", "Ada", "test", ()), Join(1, 0, 0, "lobby"), keys)
    return link


def guest_checking_registration(world: World) -> Link:
    link = guest(world)
    world.slow_checks = True
    world.say(link, Register(1, "Mallory", GOOD, ""))
    return link


def owner_checking_password(world: World) -> Link:
    link = owner(world)
    world.slow_checks = True
    world.say(link, Password(1, GOOD, GOOD))
    return link


def after_bye(world: World) -> Link:
    link = guest(world)
    link.up += encode(Bye(""))
    return link


def after_logout(world: World) -> Link:
    link = owner(world)
    link.up += encode(Logout(1, 0))
    return link


def after_an_error(world: World) -> Link:
    link = guest(world)
    link.up += b"not a frame"
    return link


def kicked(world: World) -> Link:
    link = guest(world)
    world.frozen = True
    operate(world, ModeratorAction.KICK, "Mallory")
    return link


STATES = {
    state.__name__: state
    for state in (
        new, checking_login, checking_registration, logged_in, guest, owner, guest_checking_registration,
        owner_checking_password, after_bye, after_logout, after_an_error, kicked,
    )
}  # fmt: skip

#: States in which the server ignores all further messages.
CLOSED = {"after_bye", "after_logout", "after_an_error"}


@pytest.fixture(scope="module")
def frames() -> list[tuple[type[Message], bytes]]:
    found = []
    for message in messages():
        frame = encode(message)
        found.append((type(message), frame))
    return found


@pytest.mark.parametrize("state", STATES)
def test_every_message_in_every_state(state, frames):
    world = World(accounts="optional", max_per_address=0)
    ada = world.link()
    world.say(ada, Register(1, "Ada", GOOD, ""))
    world.hang_up(ada)
    bystander, _ = world.greet("Bystander")
    world.say(bystander, Join(1, 0, 0, "lobby"))
    for number, (kind, frame) in enumerate(frames, 1):
        link = STATES[state](world)
        link.take()
        noted = len(world.notes)
        link.up += frame
        world.settle()
        answers = link.take()
        assert len(world.notes) - noted <= 3
        errors = [ErrorCode(answer.code) for answer in answers if isinstance(answer, Error)]
        if state in CLOSED:
            (last,) = (answer for answer in answers if not isinstance(answer, Event))
            assert isinstance(last, Bye | Error), kind
        elif state.startswith("checking") or (
            state in ("new", "logged_in") and kind not in ENTRIES
        ):
            assert errors == [ErrorCode.UNEXPECTED], kind
        world.slow_checks = world.frozen = False
        world.hang_up(link)
        world.settle()
        bystander.take()
        answers = world.say(
            bystander, Join(1, 0, 0, "lobby"), Send(number, "lobby", f"hi {number}")
        )
        assert [a.text for a in answers if isinstance(a, Event) and a.device] == [f"hi {number}"]
        _forget(world)
    shared = world.hub.state.shared
    assert not world.hub.state.checks.counts
    assert not world.checks
    assert set(world.hub.state.connections) == {bystander}
    assert len(shared.sessions) <= 3
    assert len(shared.accounts) <= 3


def _forget(world: World) -> None:
    """End the attacker's session, and undo what the owner has done to the server."""
    state = world.hub.state
    state.login_limit = type(state.login_limit)()
    state.conversation_limit = type(state.conversation_limit)()
    world.tick(world.settings.resume_seconds + 1)
