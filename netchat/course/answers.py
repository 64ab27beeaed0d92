"""Answers between two processes: plain data as it is, functions and objects by proxy.

The process that grades never unpickles or runs what a student wrote: it gets data, and asks the
student's process to call its functions. So nothing that a notebook does can reach the checks.
"""

from __future__ import annotations

import base64
from collections import namedtuple
from collections.abc import Callable
from types import EllipsisType
from typing import Any

import numpy as np

__all__ = ["RemoteFunction", "RemoteObject", "pack", "unpack"]

#: Bytes of one array or blob that an answer may have.
MOST_BYTES = 32 * 1024 * 1024

#: Asks the student's process to do something with an object, and returns what comes of it.
Ask = Callable[[int, str, list[Any]], Any]


def pack(value: Any, keep: Callable[[Any], int]) -> Any:
    """A value as JSON has it.

    Args:
        value: anything.
        keep: remembers an object that is no plain data, and returns its number.

    Raises:
        ValueError: it is too large.
    """
    if isinstance(value, np.generic):
        value = value.item()
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if isinstance(value, RemoteObject):
        return {"kind": "yours", "value": value._number}
    for plain in (list, tuple, set, frozenset):
        if isinstance(value, plain):
            packed = {"kind": plain.__name__, "value": [pack(item, keep) for item in value]}
            names = getattr(value, "_fields", None)
            return {**packed, "names": list(names)} if names and plain is tuple else packed
    if isinstance(value, dict):
        pairs = [[pack(k, keep), pack(v, keep)] for k, v in value.items()]
        return {"kind": "dict", "value": pairs}
    if kind in (bytes, bytearray):
        return {"kind": kind.__name__, "value": _text(bytes(value))}
    if kind is np.ndarray and value.dtype.kind in "biufc":
        data = _text(np.ascontiguousarray(value).tobytes())
        return {"kind": "array", "value": data, "type": value.dtype.str, "shape": value.shape}
    if isinstance(value, EllipsisType):
        return {"kind": "dots"}
    for scalar in (int, float, str):  # IntEnum and the like
        if isinstance(value, scalar):
            return scalar(value)
    name = str(getattr(value, "__name__", kind.__name__))[:100]
    return {"kind": "object", "value": keep(value), "name": name, "function": callable(value)}


def unpack(packed: Any, ask: Ask, kept: Callable[[int], Any]) -> Any:
    """The value that was packed.

    Args:
        packed: what `pack` made.
        ask: for the proxies of objects.
        kept: gives the object of a number that is our own.

    Raises:
        ValueError: it is nothing that `pack` makes.
    """
    if not isinstance(packed, dict):
        if isinstance(packed, list):
            raise ValueError("a list is packed by its kind")
        return packed
    kind, value = packed.get("kind"), packed.get("value")
    match kind:
        case "list" | "tuple" | "set" | "frozenset" if isinstance(value, list):
            items = [unpack(item, ask, kept) for item in value]
            if names := packed.get("names"):
                return namedtuple("Answer", map(str, names), rename=True)(*items)
            return {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}[kind](items)
        case "dict" if isinstance(value, list):
            return {unpack(k, ask, kept): unpack(v, ask, kept) for k, v in value}
        case "bytes" | "bytearray":
            data = base64.b64decode(str(value))
            return data if kind == "bytes" else bytearray(data)
        case "array":
            array = np.frombuffer(base64.b64decode(str(value)), np.dtype(str(packed["type"])))
            return array.reshape(packed["shape"]).copy()
        case "dots":
            return ...
        case "yours":
            return kept(int(str(value)))
        case "object":
            made = RemoteFunction if packed.get("function") else RemoteObject
            return made(int(str(value)), str(packed.get("name")), ask)
    raise ValueError(f"nothing is packed as {kind!r}")


class RemoteObject:
    """An object in the student's process. What is done with it is done there.

    Args:
        number: the object's, there.
        name: what it is called.
        ask: asks that process.
    """

    def __init__(self, number: int, name: str, ask: Ask) -> None:
        self._number = number
        self._ask = ask
        self.__name__ = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__abstractmethods__":
            raise AttributeError(name)
        return self._ask(self._number, "attribute", [name])

    def __getitem__(self, key: Any) -> Any:
        return self._ask(self._number, "item", [key])

    def __len__(self) -> int:
        return int(self._ask(self._number, "length", []))

    def __iter__(self) -> Any:
        return iter(self._ask(self._number, "items", []))

    def __bytes__(self) -> bytes:
        return bytes(self._ask(self._number, "bytes", []))

    def __deepcopy__(self, _memo: Any) -> RemoteObject:
        return self  # it is not here

    def __repr__(self) -> str:
        return f"<{self.__name__}>"


class RemoteFunction(RemoteObject):
    """A function, or something else that can be called."""

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Call it, there."""
        return self._ask(self._number, "call", [list(args), named])


def _text(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise ValueError(f"{len(data):,} bytes are too many for an answer")
    return base64.b64encode(data).decode()
