"""Serialisation of answers between processes: plain data is copied, functions are proxied.

The grading process never unpickles or runs a student's code: it receives data, and requests that
the student's process call its functions. A notebook judges its own answers in the same form
(`as_graded`), so that the notebook and the grader cannot disagree.
"""

from __future__ import annotations

import base64
import functools
import math
import numbers
import re
from collections import namedtuple
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from types import EllipsisType
from typing import Any

import numpy as np

__all__ = [
    "MOST_BYTES",
    "MOST_ITEMS",
    "RemoteFunction",
    "RemoteObject",
    "as_graded",
    "pack",
    "perform",
    "unpack",
]

#: Maximum bytes, and values within containers, of one answer or result.
MOST_BYTES, MOST_ITEMS = 32 * 1024 * 1024, 1_000_000

#: Maximum items read from an iterator.
MOST_ITERATED = 100_000

#: Maximum depth of nested containers.
_DEEPEST = 50

#: Maximum fields of a named tuple.
_MOST_NAMES = 100

#: NumPy's names of number types: byte order, kind, size in bytes.
_DTYPE = re.compile(r"[<>|=][biufc]\d{1,2}")

_SCALARS = frozenset({bool, int, float, str, type(None)})
_SEQUENCES = (list, tuple, set, frozenset)

#: Types that are packed unchanged.
_OWN = frozenset({bool, int, float, complex, str, bytes, dict, type(None), *_SEQUENCES})

#: Sends a request about an object to the student's process, and returns the result.
Ask = Callable[[int, str, list[Any]], Any]


class _Budget:
    """The remaining size that an answer may have."""

    def __init__(self) -> None:
        self._bytes, self._items = MOST_BYTES, MOST_ITEMS

    def spend(self, size: int) -> None:
        self._bytes -= size
        self._items -= 1
        if self._bytes < 0:
            raise ValueError(f"it is larger than {MOST_BYTES // 1024**2} MiB")
        if self._items < 0:
            raise ValueError(f"it holds more than {MOST_ITEMS:,} values")


def pack(value: Any, keep: Callable[[Any], int]) -> Any:
    """Return a value in a form that JSON can represent.

    Every kind of real number becomes an `int` or a `float` (NumPy's scalars, `Fraction`,
    `Decimal`), so that checks see the same two types for every answer.

    Args:
        value: Any value.
        keep: Stores an object that is not plain data, and returns its number.

    Raises:
        ValueError: The value is too large or too deep.
    """
    return _pack(value, keep, _Budget(), 0)


def _pack(value: Any, keep: Callable[[Any], int], budget: _Budget, depth: int) -> Any:
    if depth > _DEEPEST:
        raise ValueError(f"it has more than {_DEEPEST} levels")
    if type(value) not in _OWN:
        value = _plain(value)
    kind = type(value)
    if kind is float or kind is bool or value is None:
        budget.spend(0)
        return value
    if kind is int:
        budget.spend(value.bit_length() // 8)
        # Decimal digits take quadratic time, and Python refuses more than 4,300 of them.
        return value if value.bit_length() <= 1024 else {"kind": "int", "value": f"{value:x}"}
    if kind is str:
        budget.spend(len(value))
        return value
    if kind is complex:
        budget.spend(0)
        return {"kind": "complex", "value": [value.real, value.imag]}
    if isinstance(value, _SEQUENCES):
        budget.spend(0)
        items = [_pack(item, keep, budget, depth + 1) for item in value]
        plain = next(one for one in _SEQUENCES if isinstance(value, one))
        packed = {"kind": plain.__name__, "value": items}
        names = getattr(value, "_fields", None) if plain is tuple else None
        return {**packed, "names": list(names)} if names else packed
    if isinstance(value, RemoteObject):
        budget.spend(0)
        return {"kind": "yours", "value": value._number}
    if isinstance(value, dict):
        budget.spend(0)
        pairs = [
            [_pack(k, keep, budget, depth + 1), _pack(v, keep, budget, depth + 1)]
            for k, v in value.items()
        ]
        return {"kind": "dict", "value": pairs}
    if kind in (bytes, bytearray):
        budget.spend(len(value))
        return {"kind": kind.__name__, "value": base64.b64encode(value).decode()}
    if kind is np.ndarray and value.dtype.kind in "biufc" and value.dtype.itemsize <= 8:
        budget.spend(value.nbytes)
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        return {"kind": "array", "value": data, "type": value.dtype.str, "shape": list(value.shape)}
    if isinstance(value, EllipsisType):
        budget.spend(0)
        return {"kind": "dots"}
    name = str(getattr(value, "__name__", kind.__name__))[:100]
    budget.spend(len(name))
    return {"kind": "object", "value": keep(value), "name": name, "function": callable(value)}


def _plain(value: Any) -> Any:
    """Return a number or text of any type as one of Python's own types."""
    if type(value) is np.ndarray:
        if (
            value.dtype.kind in "fc" and value.dtype.itemsize > 8
        ):  # longdouble differs between machines
            value = value.astype(float if value.dtype.kind == "f" else complex)
        value = value[()] if value.ndim == 0 else value
    if type(value) in _OWN:
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, (int, numbers.Integral)):  # also IntEnum
        return int(value)
    if isinstance(value, (Fraction, Decimal, float, np.floating, numbers.Real)):
        number = _float(value)
        if isinstance(value, (Fraction, Decimal)) and math.isfinite(number):
            return int(value) if value == int(value) else number
        return number
    if isinstance(value, (complex, np.complexfloating)):
        return complex(value)
    return str.__str__(value) if isinstance(value, str) else value


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except ValueError:  # Decimal's signalling NaN
        return math.nan


