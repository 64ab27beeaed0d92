"""Line between the two hosts of a capture that loses or delays selected packets."""

from __future__ import annotations

import math

__all__ = ["Trick"]


class Trick:
    """Line that forwards the frames of one direction, except the first with a given text.

    Args:
        drop: Text of the frame to lose.
        delay: Text of the frame to forward after the next one.
    """

    def __init__(self, *, drop: bytes = b"", delay: bytes = b"") -> None:
        self._drop, self._delay = drop, delay
        self._passed: list[bytes] = []
        self._held: list[bytes] = []

    @property
    def due(self) -> float:
        return 0.0 if self._passed else math.inf

    def put(self, packet: bytes, now: float, spared: int = 0) -> None:
        if self._drop and self._drop in packet:
            self._drop = b""
        elif self._delay and self._delay in packet:
            self._delay = b""
            self._held.append(packet)
        else:
            self._passed += [packet, *self._held]
            self._held.clear()

    def take(self, now: float) -> list[bytes]:
        passed, self._passed = self._passed, []
        return passed
