"""Load generator for several protocols, so that netchat and other servers get the same load.

All messages of a run have the same size, so deliveries are counted by their bytes. The generator thus
uses little CPU time, and the server limits the result. (`netchat load` instead checks every
delivery, and uses more CPU time than the server.)
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from netchat.wire import Event, EventKind, Hello, Join, Send, encode

PAYLOAD = b"x" * 64


@dataclass(frozen=True)
class Dialect:
    """Protocol of one kind of server.

    Attributes:
        greet: Returns the handshake steps of connection i, each with bytes that its answer contains.
        message: Returns the n-th message of a sender.
        delivery: Size of a delivery in bytes, without WebSocket headers.
        websocket: Whether the server uses WebSocket frames.
    """

    greet: Callable[[int], list[tuple[bytes, bytes]]]
    message: Callable[[int, int], bytes]
    delivery: int
    websocket: bool = False


def _netchat_greet(i: int) -> list[tuple[bytes, bytes]]:
    key = hashlib.md5(b"%d" % i).digest()
    hello = encode(Hello(0, key, b"", f"u{i:05}", "crowd", ()))
    return [(hello, b"NC\x01\x02"), (encode(Join(1, 0, 0, "lobby")), b"NC\x01\x12")]


NETCHAT = Dialect(
    greet=_netchat_greet,
    message=lambda sender, n: encode(Send(n, "lobby", PAYLOAD.decode())),
    delivery=len(encode(Event(1, 1, 1, 1, EventKind.CHAT, "lobby", "u00000", PAYLOAD.decode()))),
)
_PUSH = b">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$64\r\n" + PAYLOAD + b"\r\n"
#: RESP3: each subscriber gets a push, and the sender the number of subscribers as a reply.
REDIS = Dialect(
    greet=lambda i: [(b"HELLO 3\r\n", b"proto"), (b"SUBSCRIBE c\r\n", b"subscribe")],
    message=lambda sender, n: b"PUBLISH c " + PAYLOAD + b"\r\n",
    delivery=len(_PUSH),
)
#: Minimal server: after one JOIN line, it sends everything it receives to all members.
FLOOR = Dialect(
    greet=lambda i: [(b"J\n", b"K\n")],
    message=lambda sender, n: PAYLOAD + b"\n",
    delivery=len(PAYLOAD) + 1,
)


def _masked(payload: bytes) -> bytes:
    """Return a client's binary WebSocket frame, with a mask of zeros."""
    size = len(payload)
    assert size < 65536
    head = bytes([0x82, 0x80 | size]) if size < 126 else b"\x82\xfe" + size.to_bytes(2, "big")
    return head + bytes(4) + payload


_UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
NETCHAT_WS = Dialect(
    greet=lambda i: [
        (_UPGRADE, b"\r\n\r\n"),
        *((_masked(step), answer) for step, answer in _netchat_greet(i)),
    ],
    message=lambda sender, n: _masked(NETCHAT.message(sender, n)),
    delivery=NETCHAT.delivery,
    websocket=True,
)
#: Server that sends each message unchanged to all members.
BROADCAST_WS = Dialect(
    greet=lambda i: [(_UPGRADE, b"\r\n\r\n"), (_masked(b"J"), b"K")],
    message=lambda sender, n: _masked(PAYLOAD),
    delivery=len(PAYLOAD),
    websocket=True,
)


class _Unwrap:
    """Extracts the payload of a server's WebSocket frames, which are not masked."""

    def __init__(self) -> None:
        self._head = b""
        self._left = 0

    def content(self, data: bytes) -> list[bytes]:
        """Return the payload pieces in the next bytes."""
        found, at = [], 0
        while at < len(data):
            if self._left:
                piece = data[at : at + self._left]
                found.append(piece)
                at += len(piece)
                self._left -= len(piece)
                continue
            head = self._head + data[at : at + 10]
            size = 2 if len(head) < 2 else {126: 4, 127: 10}.get(head[1], 2)
            if len(head) < size:
                self._head = head
                break
            at += size - len(self._head)
            self._head = b""
            self._left = int.from_bytes(head[2:size], "big") if size > 2 else head[1]
        return found


