"""Statistics of a capture, for each conversation."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

from netchat.packets.decode.conversation import Conversation, DirectionCounts, show_endpoint
from netchat.packets.decode.link_state import BlockCounts
from netchat.packets.items import Damage, DecodedMessage, Item, TlsRecord
from netchat.packets.tcp.health import HealthMonitor, SideHealth
from netchat.packets.time_sample import TimeSample
from netchat.packets.tls.key_schedule import SUITES
from netchat.packets.tls.records import version_name
from netchat.packets.tls.state import TlsCounts, TlsState
from netchat.packets.views.summary import side_name
from netchat.wire import MESSAGES, Annotate, Event, SealedEvent, SealedSend, Send
from netchat.wire.annotations import annotation_text
from netchat.wording import many

__all__ = ["ConversationStats", "Stats"]

#: Maximum number of messages per conversation that wait for their echo.
_MAX_SENT = 4096

#: TCP counters that are copied unchanged.
_COUNTS = ("segments", "retransmissions", "out_of_order", "gaps", "missing", "conflicts", "astray")


class ConversationStats:
    """Counters of one conversation.

    Attributes:
        conversation: The conversation.
        types: Messages by type number, for each direction: to the client, to the server.
        bytes: Bytes of those messages, for each direction.
        damage: Damaged, unfinished and skipped byte ranges, by cause.
        checksums: Frames with a wrong CRC-32.
        rtt: Times from a SEND, ANNOTATE or SEALED_SEND to the event that echoes it to its sender.
        last: Time of the last message, in ns.
        sent: Messages that wait for their echo, by counter.
    """

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.types = [0] * 256, [0] * 256
        self.bytes = [0, 0]
        self.damage: Counter[str] = Counter()
        self.checksums = 0
        self.rtt = TimeSample()
        self.last = conversation.began
        self.sent: dict[int, DecodedMessage] = {}

    def send(self, item: DecodedMessage, message: Send | Annotate | SealedSend) -> None:
        """Record a message to the server."""
        # If the message is retransmitted, the user has waited since the first time.
        self.sent.setdefault(message.counter, item)
        if len(self.sent) > _MAX_SENT:
            del self.sent[next(iter(self.sent))]

    def event(self, item: DecodedMessage, message: Event | SealedEvent) -> None:
        """Record an event, which may be the echo of a message."""
        sent = self.sent.get(message.counter)
        if sent is None or message.device != (self.conversation.device or message.device):
            return
        send = sent.message
        assert isinstance(send, Send | Annotate | SealedSend)
        if send.room != message.room or _content(send) != _content(message):
            return
        del self.sent[message.counter]
        self.rtt.add(max(0, item.time - sent.time))


class Stats:
    """Statistics of all conversations, with TCP's counters from each.

    Args:
        health: Observer of the same packets, to describe the health of TCP as well; or None.

    Attributes:
        rows: The counters, in the order in which the conversations appeared.
    """

    def __init__(self, health: HealthMonitor | None = None) -> None:
        self._health = health
        self.rows: dict[Conversation, ConversationStats] = {}

    def add(self, item: Item) -> None:
        """Count an item."""
        row = self.rows.get(item.conversation)
        if row is None:
            row = self.rows[item.conversation] = ConversationStats(item.conversation)
        if isinstance(item, DecodedMessage):
            raw, to_server, message = item.raw, item.to_server, item.message
            if item.time > row.last:  # clocks can step back
                row.last = item.time
            row.types[to_server][raw[3]] += 1
            row.bytes[to_server] += len(raw)
            if isinstance(message, Event | SealedEvent):
                if message.counter in row.sent:
                    row.event(item, message)
            elif isinstance(message, Send | Annotate | SealedSend):
                row.send(item, message)
        elif isinstance(item, TlsRecord):
            row.last = max(row.last, item.time)
        elif isinstance(item, Damage):
            row.damage[item.cause] += 1
            row.checksums += item.error == "BadChecksum"

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the counters as plain data, one dict per conversation."""
        return [_as_dict(row) | self._tcp_as_dict(row) for row in self.rows.values()]

    def lines(self) -> list[str]:
        """Return the counters as lines of text."""
        lines: list[str] = []
        for row in self.rows.values():
            lines += _lines(row)
            sides = self._sides_of(row)
            for arrow, side in zip("→←", sides, strict=False):
                lines.append(f"     TCP {arrow} {side.text()}")
                lines.append(f"           RTT: {side.rtt.text()}")
        return lines

    def _sides_of(self, row: ConversationStats) -> tuple[SideHealth, ...]:
        found = self._health.of(row.conversation) if self._health is not None else None
        return found if found is not None else ()

    def _tcp_as_dict(self, row: ConversationStats) -> dict[str, Any]:
        if self._health is None:
            return {}
        names = ("to_server", "to_client")
        sides = {n: side.as_dict() for n, side in zip(names, self._sides_of(row), strict=False)}
        return {"tcp": sides or None}


def _content(message: Send | Annotate | SealedSend | Event | SealedEvent) -> object:
    """Return what a message and its echo have in common besides the room."""
    if isinstance(message, Annotate):
        return annotation_text(message.kind, message.target, message.text)
    return message.text if isinstance(message, Send | Event) else message.sealed


