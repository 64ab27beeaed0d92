"""Compiler from a declaration to an encoder and a decoder, run once at import.

A loop over the fields of a message costs about four times what the hot path can afford. Each
declaration is therefore turned into the straight-line Python that a person would write by hand
(`source_of` shows it) and compiled, as `dataclasses` does for `__init__`. Adjacent numbers, and the
length before a text, share one precompiled `struct.Struct`.

In the generated source, a local variable for a field's value is the field's name after an underscore,
so a field may be called `size` or `body` without a clash.

The fast decoder checks little: if it does not end exactly at the end of the body, something is wrong.
`netchat.wire.walk` then finds what and where, at its own slower pace.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable
from typing import Any

from netchat.wire.fields import BLOB, LIST, TEXT, Field, fields_of

__all__ = ["compile_declaration", "compile_init", "compile_packer", "source_of"]

Encoder = Callable[[Any], bytes]
Reader = Callable[[Any, bytes, int], tuple[Any, int]]


def _runs(declared: type) -> list[tuple[str, list[Field]]]:
    """Split the fields into runs that one Struct packs; only a run's last field has a variable size.

    Returns:
        The struct format and the fields of each run, in wire order.
    """
    runs: list[tuple[str, list[Field]]] = []
    form, members = ">", list[Field]()
    for field in fields_of(declared):
        form += field.kind.code
        members.append(field)
        if field.kind in (TEXT, BLOB, LIST):
            runs.append((form, members))
            form, members = ">", []
    if members:
        runs.append((form, members))
    return runs


def _encoder_source(declared: type, head: str = "def encode(m):", of: str = "m.") -> list[str]:
    """Return the lines of an encoder.

    Args:
        declared: The declaration.
        head: First line of the function.
        of: Prefix of a field's name in the expression for its value.
    """
    lines, parts = [head], []
    for number, (_, members) in enumerate(_runs(declared)):
        values = [f"{of}{f.name}" for f in members]
        last = members[-1]
        if last.kind in (TEXT, BLOB, LIST):
            if last.kind is LIST:
                lines.append(f"    if len({values[-1]}) > {last.most}: raise error")
            content = {
                TEXT: f"{values[-1]}.encode()",
                BLOB: values[-1],
                LIST: f"b''.join([encode_{last.name}(r) for r in {values[-1]}])",
            }[last.kind]
            lines.append(f"    _{last.name} = {content}")
            values[-1] = f"len({values[-1]})" if last.kind is LIST else f"len(_{last.name})"
            parts += [f"pack{number}({', '.join(values)})", f"_{last.name}"]
        else:
            parts.append(f"pack{number}({', '.join(values)})")
    lines.append(f"    return {parts[0]}" if len(parts) == 1 else f"    return {' + '.join(parts)}")
    if not parts:
        lines[-1] = "    return b''"
    return lines


def _reader_source(declared: type) -> list[str]:
    lines = ["def read(cls, body, at):", "    m = new(cls)"]
    for number, (form, members) in enumerate(_runs(declared)):
        last = members[-1]
        varies = last.kind in (TEXT, BLOB, LIST)
        names = [f"_{f.name}" for f in members[:-1]] + ["size" if varies else f"_{last.name}"]
        lines.append(f"    {', '.join(names)}, = unpack{number}(body, at)")
        lines.append(f"    at += {struct.calcsize(form)}")
        lines += [f"    set_{f.name}(m, _{f.name})" for f in (members[:-1] if varies else members)]
        if last.kind is LIST:
            lines.append(f"    if size > {last.most}: raise error")
            lines.append("    items = []")
            lines.append("    for _ in range(size):")
            lines.append(f"        item, at = read_{last.name}(body, at)")
            lines.append("        items.append(item)")
            lines.append(f"    set_{last.name}(m, tuple(items))")
        elif varies:
            value = (
                "str(body[at:at + size], 'utf-8')" if last.kind is TEXT else "body[at:at + size]"
            )
            lines.append(f"    set_{last.name}(m, {value})")
            lines.append("    at += size")
    lines.append("    return m, at")
    return lines


def source_of(declared: type) -> str:
    """Return the compiled Python source that encodes and decodes `declared`."""
    return "\n".join([*_encoder_source(declared), "", *_reader_source(declared)])


def compile_declaration(declared: type) -> tuple[Encoder, Reader]:
    """Compile the encoder and the decoder of one message or record type.

    Args:
        declared: A slotted dataclass with fields declared by `netchat.wire.fields`.

    Returns:
        `encode(message) -> bytes` and `read(cls, body, at) -> (message, end)`. `read` may raise
        `struct.error` or `UnicodeDecodeError`, or end after the body; both mean that the body is
        malformed.
    """
    scope = _scope(declared)
    for field in fields_of(declared):
        # The slot's descriptor bypasses the frozen dataclass's __setattr__, which would double the
        # cost of decoding. Only the decoder fills in a message.
        scope[f"set_{field.name}"] = getattr(declared, field.name).__set__
    filename = f"<wire codec of {declared.__name__}>"
    exec(compile(source_of(declared), filename, "exec"), scope)  # noqa: S102 - our own declarations
    return scope["encode"], scope["read"]


def compile_packer(declared: type) -> Callable[..., bytes]:
    """Compile an encoder that takes the values of the fields in order, instead of a message.

    It saves the message, which takes as long as encoding it. The server uses it for EVENT.

    Returns:
        `pack(*values) -> bytes`. It raises `struct.error` if a value does not fit.
    """
    head = f"def pack({', '.join(f'of_{field.name}' for field in fields_of(declared))}):"
    scope = _scope(declared)
    filename = f"<wire codec of {declared.__name__}>"
    exec(compile("\n".join(_encoder_source(declared, head, "of_")), filename, "exec"), scope)  # noqa: S102 - our own declarations
    packer: Callable[..., bytes] = scope["pack"]
    return packer


def _scope(declared: type) -> dict[str, Any]:
    """Return the global variables of the compiled functions."""
    scope: dict[str, Any] = {"new": object.__new__, "error": struct.error}
    for number, (form, _) in enumerate(_runs(declared)):
        compiled = struct.Struct(form)
        scope[f"pack{number}"] = compiled.pack
        scope[f"unpack{number}"] = compiled.unpack_from
    for field in fields_of(declared):
        if field.record is not None:
            scope[f"encode_{field.name}"] = field.record.encode  # type: ignore[attr-defined]
            scope[f"read_{field.name}"] = field.record.read  # type: ignore[attr-defined]
    return scope


def compile_init(declared: type) -> Callable[..., None]:
    """Compile the `__init__` of a message or record type.

    It sets the slots as the decoder does, in half the time that `dataclasses` takes for a frozen
    class. The server creates one EVENT for each message.

    Args:
        declared: A slotted dataclass with fields declared by `netchat.wire.fields`, without defaults.
    """
    names = [field.name for field in fields_of(declared)]
    lines = [f"def __init__(self, {', '.join(names)}):"]
    lines += [f"    set_{name}(self, {name})" for name in names] or ["    pass"]
    scope: dict[str, Any] = {f"set_{name}": getattr(declared, name).__set__ for name in names}
    filename = f"<wire codec of {declared.__name__}>"
    exec(compile("\n".join(lines), filename, "exec"), scope)  # noqa: S102 - our own declarations
    init: Callable[..., None] = scope["__init__"]
    # With the annotations and the name that dataclasses gives it.
    return functools.wraps(declared.__init__)(init)  # type: ignore[misc]