class _Member(asyncio.Protocol):
    def __init__(self, crowd: Crowd, number: int) -> None:
        self.crowd = crowd
        self.number = number
        self.steps = crowd.dialect.greet(number)
        self.seen = b""
        self.unwrap = _Unwrap() if crowd.dialect.websocket else None

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.steps[0][0])

    def data_received(self, data):
        handshake = bool(self.steps) and self.steps[0][0] is _UPGRADE
        pieces = [data] if self.unwrap is None or handshake else self.unwrap.content(data)
        if not self.steps:
            self.crowd.arrived(sum(map(len, pieces)))
            return
        self.seen += b"".join(pieces)
        if self.steps[0][1] in self.seen:
            self.seen = b""
            self.steps.pop(0)
            if self.steps:
                self.transport.write(self.steps[0][0])
            else:
                self.crowd.joined.release()

    def connection_lost(self, exc):
        self.crowd.lost(f"the server closed the connection of member {self.number}: {exc}")


#: Timeout for joining and for the messages of a step, in seconds.
TIMEOUT = 120.0


class Crowd:
    """`members` connections, of which the first `senders` send messages, perhaps over TLS.

    A lost connection ends a measurement with an error, because its deliveries would be missing.
    """

    def __init__(
        self,
        dialect: Dialect,
        port: int,
        members: int,
        senders: int = 10,
        first: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.tls = tls
        self.dialect, self.port = dialect, port
        self.size, self.senders, self.first = members, senders, first
        self.members: list[_Member] = []
        self.joined = asyncio.Semaphore(0)
        self.got = self.sent = self.limit = 0
        self.window = 100
        self.done = asyncio.Event()
        self.loading = self.is_closed = False
        self.problem = ""

    def lost(self, problem: str) -> None:
        """Stop waiting, because a connection was lost."""
        if not self.is_closed:
            self.problem = self.problem or problem
            self.joined.release()
            self.done.set()

    def _check(self) -> None:
        if self.problem:
            raise ConnectionError(self.problem)

    async def join(self) -> None:
        """Connect all members, 64 at a time.

        Raises:
            TimeoutError: It takes too long.
            ConnectionError: The server has closed a connection.
        """
        async with asyncio.timeout(TIMEOUT):
            await self._join()

    async def _join(self) -> None:
        loop = asyncio.get_running_loop()
        for begin in range(0, self.size, 64):
            batch = range(begin, min(begin + 64, self.size))
            connecting = [
                loop.create_connection(
                    lambda i=i: _Member(self, self.first + i),
                    "127.0.0.1",
                    self.port,
                    ssl=self.tls,
                )
                for i in batch
            ]
            self.members += [member for _, member in await asyncio.gather(*connecting)]
            for _ in batch:
                await self.joined.acquire()
                self._check()
        quiet = -1
        while quiet != self.got:  # join notices are still arriving
            quiet = self.got
            await asyncio.sleep(0.5)

    async def load(self, messages: int, pid: int) -> dict[str, float]:
        """Send `messages`, at most `window` unacknowledged, and measure the process `pid`.

        Returns:
            Deliveries per second, and the process's CPU time per delivery in microseconds.

        Raises:
            TimeoutError: It takes too long.
            ConnectionError: The server has closed a connection.
        """
        self.got, self.sent, self.limit = 0, 0, messages
        self.loading = True
        process = psutil.Process(pid)
        before, start = process.cpu_times(), time.perf_counter()
        self._fill()
        async with asyncio.timeout(TIMEOUT):
            await self.done.wait()
        self._check()
        wall, after = time.perf_counter() - start, process.cpu_times()
        cpu = after.user + after.system - before.user - before.system
        deliveries = messages * self.size
        return {"deliveries_per_s": deliveries / wall, "cpu_us": cpu / deliveries * 1e6}

    def arrived(self, size: int) -> None:
        self.got += size
        if self.loading:
            self._fill()

    def _fill(self) -> None:
        full = self.dialect.delivery * self.size
        delivered = self.got // full
        out: dict[int, list[bytes]] = {}
        while self.sent < self.limit and self.sent - delivered < self.window:
            sender, n = self.sent % self.senders, self.sent // self.senders + 1
            out.setdefault(sender, []).append(self.dialect.message(sender, n))
            self.sent += 1
        for sender, frames in out.items():
            self.members[sender].transport.write(b"".join(frames))
        if delivered >= self.limit:
            self.done.set()

    def close(self) -> None:
        self.is_closed = True
        for member in self.members:
            member.transport.abort()