def _as_dict(row: ConversationStats) -> dict[str, Any]:
    conversation = row.conversation
    sides: dict[str, dict[str, Any]] = {}
    for name, to_server, counts in _sides(conversation):
        types = {MESSAGES[n].NAME: count for n, count in enumerate(row.types[to_server]) if count}
        sides[name] = {
            "messages": sum(types.values()),
            "message_bytes": row.bytes[to_server],
            "types": types,
            "stream_bytes": counts.bytes,
            **{field: getattr(counts, field) for field in _COUNTS},
        }
        if conversation.tls is not None:
            sides[name]["tls"] = dataclasses.asdict(conversation.tls_counts(to_server=to_server))
        if conversation.link is not None:
            blocks = conversation.block_counts(to_server=to_server)
            sides[name]["link"] = {
                **dataclasses.asdict(blocks), "bit_error_rate": blocks.bit_error_rate
            }  # fmt: skip
    return {
        "conversation": conversation.number,
        "user": conversation.user,
        "client": show_endpoint(conversation.client),
        "server": show_endpoint(conversation.server),
        "transport": conversation.transport,
        "whole": conversation.whole,
        "tls": _tls_as_dict(conversation.tls) if conversation.tls is not None else None,
        "seconds": (row.last - conversation.began) / 1e9,
        **sides,
        "crc_failures": row.checksums,
        "damage": dict(row.damage),
        "rtt": row.rtt.as_dict(),
    }


def _lines(row: ConversationStats) -> list[str]:
    conversation = row.conversation
    began = "" if conversation.whole else ", captured from the middle"
    over_udp = " over UDP" * (conversation.transport == "UDP")
    lines = [
        f"{conversation.number}  {side_name(conversation, server=False)}  {conversation}  "
        f"{(row.last - conversation.began) / 1e9:.3f} s{over_udp}{_secured(conversation)}{began}"
    ]
    for name, to_server, counts in _sides(conversation):
        types = [(count, MESSAGES[n].NAME) for n, count in enumerate(row.types[to_server]) if count]
        named = ", ".join(f"{name} {count:,}" for count, name in sorted(types, reverse=True))
        total = sum(row.types[to_server])
        arrow = "→" if to_server else "←"
        lines.append(
            f"   {arrow} {name.replace('_', ' '):<10} {total:>9,} {_noun(total, 'message')}  {named}".rstrip()
        )
        size = row.bytes[to_server]
        lines.append(
            f"     {'':<10} {size:>9,} {_noun(size, 'byte')}  {_tcp(counts, conversation.transport)}"
        )
        if conversation.tls is not None:
            records = conversation.tls_counts(to_server=to_server)
            lines.append(
                f"     {'':<10} {records.records:>9,} {_noun(records.records, 'record')}  "
                f"{_tls(records)}"
            )
        if conversation.link is not None:
            blocks = conversation.block_counts(to_server=to_server)
            first, rest = _blocks(blocks)
            lines.append(
                f"     {'':<10} {blocks.blocks:>9,} {_noun(blocks.blocks, 'block')}  {first}"
            )
            lines.append(f"     {'':<30}{rest}")
    lines.append(f"     RTT of SEND: {row.rtt.text()}")
    kinds = ", ".join(f"{count:,} {cause}" for cause, count in row.damage.items()) or "none"
    lines.append(f"     damage: {kinds}; {row.checksums:,} with a wrong CRC-32")
    return lines


def _sides(
    conversation: Conversation,
) -> tuple[tuple[str, bool, DirectionCounts], tuple[str, bool, DirectionCounts]]:
    return (
        ("to_server", True, conversation.counts(to_server=True)),
        ("to_client", False, conversation.counts(to_server=False)),
    )


def _tcp(counts: DirectionCounts, transport: str) -> str:
    """Describe TCP's counters, zeros included; datagrams have no sequence numbers."""
    if transport == "UDP":
        return many(counts.segments, "datagram")
    gaps = f" of {many(counts.missing, 'byte')} in all" if counts.gaps else ""
    return ", ".join(
        (
            many(counts.segments, "segment"),
            many(counts.retransmissions, "retransmission"),
            f"{counts.out_of_order:,} out of order",
            many(counts.gaps, "gap") + gaps,
            many(counts.conflicts, "conflicting overlap"),
            f"{counts.astray:,} out of window",
        )
    )


def _secured(conversation: Conversation) -> str:
    """Describe a conversation's TLS."""
    state = conversation.tls
    if state is None:
        return ""
    version = version_name(state.version) if state.version else "TLS"
    return f", {version}" + " resumed" * state.resumed


def _tls_as_dict(state: TlsState) -> dict[str, Any]:
    suite = SUITES.get(state.suite)
    return {
        "version": version_name(state.version) if state.version else None,
        "cipher_suite": suite.name if suite is not None else None,
        "server_name": state.server_name,
        "alpn": list(state.protocols),
        "resumed": state.resumed,
        "early_data": state.early_data,
    }


def _tls(counts: TlsCounts) -> str:
    """Describe the counters of TLS records."""
    parts = [
        f"{many(counts.encrypted_bytes, 'encrypted byte')}",
        f"{counts.decrypted:,} decrypted",
        f"{counts.undecryptable:,} not",
    ]
    parts += [many(counts.key_updates, "key update")] if counts.key_updates else []
    parts += [f"{many(counts.padding, 'byte')} of padding"] if counts.padding else []
    parts += [f"{many(counts.skipped, 'byte')} outside any record"] if counts.skipped else []
    return ", ".join(parts)


def _noun(count: int, noun: str) -> str:
    """Return the noun of a count for a separate column."""
    return f"{many(count, noun).partition(' ')[2]:<8}"


def _blocks(counts: BlockCounts) -> tuple[str, str]:
    """Describe the counters of a link, in two lines."""
    rate = counts.bit_error_rate
    return (
        f"{counts.failed:,} failed, {many(counts.corrected, 'symbol')} corrected, "
        f"{counts.combined:,} decoded with their copies, {counts.again:,} retransmitted",
        f"{many(counts.unreadable, 'header')} unreadable, {many(counts.skipped, 'byte')} skipped, "
        f"{many(counts.missing, 'byte')} missing from the link"
        + ("" if rate is None else f"; {rate:.2g} of the bits were wrong"),
    )
