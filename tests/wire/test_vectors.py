"""The golden frames of `tests/vectors/`, both ways."""

import json
from pathlib import Path

import pytest

from netchat.wire import MESSAGES, FrameReader, checksum, decode, encode, fields_of
from netchat.wire.fields import BLOB, LIST, U64

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "ncp1.json").read_text("utf-8"))
NAMES = {message.NAME: message for message in MESSAGES.values()}

each_vector = pytest.mark.parametrize(
    "vector", VECTORS, ids=lambda v: f"{v['message']}: {v['name']}"
)


def crc32(data: bytes) -> int:
    """CRC-32 bit by bit, as the document tells it; zlib has no part in it."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xEDB88320 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def frame_of(vector):
    body = b"".join(bytes.fromhex(piece) for piece, _ in vector["body"])
    return bytes.fromhex(vector["header"]) + bytes.fromhex(vector["crc"]) + body


def _build(declared, values):
    fields = fields_of(declared)
    assert [f.name for f in fields] == list(values)
    return declared(**{f.name: _value(f, values[f.name]) for f in fields})


def _value(field, value):
    if field.kind is U64:
        return int(value)
    if field.kind is BLOB:
        return bytes.fromhex(value)
    if field.kind is LIST:
        return tuple(_build(field.record, item) for item in value)
    return value


def test_crc_of_the_usual_check_string():
    assert crc32(b"123456789") == 0xCBF43926  # the catalogue's check value of CRC-32/ISO-HDLC


@each_vector
def test_header_and_crc_stand_for_themselves(vector):
    frame = frame_of(vector)
    assert int.from_bytes(frame[8:12], "big") == len(frame) - 16
    assert crc32(frame[:12] + bytes(4) + frame[16:]) == int(vector["crc"], 16) == checksum(frame)


@each_vector
def test_fields_become_these_bytes(vector):
    message = _build(NAMES[vector["message"]], vector["fields"])
    assert encode(message).hex(" ") == frame_of(vector).hex(" ")


@each_vector
def test_these_bytes_become_the_fields(vector):
    (frame,) = FrameReader().feed(frame_of(vector))
    assert decode(frame) == _build(NAMES[vector["message"]], vector["fields"])


def test_every_message_has_a_vector():
    assert {vector["message"] for vector in VECTORS} == set(NAMES)


def test_names_tell_vectors_apart():
    assert len({(v["message"], v["name"]) for v in VECTORS}) == len(VECTORS)
