"""Text and data of a comparison of two captures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netchat.packets.decode.conversation import Conversation, show_endpoint
from netchat.packets.tcp.dissect import flag_names
from netchat.packets.time_sample import show_time
from netchat.packets.two_sides import ComparedConversation, ComparedWay, Comparison
from netchat.packets.views.summary import side_name, summary
from netchat.wording import many

__all__ = ["clock_line", "comparison_as_dict", "comparison_lines"]

#: Lost items that are listed for each direction; further ones are only counted.
_MAX_LISTED = 20


def comparison_lines(found: Comparison, first: str, second: str) -> Iterator[str]:
    """Yield the lines of a comparison.

    Args:
        found: The comparison.
        first: Name of the first capture.
        second: Name of the second one.
    """
    client, server = (first, second) if found.first_is_client else (second, first)
    yield f"client's side: {client}   server's side: {server}"
    if found.offset is None:
        yield "clock: unknown, because the captures have no conversation in common"
    else:
        yield clock_line(found, first, second)
    for each in found.conversations:
        yield from _conversation(each)
    for name, only in ((first, found.only_first), (second, found.only_second)):
        for conversation in only:
            yield f"only in {name}: {side_name(conversation, server=False)}  {conversation}"


def clock_line(found: Comparison, first: str, second: str) -> str:
    """Return the line about the clocks of two captures that have a conversation in common."""
    offset = (found.offset or 0) / 1e9
    return f"clock: {second} minus {first} is {offset:+.6f} s, ± {show_time(found.uncertainty)}"


def _conversation(each: ComparedConversation) -> Iterator[str]:
    ends = str(each.first) + (f", there {each.second}" if each.is_translated else "")
    yield f"{each.first.number}  {side_name(each.first, server=False)}  {ends}"
    for arrow, name, to_server in (("→", "to server", True), ("←", "to client", False)):
        way = each.ways[to_server]
        received = way.messages - len(way.lost_messages)
        arrived = way.segments - len(way.lost_segments)
        yield (
            f"   {arrow} {name}  {many(way.messages, 'message')} sent, {received:,} received; "
            f"{many(way.segments, 'segment')} sent, {arrived:,} arrived"
        )
        yield f"     {'':<9}  delay: {way.delay.text()}"
        yield from _lost(way)
        if way.unsent:
            yield f"     {'':<9}  {way.unsent:,} more received than the sender's capture has"


def _lost(way: ComparedWay) -> Iterator[str]:
    lost = [
        (
            item.time,
            f"message in packet {item.packets[-1]}: {item.message.NAME} {summary(item.message)}",
        )
        for item in way.lost_messages
    ]
    lost += [
        (
            item.time,
            f"segment in packet {item.packet}: {flag_names(item.flags)}, "
            f"{many(item.size, 'byte')} from byte {item.offset}",
        )
        for item in way.lost_segments
    ]
    lost.sort()
    for _, text in lost[:_MAX_LISTED]:
        yield f"     {'':<9}  lost: {text}"
    if len(lost) > _MAX_LISTED:
        yield f"     {'':<9}  lost: {len(lost) - _MAX_LISTED:,} more"


def comparison_as_dict(found: Comparison) -> dict[str, Any]:
    """Return a comparison as plain data."""
    return {
        "first_is_client": found.first_is_client,
        "clock_offset_s": None if found.offset is None else found.offset / 1e9,
        "clock_uncertainty_s": found.uncertainty / 1e9,
        "lost_messages": found.lost,
        "conversations": [
            {
                "first": _ends(each.first),
                "second": _ends(each.second),
                "nat": each.is_translated,
                "to_server": _way(each.ways[True]),
                "to_client": _way(each.ways[False]),
            }
            for each in found.conversations
        ],
        "only_first": list(map(_ends, found.only_first)),
        "only_second": list(map(_ends, found.only_second)),
    }


def _ends(conversation: Conversation) -> dict[str, Any]:
    return {
        "conversation": conversation.number,
        "user": conversation.user,
        "client": show_endpoint(conversation.client),
        "server": show_endpoint(conversation.server),
    }


def _way(way: ComparedWay) -> dict[str, Any]:
    return {
        "messages": way.messages,
        "lost_messages": [
            {"type": item.type, "packets": list(item.packets)} for item in way.lost_messages
        ],
        "segments": way.segments,
        "lost_segments": [
            {"packet": item.packet, "offset": item.offset, "size": item.size}
            for item in way.lost_segments
        ],
        "only_received": way.unsent,
        "delay": way.delay.as_dict(),
    }
