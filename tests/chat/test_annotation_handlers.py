"""Edits, deletions, replies and reactions on a server: rights, form, and what the history keeps."""

from __future__ import annotations

import pytest

from netchat.chat import commands as c
from netchat.chat.apply import apply
from netchat.chat.outcomes import Reason, Rejected
from netchat.chat.persistence import EditRow, EventErased
from netchat.errors import HistoryError
from netchat.net.history.memory_history import MemoryHistory
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import (
    Ack,
    Annotate,
    Create,
    CreateSealed,
    Device,
    Error,
    ErrorCode,
    EventKind,
    Feature,
    Hello,
    History,
    HistoryEnd,
    Join,
    Leave,
    Moderate,
    ModeratorAction,
    Private,
    Sealed,
    SealedSend,
    Send,
    Welcome,
    Wrap,
)
from tests.chat.file_world import FileWorld, sha256
from tests.chat.test_account_handlers import entering, registered
from tests.chat.test_apply import begun, event
from tests.chat.test_file_service import DATA, offer, send
from tests.chat.world import World, refusal

ALL = Feature.MODERATION | Feature.FILES | Feature.ANNOTATIONS
KEYS = b"k" * 128


@pytest.fixture(params=["memory", "disk"])
def world(request, tmp_path):
    if request.param == "memory":
        yield World(accounts="optional")
        return
    history = SqliteHistory(tmp_path / "history.db", fsync=False)
    yield World(history, accounts="optional")
    history.close()


def enter(world, name="Nova", features=ALL, room="lobby"):
    link = world.link()
    world.say(link, Hello(features, name.encode().ljust(16, b"."), b"", name, "t", ()))
    world.say(link, Join(1, 0, 0, room))
    return link


def post(world, link, *texts, room="lobby"):
    """Send messages; return the sequence numbers of their events."""
    link.counter = getattr(link, "counter", 0)
    found = []
    for text in texts:
        link.counter += 1
        (echo,) = world.say(link, Send(link.counter, room, text))
        found.append(echo.seq)
    return found


def annotate(world, link, kind, target, text="", room="lobby"):
    link.counter = getattr(link, "counter", 0) + 1
    return world.say(link, Annotate(link.counter, kind, target, room, text))


def history(world, link, room="lobby"):
    *events, end = world.say(link, History(9, 1, 100, room))
    assert isinstance(end, HistoryEnd)
    return [(e.kind, e.sender, e.text) for e in events if e.device]


def test_every_kind_is_an_event_of_the_room(world):
    nova, bo = enter(world), enter(world, "Bo")
    (first,) = post(world, nova, "frist")
    bo.take()
    answers = [
        *annotate(world, nova, EventKind.EDIT, first, "first"),
        *annotate(world, nova, EventKind.REPLY, first, "indeed"),
        *annotate(world, nova, EventKind.REACTION, first, "+👍"),
    ]
    expected = [
        (EventKind.EDIT, f"{first}\nfirst"),
        (EventKind.REPLY, f"{first}\nindeed"),
        (EventKind.REACTION, f"{first}\n+👍"),
    ]
    assert [(e.kind, e.text) for e in answers] == expected
    assert bo.take() == answers
    assert history(world, bo) == [
        (EventKind.CHAT, "Nova", "frist"),
        *((kind, "Nova", text) for kind, text in expected),
    ]


def test_a_deletion_erases_the_message_and_its_edits(world):
    nova, bo = enter(world), enter(world, "Bo")
    first, second = post(world, nova, "secret", "other")
    annotate(world, nova, EventKind.EDIT, first, "secret too")
    annotate(world, nova, EventKind.EDIT, second, "kept")
    (answer,) = annotate(world, nova, EventKind.DELETE, first)
    assert (answer.kind, answer.text) == (EventKind.DELETE, str(first))
    assert history(world, bo) == [
        (EventKind.ERASED, "Nova", ""),
        (EventKind.CHAT, "Nova", "other"),
        (EventKind.ERASED, "Nova", ""),
        (EventKind.EDIT, "Nova", f"{second}\nkept"),
        (EventKind.DELETE, "Nova", str(first)),
    ]
    # A member who comes later, and one who lags, get nothing else.
    assert not world.feed("lobby").tail.after(0, 1000)
    assert "secret" not in str(history(world, enter(world, "Late")))
    assert refusal(annotate(world, nova, EventKind.DELETE, first))[0] == ErrorCode.NO_SUCH_MESSAGE
    assert (
        refusal(annotate(world, nova, EventKind.REACTION, first, "+x"))[0]
        == ErrorCode.NO_SUCH_MESSAGE
    )


