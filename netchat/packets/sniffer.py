"""Live capture and decoding in one call.

For example:

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

from netchat.packets.capture.key_log_file import KeyLogFile
from netchat.packets.capture.live import ANY, Live
from netchat.packets.capture.packet import Packet
from netchat.packets.capture.rotation import Rotation
from netchat.packets.decode.conversation import Conversation, DirectionCounts
from netchat.packets.decode.decoder import Decoder
from netchat.packets.decode.link_state import BlockCounts
from netchat.packets.items import Block, Damage, DecodedMessage, Item, TlsRecord, Tracing
from netchat.packets.messages import Messages
from netchat.wire import DEFAULT_PORT, MAX_FRAME

__all__ = ["Sniffer", "sniff"]

#: Delay of the decoder's clock while no packet arrives, in ns: packets are delivered up to 20 ms
#: after their capture, on a busy machine later.
_LATE = 200_000_000

#: Counters of links that the summary contains.
_OF_BLOCKS = ("blocks", "corrected", "failed", "again")

#: Maximum number of conversations whose counters are kept separately. Those of older ones are added up.
_MAX_CONVERSATIONS = 10_000


class Sniffer(Messages):
    """Live capture with a decoder, made by `sniff`; iterating yields messages.

    Attributes:
        live: The capture.
        decoder: The decoder.
        messages: Number of messages decoded.
        checksums: Number of frames with a wrong CRC-32.
        records: Number of TLS records.
        undecryptable: Number of encrypted TLS records that could not be decrypted.
        blocks: Counters of links, for all links and both directions together.
    """

    def __init__(self, live: Live, decoder: Decoder, duration: float | None) -> None:
        super().__init__(lambda: chain.from_iterable(self.batches()))
        self.live = live
        self.decoder = decoder
        self.messages: int = 0
        self.checksums: int = 0
        self.records: int = 0
        self.undecryptable: int = 0
        self.blocks: BlockCounts = BlockCounts()
        self._began = time.monotonic()
        self._until = self._began + duration if duration is not None else float("inf")
        self._seconds = 0.0
        self._seen: dict[Conversation, None] = {}
        self._older = DirectionCounts()

    def batches(self) -> Iterator[list[Item]]:
        """Yield lists of items; a list is empty if nothing arrived for a moment."""
        feed = self.decoder.feed
        for packets in self.live:
            items: list[Item] = []
            for packet in packets:
                items += feed(packet)
            yield self._counted(items) + self.tick()
        yield self.finish()

    def decode(self, packet: Packet) -> list[Item]:
        """Decode and count a packet of `live`, for programs that need packets and items."""
        return self._counted(self.decoder.feed(packet))

    def tick(self) -> list[Item]:
        """Handle expired timeouts, and stop the capture when its duration is over."""
        items: list[Item] = []
        if not self.live.is_lagging:
            late = _LATE + int(self.live.delay * 1e9)
            items = self._counted(self.decoder.tick(time.time_ns() - late))
        if time.monotonic() >= self._until:
            self.live.stop()
        return items

    def finish(self) -> list[Item]:
        """Return the last items, after the capture has ended."""
        self._seconds = time.monotonic() - self._began
        return self._counted(self.decoder.finish())

    def stop(self) -> None:
        """Stop capturing; packets captured before are still decoded."""
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
            if type(item) is DecodedMessage:
                self.messages += 1
            elif isinstance(item, Damage):
                self.checksums += item.error == "BadChecksum"
            elif isinstance(item, Block):
                self.blocks.blocks += 1
                self.blocks.corrected += item.corrected
                self.blocks.failed += item.outcome in ("failed", "combined", "damaged")
                self.blocks.again += item.again
            elif isinstance(item, TlsRecord):
                self.records += 1
                self.undecryptable += bool(item.reason)
            self._seen.setdefault(item.conversation)
        while len(self._seen) > _MAX_CONVERSATIONS:
            oldest = next(iter(self._seen))
            del self._seen[oldest]
            _add(self._older, oldest)
        return items

    def summary(self) -> dict[str, Any]:
        """Return the counters of packets and losses, and of what the decoder found."""
        total = DirectionCounts(
            **{name: getattr(self._older, name) for name in DirectionCounts.__dataclass_fields__}
        )
        for conversation in self._seen:
            _add(total, conversation)
        return {
            "seconds": self._seconds or time.monotonic() - self._began,
            "packets": self.live.packets,
            "kernel_received": self.live.received,
            "kernel_dropped": self.live.dropped,
            "passed_over": self.live.passed_over,
            "conversations": self.decoder.conversations,
            "tls_records": self.records,
            "tls_undecryptable": self.undecryptable,
            "secrets_written": self.live.secrets,
            "messages": self.messages,
            "crc_failures": self.checksums,
            **{name: getattr(self.blocks, name) for name in _OF_BLOCKS},
            **{name: getattr(total, name) for name in DirectionCounts.__dataclass_fields__},
        }


def sniff(
    interface: str = ANY,
    ports: Collection[int] = (DEFAULT_PORT,),
    *,
    write: str | Path | BinaryIO | None = None,
    rotate: Rotation | None = None,
    duration: float | None = None,
    limit: int = MAX_FRAME,
    keylog: str | Path | None = None,
    trace: Tracing = False,
) -> Sniffer:
    """Start a live capture and decode it.

    Args:
        interface: Name of the interface; `any` for all.
        ports: TCP ports of chat servers. If empty, all TCP is captured, and a chat is recognised by
            its frames.
        write: Name of a file for the packets (pcap if it ends in `.pcap`, otherwise pcapng), or an open
            binary file, which stays open.
        rotate: When the next file begins, and how many are kept; None writes one file.
        duration: Seconds after which the capture ends; None for no limit.
        limit: Maximum length of a frame, in bytes.
        keylog: Name of a key log file with TLS secrets, which need not exist yet: what is written to it
            during the capture is used as well. Secrets of captured connections are also written to
            `write`, unless that is a pcap file, which cannot hold them.
        trace: Whether to yield TCP segments as well; see `Decoder`.

    Returns:
        The sniffer, to be used in a `with` block.

    Raises:
        NotPermitted: This process may not capture packets.
        CaptureError: The interface does not exist, or a file cannot be read or written.
    """
    # The decoder and the thread that writes have a copy each.
    keys = [KeyLogFile(keylog, is_growing=True) if keylog is not None else None for _ in range(2)]
    live = Live(interface, ports, write=write, rotate=rotate, keys=keys[0])
    return Sniffer(live, Decoder(ports, limit=limit, trace=trace, keys=keys[1]), duration)


def _add(total: DirectionCounts, conversation: Conversation) -> None:
    for name in DirectionCounts.__dataclass_fields__:
        both = getattr(conversation.to_server, name) + getattr(conversation.to_client, name)
        setattr(total, name, getattr(total, name) + both)
