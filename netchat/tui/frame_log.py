"""Model of *Under the hood*: the last frames that a client has sent and received.

The packet tools, which decode the fields, are slow to import, so they are imported for the first frame that
is shown.
"""

from __future__ import annotations

import functools
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from netchat.errors import PeerError
from netchat.wire import HEADER_SIZE, Frame, SealedEvent, SealedSend, decode

if TYPE_CHECKING:
    from netchat.packets.views.frame_fields import FrameField

__all__ = ["MAX_FRAMES", "FrameLog", "SeenFrame"]

#: Returns the name and text in a sealed message by its room, device id and counter, if they are known.
Plaintexts = Callable[[str, int, int], tuple[str, str] | None]

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
        plaintexts: Plaintexts of sealed messages.
    """

    def __init__(
        self, number: int, raw: bytes, *, is_sent: bool, when: float, plaintexts: Plaintexts
    ) -> None:
        self.number = number
        self.raw = raw
        self.is_sent = is_sent
        self.when = when
        self._plaintexts = plaintexts
        self._fields: list[FrameField] = []
        self._is_opened = raw[3] not in (SealedSend.TYPE, SealedEvent.TYPE)

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

    @property
    def fields(self) -> list[FrameField]:
        """The fields, header first, without tokens and passwords; after a ciphertext, what it holds."""
        from netchat.packets.views.frame_fields import frame_fields

        if not self._fields:
            self._fields = frame_fields(self.raw)
        if not self._is_opened and (found := self._plaintext()) is not None:
            self._is_opened = True
            self._fields = _with_plaintext(self._fields, *found)
        return self._fields

    def _plaintext(self) -> tuple[str, str] | None:
        """Return what a sealed message holds: its client opens it after the frame has passed."""
        try:
            message = decode(Frame(self.raw[3], self.raw[HEADER_SIZE:]))
        except PeerError:
            return None
        assert isinstance(message, SealedSend | SealedEvent)
        return self._plaintexts(message.room, getattr(message, "device", 0), message.counter)


def _with_plaintext(fields: list[FrameField], name: str, text: str) -> list[FrameField]:
    """Return fields with a plaintext after its ciphertext."""
    from netchat.packets.views.frame_fields import FrameField
    from netchat.packets.views.summary import quote

    for index, each in enumerate(fields):
        if each.path.endswith(".ciphertext"):
            opened = [
                FrameField(
                    each.offset, each.size, f"  opened.{part}", "text", quote(value),
                    f"The {part} in the ciphertext, which only members can open.",
                )
                for part, value in (("name", name), ("text", text))
            ]  # fmt: skip
            return [*fields[: index + 1], *opened, *fields[index + 1 :]]
    return fields


class FrameLog:
    """The last frames of a client.

    Args:
        plaintexts: Plaintexts of sealed messages; by default none are known.

    Attributes:
        revision: Counts the changes.
    """

    def __init__(self, plaintexts: Plaintexts = lambda *_: None) -> None:
        self._plaintexts = plaintexts
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
        self._frames.append(
            SeenFrame(
                self._count, raw, is_sent=is_sent, when=time.time(), plaintexts=self._plaintexts
            )
        )
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
