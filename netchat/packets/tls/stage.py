"""Stage that cuts a TLS stream into records and decrypts them, if the secrets are known.

    bytes in order -> records -> handshake messages
                              -> content -> the same stages as for a plain stream -> items

Without secrets, times, types and lengths of the records are all there is to see.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from netchat.packets.decode.byte_queue import ByteOrigin, ByteQueue
from netchat.packets.decode.conversation import Conversation
from netchat.packets.decode.frame_scanner import DetectorStage, Stage
from netchat.packets.items import Damage, DecodedMessage, Gap, Item, TlsRecord
from netchat.packets.memory_budget import MemoryBudget
from netchat.packets.tls.handshake import (
    CLIENT_HELLO,
    END_OF_EARLY_DATA,
    FINISHED,
    KEY_UPDATE,
    MESSAGES,
    SERVER_HELLO,
    describe_alert,
    describe_message,
    read_client_hello,
    read_server_hello,
)
from netchat.packets.tls.key_log import KeyLog
from netchat.packets.tls.opener import OpenedRecord, RecordOpener, TrialBudget
from netchat.packets.tls.records import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    HEADER_SIZE,
    OVERHEAD,
    find_records,
    is_header,
)
from netchat.packets.tls.state import TlsState
from netchat.wording import many

__all__ = ["TlsStage"]

_HEADER = struct.Struct(">BHH").unpack_from

#: Maximum length of a handshake message that is put together; a longer one is not described.
_MAX_MESSAGE = 128 * 1024

#: Handshake messages that one record's description names.
_MAX_NAMED = 8

#: Bypasses the named tuple's own constructor, for speed.
_new = tuple.__new__


class TlsStage:
    """Stage for one direction of a TLS connection.

    Args:
        conversation: The conversation.
        state: What both directions share.
        keys: The secrets.
        trials: Budget for decryption by trial.
        budget: Budget for the buffered bytes.
        open_inner: Makes the first stage for the content; its argument is whether the content is
            complete from its first byte on.
        to_server: Whether this is the direction to the server.
        offset: Offset of the first byte in the direction's stream.
        aligned: Whether a record begins with the first byte.
    """

    __slots__ = (
        "_backlog", "_budget", "_conversation", "_cost", "_detector", "_handshake", "_inner",
        "_inner_offset", "_lost", "_open_inner", "_opener", "_reason", "_rest", "_searching",
        "_state", "_to_server", "_whole",
    )  # fmt: skip

    def __init__(
        self,
        conversation: Conversation,
        state: TlsState,
        keys: KeyLog,
        trials: TrialBudget,
        budget: MemoryBudget,
        open_inner: Callable[[bool], DetectorStage],
        *,
        to_server: bool,
        offset: int = 0,
        aligned: bool = True,
    ) -> None:
        self._conversation = conversation
        self._state = state
        self._opener = RecordOpener(state, keys, trials, to_server=to_server)
        self._budget = budget
        self._cost = 0
        self._open_inner = open_inner
        self._to_server = to_server
        self._backlog = ByteQueue(budget)
        self._backlog.offset = offset
        self._searching = not aligned
        self._rest = -1  # stream offset of the end of a record broken by a gap; otherwise -1
        self._reason = "the capture begins in the middle of a record"
        self._handshake = bytearray()  # beginning of a handshake message
        self._whole = aligned  # whether the content is complete from its first byte on
        self._lost = 0  # bytes of encrypted records not decrypted since the last one
        self._detector: DetectorStage | None = None
        self._inner: Stage | None = None
        self._inner_offset = 0  # bytes of content so far

    @property
    def has_invalid_bytes(self) -> bool:
        """Whether the content is invalid in the protocol that it should be in."""
        return self._inner is not None and self._inner.has_invalid_bytes

    # -- bytes --------------------------------------------------------------------------------------

    def push(self, data: bytes, packet: int, time: int, repeated: bool) -> list[Item]:
        """Process the next bytes of the stream; see `FrameScanner.push`."""
        items: list[Item] = []
        backlog, at, size = self._backlog, 0, len(data)
        key, inner, state = self._opener.key, self._inner, self._state
        if (
            key is not None
            and inner is not None
            and key.epoch == "application"
            and not (backlog.bytes or self._searching or self._lost or self._opener.missing)
        ):
            # Fast path: complete records, the next ones, of application data.
            counts, packets = state.counts(to_server=self._to_server), (packet,)
            while at + HEADER_SIZE <= size:
                kind, version, length = _HEADER(data, at)
                start, end = at + HEADER_SIZE, at + HEADER_SIZE + length
                if kind != APPLICATION_DATA or version != 0x0303 or end > size:
                    break
                opened = key.open(data[at:start], data[start:end], key.sequence)
                if opened is None or opened[-1] != APPLICATION_DATA:
                    break
                content = opened[:-1]
                offset = backlog.offset
                item = (
                    time, self._conversation, self._to_server, kind, offset, data[at:end], packets,
                    repeated, kind, content, 0, key.sequence, "application", "", "",
                )  # fmt: skip
                items.append(_new(TlsRecord, item))
                backlog.offset = offset + HEADER_SIZE + length
                key.sequence += 1
                counts.records += 1
                counts.decrypted += 1
                counts.encrypted_bytes += HEADER_SIZE + length
                counts.content_bytes += len(content)
                if content:
                    items += self._deliver(content, packet, time, repeated)
                at = end
            if at == size:
                return items
        backlog.add(data[at:] if at else data, packet, time, repeated)
        self._look(items)
        self._account()
        return items

    def _look(self, items: list[Item]) -> None:
        """Process all complete records among the buffered bytes."""
        backlog = self._backlog
        while waiting := backlog.bytes:
            if self._rest >= 0:
                rest = self._rest - backlog.offset
                backlog.skip(min(rest, len(waiting)))
                self._mark_lost(min(rest, len(waiting)))
                if rest > len(waiting):
                    return
                self._rest = -1
                self._end_run(items)
                continue
            if self._searching:
                at = find_records(waiting)
                if at < 0:
                    # The last record of these bytes may continue in the next segment.
                    keep = HEADER_SIZE + 2**14 + 256
                    skipped = max(0, len(waiting) - keep)
                    backlog.skip(skipped)
                    self._mark_lost(skipped)
                    return
                backlog.skip(at)
                self._mark_lost(at)
                self._end_run(items)
                self._searching = False
                continue
            if len(waiting) < HEADER_SIZE:
                return
            if not is_header(waiting):
                self._reason = f"no TLS record begins with {bytes(waiting[:HEADER_SIZE]).hex(' ')}"
                self._searching, self._whole = True, False
                backlog.skip(1)
                self._mark_lost(1)
                continue
            size = HEADER_SIZE + int.from_bytes(waiting[3:5], "big")
            if len(waiting) < size:
                return
            raw, marks = backlog.take(size)
            self._record(raw, marks, items)

    def gap(self, size: int) -> list[Item]:
        """Skip `size` missing bytes; return items for the bytes before them."""
        backlog = self._backlog
        end = self._record_end()
        items = self._flush("broken", f"then {many(size, 'byte is', 'bytes are')} missing")
        backlog.offset += size
        self._mark_lost(size)
        self._handshake.clear()
        self._rest, self._searching = -1, False
        if end > backlog.offset:
            self._rest = end
            self._reason = "the rest of the record that the gap broke"
        elif end < backlog.offset:
            self._searching = True
            self._reason = "bytes are missing before them"
        self._account()
        return items

    def end(self, why: str) -> list[Item]:
        """Mark the end of the stream and return items for all buffered bytes."""
        items = self._flush("unfinished", f"then {why}")
        if self._inner is not None:
            items += self._inside(self._inner.end(why))
        self._rest, self._searching = -1, True
        self._reason = f"after the point where {why}"
        self._account()
        return items

    def swap_direction(self) -> None:
        """Reverse the direction."""
        self._to_server = not self._to_server
        self._opener.swap_direction()
        if self._inner is not None:
            self._inner.swap_direction()

    def _record_end(self) -> int:
        """Return the stream offset at which the record in the buffer ends, as far as known."""
        backlog = self._backlog
        waiting = backlog.bytes
        if self._rest >= 0:
            return self._rest
        if not self._searching and len(waiting) >= HEADER_SIZE and is_header(waiting):
            return backlog.offset + HEADER_SIZE + int.from_bytes(waiting[3:5], "big")
        return -1

    def _flush(self, cause: str, why: str) -> list[Item]:
        """Return items for all buffered bytes: the rest of a record will not arrive."""
        items: list[Item] = []
        backlog = self._backlog
        size = len(backlog.bytes)
        if self._rest >= 0 or self._searching or not size:
            self._mark_lost(size)
            backlog.skip(size)
            self._end_run(items)
            return items
        end = self._record_end()
        raw, marks = backlog.take(size)
        self._mark_lost(size)
        whole = f"of {many(end - backlog.offset + size, 'byte')}" if end >= 0 else ""
        reason = f"TLS record {whole}".rstrip() + f": {size} are here, {why}"
        items.append(
            Damage(
                max(mark.time for mark in marks), self._conversation, self._to_server,
                backlog.offset - size, size, cause, "", reason, raw, _packets(marks),
            )
        )  # fmt: skip
        return items

    def _mark_lost(self, size: int) -> None:
        """Count bytes of the stream that are missing or unreadable."""
        if size:
            self._lost += size
            self._opener.missing += size
            self._whole = False

    def _end_run(self, items: list[Item]) -> None:
        """Append an item for the skipped bytes, if any."""
        run = self._backlog.end_run()
        if run is None:
            return
        self._state.counts(to_server=self._to_server).skipped += run.size
        items.append(
            Damage(
                run.last.time, self._conversation, self._to_server, run.start, run.size, "skipped",
                "", self._reason, run.sample, _packets([run.first, run.last]),
            )
        )  # fmt: skip

    def _account(self) -> None:
        self._backlog.account()
        cost = len(self._handshake)
        self._budget.used += cost - self._cost
        self._cost = cost

    # -- records ------------------------------------------------------------------------------------

    def _record(self, raw: bytes, marks: list[ByteOrigin], items: list[Item]) -> None:
        """Process a complete record."""
        counts = self._state.counts(to_server=self._to_server)
        counts.records += 1
        kind = raw[0]
        opened, content, inner, padding, text, reason = None, None, -1, 0, "", ""
        if kind == APPLICATION_DATA or self._is_encrypted(kind):
            counts.encrypted_bytes += len(raw)
            opened = self._opener.open(raw) if kind == APPLICATION_DATA else None
            if opened is None:
                reason = self._opener.reason or "only TLS 1.3 is decrypted"
                counts.undecryptable += 1
                self._lost += len(raw)
                self._whole = False
            else:
                counts.decrypted += 1
                content, inner, padding = _unpadded(opened.inner)
                counts.padding += padding
        elif kind == HANDSHAKE:
            content = raw[HEADER_SIZE:]
            text = self._messages(content, None)
        elif kind == ALERT:
            content = raw[HEADER_SIZE:]
            text = describe_alert(content)
        elif kind == CHANGE_CIPHER_SPEC and 0 < self._state.version < 0x0304:
            self._opener.missing = 0
            self._handshake.clear()
            self._state.ciphered[self._to_server] = True
        if opened is not None and inner == HANDSHAKE:
            text = self._messages(content or b"", opened)
        elif opened is not None and inner == ALERT:
            text = describe_alert(content or b"")
        time, packet = max(mark.time for mark in marks), marks[-1].packet
        repeated = any(mark.repeated for mark in marks)
        items.append(
            TlsRecord(
                time, self._conversation, self._to_server, kind, self._backlog.offset - len(raw),
                raw, _packets(marks), repeated, inner, content, padding,
                -1 if opened is None else opened.sequence, "" if opened is None else opened.epoch,
                text, reason,
            )
        )  # fmt: skip
        if opened is None:
            return
        self._skip_content(opened, packet, time, items)
        if opened.is_first:
            self._whole = True
        if inner == APPLICATION_DATA and content:
            counts.content_bytes += len(content)
            items += self._deliver(content, packet, time, repeated)

    def _is_encrypted(self, kind: int) -> bool:
        """Return whether a record is encrypted although its type is not that of application data."""
        return kind != CHANGE_CIPHER_SPEC and self._state.ciphered.get(self._to_server, False)

    def _skip_content(
        self, opened: OpenedRecord, packet: int, time: int, items: list[Item]
    ) -> None:
        """Tell the content's stage about the content of records that were not decrypted."""
        lost, self._lost = self._lost, 0
        if not lost or opened.epoch == "handshake":
            return
        if self._inner is None:
            self._whole = False
            return
        missed = max(0, opened.missed)
        size = max(1, lost - OVERHEAD * missed) if missed != 0 else 0
        if opened.missed < 0:
            size = max(1, lost - OVERHEAD)
        if size:
            items += self._inside(self._inner.gap(size))
            items.append(
                Gap(
                    time, self._conversation, self._to_server, self._inner_offset, size,
                    "the TLS records with them are missing or were not decrypted", packet, True,
                )
            )  # fmt: skip
            self._inner_offset += size

    def _deliver(self, content: bytes, packet: int, time: int, repeated: bool) -> list[Item]:
        """Pass content to its stage."""
        if self._inner is None:
            self._inner = self._detector = self._open_inner(self._whole)
        self._inner_offset += len(content)
        items = self._inner.push(content, packet, time, repeated)
        detector = self._detector
        if detector is not None and detector.next_stage is not None:
            self._inner, self._detector = detector.next_stage, None
        for item in items:
            if type(item) is not DecodedMessage:
                return self._inside(items)
        return items

    @staticmethod
    def _inside(items: list[Item]) -> list[Item]:
        """Mark damage and gaps as those of the content."""
        return [
            item._replace(inside=True) if isinstance(item, (Damage, Gap)) else item
            for item in items
        ]

    # -- handshake messages ---------------------------------------------------------------------------

    def _messages(self, data: bytes, opened: OpenedRecord | None) -> str:
        """Process handshake messages, the last of which may be incomplete; describe them."""
        waiting = self._handshake
        waiting += data
        named: list[str] = []
        count = 0
        while len(waiting) >= 4:
            kind, size = waiting[0], int.from_bytes(waiting[1:4], "big")
            if kind not in MESSAGES or size > _MAX_MESSAGE:
                waiting.clear()
                named.append("part of a handshake message")
                break
            if len(waiting) < 4 + size:
                named.append(f"the beginning of {MESSAGES[kind]}")
                break
            body = bytes(waiting[4 : 4 + size])
            del waiting[: 4 + size]
            count += 1
            if len(named) < _MAX_NAMED:
                named.append(describe_message(kind, body))
            self._message(kind, body, opened)
        return ", ".join(named) or "part of a handshake message"

    def _message(self, kind: int, body: bytes, opened: OpenedRecord | None) -> None:
        """Act on a handshake message."""
        state, opener = self._state, self._opener
        if opened is None:
            if kind == CLIENT_HELLO and (hello := read_client_hello(body)) is not None:
                state.random = hello.random
                state.server_name, state.protocols = hello.server_name, hello.protocols
                state.early_data = hello.early_data
            elif kind == SERVER_HELLO and (answer := read_server_hello(body)) is not None:
                state.version, state.suite = answer.version, answer.suite
                state.resumed = answer.resumed
        elif kind == END_OF_EARLY_DATA and opened.epoch == "early":
            opener.start("handshake")
        elif kind == FINISHED and opened.epoch == "handshake":
            opener.start("application")
        elif kind == KEY_UPDATE and opened.epoch == "application":
            opener.update()
            state.counts(to_server=self._to_server).key_updates += 1


def _unpadded(inner: bytes) -> tuple[bytes, int, int]:
    """Return content, inner type and number of padding bytes (RFC 8446, section 5.4)."""
    stripped = inner.rstrip(b"\0")
    if not stripped:
        return b"", -1, len(inner)
    return stripped[:-1], stripped[-1], len(inner) - len(stripped)


def _packets(marks: list[ByteOrigin]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(mark.packet for mark in marks))
