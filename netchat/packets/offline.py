"""Decoding of a whole capture file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from netchat.errors import CaptureError
from netchat.packets.capture.key_log_file import KeyLogFile
from netchat.packets.capture.packet import Packet
from netchat.packets.capture.reader import read_packets
from netchat.packets.decode.decoder import Decoder
from netchat.packets.items import Item
from netchat.packets.tls.key_log import KeyLog
from netchat.wire import DEFAULT_PORT, MAX_FRAME

__all__ = ["read_capture"]


def read_capture(
    path: str | Path | BinaryIO,
    ports: Collection[int] = (DEFAULT_PORT,),
    *,
    limit: int = MAX_FRAME,
    trace: bool = False,
    keylog: str | Path | KeyLog | None = None,
    decoder: Decoder | None = None,
    observe: Callable[[Packet], object] | None = None,
) -> Iterator[Item]:
    """Yield the decoded items of a capture file.

        for item in read_capture("chat.pcapng"):
            if isinstance(item, DecodedMessage):
                print(item.time, item.conversation.user, item.message)

    Args:
        path: Name of a pcap or pcapng file, optionally compressed by gzip; `-` for standard input;
            or an open binary file.
        ports: TCP ports of chat servers; see `Decoder`.
        limit: Maximum length of a frame, in bytes.
        trace: Whether to yield TCP segments as well.
        keylog: TLS secrets in addition to those in the capture: the name of a key log file, as written
            because of `SSLKEYLOGFILE`, or a `KeyLog`.
        decoder: Decoder to use, for access to its counters; replaces the four arguments above.
        observe: Called for each packet, before its items are yielded.

    Raises:
        CaptureError: A file cannot be read, or is damaged. All items before the damage have been
            yielded.
    """
    if decoder is None:
        keys = KeyLogFile(keylog) if isinstance(keylog, (str, Path)) else keylog
        decoder = Decoder(ports, limit=limit, trace=trace, keys=keys)
    feed = decoder.feed if observe is None else _observed(decoder.feed, observe)
    problem: CaptureError | None = None
    try:
        for packet in read_packets(path, decoder.keys.add):
            # Faster than `yield from` for the many short lists.
            for item in feed(packet):  # noqa: UP028
                yield item
    except CaptureError as error:
        problem = error
    yield from decoder.finish()
    if problem is not None:
        raise problem


def _observed(
    feed: Callable[[Packet], list[Item]], observe: Callable[[Packet], object]
) -> Callable[[Packet], list[Item]]:
    def both(packet: Packet) -> list[Item]:
        observe(packet)
        return feed(packet)

    return both
