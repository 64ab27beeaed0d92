"""`python -m tests.end_to_end.attacks NAME PORT WEB_PORT SECONDS`: run one attack on a server.

The attackers run in a separate process, so that they do not hold the GIL of the process that measures.
They also connect from a separate address.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import selectors
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator

from netchat.link.code_table import table, warm_up
from netchat.link.header import HEAD_SIZE, Header, Kind, write_header
from netchat.link.link import Link
from netchat.link.payload_decoder import payload_context
from netchat.link.sync_marker import MARKER
from netchat.wire import (
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
    Moderate,
    ModeratorAction,
    Password,
    Ping,
    Private,
    Register,
    Rename,
    Roster,
    Sealed,
    SealedSend,
    Send,
    Who,
    Wrap,
    encode,
    seal,
)

__all__ = ["ATTACKS"]

#: Number of random bytes in total, and per connection.
RANDOM_BYTES, BYTES_EACH = 64 * 1024 * 1024, 128 * 1024

#: Default duration of an attack in seconds. The random bytes then come at about
#: 120 Mbit/s; faster ones would measure how two cores are shared between attacker, server and probe.
SECONDS = 4.5

#: Address of the attackers.
ADDRESS = "127.0.0.9"

#: 65 kB that take seconds to normalize, because NFKC has to sort the marks.
MARKS = "".join(mark * 8100 for mark in "\u0345\u0315\u0327\u0334")

#: A room that does not exist.
NOWHERE = "0123456789"


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(
        ("127.0.0.1", port), timeout=10, source_address=(ADDRESS, 0)
    )
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def random_bytes(port: int, web: int) -> None:
    """Send 64 MiB over 512 connections; every second one begins like a frame of maximum length."""
    began, count = time.monotonic(), RANDOM_BYTES // BYTES_EACH
    for number in range(count):
        time.sleep(max(0.0, began + SECONDS * number / count - time.monotonic()))
        junk = os.urandom(BYTES_EACH)
        if number % 2:
            junk = b"NC\x01\x20" + bytes(4) + (65520).to_bytes(4, "big") + junk[12:]
        # The server closes the connection, as expected.
        with _connect(port) as connection, contextlib.suppress(ConnectionError):
            connection.sendall(junk)


class _Sender:
    """A connection that sends as fast as the rate limit allows."""

    def __init__(self, port: int, opening: bytes, chunks: Iterator[bytes]) -> None:
        self.socket = _connect(port)
        self.socket.setblocking(False)
        self.chunks = chunks
        self.waiting = opening
        self.received = 0

    def send(self) -> None:
        if not self.waiting:
            self.waiting = next(self.chunks)
            if not self.waiting:
                time.sleep(1e-4)
        self.waiting = self.waiting[self.socket.send(self.waiting) :]

    def read(self) -> bool:
        """Read the available bytes; return False if the server has closed the connection."""
        try:
            data = self.socket.recv(1 << 20)
        except OSError:
            return False
        self.received += len(data)
        return bool(data)


def _flood(make: Callable[[int], _Sender], count: int, *, reads: bool = True) -> None:
    """Send on several connections, and replace those that the server closes."""
    numbers = itertools.count()
    with selectors.DefaultSelector() as selector:
        events = selectors.EVENT_WRITE | (selectors.EVENT_READ if reads else 0)

        def open_one() -> None:
            sender = make(next(numbers))
            selector.register(sender.socket, events, sender)

        for _ in range(count):
            open_one()
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for key, ready in selector.select(0.1):
                alive = True
                if ready & selectors.EVENT_WRITE:
                    try:
                        key.data.send()
                    except BlockingIOError:
                        pass
                    except OSError:
                        alive = False
                if ready & selectors.EVENT_READ:
                    alive = alive and key.data.read()
                if not alive:
                    selector.unregister(key.fileobj)
                    key.data.socket.close()
                    open_one()
        for key in list(selector.get_map().values()):
            key.data.socket.close()


def _members(
    port: int, count: int, frames: Callable[[int], Iterator[bytes]], *, reads: bool = True
) -> None:
    """Send the same frames repeatedly, as members of the lobby."""

    def member(number: int) -> _Sender:
        # The same device each time: a second attempt ends the first one's session.
        device = f"attacker {number % count}".encode().ljust(16)
        greeting = encode(Hello(0, device, b"", f"Attacker{number % count}", "flood", ()))
        return _Sender(port, greeting + encode(Join(1, 0, 0, "lobby")), frames(number))

    _flood(member, count, reads=reads)


def _again(*frames: bytes, times: int = 100) -> Callable[[int], Iterator[bytes]]:
    return lambda _: itertools.repeat(b"".join(frames) * times)


def talkative(port: int, web: int) -> None:
    """Send chat messages to the lobby as fast as the server accepts them."""

    def frames(_: int) -> Iterator[bytes]:
        for first in itertools.count(1, 100):
            yield b"".join(encode(Send(n, "lobby", "flood")) for n in range(first, first + 100))

    _members(port, 1, frames)


def curious(port: int, web: int) -> None:
    """Send WHO requests as fast as the server accepts them."""
    _members(port, 1, _again(encode(Ping(1)), encode(Who(1, "lobby", ""))))


def pings(port: int, web: int) -> None:
    """Send PINGs on 100 connections."""
    _members(port, 100, _again(encode(Ping(1))))


def refused_joins(port: int, web: int) -> None:
    """Join a room that does not exist, on 10 connections."""
    _members(port, 10, _again(encode(Join(1, 0, 0, NOWHERE))))


def rosters(port: int, web: int) -> None:
    """Request the lobby's members on 30 connections."""
    _members(port, 30, _again(encode(Who(1, "lobby", ""))))


