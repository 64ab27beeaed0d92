"""A proxy for a chat server that causes protocol faults on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from netchat.wire import Event, EventKind, Frame, FrameReader, decode, encode, seal

__all__ = ["FaultyProxy"]

#: Returns what to send for a chat event, given its number on the connection (from 1) and its frame.
Fault = Callable[[int, bytes], list[bytes]]


class _Side(asyncio.Protocol):
    """One of the two connections of a pair."""

    def __init__(self, proxy: FaultyProxy, number: int, other: _Side | None = None) -> None:
        self.proxy, self.number, self.other = proxy, number, other
        self.early: list[bytes] = []
        self.transport: asyncio.Transport | None = None
        self.reader = FrameReader()
        self.events = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        for data in self.early:
            self.transport.write(data)
        if self.other is None:  # the client's connection: now open the one to the server
            self.other = _Side(self.proxy, self.number, self)
            loop = asyncio.get_running_loop()
            coroutine = loop.create_connection(lambda: self.other, "127.0.0.1", self.proxy.target)
            task = loop.create_task(coroutine)
            self.proxy.tasks.append(task)

    def write(self, data: bytes) -> None:
        if self.transport is None:
            self.early.append(data)
        else:
            self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        if self.other.other is None or self.number != self.proxy.victim or not self._from_server:
            self.other.write(data)
            return
        for frame in self.reader.feed(data):
            for out in self._pass(frame):
                if out == b"":
                    self.other.transport.close()
                    return
                self.other.write(out)

    @property
    def _from_server(self) -> bool:
        return self.transport.get_extra_info("peername")[1] == self.proxy.target

    def _pass(self, frame: Frame) -> list[bytes]:
        raw = seal(frame.type, frame.body)
        if frame.type == Event.TYPE and decode(frame).kind == EventKind.CHAT:
            self.events += 1
            return self.proxy.fault(self.events, raw)
        return [raw]

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


class FaultyProxy:
    """Proxy that forwards bytes, but applies a fault to the chat events of one connection.

    Args:
        target: Port of the server.
        victim: Number of the affected connection, from 0.
        fault: Fault to apply; an empty frame ends the connection.
    """

    def __init__(self, target: int, victim: int, fault: Fault) -> None:
        self.target, self.victim, self.fault = target, victim, fault
        self.tasks: list[asyncio.Task] = []
        self._accepted = 0

    def _accept(self) -> _Side:
        self._accepted += 1
        return _Side(self, self._accepted - 1)

    async def __aenter__(self) -> int:
        """Listen, and return the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, "127.0.0.1", 0)
        return self._server.sockets[0].getsockname()[1]

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.sleep(0.05)


def lost(number: int, raw: bytes) -> list[bytes]:
    """Drop event 5."""
    return [] if number == 5 else [raw]


def doubled(number: int, raw: bytes) -> list[bytes]:
    """Forward event 5 twice."""
    return [raw, raw] if number == 5 else [raw]


def altered(number: int, raw: bytes) -> list[bytes]:
    """Change the text of event 5, in a valid frame."""
    if number != 5:
        return [raw]
    (frame,) = FrameReader().feed(raw)
    event = cast(Event, decode(frame))
    fields = {name: getattr(event, name) for name in ("seq", "time", "device", "counter", "kind")}
    other = event.text[:-1] + "y"
    return [encode(Event(**fields, room=event.room, sender=event.sender, text=other))]


def damaged(number: int, raw: bytes) -> list[bytes]:
    """Flip one bit of event 5."""
    return [raw[:-1] + bytes([raw[-1] ^ 1])] if number == 5 else [raw]


def reordered() -> Fault:
    """Forward event 5 after event 6."""
    kept: list[bytes] = []

    def fault(number: int, raw: bytes) -> list[bytes]:
        if number == 5:
            kept.append(raw)
            return []
        return [raw, kept.pop()] if number == 6 else [raw]

    return fault


def silent(number: int, raw: bytes) -> list[bytes]:
    """Forward nothing from event 5 on."""
    return [] if number >= 5 else [raw]


def cut(number: int, raw: bytes) -> list[bytes]:
    """End the connection at event 5."""
    return [b""] if number == 5 else [raw]
