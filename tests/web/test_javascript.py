"""Tests of the page's codec under node: golden vectors, and hostile bytes compared with Python."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from netchat.errors import PeerError
from netchat.web.javascript import CODEC, codec
from netchat.wire import (
    HEADER_FIELDS,
    HEADER_SIZE,
    MESSAGES,
    ErrorCode,
    EventKind,
    FrameReader,
    decode,
    encode,
    limits,
    seal,
    walk,
)
from tests.fuzz.choices import Choices
from tests.fuzz.samples import any_message, damaged
from tests.vectors import frame_of
from tests.vectors.test_vectors import NAMES, each_vector

NODE = shutil.which("node")

needs_node = pytest.mark.skipif(
    NODE is None, reason="node is not installed: apt-get install nodejs"
)


@pytest.fixture(scope="module")
def js():
    """Return a function that sends requests to the codec."""
    assert NODE is not None
    with subprocess.Popen(
        [NODE, str(Path(__file__).with_name("codec.mjs")), str(CODEC)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:

        def ask(do: str, **task):
            process.stdin.write(json.dumps({"do": do, **task}) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


def test_the_committed_codec_is_up_to_date():
    assert CODEC.read_text(encoding="utf-8") == codec()


def test_the_size_is_limited():
    assert CODEC.stat().st_size <= 40_000


# -- the golden vectors ----------------------------------------------------------------------------


@needs_node
@each_vector
def test_encoding_matches_the_golden_vectors(js, vector):
    answer = js("encode", name=vector["message"], fields=vector["fields"])
    assert answer == {"bytes": frame_of(vector).hex()}


@needs_node
@each_vector
def test_decoding_matches_the_golden_vectors(js, vector):
    data = frame_of(vector)
    for chunks in ([data.hex()], [data[:7].hex(), data[7:20].hex(), "", data[20:].hex()]):
        answer = js("read", chunks=chunks)
        assert answer == {
            "frames": [
                {
                    "name": vector["message"],
                    "type": NAMES[vector["message"]].TYPE,
                    "flags": 0,
                    "fields": vector["fields"],
                    "bytes": data.hex(),
                }
            ],
            "pending": 0,
        }


@needs_node
@each_vector
def test_walk_finds_every_field_at_its_offset(js, vector):
    data = frame_of(vector)
    spans = js("walk", bytes=data.hex())["spans"]
    header, body = spans[: len(HEADER_FIELDS)], spans[len(HEADER_FIELDS) :]
    assert [(s["name"], s["offset"], s["length"], s["doc"]) for s in header] == list(HEADER_FIELDS)
    wanted = list(walk(NAMES[vector["message"]], data[HEADER_SIZE:]))
    assert [(s["name"], s["offset"], s["offset"] + s["length"], s["doc"]) for s in body] == [
        (w.path, w.start + HEADER_SIZE, w.end + HEADER_SIZE, w.field.doc) for w in wanted
    ]
    for span, want in zip(body, wanted, strict=True):
        value = want.value.hex() if isinstance(want.value, bytes) else want.value
        assert span["value"] == (str(value) if span["kind"] == "u64" else value)
        if want.field.enum is not None:
            names = {choice.value: choice.name for choice in want.field.enum}
            assert span["text"] == names.get(want.value, str(want.value))
    assert sum(s["length"] for s in spans) == len(data)


@needs_node
def test_constants(js):
    found = js("constants")
    assert found["limits"] == {name: getattr(limits, name) for name in limits.__all__}
    assert found["codes"] == {code.name: code.value for code in ErrorCode}
    assert found["kinds"] == {kind.name: kind.value for kind in EventKind}
    assert found["enums"]["ErrorCode"]["100"] == "NAME_TAKEN"


# -- errors ----------------------------------------------------------------------------------------

SEND = {"counter": "1", "room": "lobby", "text": "hi"}


@needs_node
@pytest.mark.parametrize(
    ("name", "fields", "word"),
    [
        ("SHOUT", {}, "SHOUT"),
        ("SEND", {**SEND, "counter": "-1"}, "SEND.counter"),
        ("SEND", {**SEND, "counter": str(2**64)}, "SEND.counter"),
        ("SEND", {**SEND, "counter": 0.5}, "SEND.counter"),
        ("SEND", {**SEND, "counter": 2**53}, "SEND.counter"),
        ("SEND", {**SEND, "room": 1}, "SEND.room"),
        ("SEND", {**SEND, "text": "a\ud800b"}, "lone surrogate"),
        ("SEND", {**SEND, "text": "x" * 65536}, "SEND.text"),
        ("SEND", {**SEND, "extra": 1}, "extra"),
        ("SEND", {"room": "lobby", "text": "hi"}, "SEND.counter"),
        ("CREATE", {"request": 2**32}, "CREATE.request"),
        ("ROSTER", {"request": 1, "total": 1, "more": 0, "room": "", "members": 3}, "members"),
        (
            "ROSTER",
            {"request": 1, "total": 1, "more": 0, "room": "", "members": [{"name": "a", "away": 256}]},
            "members[0].away",
        ),
    ],
)  # fmt: skip
def test_values_that_the_protocol_cannot_carry_are_named(js, name, fields, word):
    answer = js("encode", name=name, fields=fields)
    assert answer["thrown"] == "EncodeError"
    assert word in answer["text"]


def verdict(chunks: list[bytes]) -> tuple[list[str], str]:
    """Return the messages that Python decodes from a stream, and its error or an empty string."""
    reader, names = FrameReader(), []
    try:
        for chunk in chunks:
            try:
                frames, failed = reader.feed(chunk), None
            except PeerError as error:
                frames, failed = error.frames, error
            for frame in frames:
                decode(frame)
                names.append(MESSAGES[frame.type].NAME)
            if failed is not None:
                raise failed
    except PeerError as error:
        return names, type(error).__name__
    return names, ""


@needs_node
def test_hostile_bytes_give_the_same_result_as_python(js):
    dice = random.Random(6480)
    found: dict[str, int] = {}
    for case in range(3000):
        choices = Choices(dice.randbytes(400))
        stream = b"".join(encode(any_message(choices)) for _ in range(1 + choices.below(3)))
        kind = case % 4
        if kind == 0:
            stream = dice.randbytes(dice.randrange(40))
        elif kind == 1:
            stream += damaged(encode(any_message(choices)), choices)
        elif kind == 2:  # a valid frame with an invalid body
            number = dice.choice(sorted(MESSAGES))
            stream += seal(number, dice.randbytes(dice.randrange(60)))
        else:
            stream = stream[: dice.randrange(len(stream))]
        cut = dice.randrange(len(stream) + 1)
        chunks = [stream[:cut], stream[cut:]]
        names, wrong = verdict(chunks)
        answer = js("read", chunks=[chunk.hex() for chunk in chunks])
        assert ([f["name"] for f in answer["frames"]], answer.get("error", "")) == (names, wrong), (
            stream.hex()
        )
        found[wrong] = found.get(wrong, 0) + 1
    assert {"", "BadMagic", "BadBody", "BadChecksum", "BadVersion", "UnknownType"} <= set(found)


@needs_node
@pytest.mark.parametrize(
    ("data", "kind", "word"),
    [
        (b"GET / HTTP", "BadMagic", "NC"),
        (b"NC\x02", "BadVersion", "version 2"),
        (b"NC\x01\x99", "UnknownType", "0x99"),
        (b"NC\x01\x20\x80\x00\x00\x00", "UnknownFlags", "must be 0"),
        (b"NC\x01\x20" + bytes(4) + b"\x00\x01\x00\x00" + bytes(4), "FrameTooLarge", "65552"),
        (seal(0x20, bytes(9)), "BadBody", "room at byte 24 needs 2 bytes"),
        (seal(0x20, bytes(8) + b"\x00\x05abc"), "BadBody", "5 bytes long"),
        (seal(0x20, bytes(8) + b"\x00\x01\xff\x00\x00"), "BadBody", "not valid UTF-8"),
        (seal(0x03, bytes(9)), "BadBody", "1 byte is left over"),
        (b"NC\x01\x03" + bytes(7) + b"\x08" + bytes(12), "BadChecksum", "CRC-32"),
    ],
)
def test_errors_say_what_is_wrong(js, data, kind, word):
    answer = js("read", chunks=[data.hex()])
    assert answer["error"] == kind
    assert word in answer["text"]
