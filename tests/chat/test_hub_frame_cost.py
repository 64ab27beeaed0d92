"""No frame costs the event loop more than 2 ms, whatever its type and whatever it holds.

The test sends the most expensive frames of every message: each text, blob, list and number is filled
with the most expensive values, complete, with a byte missing and with an additional byte. It
measures the CPU time of everything that the server does for the frame: reading, the rules, pending
replies, the commit and the effects that follow it.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netchat.chat.commands import EndSession
from netchat.chat.conversation_limit import ConversationLimit
from netchat.chat.credentials import short_id
from netchat.chat.fair_shares import Shares
from netchat.chat.large_replies import LOOK_BACK
from netchat.chat.login_limit import LoginLimit
from netchat.chat.model import MemberKeys
from netchat.chat.ordering import propose
from netchat.chat.room_moderation import MAX_ENTRIES, BanRecord, MuteRecord, RoomRules
from netchat.chat.server_handlers import MAX_MEMBERSHIPS
from netchat.chat.server_state import MAX_CHECKS
from netchat.errors import PeerError
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import (
    MAX_FRAME,
    MAX_SEALED,
    MESSAGES,
    Bans,
    Bye,
    Create,
    CreateSealed,
    Device,
    DeviceList,
    EventKind,
    Feature,
    History,
    Join,
    Joined,
    Leave,
    Moderate,
    ModeratorAction,
    Private,
    Rename,
    Sealed,
    SealedSend,
    Send,
    Who,
    Wrap,
    encode,
    fields_of,
)
from netchat.wire.fields import BLOB, LIST, TEXT, Field
from netchat.wire.frame import seal
from tests.chat.world import Link, World, hello

pytestmark = pytest.mark.alone

#: CPU time of the event loop that one frame may cost, in seconds.
LIMIT = 0.002

#: CPU time that each piece of past events may cost, in seconds.
PIECE_LIMIT = 0.0015

#: Largest number of measurements; the smallest counts, because a busy machine makes some longer.
TRIES = 20

USERS = 1000
LONG_TEXT = MAX_FRAME - 200

#: Texts that are expensive to normalize or to check, in UTF-8, as long as a field allows.
TEXTS = {
    "marks in falling classes": "".join(mark * 8100 for mark in "\u0345\u0315\u0327\u0334"),
    "alternating marks": "a" + "\u0301\u0327" * 16_300,
    "a ligature of 18 characters": "\ufdfa" * 21_700,
    "jamo": "\u1112\u1161\u11ab" * 7_200,
    "growing capitals": "\u0390" * 32_000,
    "letters": "A" * LONG_TEXT,
    "dots": "." * LONG_TEXT,
    "spaces": " " * LONG_TEXT,
    "wide spaces": "\u3000" * 21_700,
    "separators": "-" * (LONG_TEXT - 10) + "0123456789",
    "a control character at the end": "x" * LONG_TEXT + "\x07",
    "unassigned": "\U000e0fff" * 16_300,
    "emoji": "\U0001f600" * 16_300,
    "many suggestions": "A",
}  # fmt: skip


class Crowd:
    """A full server: a thousand users, and a lobby with a full history."""

    def __init__(self, history: SqliteHistory) -> None:
        self.world = World(history, rate=0.0, max_users=2 * USERS)
        self._numbers = itertools.count()
        self.users = [self.user("A" if n == 0 else f"A{n + 1}") for n in range(USERS)]
        talker = self.users[0]
        for at in range(1, LOOK_BACK, 64):
            self.world.say(talker, *[Send(n, "lobby", "x" * 60) for n in range(at, at + 64)])
            self._forget()

    def user(self, name: str, rooms: int = 1) -> Link:
        """Add a user who is in the lobby and in some rooms that it created."""
        device = next(self._numbers).to_bytes(16, "big")
        link, self.welcome = self.world.greet(name, device)
        self.world.say(link, Join(1, 0, 0, "lobby"), *[Create(n) for n in range(rooms - 1)])
        self._forget()
        return link

    def busy(self) -> Link:
        """Add a user who is in the maximum number of rooms."""
        self.leave()
        self.world.hub.state.conversation_limit = ConversationLimit()
        link = self.user("Busy", self.world.settings.max_rooms)
        for other in self.users[: MAX_MEMBERSHIPS - self.world.settings.max_rooms]:
            self.world.say(other, Private(1, "Busy"))
        self._forget()
        assert link.session is not None
        assert len(link.session.rooms) == MAX_MEMBERSHIPS
        return link

    def leave(self) -> None:
        """Disconnect all users but the first thousand."""
        for session in list(self.world.hub.state.shared.sessions.values())[USERS:]:
            propose(self.world.hub.state, EndSession(session.id, session.attachment, 0, ""))
        for link in self.world.links[USERS:]:
            self.world.hang_up(link)
        self.world.settle()
        self._forget()

    def _forget(self) -> None:
        for link in self.world.links:
            link.down.clear()
            link._unread.clear()


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    history = SqliteHistory(tmp_path_factory.mktemp("crowd") / "history.db", fsync=False)
    yield Crowd(history)
    history.close()


def cost(world: World, link: Link, frame: bytes) -> float:
    """Return the CPU time in seconds that the server spends on one frame."""
    hub = world.hub
    began = time.thread_time()
    try:
        hub.receive(link, link.reader.feed(frame), world.now)
    except PeerError as error:
        hub.receive(link, list(error.frames), world.now)
        hub.protocol_error(link, error)
    batch = hub.take_batch()
    spent = time.thread_time() - began
    if batch is not None:
        hub.state.history.write([batch])
        began = time.thread_time()
        hub.commit(batch)
        spent += time.thread_time() - began
    while hub.state.catching_up:
        began = time.thread_time()
        more = hub.catch_up()
        spent += time.thread_time() - began
        if not more:
            break
    hub.take_effects()
    return spent


def values(field: Field) -> Iterator[tuple[str, object]]:
    """Return the most expensive values of a field."""
    if field.kind is TEXT:
        yield from TEXTS.items()
    elif field.kind is BLOB:
        yield "a long blob", bytes(LONG_TEXT)
    elif field.kind is not LIST:
        yield "the largest number", 256**field.kind.size - 1


def plain(field: Field) -> object:
    return (
        "lobby"
        if field.kind is TEXT
        else bytes(16)  # a device key: an empty one is refused at once
        if field.name == "device" and field.kind is BLOB
        else b""
        if field.kind is BLOB
        else ()
        if field.kind is LIST
        else 1
    )


def lists(field: Field, body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield bodies that end with a list, as long as allowed and as long as a frame can hold."""
    assert field.record is not None
    assert body.endswith(b"\0\0")
    empty = {TEXT: "", BLOB: b"", LIST: ()}
    item = field.record(**{f.name: empty.get(f.kind, 0) for f in fields_of(field.record)})
    for count in (field.most, LONG_TEXT // len(item.encode())):
        yield f"{count} items", body[:-2] + count.to_bytes(2, "big") + item.encode() * count


def frames() -> Iterator[tuple[str, bytes]]:
    """Yield every message with the most expensive values of every field, complete and incomplete."""
    for message in MESSAGES.values():
        usual = message(**{f.name: plain(f) for f in fields_of(message)})
        for field in fields_of(message):
            bodies = [
                (what, dataclasses.replace(usual, **{field.name: value}).encode())
                for what, value in values(field)
            ]
            if field.record is not None:
                bodies += lists(field, usual.encode())
            for what, body in bodies:
                name = f"{message.NAME}.{field.name}: {what}"
                yield name, seal(message.TYPE, body)
                yield f"{name}, cut", seal(message.TYPE, body[:-1])
                yield f"{name}, and more", seal(message.TYPE, body + b"\0")


def least(measure: Callable[[], float], limit: float = LIMIT) -> float:
    """Return the smallest of several measurements; one within the limit is enough."""
    return next((spent for _ in range(TRIES) if (spent := measure()) < limit), limit)


@pytest.mark.parametrize("has_session", [False, True])
def test_no_field_makes_a_frame_expensive(has_session: bool) -> None:
    world = World(rate=0.0, accounts="optional")
    expensive = []

    def measure(frame: bytes) -> float:
        link = world.link()
        world.hub.state.checks = Shares(MAX_CHECKS)  # `cost` drops the effects
        world.hub.state.login_limit = LoginLimit()
        if has_session:
            world.say(link, hello("Mallory", b"M" * 16), Join(1, 0, 0, "lobby"))
        spent = cost(world, link, frame)
        world.hang_up(link)
        world.settle()
        return spent

    for name, frame in frames():
        if least(lambda frame=frame: measure(frame)) >= LIMIT:  # type: ignore[misc]
            expensive.append(name)
    assert not expensive


REQUESTS = {
    "join": Join(1, 0, 0, "lobby"),
    "leave": Leave(1, "lobby"),
    "who": Who(1, "lobby", ""),
    "rename": Rename(1, "Other"),
    "a name whose variants are all taken": Rename(1, "A"),
    "private": Private(1, "A999"),
    "create": Create(1),
    "bye": Bye("x"),
    "a message": Send(2**62, "lobby", "x" * 16_384),
    "a repeated old message": Send(1, "lobby", "x"),
}


@pytest.mark.parametrize("request_", REQUESTS)
def test_no_request_of_a_busy_user_is_expensive(crowd: Crowd, request_: str) -> None:
    def measure() -> float:
        link = crowd.busy()
        return cost(crowd.world, link, encode(REQUESTS[request_]))

    assert least(measure) < LIMIT


@pytest.mark.parametrize("text_size", [1, 60, 1000])
@pytest.mark.parametrize("is_lagging", [False, True])
def test_past_events_are_sent_in_short_pieces(
    tmp_path: Path, text_size: int, is_lagging: bool
) -> None:
    """The answer to HISTORY, and what a connection that lags is sent."""
    history = SqliteHistory(tmp_path / "history.db", fsync=False)
    world = World(history, rate=0.0)
    nova, _ = world.greet("Nova")
    world.say(nova, Join(1, 0, 0, "lobby"))
    for at in range(1, 2001, 500):
        world.say(nova, *[Send(n, "lobby", "x" * text_size) for n in range(at, at + 500)])
    world.feed("lobby").tail.clear()

    def measure() -> float:
        link, _ = world.greet("Maya", b"M" * 16)
        if is_lagging:
            join = Join(1, world.hub.state.shared.rooms["lobby"].log, 1, "lobby")
            world.hub.receive(link, link.reader.feed(encode(join)), world.now)
            batch = world.hub.take_batch()
            assert batch is not None
            history.write([batch])
            world.hub.commit(batch)
        else:
            world.say(link, Join(1, 0, 0, "lobby"))
            request = encode(History(1, 1, 2000, "lobby"))
            world.hub.receive(link, link.reader.feed(request), world.now)
        more, at = True, 0
        while more:
            began = time.thread_time()
            more = world.hub.catch_up()
            pieces[at] = min(pieces.get(at, 1.0), time.thread_time() - began)
            at += 1
        assert at > 3
        world.hub.take_effects()
        world.hang_up(link)
        return max(pieces.values())

    pieces: dict[int, float] = {}  # the smallest cost of each piece so far
    assert least(measure, PIECE_LIMIT) < PIECE_LIMIT
    history.close()


ACTIONS = {
    "kick a user of many rooms": Moderate(1, ModeratorAction.KICK, 0, 0, "lobby", "Busy", "x" * 200),
    "ban": Moderate(1, ModeratorAction.BAN, 0, 60, "lobby", "Pest", "x" * 200),
    "unban": Moderate(1, ModeratorAction.UNBAN, 0, 0, "lobby", "P9", ""),
    "mute": Moderate(1, ModeratorAction.MUTE, 0, 0, "lobby", "A9", ""),
    "title": Moderate(1, ModeratorAction.TITLE, 0, 0, "lobby", "", "x" * 60),
    "clear": Moderate(1, ModeratorAction.CLEAR, 0, 0, "lobby", "", ""),
    "list bans": Bans(1, 0, "lobby"),
}  # fmt: skip


@pytest.mark.parametrize("action", ACTIONS)
def test_no_action_of_a_moderator_is_expensive(crowd: Crowd, action: str) -> None:
    """The lobby has a thousand members, and nearly as many bans and mutes as it can have."""
    world = crowd.world
    owner = crowd.users[0]
    session = owner.session
    lobby = world.hub.state.shared.rooms["lobby"]

    def measure() -> float:
        nonlocal session
        if action.startswith("kick"):
            lobby.rules = None  # the bans below would keep the user out
            world.hub.state.conversation_limit = ConversationLimit()  # not what is measured
            crowd.busy()
        for link in world.links:  # today's clients
            link.features = int(Feature.MODERATION)
        rules = lobby.rules = RoomRules()
        assert session is not None
        rules.moderators[session.id] = None
        text = "x" * 200
        for n in range(MAX_ENTRIES - 1):
            rules.bans[n] = BanRecord(n, 0, n, 3, f"P{n}", "", "A", text)
            rules.mutes[-n] = MuteRecord(n, 0, f"P{n}", "A", text)
        spent = cost(world, owner, encode(ACTIONS[action]))
        crowd._forget()
        return spent

    # Only a moderator can cause a kick, which is an event in each of the user's rooms.
    limit = 2 * LIMIT if action.startswith("kick") else LIMIT
    try:
        assert least(measure, limit) < limit
    finally:
        for link in world.links:
            link.features = 0
        lobby.rules = None
        world.feed("lobby").oldest = 1


def test_closing_a_full_room_is_not_expensive(crowd: Crowd) -> None:
    world = crowd.world
    owner = crowd.users[0]

    def measure() -> float:
        (joined, *_) = world.say(owner, Create(1))
        assert isinstance(joined, Joined)
        code = joined.membership[0].room
        for link in crowd.users[1:]:
            link.up += encode(Join(1, 0, 0, code))
        world.settle()
        crowd._forget()
        assert len(world.hub.state.shared.rooms[code].members) == USERS
        return cost(world, owner, encode(Moderate(1, ModeratorAction.CLOSE, 0, 0, code, "", "")))

    assert least(measure) < LIMIT


SEALED = {"kind": EventKind.SEALED, "algorithms": 1, "epoch": 1, "run": 0, "seen": 0, "view": bytes(32),
          "previous": bytes(32), "key": bytes(64), "check": b"", "wraps": (),
          "ciphertext": bytes(16_384), "signature": bytes(64)}  # fmt: skip


@pytest.mark.parametrize("what", ["a message", "a new secret", "keys", "a list of keys", "a kick"])
def test_no_request_about_a_full_sealed_room_is_expensive(crowd: Crowd, what: str) -> None:
    world = crowd.world
    owner, other = crowd.users[0], crowd.users[1]
    for link in crowd.users[:MAX_SEALED]:
        world.say(link, Device("", 0, bytes(128), b""))
    (joined, *_) = world.say(owner, CreateSealed(1, bytes(16)))
    assert isinstance(joined, Joined)
    code = joined.membership[0].room
    for link in crowd.users[1:MAX_SEALED]:
        link.up += encode(Join(1, 0, 0, code))
    world.settle()
    room = world.hub.state.shared.rooms[code]
    assert len(room.members) == MAX_SEALED
    bundles = {member: n.to_bytes(128, "big") for n, member in enumerate(room.members)}
    wraps = tuple(
        Wrap(short_id(bundle), bytes(32), bytes(32), bytes(32)) for bundle in bundles.values()
    )
    counters = itertools.count(2**50)

    def measure() -> float:
        room.devices = {m: MemberKeys(1, bundle, bytes(32)) for m, bundle in bundles.items()}
        room.epoch = 1
        sealed = Sealed(**SEALED)  # type: ignore[arg-type]
        if what == "a new secret":
            rekey = {"kind": EventKind.REKEY, "epoch": 2, "wraps": wraps, "ciphertext": bytes(200)}
            sealed = dataclasses.replace(sealed, check=bytes(16), **rekey)  # type: ignore[arg-type]
        request = {
            "keys": Device(code, 1, bytes(128), bytes(32)),
            "a list of keys": DeviceList(1, code, ""),
            "a kick": Moderate(1, ModeratorAction.KICK, 0, 0, code, "A2", "x" * 200),
        }.get(what) or SealedSend(next(counters), code, (sealed,))
        spent = cost(world, owner, encode(request))
        if what == "a kick":
            world.say(other, Join(1, 0, 0, code))
        crowd._forget()
        return spent

    # A REKEY of a full room has 200 records; the rate limit counts it as 48 frames.
    assert next((True for _ in range(TRIES) if measure() < LIMIT), False)
