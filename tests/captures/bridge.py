"""A bridge between the two hosts that loses or delays the packets it is told to."""

from __future__ import annotations

import select
import socket
import threading
from types import TracebackType
from typing import Self

from tests.captures.network import in_namespace

__all__ = ["Bridge"]

_ETH_P_ALL, _SOL_PACKET, _IGNORE_OUTGOING = 0x0003, 263, 23
_LARGEST = 65536


class Bridge:
    """Passes on Ethernet frames, but for the first that holds a given text.

    Args:
        drop: the first frame with this in it is lost.
        delay: the first frame with this in it goes on behind the next one.
    """

    def __init__(self, *, drop: bytes = b"", delay: bytes = b"") -> None:
        self._drop, self._delay = drop, delay
        with in_namespace("middle"):
            self._sides = [_open("client"), _open("server")]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()
        for side in self._sides:
            side.close()

    def _run(self) -> None:
        held: list[bytes] = []
        while not self._stopping.is_set():
            ready, _, _ = select.select(self._sides, [], [], 0.1)
            for side in ready:
                frame = side.recv(_LARGEST)
                if self._drop and self._drop in frame:
                    self._drop = b""
                elif self._delay and self._delay in frame:
                    self._delay = b""
                    held.append(frame)
                else:
                    other = self._sides[1 - self._sides.index(side)]
                    other.send(frame)
                    if side is self._sides[0]:
                        while held:
                            other.send(held.pop())


def _open(interface: str) -> socket.socket:
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
    sock.bind((interface, _ETH_P_ALL))
    return sock
