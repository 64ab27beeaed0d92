"""Every kind of bad input over real TCP: a named error to its sender, a line on the console.

All of it is sent to one server, and a member of its lobby must not be affected.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import pytest

from netchat import wire
from netchat.wire import (
    Bans,
    Bye,
    CreateSealed,
    Device,
    DeviceList,
    ErrorCode,
    Event,
    Hello,
    Join,
    Login,
    Logout,
    Message,
    Moderate,
    Password,
    Ping,
    Pong,
    Register,
    Rename,
    SealedSend,
    Send,
    encode,
    seal,
)
from tests.end_to_end.processes import Server
from tests.end_to_end.raw import RawClient

HELLO = encode(Hello(0, bytes(16), b"", "Villain", "raw", ()))


def _with(frame: bytes, at: int, value: bytes, *, sealed: bool = True) -> bytes:
    """Return a frame with other bytes at an offset; its CRC is recomputed by default."""
    changed = frame[:at] + value + frame[at + len(value) :]
    if not sealed:
        return changed
    return changed[:12] + wire.checksum(changed).to_bytes(4, "big") + changed[16:]


#: Sent bytes, and the expected error.
BROKEN = {
    "magic": (b"GET / HTTP/1.1\r\n\r\n", "BadMagic"),
    "version": (_with(HELLO, 2, b"\x02"), "BadVersion: this is NCP version 2"),
    "type": (_with(HELLO, 3, b"\xee"), "UnknownType: frame type 0xee"),
    "flags": (_with(HELLO, 4, b"\x00\x01"), "UnknownFlags: flags 0x0001"),
    "reserved": (_with(HELLO, 7, b"\x09"), "reserved 9"),
    "crc": (_with(HELLO, 12, b"\0\0\0\0", sealed=False), "BadChecksum: HELLO frame"),
    "payload": (_with(HELLO, 30, b"\xff", sealed=False), "BadChecksum"),
    "too long": (_with(HELLO, 8, b"\x00\x01\x00\x00"), "FrameTooLarge"),
    "gigantic": (_with(HELLO, 8, b"\xff\xff\xff\xff")[:16], "FrameTooLarge"),
}

#: The same with invalid bodies: of the first message, and of a later one.
BODY, NAME = HELLO[16:], 28
BROKEN_FIRST = BROKEN | {
    "body too short": (seal(Hello.TYPE, BODY[:-3]), "BadBody: HELLO"),
    "body too long": (seal(Hello.TYPE, BODY + b"rest"), "4 bytes are left over"),
    "text too long": (
        seal(Hello.TYPE, BODY[:NAME] + b"\xff\xff" + BODY[NAME + 2 :]),
        "BadBody: HELLO: name",
    ),
    "utf-8": (
        seal(Hello.TYPE, BODY[: NAME + 2] + b"\xc3\x28" + BODY[NAME + 4 :]),
        "not valid UTF-8",
    ),
}
BROKEN_LATER = BROKEN | {
    "body too short": (seal(Bye.TYPE, b"\0"), "BadBody: BYE"),
    "body too long": (seal(Bye.TYPE, b"\0\0rest"), "4 bytes are left over"),
    "text too long": (seal(Bye.TYPE, b"\xff\xffshort"), "BadBody: BYE: text"),
    "utf-8": (seal(Bye.TYPE, b"\x00\x02\xc3\x28"), "not valid UTF-8"),
}

#: Messages that are not allowed first.
OUT_OF_PLACE = {
    "before hello": Join(1, 0, 0, "lobby"),
    "of a server": Pong(1),
    "short device": Hello(0, b"short", b"", "Villain", "raw", ()),
    "short device of a login": Login(1, b"short", "Villain", "correct horse"),
    "a new password before hello": Password(1, "correct horse", "battery staple"),
    "logout before hello": Logout(1, 1),
    "moderation before hello": Moderate(1, 1, 0, 0, "lobby", "Bystander", ""),
    "bans before hello": Bans(1, 0, "lobby"),
    "sealed room before hello": CreateSealed(1, bytes(16)),
    "sealed message before hello": SealedSend(1, "lobby", ()),
    "keys before hello": Device("", 0, bytes(128), b""),
    "list of devices before hello": DeviceList(1, "lobby", ""),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(
        *("--ephemeral", "--handshake-timeout", "1s", "--frame-timeout", "1s"),
        *("--accounts", "optional"),
        *("--max-users", "3", "--rate", "50", "--burst", "50"),
    ) as running:
        yield running
        assert running.complaints == []


@pytest.fixture(scope="module")
def bystander(server: Server) -> Iterator[RawClient]:
    """A user who must be able to chat throughout."""
    with _client(server, "Bystander") as client:
        client.join()
        yield client


@pytest.fixture(autouse=True)
def _untouched(bystander: RawClient) -> Iterator[None]:
    """Check that the bystander can still chat after the test."""
    yield
    text, counter = f"still here at {time.monotonic()}", time.monotonic_ns()
    bystander.say(Send(counter, "lobby", text))
    while bystander.expect(Event).text != text:
        pass


#: Each client has a separate address, because the console shows ten lines per second of each.
_hosts = itertools.count(1)


def _client(server: Server, name: str = "", device: bytes = b"") -> RawClient:
    return RawClient(server.port, name, device=device, source=f"127.1.1.{next(_hosts) % 250 + 1}")


def _console(server: Server, client: RawClient, code: ErrorCode) -> str:
    """Return the console's reason for disconnecting a client."""
    host, port = client.socket.getsockname()
    note = server.wait_for("dismissed", address=f"{host}:{port}", code=code.name)
    return str(note["text"])


