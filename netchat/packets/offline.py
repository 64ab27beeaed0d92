"""One call from a capture file to messages."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from netchat.errors import CaptureError
from netchat.packets.capture.reader import read_packets
from netchat.packets.decode.decoder import Decoder
from netchat.packets.items import Item
from netchat.wire import DEFAULT_PORT, MAX_FRAME

__all__ = ["read_capture"]


def read_capture(
    path: str | Path | BinaryIO,
    ports: Collection[int] = (DEFAULT_PORT,),
    *,
    limit: int = MAX_FRAME,
    trace: bool = False,
    decoder: Decoder | None = None,
) -> Iterator[Item]:
    """Yield what a capture file has of a chat.

        for item in read_capture("chat.pcapng"):
            if isinstance(item, Decoded):
                print(item.time, item.conversation.user, item.message)

    Args:
        path: pcap or pcapng, also packed by gzip; `-` for standard input; or an open file.
        ports: as for `Decoder`.
        limit: as for `Decoder`.
        trace: as for `Decoder`.
        decoder: one to use, for its counters; then the three above are not looked at.

    Raises:
        CaptureError: the file cannot be read, or not to its end. Everything in front of that
            place has been yielded.
    """
    if decoder is None:
        decoder = Decoder(ports, limit=limit, trace=trace)
    feed = decoder.feed
    problem: CaptureError | None = None
    try:
        for packet in read_packets(path):
            # Faster than `yield from`, which costs something for each of the short lists.
            for item in feed(packet):  # noqa: UP028
                yield item
    except CaptureError as error:
        problem = error
    yield from decoder.finish()
    if problem is not None:
        raise problem
