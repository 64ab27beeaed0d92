"""Tests of the serialisation of answers: plain data is copied, everything else is proxied."""

import contextlib
import json
import math
from collections import Counter, namedtuple
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchat.course.answer_marshalling import (
    MOST_BYTES,
    MOST_ITEMS,
    RemoteFunction,
    RemoteObject,
    pack,
    unpack,
)

Pair = namedtuple("Pair", "first second")


class Colour(IntEnum):
    RED = 1


def over(value):
    things = []

    def keep(thing):
        things.append(thing)
        return len(things) - 1

    return unpack(json.loads(json.dumps(pack(value, keep))), None, things.__getitem__)


@pytest.mark.parametrize(
    "value",
    [None, True, 2**80, -1.5, "ä", b"\x00\xff", [1, [2]], (1, (2,)), {1: b"x", (2, 3): None}, {4, 5}, ...],
)  # fmt: skip
def test_plain_data_is_unchanged(value):
    assert over(value) == value
    assert type(over(value)) is type(value)


def test_subtypes_of_plain_data_become_plain():
    assert over(Counter("aab")) == {"a": 2, "b": 1}
    assert type(over(Colour.RED)) is int
    assert type(over(np.int64(3))) is int
    pair = over(Pair(1, [b"2"]))
    assert (pair.first, pair[1], tuple(pair)) == (1, [b"2"], (1, [b"2"]))


def test_arrays_keep_dtype_and_shape():
    for array in (np.arange(6, dtype=np.uint8).reshape(2, 3), np.ones((0, 4)), np.eye(2)[:, ::-1]):
        there = over(array)
        assert there.dtype == array.dtype
        assert (there == array).all()
        assert there.shape == array.shape
    assert isinstance(over(np.array([object()])), RemoteObject)  # is not looked into


def test_functions_and_objects_stay_in_their_process():
    assert isinstance(over(len), RemoteFunction)
    assert isinstance(over(object()), RemoteObject)
    assert repr(over(len)) == "<len>"


def test_too_large_or_too_deep_answers_are_errors():
    loop = []
    loop.append(loop)
    for value, reason in (
        (bytes(MOST_BYTES + 1), "larger than 32 MiB"),
        ("x" * (MOST_BYTES + 1), "larger than 32 MiB"),
        (1 << 8 * MOST_BYTES + 8, "larger than 32 MiB"),
        ([bytes(MOST_BYTES // 2 + 1)] * 2, "larger than 32 MiB"),
        (np.zeros(MOST_BYTES // 8 + 1), "larger than 32 MiB"),
        ([0] * (MOST_ITEMS + 1), "more than 1,000,000 values"),
        (loop, "more than 50 levels"),
    ):
        with pytest.raises(ValueError, match=reason):
            pack(value, None)


def test_every_number_type_becomes_int_or_float():
    for value, plain in (
        (np.float32(0.5), 0.5),
        (np.float16(0.5), 0.5),
        (np.float64(0.1), 0.1),
        (np.longdouble("0.5"), 0.5),
        (np.array(0.25), 0.25),
        (np.array(7), 7),
        (np.uint8(200), 200),
        (np.bool_(True), True),
        (Fraction(1, 4), 0.25),
        (Fraction(8, 2), 4),
        (Decimal("0.25"), 0.25),
        (Decimal("1e3"), 1000),
        (Decimal("Infinity"), math.inf),
        (Fraction(10**400, 1), math.inf),
        (np.complex64(1j), 1j),
        (np.str_("x"), "x"),
    ):
        there = over(value)
        assert (there, type(there)) == (plain, type(plain)), repr(value)
    assert math.isnan(over(Decimal("sNaN")))
    assert over(10**5000) == 10**5000  # more digits than Python reads or writes


FORGED = [
    [1],
    {},
    {"kind": "spell"},
    {"kind": "list", "value": 3},
    {"kind": ["list"], "value": []},
    {"kind": "list", "value": [[]]},
    {"kind": "set", "value": [{"kind": "list", "value": []}]},
    {"kind": "dict", "value": [[1]]},
    {"kind": "dict", "value": [[{"kind": "dict", "value": []}, 1]]},
    {"kind": "tuple", "value": [1], "names": ["a"] * 10**5},
    {"kind": "tuple", "value": [1], "names": 5},
    {"kind": "int", "value": "0x10"},
    {"kind": "int", "value": 5},
    {"kind": "complex", "value": ["1", 2]},
    {"kind": "bytes", "value": "ä"},
    {"kind": "bytes", "value": 10**9},
    {"kind": "array", "value": "AAAAAAAAAAA=", "type": "O", "shape": [1]},
    {"kind": "array", "value": "AAAA", "type": "(9999999,)f8", "shape": [1]},
    {"kind": "array", "value": "AAAA", "type": "<f3", "shape": [1]},
    {"kind": "array", "value": "AAAA", "type": "|u1", "shape": [-1]},
    {"kind": "array", "value": "AAAA", "type": "|u1", "shape": [4]},
    {"kind": "array", "value": "AAAA", "type": "|u1", "shape": [1] * 100},
    {"kind": "array", "value": "AAAA", "type": "|u1", "shape": 3},
    {"kind": "yours", "value": 0},
    {"kind": "yours", "value": "0"},
    {"kind": "object", "value": "0"},
    {"kind": "object", "value": None},
]


@pytest.mark.parametrize("forged", FORGED, ids=lambda forged: str(forged)[:60])
def test_forged_packed_values_raise_value_error(forged):
    def kept(number):
        raise ValueError("nothing here is theirs")

    with pytest.raises(ValueError):
        unpack(forged, None, kept)
    with pytest.raises(ValueError):
        unpack({"kind": "list", "value": [forged]}, None, kept)


KINDS = [
    "list", "tuple", "set", "frozenset", "dict", "bytes", "bytearray", "array", "int", "complex",
    "dots", "yours", "object",
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    | st.fixed_dictionaries(
        {
            "kind": st.sampled_from(KINDS),
            "value": inner,
        },
        optional={"type": inner | st.sampled_from(["<f8", "|u1", "O"]), "shape": inner, "names": inner},
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(JSON)
def test_any_json_unpacks_or_raises_value_error(packed):
    with contextlib.suppress(ValueError):
        unpack(packed, None, lambda number: number)


def test_a_remote_object_converts_to_bytes_only_from_bytes():
    thing = RemoteObject(0, "thing", lambda *_: 10**12)
    with pytest.raises(TypeError, match="does not convert to bytes"):
        bytes(thing)  # and not as many zeros
