"""Messages made from decisions: most are like a client's, some are unlike any client's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from netchat import wire
from netchat.wire import Field, Message, Record
from netchat.wire.fields import BLOB, TEXT
from tests.fuzz.choices import Choices

__all__ = ["any_message", "damaged"]

_WORDS = ("", "lobby", "Nova", "nova", "x" * 25, "a\x1b[31mb", "hello", "line\nline", "\u202eevil")
_TYPES = [wire.MESSAGES[number] for number in sorted(wire.MESSAGES)]
_NUMBERS = (0, 1, 2, 3, 255, 1000, 2**15, 2**31, 2**63 - 1, 2**63, 2**64 - 1)


def any_message(choices: Choices, words: Sequence[str] = _WORDS) -> Message:
    """Return a message of any type, with arbitrary fields that its declaration allows."""
    message = _fill(choices.pick(_TYPES), choices, words)
    assert isinstance(message, Message)
    return message


_fields = cache(wire.fields_of)


def _fill(cls: type[Record], choices: Choices, words: Sequence[str]) -> Record:
    return cls(**{field.name: _value(field, choices, words) for field in _fields(cls)})


def _value(field: Field, choices: Choices, words: Sequence[str]) -> object:
    if field.record is not None:
        return tuple(
            _fill(field.record, choices, words)
            for _ in range(choices.below(min(4, field.most + 1)))
        )
    if field.kind is TEXT:
        if choices.one_in(4):
            return choices.blob(40).decode(errors="replace")
        return choices.pick(words)
    if field.kind is BLOB:
        return choices.pick((b"", bytes(16), bytes(32), choices.blob(33)))
    return choices.pick(_NUMBERS) % 256**field.kind.size


def damaged(frame: bytes, choices: Choices) -> bytes:
    """Return a frame with a wrong byte, length, CRC or end."""
    changed = bytearray(frame)
    for _ in range(1 + choices.below(3)):
        changed[choices.below(min(len(changed), 65536))] = choices.byte()
    match choices.below(4):
        case 0:
            return bytes(changed)
        case 1:  # the CRC is recomputed, so that the damage reaches the body's decoder
            changed[12:16] = bytes(4)
            changed[12:16] = wire.checksum(bytes(changed)).to_bytes(4, "big")
            return bytes(changed)
        case 2:
            return frame[: choices.below(min(len(frame), 65536))]
        case _:
            body = frame[wire.HEADER_SIZE :]
            cut = body[: choices.below(len(body) + 1)] + choices.blob(8)
            return wire.seal(frame[3], cut)