def _villain(server: Server) -> RawClient:
    """The offending client, always with the same device key, which ends its earlier session."""
    client = _client(server, "Villain", device=b"V" * 16)
    client.join()
    return client


def _go(client: RawClient) -> None:
    client.say(Bye(""))
    client.expect(Bye)


@pytest.mark.parametrize("what", BROKEN_FIRST)
def test_bytes_that_break_the_protocol(server: Server, what: str) -> None:
    data, said = BROKEN_FIRST[what]
    with _client(server) as client:
        client.send(data)
        error = client.dismissal()

        assert error.code == ErrorCode.BAD_FRAME
        assert said in error.text
        assert said in _console(server, client, ErrorCode.BAD_FRAME)


@pytest.mark.parametrize("what", BROKEN_LATER)
def test_the_same_bytes_within_a_session(server: Server, what: str) -> None:
    data, said = BROKEN_LATER[what]
    with _villain(server) as client:
        client.send(data)

        assert said in client.dismissal().text
        assert said in _console(server, client, ErrorCode.BAD_FRAME)


@pytest.mark.parametrize("what", OUT_OF_PLACE)
def test_messages_out_of_place(server: Server, what: str) -> None:
    with _client(server) as client:
        client.say(OUT_OF_PLACE[what])

        assert client.dismissal().code == ErrorCode.UNEXPECTED
        _console(server, client, ErrorCode.UNEXPECTED)


@pytest.mark.parametrize("length", [1, 15, 16, len(HELLO) - 1])
def test_a_truncated_frame(server: Server, length: int) -> None:
    with _client(server) as client:
        client.send(HELLO[:length])

        # Half a HELLO is subject to the handshake timeout and the frame timeout, both one second here.
        assert client.dismissal().code in (ErrorCode.FRAME_TIMEOUT, ErrorCode.HANDSHAKE_TIMEOUT)


def test_a_truncated_frame_within_a_session(server: Server) -> None:
    with _villain(server) as client:
        client.send(encode(Ping(1))[:-1])

        assert client.dismissal().code == ErrorCode.FRAME_TIMEOUT
        _console(server, client, ErrorCode.FRAME_TIMEOUT)


def test_a_silent_client(server: Server) -> None:
    with _client(server) as client:
        assert client.dismissal().code == ErrorCode.HANDSHAKE_TIMEOUT
        _console(server, client, ErrorCode.HANDSHAKE_TIMEOUT)


