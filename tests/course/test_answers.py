"""What comes over from another process: data as it is, everything else by proxy."""

import json
from collections import Counter, namedtuple
from enum import IntEnum

import numpy as np
import pytest

from netchat.course.answers import MOST_BYTES, RemoteFunction, RemoteObject, pack, unpack

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
def test_plain_data_is_as_it_was(value):
    assert over(value) == value
    assert type(over(value)) is type(value)


def test_kinds_of_plain_data_become_plain():
    assert over(Counter("aab")) == {"a": 2, "b": 1}
    assert type(over(Colour.RED)) is int
    assert type(over(np.int64(3))) is int
    pair = over(Pair(1, [b"2"]))
    assert (pair.first, pair[1], tuple(pair)) == (1, [b"2"], (1, [b"2"]))


def test_arrays_keep_kind_and_shape():
    for array in (np.arange(6, dtype=np.uint8).reshape(2, 3), np.ones((0, 4)), np.eye(2)[:, ::-1]):
        there = over(array)
        assert there.dtype == array.dtype
        assert (there == array).all()
        assert there.shape == array.shape
    assert isinstance(over(np.array([object()])), RemoteObject)  # is not looked into


def test_functions_and_objects_stay_where_they_are():
    assert isinstance(over(len), RemoteFunction)
    assert isinstance(over(object()), RemoteObject)
    assert repr(over(len)) == "<len>"


def test_what_is_too_large_or_not_of_ours_is_an_error():
    with pytest.raises(ValueError, match="too many"):
        pack(bytes(MOST_BYTES + 1), None)
    for forged in ([1], {"kind": "spell"}, {"kind": "list", "value": 3}):
        with pytest.raises(ValueError, match="packed"):
            unpack(forged, None, None)