def unread_rosters(port: int, web: int) -> None:
    """Request the lobby's members on 100 connections without reading the answers."""
    _members(port, 100, _again(encode(Who(1, "lobby", "")), encode(Ping(1))), reads=False)


def unread_past(port: int, web: int) -> None:
    """400 connections that ask for the lobby's history, and do not read the answers."""
    long = b"".join(encode(Send(n, "lobby", "x" * 16_000)) for n in range(1, 9))

    def frames(number: int) -> Iterator[bytes]:
        yield long if number < 20 else b""
        yield from itertools.repeat(encode(History(1, 1, 2**63, "lobby")))

    _members(port, 400, frames, reads=False)


def link_gaps(port: int, web: int) -> None:
    """250 links, without HELLO, that send everything but the first byte of their window."""
    offsets = range(LINK_FIRST + 1, LINK_FIRST + 250_000, 8000)
    blocks = [_block(number, 0, bytes(8000), offset) for number, offset in enumerate(offsets)]

    def chunks() -> Iterator[bytes]:
        yield from blocks
        while True:
            yield b""

    _flood(lambda _: _Sender(port, _opening(), chunks()), 250)


def link_failures(port: int, web: int) -> None:
    """20 links that send a long block again and again, which never can be decoded."""
    blocks = []
    for number in range(200):
        block = _block(number, 7, bytes(4500), LINK_FIRST)
        blocks.append(block[:HEAD_SIZE] + secrets.token_bytes(len(block) - HEAD_SIZE))
    _flood(lambda _: _Sender(port, _opening(), itertools.cycle(blocks)), 20)


def link_markers(port: int, web: int) -> None:
    """20 links that send nothing but the markers of blocks."""
    _flood(lambda _: _Sender(port, _opening(), itertools.repeat(MARKER * 16_384)), 20)


#: Offset of the first byte of the attackers' links.
LINK_FIRST = 1000


def _opening() -> bytes:
    return Link.client("uncoded", identity=7 << 32 | LINK_FIRST).data_to_send(0.0)


def _block(number: int, code: int, payload: bytes, offset: int) -> bytes:
    """A block of a link that has received nothing."""
    header = Header(
        Kind.DATA, code, 7, len(payload), offset=offset, number=LINK_FIRST + number, window=64,
        ack=LINK_FIRST, echo=LINK_FIRST - 1, delay=0, arrived=0, wrong=0, checked=0,
    )  # fmt: skip
    coded = table()[code].encode(payload_context(header), payload)
    return MARKER + write_header(header) + coded


