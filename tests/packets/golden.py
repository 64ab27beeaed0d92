"""The golden frames of `tests/vectors/`, as messages and as bytes."""

from __future__ import annotations

from typing import Any

import pytest

from netchat.wire import MESSAGES, Message, Record, fields_of
from netchat.wire.fields import BLOB, LIST, U64
from tests.vectors import VECTORS

_BY_NAME = {message.NAME: message for message in MESSAGES.values()}

each_vector = pytest.mark.parametrize(
    "vector", VECTORS, ids=lambda v: f"{v['message']}: {v['name']}"
)


def golden_message(vector: dict[str, Any]) -> Message:
    return _build(_BY_NAME[vector["message"]], vector["fields"])


def _build(declared: type[Record], values: dict[str, Any]) -> Any:
    return declared(**{f.name: _value(f, values[f.name]) for f in fields_of(declared)})


def _value(field: Any, value: Any) -> Any:
    if field.kind is U64:
        return int(value)
    if field.kind is BLOB:
        return bytes.fromhex(value)
    if field.kind is LIST:
        return tuple(_build(field.record, item) for item in value)
    return value
