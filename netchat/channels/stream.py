"""A channel for bytes that come in pieces of any length."""

from __future__ import annotations

import numpy as np

from netchat.channels.channel import Channel, ErrorChannel
from netchat.channels.registry import get

__all__ = ["ChannelStream"]

#: Bytes for which errors are drawn at a time. A burst goes on from one piece of data to the next; it
#: ends at most once in so many bytes because a new draw begins in a state of its own.
_DRAWN = 64 * 1024


class ChannelStream:
    """One direction of a pipe that turns bits over.

    How the bytes are cut into pieces makes no difference: bit number n of the stream meets the same
    error with the same seed.

    Args:
        channel: the channel, or its spec.
        seed: where chance comes from; None is a new one each time.

    Attributes:
        channel: the channel.
        passed: bytes that have passed.
        flipped: bits of them that were turned over.

    Raises:
        ValueError: there is no such channel, or it is no `ErrorChannel`: it loses bits, or what it
            does depends on them.
    """

    def __init__(
        self, channel: Channel | str, seed: int | np.random.SeedSequence | None = None
    ) -> None:
        self.channel = get(channel)
        self._rng = np.random.Generator(np.random.SFC64(seed))
        self._errors = np.zeros(0, np.uint8)
        self._at = 0
        self.passed = 0
        self.flipped = 0
        if not isinstance(self.channel, ErrorChannel):
            raise ValueError(
                f"{self.channel.spec} loses bits, or treats a 0 otherwise than a 1; a stream of bytes "
                "can only turn bits over: use bsc:P, gilbert-elliott:… or awgn:EBN0dB."
            )

    def damage(self, data: bytes) -> bytes:
        """What comes out of the channel for the next bytes."""
        pieces, start = [], 0
        while start < len(data):
            if self._at == self._errors.size:
                self._errors = np.zeros(_DRAWN, np.uint8)
                self.channel.corrupt_bytes(self._errors, self._rng)
                self._at = 0
            piece = np.frombuffer(data, np.uint8, min(len(data) - start, _DRAWN - self._at), start)
            errors = self._errors[self._at : self._at + piece.size]
            self.flipped += int.from_bytes(errors.tobytes(), "big").bit_count()
            pieces.append((piece ^ errors).tobytes())
            self._at += piece.size
            start += piece.size
        self.passed += len(data)
        return b"".join(pieces)
