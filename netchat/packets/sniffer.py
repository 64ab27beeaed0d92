"""One call from an interface to messages, as they happen.

from netchat.packets import sniff

with sniff("any", duration=10) as live:
    for message in live.filter(type="EVENT"):
        print(message.seconds, message.fields["text"])
print(live.summary())
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from netchat.packets.capture.live import ANY, Live
from netchat.packets.decode.conversation import Conversation, Counts
from netchat.packets.decode.decoder import Decoder
from netchat.packets.decode.link_state import BlockCounts
from netchat.packets.items import Block, Damage, Decoded, Item
from netchat.packets.messages import Messages
from netchat.wire import DEFAULT_PORT, MAX_FRAME

__all__ = ["Sniffer", "sniff"]

#: How far behind the clock the decoder's time is while nothing comes: a packet is handed over up
#: to 20 ms after it was captured, on a busy machine later.
_LATE = 200_000_000

#: The counts of links that are told.
_OF_BLOCKS = ("blocks", "corrected", "failed", "again")

#: Conversations whose counts are kept apart. Those of older ones are added up and let go.
_MAX_CONVERSATIONS = 10_000


class Sniffer(Messages):
    """A live capture and a decoder; `sniff` makes one. Iterating gives messages as they happen.

    Also `items` and `filter`, as `Messages` has them.

    Attributes:
        live: the capture.
        decoder: the decoder.
        messages: how many messages were decoded.
        checksums: how many frames had a wrong CRC-32.
        blocks: what was seen of links, both directions of all together.
    """

    def __init__(self, live: Live, decoder: Decoder, duration: float | None) -> None:
        super().__init__(lambda: chain.from_iterable(self.batches()))
        self.live = live
        self.decoder = decoder
        self.messages = self.checksums = 0
        self.blocks = BlockCounts()
        self._began = time.monotonic()
        self._until = self._began + duration if duration is not None else float("inf")
        self._seconds = 0.0
        self._seen: dict[Conversation, None] = {}
        self._older = Counts()

    def batches(self) -> Iterator[list[Item]]:
        """Lists of items, as they come: all of a moment together; empty while nothing comes."""
        feed, live = self.decoder.feed, self.live
        for packets in live:
            items: list[Item] = []
            for packet in packets:
                items += feed(packet)
            if not live.behind:
                items += self.decoder.tick(time.time_ns() - _LATE)
            yield self._counted(items)
            if time.monotonic() >= self._until:
                live.stop()
        self._seconds = time.monotonic() - self._began
        yield self._counted(self.decoder.finish())

    def stop(self) -> None:
        """Capture nothing more; what came before is still decoded."""
        self.live.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.live.close()

    def _counted(self, items: list[Item]) -> list[Item]:
        for item in items:
            if type(item) is Decoded:
                self.messages += 1
            elif isinstance(item, Damage):
                self.checksums += item.error == "BadChecksum"
            elif isinstance(item, Block):
                self.blocks.blocks += 1
                self.blocks.corrected += item.corrected
                self.blocks.failed += item.outcome in ("failed", "combined", "damaged")
                self.blocks.again += item.again
            self._seen.setdefault(item.conversation)
        while len(self._seen) > _MAX_CONVERSATIONS:
            oldest = next(iter(self._seen))
            del self._seen[oldest]
            _add(self._older, oldest)
        return items

    def summary(self) -> dict[str, Any]:
        """What was captured, counted: packets and losses, then what the decoder saw."""
        total = Counts(**{name: getattr(self._older, name) for name in Counts.__dataclass_fields__})
        for conversation in self._seen:
            _add(total, conversation)
        return {
            "seconds": self._seconds or time.monotonic() - self._began,
            "packets": self.live.packets,
            "kernel_received": self.live.received,
            "kernel_dropped": self.live.dropped,
            "passed_over": self.live.passed_over,
            "conversations": self.decoder.conversations,
            "messages": self.messages,
            "crc_failures": self.checksums,
            **{name: getattr(self.blocks, name) for name in _OF_BLOCKS},
            **{name: getattr(total, name) for name in Counts.__dataclass_fields__},
        }


def sniff(
    interface: str = ANY,
    ports: Collection[int] = (DEFAULT_PORT,),
    *,
    write: str | Path | BinaryIO | None = None,
    duration: float | None = None,
    limit: int = MAX_FRAME,
) -> Sniffer:
    """Capture live, and decode.

    Args:
        interface: where to listen; `any` is everywhere.
        ports: TCP ports that are a chat's. None: all TCP is captured, and a chat is recognised
            by its frames.
        write: a file for the packets: pcap if it is called `.pcap`, else pcapng; or an open
            binary file, which stays open.
        duration: seconds after which it ends by itself.
        limit: bytes a whole frame may have.

    Returns:
        What to iterate over, in a `with` block.

    Raises:
        NotPermitted: this process may not capture.
        CaptureError: there is no such interface, or the file cannot be written.
    """
    return Sniffer(Live(interface, ports, write=write), Decoder(ports, limit=limit), duration)


def _add(total: Counts, conversation: Conversation) -> None:
    for name in Counts.__dataclass_fields__:
        both = getattr(conversation.to_server, name) + getattr(conversation.to_client, name)
        setattr(total, name, getattr(total, name) + both)