def test_nothing_deleted_stays_in_the_file(tmp_path):
    disk = SqliteHistory(tmp_path / "history.db", fsync=False)
    world = World(disk)
    nova = enter(world)
    (first,) = post(world, nova, "a very secret text")
    annotate(world, nova, EventKind.EDIT, first, "another very secret text")
    annotate(world, nova, EventKind.DELETE, first)
    disk.close()
    data = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"very secret" not in data


@pytest.mark.parametrize(
    ("kind", "target", "text", "code"),
    [
        (EventKind.CHAT, 2, "x", ErrorCode.NOT_POSSIBLE),
        (EventKind.FILE, 2, "x", ErrorCode.NOT_POSSIBLE),
        (99, 2, "x", ErrorCode.NOT_POSSIBLE),
        (EventKind.EDIT, 0, "x", ErrorCode.NO_SUCH_MESSAGE),
        (EventKind.EDIT, 1, "x", ErrorCode.NO_SUCH_MESSAGE),  # Nova's JOIN
        (EventKind.EDIT, 3, "x", ErrorCode.NO_SUCH_MESSAGE),
        (EventKind.EDIT, 2**64 - 1, "x", ErrorCode.NO_SUCH_MESSAGE),
        (EventKind.EDIT, 2, "", ErrorCode.TEXT_NOT_ALLOWED),
        (EventKind.EDIT, 2, "\x1b[2J", ErrorCode.TEXT_NOT_ALLOWED),
        (EventKind.REPLY, 2, "x" * 20_000, ErrorCode.TEXT_TOO_LONG),
        (EventKind.DELETE, 2, "x", ErrorCode.TEXT_NOT_ALLOWED),
        (EventKind.REACTION, 2, "x", ErrorCode.TEXT_NOT_ALLOWED),
        (EventKind.REACTION, 2, "+a b", ErrorCode.TEXT_NOT_ALLOWED),
        (EventKind.REACTION, 2, "+" + "x" * 17, ErrorCode.TEXT_NOT_ALLOWED),
    ],
)
def test_wrong_fields_are_refused(kind, target, text, code):
    world = World()
    nova = enter(world)
    assert post(world, nova, "hi") == [2]
    answer = annotate(world, nova, kind, target, text)
    assert refusal(answer) == (code, Annotate.TYPE, 2)
    assert world.feed("lobby").delivered == 2


def test_only_senders_edit_and_delete(world):
    nova, bo = enter(world), enter(world, "Bo")
    (first,) = post(world, nova, "mine")
    for kind, text in ((EventKind.EDIT, "yours"), (EventKind.DELETE, "")):
        (error,) = annotate(world, bo, kind, first, text)
        assert error.code == ErrorCode.NOT_ALLOWED
        assert "Only its sender" in error.text
    assert annotate(world, bo, EventKind.REPLY, first, "yours")[0].kind == EventKind.REPLY


def test_an_edit_does_not_apply_to_other_events(world):
    nova = enter(world)
    (first,) = post(world, nova, "hi")
    (edit,) = annotate(world, nova, EventKind.EDIT, first, "ho")
    (reply,) = annotate(world, nova, EventKind.REPLY, first, "ha")
    assert (
        refusal(annotate(world, nova, EventKind.EDIT, edit.seq, "x"))[0]
        == ErrorCode.NO_SUCH_MESSAGE
    )
    assert annotate(world, nova, EventKind.EDIT, reply.seq, "hi")[0].kind == EventKind.EDIT