@pytest.mark.parametrize(
    ("message", "code", "said"),
    [
        (Send(1, "lobby", "bell\x07"), ErrorCode.TEXT_NOT_ALLOWED, "U+0007 at character 5"),
        (Send(1, "lobby", "\x9b31m"), ErrorCode.TEXT_NOT_ALLOWED, "U+009B"),
        (Send(1, "lobby", ""), ErrorCode.TEXT_NOT_ALLOWED, "empty"),
        (
            Send(1, "lobby", "x" * 16385),
            ErrorCode.TEXT_TOO_LONG,
            "must be at most 16384 bytes, got 16385",
        ),
        (Send(1, "NOWHERE", "hello"), ErrorCode.NOT_A_MEMBER, "NOWHERE"),
        (Rename(1, "two words"), ErrorCode.NAME_NOT_ALLOWED, "SPACE"),
        (Rename(1, "bystander"), ErrorCode.NAME_TAKEN, "taken"),
        (Join(1, 0, 0, "WRONGCODE1"), ErrorCode.NO_SUCH_ROOM, "WRONGCODE1"),
        (Register(1, "Villain", "short", ""), ErrorCode.PASSWORD_NOT_ALLOWED, "8"),
        (Register(1, "Another", "correct horse", ""), ErrorCode.NAME_NOT_ALLOWED, "Villain"),
        (Password(1, "", "x" * 60_000), ErrorCode.NOT_REGISTERED, "guest"),
        (Logout(1, 255), ErrorCode.NOT_REGISTERED, "guest"),
        (Moderate(1, 1, 0, 0, "lobby", "Bystander", ""), ErrorCode.NOT_ALLOWED, "moderator"),
        (Moderate(1, 255, 0, 0, "lobby", "", ""), ErrorCode.NOT_POSSIBLE, "255 is unknown"),
        (Moderate(1, 4, 255, 0, "lobby", "", ""), ErrorCode.NOT_POSSIBLE, "got 255"),
        (Moderate(1, 1, 0, 0, "lobby", "", "\x1b[2J"), ErrorCode.NOT_POSSIBLE, "control"),
        (Moderate(1, 1, 0, 0, "NOWHERE", "", ""), ErrorCode.NOT_A_MEMBER, "NOWHERE"),
        (SealedSend(1, "lobby", ()), ErrorCode.BAD_SEAL, "it is empty"),
        (CreateSealed(1, bytes(15)), ErrorCode.BAD_SEAL, "15"),
        (Device("", 0, bytes(127), b""), ErrorCode.BAD_SEAL, "127"),
    ],
)
def test_inputs_refused_without_bye(
    server: Server, message: Message, code: ErrorCode, said: str
) -> None:
    with _villain(server) as client:
        client.say(message)
        error = client.expect(wire.Error)

        assert (error.code, error.about) == (code, message.TYPE)
        assert said in error.text
        server.wait_for("refused", name="Villain", code=code.name)
        _go(client)


def test_a_message_while_a_password_is_checked(server: Server) -> None:
    login = Login(1, b"V" * 16, "Villain", "correct horse")
    with _client(server) as client:
        client.send(encode(login) + encode(login))

        assert client.dismissal().code == ErrorCode.UNEXPECTED
        assert "wait for the answer" in _console(server, client, ErrorCode.UNEXPECTED)


def test_messages_after_bye_are_ignored(server: Server) -> None:
    with _villain(server) as client:
        rest = (*OUT_OF_PLACE.values(), Send(1, "lobby", "after BYE"))
        client.send(encode(Bye("")) + b"".join(map(encode, rest)))
        client.expect(Bye)
        assert client.socket.recv(1) == b""


def test_user_n_plus_one(server: Server) -> None:
    with _villain(server) as second, _client(server, "Third") as third:
        with _client(server) as late:
            late.say(Hello(0, bytes(16), b"", "Fourth", "raw", ()))
            error = late.dismissal()

            assert error.code == ErrorCode.SERVER_FULL
            assert "3 users" in error.text
            _console(server, late, ErrorCode.SERVER_FULL)
        _go(second)
        _go(third)
    with _client(server, "Fourth") as fourth:  # there is room again
        _go(fourth)


def test_a_flood_is_read_slowly_and_loses_nothing(server: Server) -> None:
    with _villain(server) as client:
        began = time.monotonic()
        client.say(*(Send(n, "lobby", f"flood {n}") for n in range(1, 151)))
        client.say(Ping(7))
        errors, seen, is_answered = [], 0, False
        while seen < 150 or not is_answered:
            message = client.expect(wire.Message)
            if isinstance(message, wire.Error):
                errors.append(message.code)
            seen += isinstance(message, Event) and message.text.startswith("flood")
            is_answered = is_answered or isinstance(message, Pong)
        assert errors == [ErrorCode.TOO_FAST]

        # 150 frames at once leave the bucket at -100: at 50 per second, the next one waits 2 seconds.
        assert time.monotonic() - began > 1.5
        server.wait_for("too fast", name="Villain")
        _go(client)
