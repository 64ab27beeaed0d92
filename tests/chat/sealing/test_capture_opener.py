"""Captured messages, with the right secret and with others."""

from __future__ import annotations

from netchat.chat.sealing.capture_opener import CaptureOpener
from netchat.wire import EventKind, SealedEvent, SealedSend, SealedText
from tests.chat.sealing.members import LOG, SECRET, Member, Relay


def test_messages_open_with_the_secret_of_their_epoch():
    ann, bob = Member("Ann"), Member("Bob")
    relay = Relay(ann, bob)
    relay.notice(EventKind.JOIN, "Ann")
    relay.say(ann, "one")
    relay.rekey(ann, bob)
    relay.say(bob, "two")
    assert bob.room.keys is not None
    opener = CaptureOpener([bob.room.keys.secret, SECRET])
    events = [event for event in relay.log if isinstance(event, SealedEvent)]
    assert [opener.open(event, LOG) for event in events] == [
        SealedText("Ann", "one"),
        SealedText("Ann", ""),
        SealedText("Bob", "two"),
    ]
    first, _, last = events
    assert CaptureOpener([SECRET]).open(last, LOG) == "none of the given secrets opens epoch 2"
    assert opener.open(first, LOG + 1) == "the signature is invalid"
    assert opener.open(SealedSend(1, "R", ()), LOG) == "the message is empty"
    sent = SealedSend(first.counter, "R", first.sealed)
    assert opener.open(sent, LOG) == SealedText("Ann", "one")


def test_the_first_secret_of_a_private_room_has_no_text():
    ann, bob = (Member(name, is_private=True) for name in ("Ann", "Bob"))
    relay = Relay(ann, bob)
    relay.rekey(ann, bob)
    (rekey,) = relay.log
    assert isinstance(rekey, SealedEvent)
    found = CaptureOpener([SECRET]).open(rekey, LOG)
    assert found == "the first secret of a private room has no text"