def test_a_moderator_deletes_messages_of_others_but_does_not_edit_them(world):
    nova, bo = enter(world), enter(world, "Bo")
    (joined,) = (m for m in world.say(nova, Create(2)) if hasattr(m, "membership"))
    room = joined.membership[0].room
    world.say(bo, Join(2, 0, 0, room))
    (first,) = post(world, bo, "rude", room=room)
    assert (
        refusal(annotate(world, nova, EventKind.EDIT, first, "nice", room))[0]
        == ErrorCode.NOT_ALLOWED
    )
    (event_,) = annotate(world, nova, EventKind.DELETE, first, "", room)
    assert (event_.kind, event_.sender) == (EventKind.DELETE, "Nova")
    assert history(world, bo, room)[0] == (EventKind.ERASED, "Bo", "")


def test_another_device_of_an_account_may_edit(world):
    user = registered(world)
    user.core.say("lobby", "from here")
    world.settle()
    seq = user.events()[-1].seq
    other = entering(world, "Nova")
    other.core.annotate("lobby", EventKind.EDIT, seq, "from there")
    world.settle()
    assert other.events()[-1].text == f"{seq}\nfrom there"


def test_a_reconnected_guest_may_edit(world):
    user = world.user("Nova", "lobby")
    user.core.say("lobby", "before")
    world.drop(user, up=10_000)
    world.connect(user)
    world.settle()
    user.core.annotate("lobby", EventKind.EDIT, user.events()[-1].seq, "after")
    world.drop(user)  # lost with the connection
    world.connect(user)
    world.settle()
    assert user.texts()[-1].endswith("\nafter")
    assert not user.core.unsent


def test_an_account_does_not_own_what_a_guest_of_its_name_has_said(world):
    guest = world.user("Nova", "lobby")
    guest.core.say("lobby", "as a guest")
    world.settle()
    seq = guest.events()[-1].seq
    guest.core.bye()
    world.settle()
    world.tick(1)
    user = world.user("Nova", "lobby")
    user.core.register("correct horse battery")
    world.settle()
    user.core.annotate("lobby", EventKind.EDIT, seq, "forged")
    world.settle()
    assert not user.core.unsent
    assert all("forged" not in text for text in user.texts())


def test_a_request_is_repeated_safely(world):
    nova = enter(world)
    (first,) = post(world, nova, "hi")
    (edit,) = annotate(world, nova, EventKind.EDIT, first, "ho")
    again = world.say(nova, Annotate(nova.counter, EventKind.EDIT, first, "lobby", "ho"))
    assert again == [Ack(nova.counter, edit.seq, "lobby")]
    huge = world.say(nova, Annotate(2**63, EventKind.EDIT, first, "lobby", "ho"))
    assert refusal(huge)[0] == ErrorCode.OUT_OF_ORDER


def test_only_members_of_a_room_annotate(world):
    nova = enter(world)
    (first,) = post(world, nova, "hi")
    world.say(nova, Leave(2, "lobby"))
    assert refusal(annotate(world, nova, EventKind.EDIT, first, "x"))[0] == ErrorCode.NOT_A_MEMBER


def test_muted_members_and_read_only_rooms(world):
    nova, bo = enter(world), enter(world, "Bo")
    (joined,) = (m for m in world.say(nova, Create(2)) if hasattr(m, "membership"))
    room = joined.membership[0].room
    world.say(bo, Join(2, 0, 0, room))
    (first,) = post(world, bo, "hi", room=room)
    world.say(nova, Moderate(3, ModeratorAction.MUTE, 0, 60, room, "Bo", ""))
    bo.take()
    assert refusal(annotate(world, bo, EventKind.EDIT, first, "x", room))[0] == ErrorCode.MUTED
    world.say(nova, Moderate(4, ModeratorAction.READ_ONLY, 0, 0, room, "", ""))
    world.say(nova, Moderate(5, ModeratorAction.UNMUTE, 0, 0, room, "Bo", ""))
    bo.take()
    assert (
        refusal(annotate(world, bo, EventKind.REACTION, first, "+x", room))[0]
        == ErrorCode.READ_ONLY
    )


def test_sealed_rooms_take_sealed_annotations_only():
    world = World()
    nova = enter(world, features=ALL | Feature.SEALED)
    world.say(nova, Device("", 0, KEYS, b""))
    joined = world.say(nova, CreateSealed(2, b"c" * 16))[0]
    room = joined.membership[0].room
    answer = annotate(world, nova, EventKind.EDIT, 1, "x", room)
    assert refusal(answer)[0] == ErrorCode.NOT_SEALED


