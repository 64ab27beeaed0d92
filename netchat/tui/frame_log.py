"""Model of *Under the hood*: the last frames that a client has sent and received.

The packet tools, which decode the fields, are slow to import, so they are imported for the first frame that
is shown.
"""

from __future__ import annotations

import functools
import time
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netchat.packets.views.frame_fields import FrameField

__all__ = ["MAX_FRAMES", "FrameLog", "SeenFrame"]

#: Frames that are kept; the oldest ones go first.
MAX_FRAMES = 200

#: Bytes that all kept frames may have together.
_MAX_BYTES = 8 * 1024 * 1024


class SeenFrame:
    """A frame that has passed.

    Args:
        number: Its number, from 1.
        raw: Header and body.
        is_sent: The client sent it.
        when: Time, in seconds since 1970.
    """

    def __init__(self, number: int, raw: bytes, *, is_sent: bool, when: float) -> None:
        self.number = number
        self.raw = raw
        self.is_sent = is_sent
        self.when = when

    @property
    def clock(self) -> str:
        """The time of day, with milliseconds."""
        return (
            f"{time.strftime('%H:%M:%S', time.localtime(self.when))}.{int(self.when % 1 * 1000):03}"
        )

    @functools.cached_property
    def name(self) -> str:
        """Name of the message."""
        from netchat.packets.views.frame_fields import frame_name

        return frame_name(self.raw)

    @functools.cached_property
    def brief(self) -> str:
        """Short text that identifies the message."""
        from netchat.packets.views.frame_fields import frame_brief

        return frame_brief(self.raw)

    @property
    def doc(self) -> str:
        """Purpose of the message."""
        from netchat.packets.views.frame_fields import frame_doc

        return frame_doc(self.raw)

    @functools.cached_property
    def fields(self) -> list[FrameField]:
        """The fields, header first. Tokens and passwords are hidden."""
        from netchat.packets.views.frame_fields import frame_fields

        return frame_fields(self.raw)


class FrameLog:
    """The last frames of a client.

    Attributes:
        revision: Counts the changes.
    """

    def __init__(self) -> None:
        self.revision = 0
        self._frames: deque[SeenFrame] = deque()
        self._size = 0
        self._count = 0

    def record(self, raw: bytes, is_sent: bool) -> None:
        """Add a frame.

        Args:
            raw: Header and body.
            is_sent: The client sent it.
        """
        self.revision += 1
        self._count += 1
        self._frames.append(SeenFrame(self._count, raw, is_sent=is_sent, when=time.time()))
        self._size += len(raw)
        while len(self._frames) > MAX_FRAMES or (self._size > _MAX_BYTES and len(self._frames) > 1):
            self._size -= len(self._frames.popleft().raw)

    def clear(self) -> None:
        """Forget all frames."""
        self.revision += 1
        self._frames.clear()
        self._size = 0

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[SeenFrame]:
        return iter(self._frames)