def past(port: int, web: int) -> None:
    """Request the lobby's whole history on 10 connections."""
    _members(port, 10, _again(encode(History(1, 1, 2**63, "lobby"))))


def duplicates(port: int, web: int) -> None:
    """Repeat the same message on 10 connections."""
    _members(port, 10, _again(encode(Send(1, "lobby", "again"))))


def long_texts(port: int, web: int) -> None:
    """Send texts above the size limit on 10 connections."""
    _members(port, 10, _again(encode(Send(2**40, "lobby", "x" * 65_000)), times=4))


def renames(port: int, web: int) -> None:
    """Change the user name on 10 connections."""

    def frames(number: int) -> Iterator[bytes]:
        for n in itertools.count(1, 100):
            yield b"".join(encode(Rename(1, f"R{number}x{n + m}")) for m in range(100))

    _members(port, 10, frames)


def rooms(port: int, web: int) -> None:
    """Create rooms on 10 connections."""
    _members(port, 10, _again(encode(Create(1))))


def comings(port: int, web: int) -> None:
    """Leave and rejoin the lobby on 10 connections."""
    _members(port, 10, _again(encode(Leave(1, "lobby")), encode(Join(1, 0, 0, "lobby"))))


def privates(port: int, web: int) -> None:
    """Request private rooms with each other and with a bystander, on 10 connections."""

    def frames(number: int) -> Iterator[bytes]:
        names = [f"Attacker{(number + n) % 10}" for n in range(1, 10)] + ["Listener"]
        return itertools.repeat(b"".join(encode(Private(1, name)) for name in names) * 10)

    _members(port, 10, frames)


def names(port: int, web: int) -> None:
    """Send names that take seconds to normalize, in every message that has a name."""
    frames = (encode(Rename(1, MARKS)), encode(Private(1, MARKS)))
    _members(port, 1, _again(*frames, times=1))


def first_names(port: int, web: int) -> None:
    """Send the same names before login, on 10 connections."""
    hello = encode(Hello(0, bytes(16), b"", MARKS, "flood", ()))
    _flood(lambda _: _Sender(port, b"", itertools.repeat(hello)), 10)


def guesses(port: int, web: int) -> None:
    """Guess passwords and register before HELLO, on 20 connections."""

    def sender(number: int) -> _Sender:
        device = secrets.token_bytes(16)
        frames = [
            encode(Login(1, device, "Listener", f"guess {number}")),
            encode(Register(1, f"Guesser{number}", "correct horse", "")),
        ]
        # A client that sends more before the answer is disconnected, and connects again.
        return _Sender(port, b"", itertools.chain([frames[number % 2]], itertools.repeat(b"")))

    def impatient(number: int) -> _Sender:
        sent = sender(number)
        sent.chunks = itertools.repeat(next(sent.chunks) * 2)
        return sent

    _flood(lambda number: (impatient if number % 3 else sender)(number), 20)


def moderations(port: int, web: int) -> None:
    """Send requests of moderators and about accounts without the right to, on 10 connections."""
    _members(
        port,
        10,
        _again(
            *(
                encode(Moderate(1, action, 0, 0, "lobby", MARKS[:200], ""))
                for action in ModeratorAction
            ),
            encode(Password(1, "correct horse", "battery staple")),
            times=4,
        ),
    )


def sealed(port: int, web: int) -> None:
    """Create sealed rooms, publish keys, request those of others and send secrets, on 10 connections."""
    wraps = tuple(Wrap(n, bytes(32), bytes(32), bytes(32)) for n in range(200))
    rekey = Sealed(
        EventKind.REKEY, 1, 2, 0, 0, b"", b"", bytes(64), bytes(16), wraps, b"", bytes(64)
    )
    frames = [encode(CreateSealed(1, bytes(16)))]
    frames += [encode(Device("", 0, bytes([n]) * 128, b"")) for n in range(8)]
    frames += [encode(DeviceList(1, room, "")) for room in ("lobby", NOWHERE)]
    frames += [encode(SealedSend(1, room, (rekey,))) for room in ("lobby", NOWHERE)]
    _members(port, 10, _again(*frames, times=4))