def unpack(packed: Any, ask: Ask, kept: Callable[[int], Any]) -> Any:
    """Return the value that was packed. The input may be any JSON value.

    Args:
        packed: The result of `pack`, or hostile input.
        ask: Sends requests for the proxies of objects.
        kept: Returns our own object with a number.

    Raises:
        ValueError: `pack` does not produce this.
    """
    try:
        return _unpack(packed, ask, kept, 0)
    except (TypeError, KeyError, IndexError, OverflowError) as error:
        raise ValueError(f"invalid packed value: {error}") from None


def _unpack(packed: Any, ask: Ask, kept: Callable[[int], Any], depth: int) -> Any:
    if depth > _DEEPEST + 1:
        raise ValueError("the packed value is too deep")
    if type(packed) in _SCALARS:
        return packed
    if not isinstance(packed, dict):
        raise ValueError("a packed value must be a scalar or an object with a kind")
    kind, value = packed.get("kind"), packed.get("value")
    match kind, value:
        case (("list" | "tuple" | "set" | "frozenset"), list()):
            items = [
                item if type(item) in _SCALARS else _unpack(item, ask, kept, depth + 1)
                for item in value
            ]
            if kind == "tuple" and packed.get("names"):
                return _named_tuple(packed["names"], items)
            return {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}[kind](items)
        case "dict", list():
            return {
                _unpack(k, ask, kept, depth + 1): _unpack(v, ask, kept, depth + 1) for k, v in value
            }
        case "int", str() if re.fullmatch(r"-?[0-9a-f]+", value):
            return int(value, 16)
        case "complex", [float() as real, float() as imaginary]:
            return complex(real, imaginary)
        case (("bytes" | "bytearray"), str()):
            data = base64.b64decode(value, validate=True)
            return data if kind == "bytes" else bytearray(data)
        case "array", str():
            return _array(value, packed.get("type"), packed.get("shape"))
        case "dots", None:
            return ...
        case "yours", int():
            return kept(value)
        case "object", int():
            made = RemoteFunction if packed.get("function") is True else RemoteObject
            return made(value, str(packed.get("name"))[:100], ask)
    raise ValueError(f"unknown kind {str(kind)[:40]!r}")


def _named_tuple(names: Any, items: list[Any]) -> Any:
    if not isinstance(names, list) or len(names) != len(items) or len(names) > _MOST_NAMES:
        raise ValueError("the names of a packed tuple must be a list of the same length")
    return _tuple_type(tuple(map(str, names)))(*items)


@functools.lru_cache(256)
def _tuple_type(names: tuple[str, ...]) -> Any:
    # Making a class takes a millisecond, and an answer may hold thousands of tuples with these names.
    return namedtuple("Answer", names, rename=True)


def _array(data: str, kind: Any, shape: Any) -> Any:
    if not isinstance(kind, str) or not _DTYPE.fullmatch(kind):
        raise ValueError("a packed array must have a type")
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("a packed array must have a shape")
    array = np.frombuffer(base64.b64decode(data, validate=True), np.dtype(kind))
    return array.reshape(shape).copy()


def as_graded(answers: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return answers as the grading process gets them, with proxies for objects of this process.

    Raises:
        ValueError: An answer is too large.
    """
    things: list[Any] = []

    def keep(thing: Any) -> int:
        things.append(thing)
        return len(things) - 1

    def ask(number: int, what: str, arguments: list[Any]) -> Any:
        there = unpack(pack(arguments, keep), ask, things.__getitem__)
        return unpack(pack(perform(things[number], what, there), keep), ask, things.__getitem__)

    return tuple(unpack(pack(list(answers), keep), ask, things.__getitem__))


def perform(thing: Any, what: str, arguments: list[Any]) -> Any:
    """Perform a proxy's request on its object."""
    match what:
        case "call":
            return thing(*arguments[0], **arguments[1])
        case "attribute":
            return getattr(thing, arguments[0])
        case "item":
            return thing[arguments[0]]
        case "length":
            return len(thing)
        case "items":
            return [item for item, _ in zip(thing, range(MOST_ITERATED), strict=False)]
        case "bytes":
            return bytes(thing)
        case "returns_view":
            name, array = arguments
            result = getattr(thing, name)(array)
            parts = (result, getattr(result, "message", None))
            return any(isinstance(p, np.ndarray) and np.shares_memory(p, array) for p in parts)
    raise ValueError(what)


class RemoteObject:
    """Proxy for an object in the student's process.

    Args:
        number: The object's number there.
        name: The object's name.
        ask: Sends a request to that process.
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
        data = self._ask(self._number, "bytes", [])
        if not isinstance(data, bytes):  # for a number, bytes() would return that many zeros
            raise TypeError(f"{self!r} does not convert to bytes")
        return data

    def returns_view(self, name: str, array: np.ndarray[Any, Any]) -> bool:
        """Return whether a method returns its argument's memory, which only its own process can tell."""
        return bool(self._ask(self._number, "returns_view", [name, array]))

    def __deepcopy__(self, _memo: Any) -> RemoteObject:
        return self  # the object is in the other process

    def __repr__(self) -> str:
        return f"<{self.__name__}>"


class RemoteFunction(RemoteObject):
    """Proxy for a function or another callable."""

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Call it in the student's process."""
        return self._ask(self._number, "call", [list(args), named])
