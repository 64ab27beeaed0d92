"""Packets of a capture that a filter selects, found a little at a time."""

from __future__ import annotations

import time
from array import array

import numpy as np
from numpy.typing import NDArray

from netchat.packets.browse.capture import BrowsedCapture
from netchat.packets.filters import ParsedFilter
from netchat.packets.items import Notice

__all__ = ["Selection"]

#: Fields that are the same for all items of a conversation.
_OF_CONVERSATIONS = frozenset({
    "user", "conversation", "tcp", "udp", "tls", "host", "port", "ip.addr", "ipv6.addr", "tcp.port",
    "udp.port",
})  # fmt: skip

#: Items between two looks at the clock.
_BATCH = 100


class Selection:
    """Packets that a filter selects.

    A filter that only tests whole conversations, such as `user == "Nova"`, selects all of their packets,
    including acknowledgements. Any other selects the packets that complete a matching item.

    Args:
        capture: The capture, which may grow.
        wanted: The filter.
    """

    def __init__(self, capture: BrowsedCapture, wanted: ParsedFilter) -> None:
        self._capture = capture
        self._wanted = wanted
        self._is_whole = wanted.fields <= _OF_CONVERSATIONS
        self._found = array("I")
        self._at = 0  # items, or packets, that were tested
        self._numbers: NDArray[np.uint32] = np.empty(0, np.uint32)
        self._is_new = False

    @property
    def is_complete(self) -> bool:
        """Whether everything that is decoded was tested."""
        capture = self._capture
        return self._at == (capture.decoded if self._is_whole else len(capture.items))

    @property
    def share(self) -> float:
        """Share of the items that were tested, from 0 to 1."""
        return 1.0 if self._is_whole else self._at / max(len(self._capture.items), 1)

    @property
    def numbers(self) -> NDArray[np.uint32]:
        """Numbers of the packets found so far, sorted."""
        if self._is_new:
            self._is_new = False
            found = np.sort(np.array(self._found))  # `np.unique` takes 50 times as long
            is_first = np.ones(len(found), bool)
            is_first[1:] = found[1:] != found[:-1]
            self._numbers = found[is_first]
        return self._numbers

    def step(self, seconds: float) -> None:
        """Test items for a while."""
        if self._is_whole:
            self._select_conversations()
            return
        items, wanted = self._capture.items, self._wanted
        until = time.perf_counter() + seconds
        while self._at < len(items):
            for at in range(self._at, min(self._at + _BATCH, len(items))):
                self._at = at + 1
                if wanted(items[at]):
                    self._found.append(items.packet_of(at))
                    self._is_new = True
            if time.perf_counter() >= until:
                break

    def _select_conversations(self) -> None:
        if self.is_complete:
            return
        self._at = self._capture.decoded
        chosen = [
            index
            for index, each in enumerate(self._capture.items.conversations)
            if self._wanted(Notice(each.began, each, True, "", 0))
        ]
        self._numbers = self._capture.packets_of_conversations(chosen)
