"""TLS records as text: what each carries, or why it cannot be decrypted."""

from __future__ import annotations

from netchat.packets.items import TlsRecord
from netchat.packets.tls.records import (
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    CONTENT_TYPES,
    HEADER_SIZE,
    version_name,
)
from netchat.wording import many

__all__ = ["hex_rows", "record_lines", "record_summary"]

#: Bytes per row, and maximum number of rows: 64 KiB.
_ROW, _MAX_ROWS = 16, 4096


def record_summary(record: TlsRecord) -> str:
    """Summarise a record in a few words."""
    marks = f", {many(record.padding, 'byte')} of padding" if record.padding else ""
    marks += " [retransmitted]" * record.repeated
    if record.reason:
        # The type in the header of an encrypted record says nothing about its content.
        return f"{many(record.size, 'encrypted byte')} [{record.reason}]{marks}"
    if record.kind == CHANGE_CIPHER_SPEC:
        return f"change cipher spec{marks}"
    if record.text:
        return f"{record.text}{marks}"
    size = len(record.content or b"")
    return f"{many(record.size, 'byte')}, {many(size, 'byte')} of {record.name}{marks}"


def record_lines(record: TlsRecord) -> list[str]:
    """Return lines for the fields of a record's header and for its content."""
    raw = record.raw
    version = int.from_bytes(raw[1:3], "big")
    legacy = ", in TLS 1.3 too" if record.kind == APPLICATION_DATA else ""
    lines = [
        _line(0, raw[:1], "type", f"{record.kind} {CONTENT_TYPES.get(record.kind, '')}".rstrip()),
        _line(1, raw[1:3], "version", f"{version_name(version)}{legacy}"),
        _line(3, raw[3:5], "length", str(len(raw) - HEADER_SIZE)),
    ]
    if record.reason:
        lines.append(_line(HEADER_SIZE, raw[HEADER_SIZE:], "encrypted", record.reason))
        return lines
    content = record.content or b""
    if record.is_decrypted:
        key = f"{record.epoch} key, record {record.sequence}"
        lines.append(_line(HEADER_SIZE, raw[HEADER_SIZE:-16], "encrypted", key))
        lines.append(_line(len(raw) - 16, raw[-16:], "tag", "authentication tag"))
        padding = f", then {many(record.padding, 'byte')} of padding" if record.padding else ""
        inner = f"{record.inner_kind} {record.name}"
        lines.append(f"      decrypted: {many(len(content), 'byte')} of type {inner}{padding}")
    lines += hex_rows(content)
    return lines


def hex_rows(content: bytes) -> list[str]:
    """Return bytes as lines of offset, hex and ASCII."""
    lines = []
    for at in range(0, len(content), _ROW)[:_MAX_ROWS]:
        row = content[at : at + _ROW]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"      {at:04x}  {row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}  {text}")
    left = len(content) - _ROW * _MAX_ROWS
    return [*lines, f"      … {many(left, 'byte')} more"] if left > 0 else lines


def _line(at: int, raw: bytes, name: str, value: str) -> str:
    shown = raw[:12].hex(" ") + (" …" if len(raw) > 12 else "")
    return f"      {at:5}  {shown:<38} {name:<12} {value}"
