"""A client on a blocking socket that sends any bytes, valid or not."""

from __future__ import annotations

import os
import socket
import struct
import time
from types import TracebackType
from typing import Self, TypeVar

from netchat.wire import Error, FrameReader, Hello, Join, Joined, Message, Welcome, decode, encode

__all__ = ["RawClient"]

_M = TypeVar("_M", bound=Message)


class RawClient:
    """One connection to a server on this machine.

    Args:
        port: Port of the server.
        name: If given, send HELLO with this name and wait for WELCOME.
        device: Device key. A second connection with the same key ends the earlier session.
        receive_buffer: Size of the receive buffer in bytes; 0 is the default.
        source: Source address, 127.x.y.z; empty is the default.
    """

    def __init__(
        self,
        port: int,
        name: str = "",
        *,
        device: bytes = b"",
        receive_buffer: int = 0,
        source: str = "",
    ) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(20)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received: list[Message] = []
        self._reader = FrameReader(2**24)
        if name:
            self.say(Hello(0, device or os.urandom(16), b"", name, "raw", ()))
            self.expect(Welcome)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(data)

    def say(self, *messages: Message) -> None:
        """Send messages in one write."""
        self.send(b"".join(map(encode, messages)))

    def join(self, room: str = "lobby") -> None:
        """Join a room."""
        self.say(Join(1, 0, 0, room))
        self.expect(Joined)

    def expect(self, kind: type[_M], timeout: float = 20.0) -> _M:
        """Return the next message of a kind, and drop earlier ones."""
        deadline = time.monotonic() + timeout
        while True:
            while self.received:
                message = self.received.pop(0)
                if isinstance(message, kind):
                    return message
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            self.received += self.read()

    def read(self) -> list[Message]:
        """Wait for bytes, and return the messages that they complete."""
        data = self.socket.recv(65536)
        assert data, "the server closed the connection"
        return [decode(frame) for frame in self._reader.feed(data)]

    def dismissal(self, timeout: float = 20.0) -> Error:
        """Return the ERROR that ends the connection, after which the server must close it."""
        error = self.expect(Error, timeout)
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass  # it closed with unread bytes
        return error

    def reset(self) -> None:
        """Close with RST, as after a crash of the machine."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
