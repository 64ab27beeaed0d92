"""Ladder diagram as data: a row for each segment, gap or event.

`ladder_text` and `ladder_svg` draw it. It needs a decoder with `trace`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from netchat.packets.decode.conversation import Conversation, show_endpoint
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
from netchat.packets.tcp.dissect import FIN, RST, SYN, flag_names
from netchat.packets.views.blocks import block_summary
from netchat.packets.views.summary import summary
from netchat.packets.views.tls import record_summary
from netchat.wire.safe_text import show_line
from netchat.wording import many

__all__ = ["MAX_CLIENTS", "MAX_ROWS", "MAX_SERVERS", "Ladder", "Participant", "Row"]

T = TypeVar("T")

#: Limit of the rows of a diagram.
MAX_ROWS = 2000

#: Limit of the participants with their own vertical line on each side; the others share one.
MAX_CLIENTS, MAX_SERVERS = 48, 16

#: Kinds of rows with labels, the most important first.
_LABELLED = ("message", "failed", "block", "tls")

#: Maximum number of messages named for one segment; further ones are only counted.
_MAX_LABELS = 4


@dataclass(slots=True)
class Participant:
    """Participant of a diagram: one vertical line.

    Attributes:
        name: The user, or `server`.
        address: Its address and port.
    """

    name: str
    address: str


@dataclass(slots=True)
class Row:
    """Horizontal line of a diagram.

    Attributes:
        time: Capture time, in ns.
        packet: Number of the packet, or 0 for a row that is not a packet.
        source: Conversation that the row belongs to.
        to_server: Whether the arrow points to the server.
        kind: `message`, `data` (part of one), `block` (of a link, without a message), `failed` (a
            block that could not be decoded), `tls` (records without a message), `ack`, `control`, `gap`
            or `damage`.
        labels: Texts on the row, the most important first.
        note: TCP's role in it, such as `retransmission`, or "".
        who: The participants, if their vertical lines are shared; otherwise "".
    """

    time: int
    packet: int
    source: Conversation
    to_server: bool
    kind: str
    labels: list[str] = field(default_factory=list)
    note: str = ""
    who: str = ""

    @property
    def texts(self) -> list[str]:
        """Texts to draw on the line."""
        if not self.who:
            return self.labels
        return [f"{self.labels[0]} ({self.who})", *self.labels[1:]]


class Ladder:
    """Collector of a diagram's rows.

    Args:
        wanted: Selects the items to draw; a segment is drawn if one of its messages is selected.

    Attributes:
        left_out: Rows beyond `MAX_ROWS`, which were discarded.
    """

    def __init__(self, wanted: Callable[[Item], bool] | None = None) -> None:
        self.left_out = 0
        self._wanted = wanted
        self._rows: list[Row] = []
        self._segments: dict[tuple[Conversation, int], Row] = {}
        self._texts: dict[int, list[tuple[str, str]]] = {}  # by row: kinds and texts completed
        self._selected: set[int] = set()  # rows of segments that match by themselves

    def add(self, item: Item) -> None:
        """Add the next item."""
        wanted = self._wanted is None or self._wanted(item)
        match item:
            case Trace():
                self._trace(item)
            case DecodedMessage() if wanted:
                parts = f" ({many(len(item.packets), 'segment')})" if len(item.packets) > 1 else ""
                text = f"{item.message.NAME} {summary(item.message)}{parts}"
                self._label(item, "message", text)
            case Block() if wanted:
                kind = "failed" if item.outcome == "failed" else "block"
                self._label(item, kind, f"[{item.header.kind.name}] {block_summary(item)}")
            case TlsRecord() if wanted and not item.carries_messages:
                self._label(item, "tls", f"[TLS] {record_summary(item)}")
            case Gap() if wanted:
                # Drawn where the bytes are missing, not at the time the decoder gave up on them.
                next_segment = self._segments.get((item.conversation, item.packet))
                time = item.time if next_segment is None else next_segment.time - 1
                label = f"{many(item.size, 'byte')} missing"
                self._append(Row(time, 0, item.conversation, item.to_server, "gap", [label]))
            case Damage() if wanted:
                what = f"{item.error or item.cause}: {many(item.size, 'byte')}"
                row = Row(item.time, 0, item.conversation, item.to_server, "damage", [what])
                row.note = show_line(item.reason)
                self._append(row)
            case Notice() if wanted and item.event in ("joined", "replaced", "dropped"):
                labels = {"joined": "the capture begins here"}
                label = labels.get(item.event, item.event)
                row = Row(item.time, 0, item.conversation, item.to_server, "control", [label])
                self._append(row)

    def rows(self) -> list[Row]:
        """Return all rows, ordered by time."""
        rows = [row for row in self._rows if self._wanted is None or self._is_wanted(row)]
        for row in rows:
            completed = self._texts.get(id(row))
            if completed:
                kinds, texts = zip(*completed, strict=True)
                row.kind = next(kind for kind in _LABELLED if kind in kinds)
                row.labels = list(texts[:_MAX_LABELS])
                if len(texts) > _MAX_LABELS:
                    row.labels.append(f"and {len(texts) - _MAX_LABELS} more")
        rows.sort(key=lambda row: row.time)
        conversations, servers = _participants(rows)
        others, unnamed = (
            set(_cut(conversations, MAX_CLIENTS)[1]),
            set(_cut(servers, MAX_SERVERS)[1]),
        )
        for row in rows:
            names = [show_line(row.source.user) or show_endpoint(row.source.client)]
            names = names if row.source in others else []
            names += [show_endpoint(row.source.server)] if row.source.server in unnamed else []
            row.who = ", ".join(names)
        return rows

    def participants(
        self, rows: Iterable[Row]
    ) -> tuple[list[Participant], dict[tuple[Conversation, bool], int]]:
        """Return the participants from left to right, with servers in the middle.

        Returns:
            The participants, and the participant's index for each conversation and side (True: the server).
        """
        conversations, servers = _participants(rows)
        shown, others = _cut(conversations, MAX_CLIENTS)
        half = (len(shown) + 1) // 2
        participants: list[Participant] = []
        places: dict[tuple[Conversation, bool], int] = {}
        for conversation in shown[:half]:
            places[conversation, False] = len(participants)
            participants.append(_client(conversation))
        named, unnamed = _cut(servers, MAX_SERVERS)
        at = {server: len(participants) + place for place, server in enumerate(named)}
        at |= dict.fromkeys(unnamed, len(participants) + len(named))
        places |= {(conversation, True): at[conversation.server] for conversation in conversations}
        participants += [Participant("server", show_endpoint(server)) for server in named]
        participants += [Participant(many(len(unnamed), "server"), "")] if unnamed else []
        for conversation in shown[half:]:
            places[conversation, False] = len(participants)
            participants.append(_client(conversation))
        places |= {(conversation, False): len(participants) for conversation in others}
        participants += [Participant(many(len(others), "client"), "")] if others else []
        return participants, places

    def _append(self, row: Row) -> Row:
        if len(self._rows) < MAX_ROWS:
            self._rows.append(row)
        else:
            self.left_out += 1
        return row

    def _trace(self, item: Trace) -> None:
        flags = flag_names(item.flags)
        if item.flags & (SYN | FIN | RST):
            kind, label = "control", flags
        elif item.size:
            kind, label = "data", f"{many(item.size, 'byte')} from byte {item.offset}"
        else:
            kind, label = "ack", f"{flags} {item.ack}" if item.ack >= 0 else flags
        row = Row(item.time, item.packet, item.conversation, item.to_server, kind, [label])
        row.note = item.note
        if len(self._rows) < MAX_ROWS:
            self._segments[item.conversation, item.packet] = row
        if self._wanted is not None and self._wanted(item):
            self._selected.add(id(row))
        self._append(row)

    def _label(self, item: DecodedMessage | Block | TlsRecord, kind: str, text: str) -> None:
        """Label a segment with an item that it completes."""
        row = self._segments.get((item.conversation, max(item.packets)))
        if row is not None:
            self._texts.setdefault(id(row), []).append((kind, text))

    def _is_wanted(self, row: Row) -> bool:
        assert self._wanted is not None
        if id(row) in self._texts or id(row) in self._selected or not row.packet:
            return True
        # A segment without a message is drawn if its conversation is selected.
        probe = Notice(row.time, row.source, row.to_server, "", row.packet)
        return self._wanted(probe)


def _participants(rows: Iterable[Row]) -> tuple[list[Conversation], list[tuple[str, int]]]:
    """Return the conversations of some rows and their servers, in order of appearance."""
    conversations = list(dict.fromkeys(row.source for row in rows))
    return conversations, list(dict.fromkeys(conversation.server for conversation in conversations))


def _cut(participants: list[T], most: int) -> tuple[list[T], list[T]]:
    """Split participants into those with their own line and those that share one."""
    return (
        (participants, [])
        if len(participants) <= most
        else (participants[: most - 1], participants[most - 1 :])
    )


def _client(conversation: Conversation) -> Participant:
    name = show_line(conversation.user) or "client"
    return Participant(name, show_endpoint(conversation.client))