def long_lists(port: int, web: int) -> None:
    """Send frames of 20,000 records that no client may send, on 10 connections."""
    body = Roster(1, 1, 0, "", ()).encode()[:-2] + b"\xff\xff" + bytes(65_000)
    frame = seal(Roster.TYPE, body)
    _flood(lambda _: _Sender(port, b"", itertools.repeat(frame)), 10)


def all_names(port: int, web: int) -> None:
    """Connect a thousand silent users."""

    def silent(number: int) -> _Sender:
        hello = encode(Hello(0, secrets.token_bytes(16), b"", f"Squatter{number}", "flood", ()))
        return _Sender(port, hello, itertools.repeat(b""))

    _hold(silent, 1000)


def half_open(port: int, web: int) -> None:
    """Open the maximum number of connections that have not sent HELLO."""
    _hold(lambda _: _Sender(port, b"NC", itertools.repeat(b"")), 1100)


def half_open_tls(port: int, web: int) -> None:
    """Begin 200 TLS handshakes, which the server answers with a signature, and do not finish them."""
    _hold(lambda _: _Sender(port, client_hello(), itertools.repeat(b"")), 200)


def client_hello() -> bytes:
    """Return the first bytes of a TLS client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    outgoing = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    return outgoing.read()


def idle_pages(port: int, web: int) -> None:
    """Open the maximum number of connections to the page."""
    _hold(lambda _: _Sender(web, b"G", itertools.repeat(b"")), 1100)


def _hold(make: Callable[[int], _Sender], count: int) -> None:
    """Open several connections and keep them open."""
    end = time.monotonic() + SECONDS
    with contextlib.ExitStack() as stack:
        for number in range(count):
            sender = make(number)
            stack.enter_context(sender.socket)
            with contextlib.suppress(OSError):
                sender.send()
        time.sleep(max(0.0, end - time.monotonic()))


def page_requests(port: int, web: int) -> None:
    """Request the page repeatedly on 10 connections."""
    request = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{web}\r\n\r\n".encode()
    _flood(lambda _: _Sender(web, b"", itertools.repeat(request * 50)), 10)


def websocket_pieces(port: int, web: int) -> None:
    """Send the maximum number of empty fragments between chat frames, on 10 WebSockets."""
    opening = (
        f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{web}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n"
    ).encode()

    def sender(number: int) -> _Sender:
        hello = encode(Hello(0, secrets.token_bytes(16), b"", f"Piece{number}", "flood", ()))
        pieces = _piece(b"", 0x8A) * 60 + _piece(encode(Ping(1)), 0x82)
        return _Sender(web, opening + _piece(hello, 0x82), itertools.repeat(pieces * 100))

    _flood(sender, 10)


def _piece(data: bytes, first: int) -> bytes:
    """Return a masked WebSocket frame; a mask of zeros changes nothing."""
    assert len(data) < 126
    return bytes([first, 0x80 | len(data)]) + bytes(4) + data


ATTACKS = {
    attack.__name__: attack
    for attack in (
        random_bytes, talkative, curious, pings, refused_joins, rosters, unread_rosters, past, unread_past,
        duplicates, long_texts, renames, rooms, comings, privates, names, first_names, long_lists,
        guesses, moderations, sealed, all_names, half_open, half_open_tls, idle_pages, page_requests,
        websocket_pieces, link_gaps, link_failures, link_markers,
    )
}  # fmt: skip

if __name__ == "__main__":
    if sys.argv[1].startswith("link_"):
        warm_up()  # it takes a second or more to load the codes
    # Real attackers use other machines; here an attacker must at least not delay the server.
    os.nice(15)
    print("begun", flush=True)
    SECONDS = float(sys.argv[4])
    ATTACKS[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]))