def test_a_sealed_message_is_not_for_the_server(world):
    nova = enter(world, features=ALL | Feature.SEALED)
    bo = enter(world, "Bo", ALL | Feature.SEALED)
    world.say(nova, Device("", 0, KEYS, b""))
    world.say(bo, Device("", 0, KEYS, b""))
    room = private_room(world, nova)
    sealed = Sealed(
        EventKind.SEALED, 1, 1, 1, 0, b"", b"", b"k" * 64, b"", (), b"ciphertext", b"s" * 64
    )
    rekey = Sealed(
        EventKind.REKEY, 1, 1, 1, 0, b"", b"", b"k" * 64, b"c" * 16,
        (Wrap(1, b"e" * 32, b"s" * 32, b"p" * 32),), b"ciphertext", b"s" * 64,
    )  # fmt: skip
    world.say(nova, SealedSend(1, room, (rekey,)))
    (echo,) = world.say(nova, SealedSend(2, room, (sealed,)))
    nova.counter = 2
    answer = annotate(world, nova, EventKind.EDIT, echo.seq, "x", room)
    assert refusal(answer)[0] == ErrorCode.NO_SUCH_MESSAGE


def private_room(world, nova, name="Bo"):
    joined = world.say(nova, Private(3, name))[0]
    return joined.membership[0].room


def test_a_conversation_that_can_be_sealed_is_not_erased(world):
    nova, bo = enter(world), enter(world, "Bo")
    room = private_room(world, nova)
    first, second = post(world, nova, "erased", "kept", room=room)
    annotate(world, nova, EventKind.DELETE, first, "", room)
    world.say(bo, Device("", 0, KEYS, b""))
    annotate(world, nova, EventKind.DELETE, second, "", room)
    assert [text for kind, _, text in history(world, bo, room) if kind != EventKind.DELETE] == [
        "",
        "kept",
    ]
    world.say(bo, Leave(9, room))
    nova.take()
    answer = annotate(world, nova, EventKind.EDIT, second, "x", room)
    assert refusal(answer)[0] == ErrorCode.NO_SUCH_USER


def test_deleting_an_offer_deletes_the_file():
    world = FileWorld()
    try:
        nova = enter(world)
        send(world, nova)
        offer(world, nova)
        nova.counter = 1
        seq = world.feed("lobby").delivered
        assert world.hub.state.files.catalog.get(world.feed("lobby").room.log, sha256(DATA))
        answer = annotate(world, nova, EventKind.EDIT, seq, "x")
        assert refusal(answer)[0] == ErrorCode.NO_SUCH_MESSAGE
        annotate(world, nova, EventKind.DELETE, seq)
        world.settle()
        log = world.feed("lobby").room.log
        assert world.hub.state.files.catalog.get(log, sha256(DATA)) is None
        world.hub.state.files.erase(log, sha256(DATA))  # once more is no error
    finally:
        world.close()


def test_a_damaged_history_is_reported():
    class Damaged(MemoryHistory):
        def read(self, room, first, last, max_bytes):
            raise HistoryError("damaged")

    world = World(Damaged())
    nova = enter(world)
    post(world, nova, "hi")
    answer = annotate(world, nova, EventKind.EDIT, 2, "ho")
    assert refusal(answer) == (ErrorCode.STORAGE, Annotate.TYPE, 2)
    assert "storage" in [note.event for note in world.notes]


def test_damaged_counters_are_reported():
    class Damaged(MemoryHistory):
        def last_counter(self, room, device):
            raise HistoryError("damaged")

    world = World(Damaged())
    nova = enter(world)
    assert refusal(annotate(world, nova, EventKind.EDIT, 2, "ho"))[0] == ErrorCode.STORAGE


def test_old_clients_get_chat_events(world):
    nova = enter(world)
    old = enter(world, "Old", Feature.MODERATION | Feature.FILES)
    (first,) = post(world, nova, "hi")
    old.take()
    annotate(world, nova, EventKind.EDIT, first, "ho")
    annotate(world, nova, EventKind.REPLY, first, "ha")
    annotate(world, nova, EventKind.REACTION, first, "+👍")
    annotate(world, nova, EventKind.DELETE, first)
    expected = [
        f"(edited message {first}) ho",
        f"(reply to message {first}) ha",
        f"(reacted to message {first}) 👍",
        f"(deleted message {first})",
    ]
    events = old.take()
    assert [(e.kind, e.sender, e.text) for e in events] == [
        (EventKind.CHAT, "Nova", text) for text in expected
    ]
    assert [e.device for e in events] == [nova.session.device] * 4
    shown = [text for _, _, text in history(world, old)]
    assert shown == ["(deleted)", "(deleted)", *expected[1:]]


