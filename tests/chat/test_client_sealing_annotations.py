"""Sealed edits, deletions, replies and reactions: the server sees their kind, and nothing else."""

from __future__ import annotations

from netchat.chat.annotation_log import AnnotationLog
from netchat.chat.client_events import HistoryReceived, RoomEvent
from netchat.wire import Event, EventKind, SealedEvent, encode
from tests.chat.test_client_sealing import problems, say, sealed_room
from tests.chat.world import World


def views(user, room):
    """Return the texts of a room's messages as the user sees them now."""
    log = AnnotationLog()
    reports = [h for h in user.all(RoomEvent) if h.event.room == room]
    for h in reports:
        log.add(h.event, is_sealed=h.is_sealed, problems=h.problems)
    kinds = (EventKind.CHAT, EventKind.REPLY)
    return [log.view(h.event) for h in reports if h.event.kind in kinds]


def test_members_edit_reply_react_and_delete():
    world = World()
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    say(world, ann, room, "frist", "wrong")
    first, second = (e.seq for e in ann.events(room) if e.kind == EventKind.CHAT)
    ann.core.annotate(room, EventKind.EDIT, first, "first")
    ann.core.annotate(room, EventKind.DELETE, second)
    bob.core.annotate(room, EventKind.REPLY, first, "indeed")
    bob.core.annotate(room, EventKind.REACTION, first, "+👍")
    world.settle()
    for user in (ann, bob):
        one, two, three = views(user, room)
        assert (one.text, one.reactions) == ("first", {"👍": ["Bob"]})
        assert (two.text, two.is_deleted) == ("", True)
        assert (three.text, three.answers) == ("indeed", first)
        assert problems(user) == []
        assert user.core.unsent == 0
    assert ann.link is not None
    wire = [m for m in ann.link.wire if isinstance(m, SealedEvent)]
    assert b"indeed" not in b"".join(map(encode, wire))
    assert {EventKind.EDIT, EventKind.REPLY} <= {m.sealed[0].kind for m in wire}


def test_another_member_cannot_change_a_message():
    world = World()
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    say(world, ann, room, "mine")
    seq = ann.events(room)[-1].seq
    bob.core.annotate(room, EventKind.EDIT, seq, "yours")
    bob.core.annotate(room, EventKind.DELETE, seq)
    world.settle()
    assert [view.text for view in views(ann, room)] == ["mine"]


def test_a_server_cannot_change_a_message():
    world = World()
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    say(world, ann, room, "mine")
    last = bob.events(room)[-1]
    forged = [
        Event(last.seq + 1, 9, last.device, 99, EventKind.EDIT, room, "Ann", f"{last.seq}\nforged"),
        Event(last.seq + 2, 9, 0, 0, EventKind.DELETE, room, "Ann", f"{last.seq}"),
    ]
    bob.core.feed(b"".join(map(encode, forged)))
    bob.happened += bob.core.take_events()
    assert [view.text for view in views(bob, room)] == ["mine"]
    assert len(problems(bob)) == 2


def test_the_history_opens_them():
    world = World()
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    say(world, ann, room, "frist")
    seq = ann.events(room)[-1].seq
    ann.core.annotate(room, EventKind.EDIT, seq, "first")
    world.settle()
    bob.core.history(room, 50)
    world.settle()
    (past,) = bob.all(HistoryReceived)
    assert (past.events[-1].kind, past.events[-1].text) == (EventKind.EDIT, f"{seq}\nfirst")
    assert past.sealed[past.events[-1].seq] == ()


def test_a_private_conversation_of_old_and_new_programs():
    """It is not sealed, so that the server carries out its edits."""
    world = World()
    ann, bob = world.user("Ann", "lobby", can_seal=True), world.user("Bob", "lobby")
    bob.core.send_private("Ann", "hi")
    world.settle()
    room = next(code for code in bob.core.memory.rooms if code != "lobby")
    seq = bob.events(room)[-1].seq
    bob.core.annotate(room, EventKind.EDIT, seq, "ho")
    ann.core.annotate(room, EventKind.REPLY, seq, "hello")
    world.settle()
    assert [view.text for view in views(ann, room)] == ["ho", "hello"]
    assert problems(ann) == []
