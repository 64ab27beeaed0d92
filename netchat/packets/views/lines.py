"""One line of text per item."""

from __future__ import annotations

import datetime

from wcwidth import ljust, rjust

from netchat.packets.decode.conversation import Conversation
from netchat.packets.items import (
    Block,
    Damage,
    DecodedMessage,
    Gap,
    Item,
    Notice,
    TlsRecord,
    Trace,
)
from netchat.packets.tcp.dissect import flag_names
from netchat.packets.views.blocks import block_summary
from netchat.packets.views.summary import side_name, summary
from netchat.packets.views.tls import record_summary
from netchat.wire.safe_text import show_line
from netchat.wording import many

__all__ = ["Lines"]

_NOTICES = {
    "opened": "opens the connection",
    "joined": "is seen; the capture begins in the middle of this connection",
    "closed": "closes the connection",
    "reset": "resets the connection",
    "replaced": "is gone: a new connection uses its ports",
    "doubled": "was captured again, with other sequence numbers",
    "dropped": "is no longer followed, to limit memory use",
}


class Lines:
    """Formatter of items as lines; times count from the first packet of the capture.

    Args:
        clock: Whether to show the time of day instead.
    """

    def __init__(self, *, clock: bool = False) -> None:
        self._clock = clock

    def time(self, time: int, conversation: Conversation) -> str:
        """Format a time in ns."""
        if self._clock:
            try:
                moment = datetime.datetime.fromtimestamp(time // 1_000_000_000)
            except (ValueError, OverflowError, OSError):
                return f"{time / 1e9:.6f}"  # a year outside the calendar: a damaged capture
            return f"{moment:%H:%M:%S}.{time % 1_000_000_000 // 1000:06d}"
        return f"{conversation.elapsed(time) / 1e9:z11.6f}"

    def line(self, item: Item) -> str:
        """Format an item."""
        conversation = item.conversation
        sender = side_name(conversation, server=not item.to_server)
        target = side_name(conversation, server=item.to_server)
        head = f"{self.time(item.time, conversation)}  {rjust(sender, 16)} → {ljust(target, 16)}"
        match item:
            case DecodedMessage():
                marks = " [retransmitted]" * item.repeated + " [after resync]" * item.found
                marks += " [TLS]" * item.is_encrypted
                return f"{head}  {item.message.NAME:<11} {summary(item.message)}{marks}"
            case Gap():
                where = f"byte {item.offset}{_inside(item)}"
                return f"{head}  -- {many(item.size, 'byte')} missing at {where}: {item.reason}"
            case Damage():
                return f"{head}  -- {damage(item)}"
            case Block():
                return f"{head}  [] {item.header.kind.name:<6} {block_summary(item)}".rstrip()
            case TlsRecord():
                return f"{head}  TLS {record_summary(item)}"
            case Notice():
                what = _NOTICES.get(item.event, item.event)
                if conversation.transport == "UDP":
                    what = what.replace("the connection", "a link over UDP").replace(
                        "this connection", "this link"
                    )
                return f"{head}  ** {what}"
            case Trace():
                ack = f" ack {item.ack}" if item.ack >= 0 else ""
                note = f" [{item.note}]" if item.note else ""
                flags = flag_names(item.flags)
                return f"{head}  .. {flags} byte {item.offset}, {item.size} long{ack}{note}"


def damage(item: Damage) -> str:
    """Describe bytes that are not a message, in a sentence."""
    place = f"at byte {item.offset}{_inside(item)}"
    what = "frame"
    if not item.inside and item.conversation.tls is not None:
        what = "TLS record"
    elif not item.inside and item.conversation.link is not None:
        what = "block"
    if item.cause == "skipped":
        begin = item.raw[:16].hex(" ") + (" …" if item.size > 16 else "")
        size = many(item.size, "byte")
        return f"{size} outside any {what} {place} ({begin}): {show_line(item.reason)}"
    if item.cause == "frame":
        return f"a damaged frame of {many(item.size, 'byte')} {place}: {show_line(item.reason)}"
    return f"an incomplete {what} {place}: {show_line(item.reason)}"


def _inside(item: Damage | Gap) -> str:
    """Name the stream that the offset of an item counts in, unless it is the connection's."""
    if not item.inside:
        return ""
    return " inside TLS" if item.conversation.tls is not None else " inside the link"