def test_welcome_says_what_the_server_supports():
    world = World()
    (welcome,) = world.say(world.link(), Hello(ALL, b"d" * 16, b"", "Nova", "t", ()))
    assert isinstance(welcome, Welcome)
    assert welcome.features & Feature.ANNOTATIONS


# -- the state machine ----------------------------------------------------------------------------


def posted(state, kind, seq, text="", *, session=2, counter=5, is_own=1, sha=b"", room="lobby"):
    command = c.PostAnnotation(session, 1, counter, 0, 9, kind, seq, is_own, room, text, sha)
    return apply(state, command)


def test_commands_give_events_and_what_to_store():
    state = begun()
    edit = posted(state, EventKind.EDIT, 1, "new")
    assert event(edit) == (EventKind.EDIT, "Nova", "1\nnew")
    room = state.rooms["lobby"]
    assert edit[1] == EditRow(room.id, 1, room.head)
    assert len(posted(state, EventKind.REACTION, 1, "+x", counter=6)) == 1
    assert posted(state, EventKind.DELETE, 1, counter=7, sha=b"h")[1] == EventErased(
        room.id, 1, b"h"
    )
    assert room.counters[1] == 7


@pytest.mark.parametrize(
    ("kind", "seq", "is_own", "reason"),
    [
        (EventKind.EDIT, 0, 1, Reason.NO_SUCH_MESSAGE),
        (EventKind.EDIT, 99, 1, Reason.NO_SUCH_MESSAGE),
        (EventKind.CHAT, 1, 1, Reason.NO_SUCH_MESSAGE),
        (99, 1, 1, Reason.NO_SUCH_MESSAGE),
        (EventKind.EDIT, 1, 0, Reason.NOT_ALLOWED),
        (EventKind.DELETE, 1, 0, Reason.NOT_ALLOWED),
    ],
)
def test_invalid_commands_change_nothing(kind, seq, is_own, reason):
    state = begun()
    before = state.digest()
    assert posted(state, kind, seq, "x", is_own=is_own) == Rejected(reason)
    assert state.digest() == before


def test_a_right_that_has_ended_in_the_meantime(world):
    """In a cluster, commands before this one may have changed the sender's rights."""
    from netchat.chat.annotation_handlers import _answered

    nova = enter(world)
    session = nova.session
    message = Annotate(4, EventKind.DELETE, 2, "lobby", "")
    for reason, code in (
        (Reason.NOT_ALLOWED, ErrorCode.NOT_ALLOWED),
        (Reason.NOT_A_MEMBER, ErrorCode.NOT_A_MEMBER),
        (Reason.REPEATED, None),
        (Reason.NO_SUCH_MESSAGE, ErrorCode.NO_SUCH_USER),
    ):
        command = c.PostAnnotation(session.id, 1, 4, 0, 9, message.kind, 2, 0, "lobby", "", b"")
        nova.take()
        _answered(world.hub.state, nova, message, command, Rejected(reason))
        world._carry_out()
        world.settle()
        answers = nova.take()
        errors = [answer.code for answer in answers if isinstance(answer, Error)]
        assert errors == ([code] if code else [ErrorCode.OUT_OF_ORDER])


def test_events_of_both_histories_are_the_same(tmp_path):
    disk = SqliteHistory(tmp_path / "history.db", fsync=False)
    worlds = World(), World(disk)
    seen = []
    for world in worlds:
        nova = enter(world)
        first, second = post(world, nova, "a", "b")
        annotate(world, nova, EventKind.EDIT, first, "c")
        annotate(world, nova, EventKind.DELETE, first)
        annotate(world, nova, EventKind.REPLY, second, "d")
        seen.append(history(world, nova))
    disk.close()
    assert seen[0] == seen[1]
