"""Messages of a capture, for use in notebooks and scripts.

For example:

    from netchat.packets import read

    chat = read("captures/two-users.pcapng")
    for message in chat.filter('type == SEND and text contains "hi"'):
        print(message.seconds, message.user, message.fields["text"], message.raw.hex(" "))
        message.scapy.show()
    table = pandas.DataFrame(chat.to_dicts())
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from netchat.packets.capture.key_log_file import KeyLogFile
from netchat.packets.capture.reader import read_packets
from netchat.packets.filters import ItemFilter, make_filter
from netchat.packets.items import DecodedMessage, Item
from netchat.packets.offline import read_capture
from netchat.packets.tls.key_log import KeyLog
from netchat.packets.views.records import as_dict
from netchat.wire import DEFAULT_PORT, MAX_FRAME

__all__ = ["Messages", "read"]


class Messages:
    """Iterable of the messages from a source of items; yields `DecodedMessage`.

    Each iteration reads the source again and keeps nothing, so a capture may be larger than memory. Use
    `list(...)` to keep the messages.

    Args:
        source: Returns the items; called for each iteration.
        wanted: Selects items; None selects all.
    """

    def __init__(
        self, source: Callable[[], Iterable[Item]], wanted: ItemFilter | None = None
    ) -> None:
        self._source = source
        self._wanted = wanted

    def __iter__(self) -> Iterator[DecodedMessage]:
        for item in self.items():
            if isinstance(item, DecodedMessage):
                yield item

    def items(self) -> Iterator[Item]:
        """Return an iterator over all items: messages, gaps, damage and notices."""
        return filter(self._wanted, self._source()) if self._wanted else iter(self._source())

    def filter(
        self,
        where: str | Callable[[DecodedMessage], bool] | None = None,
        *,
        room: str | None = None,
        user: str | None = None,
        type: str | Collection[str] = (),  # noqa: A002 - the name of the attribute it selects by
    ) -> Messages:
        """Select some of the messages; filters can be chained.

        Args:
            where: A filter such as `room == "lobby" and size > 100` (see docs/FILTERS.md), or a function
                that returns True for the messages to select.
            room: Code of a room, with or without the hyphen (`7K3F9-2MQ0T`): selects messages about it.
            user: Name of a user: selects this user's conversations.
            type: Name or names of message types: `"SEND"`, `["SEND", "EVENT"]`.

        Raises:
            ValueError: A type does not exist.
            FilterError: `where` has a mistake.
        """
        before = self._wanted
        tested = _parse(where) if isinstance(where, str) else None
        chosen = make_filter(room=room, user=user, types=[type] if isinstance(type, str) else type)

        def wanted(item: Item) -> bool:
            if before is not None and not before(item):
                return False
            if chosen is not None and not chosen(item):
                return False
            if where is None or isinstance(where, str):
                return tested is None or tested(item)
            return isinstance(item, DecodedMessage) and where(item)

        return Messages(self._source, wanted)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the messages as plain data, as printed by `netchat inspect --json`."""
        return [as_dict(message) for message in self]


def _parse(text: str) -> ItemFilter:
    from netchat.packets.filters import parse  # imported for filters only: it needs the dissector

    return parse(text)


def read(
    path: str | Path,
    ports: Collection[int] = (DEFAULT_PORT,),
    *,
    limit: int = MAX_FRAME,
    keylog: str | Path | KeyLog | None = None,
) -> Messages:
    """Read the messages in a capture file.

    Args:
        path: Name of a pcap or pcapng file, optionally compressed by gzip.
        ports: TCP ports of chat servers. On other ports, a chat is recognised by its frames.
        limit: Maximum length of a frame, in bytes.
        keylog: TLS secrets in addition to those in the capture; see `read_capture`.

    Returns:
        The messages, which can be iterated several times. If the file is damaged, iterating raises
        `CaptureError` after the last message that could be read.

    Raises:
        CaptureError: The file does not exist, or is not a capture; or the key log cannot be read.
    """
    next(read_packets(path), None)  # report an unreadable file at once
    keys = KeyLogFile(keylog) if isinstance(keylog, (str, Path)) else keylog
    return Messages(lambda: read_capture(path, ports, limit=limit, keylog=keys))
