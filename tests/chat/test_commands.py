"""Encoding of commands, and errors for bytes that encode no command."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.chat.commands import (
    COMMANDS,
    ChatCommand,
    ExpireServer,
    JoinRoom,
    Post,
    decode_command,
    encode_command,
)
from netchat.errors import CommandError, EncodeError
from netchat.wire import Sealed, fields_of
from netchat.wire.fields import BLOB, LIST, TEXT, U32
from tests.wire.strategies import instances

KINDS = {
    TEXT: st.text(max_size=20),
    BLOB: st.binary(max_size=40),
    U32: st.integers(0, 2**32 - 1),
    LIST: st.lists(instances(Sealed), max_size=1).map(tuple),
}


@st.composite
def commands(draw: st.DrawFn) -> ChatCommand:
    """Return any command."""
    kind = draw(st.sampled_from(list(COMMANDS.values())))
    number = st.integers(0, 2**63 - 1)
    return kind(*(draw(KINDS.get(field.kind, number)) for field in fields_of(kind)))


@given(commands())
def test_commands_survive_encoding(command):
    assert decode_command(encode_command(command)) == command


@given(st.binary(max_size=60))
def test_other_bytes_raise_an_error_or_are_the_encoding_of_a_command(data):
    for prefix in (b"", b"\x01", bytes((1, 1 + len(data) % len(COMMANDS)))):
        try:
            command = decode_command(prefix + data)
        except CommandError:
            continue
        assert encode_command(command) == prefix + data


def test_the_encoding_stays_the_same():
    data = encode_command(Post(2, 1, 5, 4, 1_700_000_000_000_000, "lobby", "hi"))
    assert data.hex() == (
        "010b00000000000000020000000000000001000000000000000500000000000000040006"
        "0a24181e400000056c6f6262790002" + b"hi".hex()
    )
    assert {number: kind.__name__ for number, kind in COMMANDS.items()} == {
        1: "OpenSession",
        2: "ResumeSession",
        3: "ConfirmToken",
        4: "Disconnect",
        5: "EndSession",
        6: "RenameSession",
        7: "CreateRoom",
        8: "OpenConversation",
        9: "JoinRoom",
        10: "LeaveRoom",
        11: "Post",
        12: "DeleteRoom",
        13: "RotateCounters",
        14: "CreateLobby",
        15: "StartServer",
        16: "ExpireServer",
        30: "RegisterAccount",
        31: "OpenAccountSession",
        32: "SetPassword",
        33: "EndLogin",
        34: "RemoveAccount",
        35: "SetRole",
        36: "AddInvitation",
        40: "ModerateRoom",
        50: "PostSealed",
        51: "CreateSealedRoom",
        52: "PublishDevice",
        60: "OfferFile",
        70: "PostAnnotation",
    }


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "at least 2 bytes, got 0"),
        (b"\x02\x01", "command version 2 is not supported, only 1"),
        (b"\x01\xff", "command type 255 is unknown"),
        (encode_command(JoinRoom(1, 1, 2, "lobby"))[:-1], "JoinRoom: room at byte 24 says it is 5"),
        (encode_command(JoinRoom(1, 1, 2, "lobby")) + b"!", "JoinRoom: 1 byte is left over"),
        (encode_command(JoinRoom(1, 1, 2, "lobby"))[:-1] + b"\xff", "room is not valid UTF-8"),
        (encode_command(ExpireServer(2**63)), "ExpireServer.server must be below 2^63"),
    ],
)
def test_the_error_names_the_problem(data, problem):
    with pytest.raises(CommandError) as caught:
        decode_command(data)
    assert problem in str(caught.value)


def test_values_that_do_not_fit_are_not_encoded():
    with pytest.raises(EncodeError, match=r"JoinRoom\.time"):
        encode_command(JoinRoom(1, 1, -1, "lobby"))
