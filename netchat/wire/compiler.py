"""Compiler from a declaration to an encoder and a decoder, run once at import.

A loop over the fields of a message costs about four times what the hot path can afford. Each
declaration is therefore turned into the straight-line Python that a person would write by hand
(`source_of` shows it) and compiled, as `dataclasses` does for `__init__`. Adjacent numbers, and the
length before a text, share one precompiled `struct.Struct`.

In the generated source, a local variable for a field's value is the field's name after an underscore,
so a field may be called `size` or `body` without a clash.

Messages are frozen, but filling one in through `object.__setattr__` or the slots' descriptors costs ten
times as much as plain assignments. The generated code therefore makes them on a `draft`, a class with
the same slots that is not frozen, and then turns the object into the message.

The fast decoder checks little: if it does not end exactly at the end of the body, something is wrong.
`netchat.wire.walk` then finds what and where, at its own slower pace.
"""

from __future__ import annotations

import dataclasses
import functools
import struct
from collections.abc import Callable
from typing import Any

from netchat.wire.fields import BLOB, LIST, TEXT, Field, fields_of

__all__ = ["compile_declaration", "compile_init", "compile_packer", "source_of"]

Encoder = Callable[[Any], bytes]
Reader = Callable[[bytes, int], tuple[Any, int]]


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


def _encoder_lines(declared: type, of: str) -> list[str]:
    """Return the lines that encode the fields; `of` is the prefix of a field's name in its value."""
    lines, parts = list[str](), []
    for number, (_, members) in enumerate(_runs(declared)):
        values = [f"{of}{f.name}" for f in members]
        last = members[-1]
        if last.kind in (TEXT, BLOB, LIST):
            if last.kind is LIST:
                lines.append(f"if len({values[-1]}) > {last.most}: raise error")
            content = {
                TEXT: f"{values[-1]}.encode()",
                BLOB: values[-1],
                LIST: f"b''.join([encode_{last.name}(r) for r in {values[-1]}])",
            }[last.kind]
            lines.append(f"_{last.name} = {content}")
            values[-1] = f"len({values[-1]})" if last.kind is LIST else f"len(_{last.name})"
            parts += [f"pack{number}({', '.join(values)})", f"_{last.name}"]
        else:
            parts.append(f"pack{number}({', '.join(values)})")
    return [*lines, f"return {' + '.join(parts) or repr(b'')}"]


def _encoder_source(declared: type) -> list[str]:
    return [
        "def encode(m):",
        "    try:",
        *(f"        {line}" for line in _encoder_lines(declared, "m.")),
        "    except errors as e:",
        "        report(m, e)",
    ]


def _reader_source(declared: type) -> list[str]:
    lines = ["def read(body, at):", "    m = _draft()"]
    for number, (form, members) in enumerate(_runs(declared)):
        last = members[-1]
        varies = last.kind in (TEXT, BLOB, LIST)
        names = [f"m.{f.name}" for f in members[:-1]] + ["size" if varies else f"m.{last.name}"]
        lines.append(f"    {', '.join(names)}, = unpack{number}(body, at)")
        lines.append(f"    at += {struct.calcsize(form)}")
        if last.kind is LIST:
            lines.append(f"    if size > {last.most}: raise error")
            lines.append("    items = []")
            lines.append("    for _ in range(size):")
            lines.append(f"        item, at = read_{last.name}(body, at)")
            lines.append("        items.append(item)")
            lines.append(f"    m.{last.name} = tuple(items)")
        elif varies:
            decode = ".decode()" if last.kind is TEXT else ""
            lines.append(f"    m.{last.name} = body[at:at + size]{decode}")
            lines.append("    at += size")
    lines += ["    m.__class__ = _cls", "    return m, at"]
    return lines


def _init_source(declared: type) -> list[str]:
    names = [field.name for field in fields_of(declared)]
    return [
        f"def init({', '.join(['self', *names])}):",
        "    _set_class(self, _draft)",
        *(f"    self.{name} = {name}" for name in names),
        "    self.__class__ = _cls",
    ]


def source_of(declared: type) -> str:
    """Return the compiled Python source that encodes and decodes `declared`."""
    return "\n".join([*_encoder_source(declared), "", *_reader_source(declared)])


@functools.cache
def _draft_of(declared: type) -> type:
    """Return a class with the same slots as a declared one that is not frozen."""
    slots = [field.name for field in fields_of(declared)]
    content = {
        "__slots__": slots,
        "__setattr__": object.__setattr__,
        "__delattr__": object.__delattr__,
    }
    return type(declared.__name__, declared.__bases__, content)


def _scope_of(declared: type) -> dict[str, Any]:
    """Return the names through which the generated source makes messages: `_cls` and its draft."""
    return {"_cls": declared, "_draft": _draft_of(declared)}


def compile_declaration(
    declared: type, report: Callable[[Any, Exception], None]
) -> tuple[Encoder, Reader]:
    """Compile the encoder and the decoder of one message or record type.

    Args:
        declared: A slotted dataclass with fields declared by `netchat.wire.fields`.
        report: Called with a message that cannot be encoded, and the error; raises a better one.

    Returns:
        `encode(message) -> bytes` and `read(body, at) -> (message, end)`. `read` may raise
        `struct.error` or `UnicodeDecodeError`, or end after the body; both mean that the body is
        malformed.
    """
    errors = (struct.error, UnicodeEncodeError, AttributeError, TypeError)
    scope = {"errors": errors, "report": report, **_scope_of(declared), **_tools_of(declared)}
    filename = f"<wire codec of {declared.__name__}>"
    exec(compile(source_of(declared), filename, "exec"), scope)  # noqa: S102 - our own declarations
    return scope["encode"], scope["read"]


def compile_packer(declared: type) -> Callable[..., bytes]:
    """Compile an encoder that takes the values of the fields in order, instead of a message.

    It saves the message, which takes as long as encoding it. The server uses it for EVENT.

    Returns:
        `pack(*values) -> bytes`. It raises `struct.error` if a value does not fit.
    """
    lines = [
        f"def pack({', '.join(f'of_{field.name}' for field in fields_of(declared))}):",
        *(f"    {line}" for line in _encoder_lines(declared, "of_")),
    ]
    scope = _tools_of(declared)
    filename = f"<wire codec of {declared.__name__}>"
    exec(compile("\n".join(lines), filename, "exec"), scope)  # noqa: S102 - our own declarations
    packer: Callable[..., bytes] = scope["pack"]
    return packer


def _tools_of(declared: type) -> dict[str, Any]:
    """Return what the generated source packs and unpacks with."""
    scope: dict[str, Any] = {"error": struct.error}
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

    It takes a third of the time of the one that `dataclasses` makes for a frozen class.

    Args:
        declared: A slotted dataclass with fields declared by `netchat.wire.fields`, without defaults.
    """
    scope = _scope_of(declared)
    scope["_set_class"] = vars(object)["__class__"].__set__  # a frozen class refuses an assignment
    filename = f"<wire codec of {declared.__name__}>"
    source = "\n".join(_init_source(declared))
    exec(compile(source, filename, "exec"), scope)  # noqa: S102 - our own declarations
    # With the annotations and the name that dataclasses would give it.
    init: Callable[..., None] = scope["init"]
    init.__module__, init.__name__ = declared.__module__, "__init__"
    init.__qualname__ = f"{declared.__qualname__}.__init__"
    types = {field.name: field.type for field in dataclasses.fields(declared)}
    init.__annotations__ = {**types, "return": None}
    return init
