"""Bit errors on a byte stream."""

from __future__ import annotations

import numpy as np

from netchat.channels.channel import Channel, ErrorChannel
from netchat.channels.registry import get

__all__ = ["ChannelStream"]

#: Number of bytes for which errors are drawn at a time. A burst continues across pieces of data, but
#: ends with a draw, because each draw starts in a new state.
_DRAWN = 64 * 1024


class ChannelStream:
    """One direction of a byte stream that passes through a channel.

    The errors do not depend on how the stream is split into pieces: with the same seed, the same bits
    of the stream are flipped.

    Args:
        channel: Channel, or its specification.
        seed: Random seed; None for a different one each time.

    Raises:
        ValueError: The specification is invalid, or the channel is not an `ErrorChannel`.

    >>> stream = ChannelStream("bsc:1")
    >>> stream.damage(bytes([0x0F, 0xFF])).hex(), stream.flipped
    ('f000', 16)
    """

    channel: Channel
    """Channel that the bytes pass through."""
    passed: int
    """Number of bytes that have passed."""
    flipped: int
    """Number of bits that were flipped."""

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
                f"{self.channel.spec} erases bits or depends on their values; a byte stream supports "
                "only bit errors: use bsc:P, gilbert-elliott:… or awgn:EBN0dB."
            )

    def damage(self, data: bytes) -> bytes:
        """Pass the next bytes through the channel and return its output."""
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
