import copy
import dataclasses
import pickle

import pytest

from netchat.errors import EncodeError
from netchat.wire import (
    MESSAGES,
    Hello,
    HistoryEnd,
    Member,
    Message,
    Ping,
    Position,
    Record,
    Roster,
    Send,
    Way,
    Welcome,
    encode,
)
from netchat.wire import fields as wire
from netchat.wire.declare import message

HELLO = Hello(0, bytes(16), b"", "Ada", "test", ())
ROSTER = Roster(1, 0, 0, "lobby", ())


def test_declared_class_is_frozen_and_slotted():
    with pytest.raises(dataclasses.FrozenInstanceError):
        HELLO.name = "Bo"
    with pytest.raises(dataclasses.FrozenInstanceError):
        del HELLO.name
    assert HELLO.name == "Ada"
    assert not hasattr(HELLO, "__dict__")


def test_messages_behave_like_frozen_dataclasses():
    one, same, other = Member("Bo", 1), Member("Bo", 1), Member("Bo", 0)
    twin = dataclasses.make_dataclass("Twin", ["name", "away"], frozen=True)("Bo", 1)
    assert one == same
    assert one != other
    assert one != twin
    assert hash(one) == hash(same) == hash(twin)
    assert repr(one) == repr(twin).replace("Twin", "Member")
    assert dataclasses.replace(other, away=1) == one
    assert dataclasses.asdict(one) == dataclasses.asdict(twin)
    for copied in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert type(copied) is Member
        assert copied == one


def test_a_received_message_is_frozen_and_equals_the_one_that_was_sent():
    received, _ = Hello.read(HELLO.encode(), 0)
    assert received == HELLO
    assert hash(received) == hash(HELLO)
    with pytest.raises(dataclasses.FrozenInstanceError):
        received.name = "Bo"


def test_declaring_registers():
    assert MESSAGES[0x24] is HistoryEnd
    assert (HistoryEnd.TYPE, HistoryEnd.NAME, HistoryEnd.WAY) == (
        0x24,
        "HISTORY_END",
        Way.TO_CLIENT,
    )
    assert Ping.WAY == Way.BOTH


def test_number_can_be_given_once():
    with pytest.raises(ValueError, match="0x20 is already SEND"):

        @message(0x20, Way.BOTH)
        class Again(Message):
            number: int = wire.u8("-")


@pytest.mark.parametrize("base", [Record, Message])
def test_undeclared_cannot_be_used(base):
    with pytest.raises(NotImplementedError):
        base().encode()
    with pytest.raises(NotImplementedError):
        base.read(b"", 0)


@pytest.mark.parametrize(
    ("value", "changes", "sentence"),
    [
        (HELLO, {"features": 2**32}, "Hello.features = 4294967296 does not fit into u32"),
        (HELLO, {"features": -1}, "Hello.features = -1 does not fit into u32"),
        (HELLO, {"features": 1.5}, "Hello.features = 1.5 does not fit into u32"),
        (HELLO, {"features": "1"}, "Hello.features = '1' does not fit into u32"),
        (HELLO, {"features": 10**100}, "does not fit into u32"),
        (HELLO, {"device": "key"}, "Hello.device must be bytes, not str"),
        (HELLO, {"device": (1, 2)}, "Hello.device must be bytes, not tuple"),
        (HELLO, {"device": None}, "Hello.device must be bytes, not NoneType"),
        (HELLO, {"name": b"Ada"}, "Hello.name must be text, not bytes"),
        (HELLO, {"name": None}, "Hello.name must be text, not NoneType"),
        (HELLO, {"name": "A\ud800"}, "Hello.name holds a lone surrogate at character 1"),
        (HELLO, {"name": "a" * 65536}, "Hello.name is 65536 long; its length field holds at most 65535"),
        (HELLO, {"name": "é" * 32768}, "Hello.name is 65536 long"),
        (HELLO, {"positions": None}, "Hello.positions must be a tuple of records, not NoneType"),
        (HELLO, {"positions": b"ab"}, "Hello.positions must be a tuple of records, not bytes"),
        (HELLO, {"positions": ("x",)}, r"Hello.positions\[0\] must be a Position, not str"),
        (HELLO, {"positions": (Position("r", 0, 0), 7)}, r"Hello.positions\[1\] must be a Position, not int"),
        (HELLO, {"positions": (Position("r", 0, -1),)}, "Position.last = -1 does not fit into u64"),
        (ROSTER, {"members": (Member("a", 0),) * 65536}, "Roster.members has 65536 items; at most 500"),
    ],
)  # fmt: skip
def test_an_invalid_value_is_named(value, changes, sentence):
    with pytest.raises(EncodeError, match=sentence):
        encode(dataclasses.replace(value, **changes))


def test_longest_that_fits():
    longest = Send(2**64 - 1, "r", "a" * 65535)
    assert Send.read(longest.encode(), 0)[0] == longest


def test_a_bool_is_a_number():
    fields = {f.name: 0 for f in wire.fields_of(Welcome)}
    fields |= {"token": b"", "name": "", "software": "", "rooms": (), "resumed": True}
    read, _ = Welcome.read(Welcome(**fields).encode(), 0)
    assert read.resumed == 1
