"""The golden frames of `tests/vectors/`, encoded and decoded."""

import pytest

from netchat.wire import MESSAGES, FrameReader, checksum, decode, encode, fields_of
from netchat.wire.fields import BLOB, LIST, U64
from tests.vectors import VECTORS, crc32, frame_of, problems

NAMES = {message.NAME: message for message in MESSAGES.values()}

each_vector = pytest.mark.parametrize(
    "vector", VECTORS, ids=lambda v: f"{v['message']}: {v['name']}"
)


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
def test_header_and_crc_are_consistent(vector):
    assert not problems(vector), "python -m tests.vectors prints what to write"
    assert checksum(frame_of(vector)) == int(vector["crc"], 16)


def test_wrong_length_and_crc_of_a_vector_are_printed():
    vector = next(v for v in VECTORS if v["message"] == "PING")
    wrong = {**vector, "header": vector["header"][:-2] + "07", "crc": ""}
    right_length = int(vector["header"].split()[-1], 16)
    length, crc = problems(wrong)
    assert length == f"the length in the header must be {right_length:08x}, and is {7:08x}"
    assert crc == f'"crc" must be "{vector["crc"]}", and is ""'


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
