"""The messages of a capture, as a notebook wants them.

from netchat.packets import read

chat = read("captures/two-users.pcapng")
for message in chat.filter(type="SEND"):
    print(message.seconds, message.user, message.fields["text"], message.raw.hex(" "))
    message.scapy.show()
table = pandas.DataFrame(chat.to_dicts())
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from netchat.packets.capture.reader import read_packets
from netchat.packets.filters import ItemFilter, make_filter
from netchat.packets.items import Decoded, Item
from netchat.packets.offline import read_capture
from netchat.packets.views.records import as_dict
from netchat.wire import DEFAULT_PORT, MAX_FRAME

__all__ = ["Messages", "read"]


class Messages:
    """Messages from some source of items. Iterating yields `Decoded`, one after another.

    Nothing is kept: each iteration begins at the source again, so that a capture may be larger
    than memory. Use `list(...)` to keep them.

    Args:
        source: called for the items.
        wanted: which of them.
    """

    def __init__(self, source: Callable[[], Iterable[Item]], wanted: ItemFilter | None = None) -> None:
        self._source = source
        self._wanted = wanted

    def __iter__(self) -> Iterator[Decoded]:
        for item in self.items():
            if isinstance(item, Decoded):
                yield item

    def items(self) -> Iterator[Item]:
        """Everything that is told of the capture: messages, and gaps, damage and notices."""
        return filter(self._wanted, self._source()) if self._wanted else iter(self._source())

    def filter(
        self,
        where: Callable[[Decoded], bool] | None = None,
        *,
        room: str | None = None,
        user: str | None = None,
        type: str | Collection[str] = (),  # noqa: A002 - what a message has, by its name
    ) -> Messages:
        """Fewer of them; filters may follow one another.

        Args:
            where: only messages of which this is true.
            room: only messages about the room with this code, in groups (`7K3F9-2MQ0T`) or not.
            user: only conversations of this user.
            type: only messages of this type, or of these types: `"SEND"`, `["SEND", "EVENT"]`.

        Raises:
            ValueError: there is no such type.
        """
        before = self._wanted
        chosen = make_filter(room=room, user=user, types=[type] if isinstance(type, str) else type)

        def wanted(item: Item) -> bool:
            if before is not None and not before(item):
                return False
            if chosen is not None and not chosen(item):
                return False
            return where is None or (isinstance(item, Decoded) and where(item))

        return Messages(self._source, wanted)

    def to_dicts(self) -> list[dict[str, Any]]:
        """The messages as plain data, as `netchat inspect --json` prints them."""
        return [as_dict(message) for message in self]


def read(
    path: str | Path, ports: Collection[int] = (DEFAULT_PORT,), *, limit: int = MAX_FRAME
) -> Messages:
    """The messages in a capture file.

    Args:
        path: pcap or pcapng, also packed by gzip.
        ports: TCP ports that are a chat's whatever is said on them. On others a chat is
            recognised by its frames.
        limit: bytes a whole frame may have.

    Returns:
        What to iterate over, as often as one likes. Iterating raises `CaptureError` where the file
        cannot be read, behind everything that could.

    Raises:
        CaptureError: there is no such file, or it is no capture.
    """
    next(read_packets(path), None)  # what is wrong from the beginning is said at once
    return Messages(lambda: read_capture(path, ports, limit=limit))
