"""Fields of frames, of every message of the protocol and of hand-written bytes."""

from __future__ import annotations

import pytest

from netchat.packets.views.frame_fields import frame_brief, frame_doc, frame_fields, frame_name
from netchat.wire import (
    MESSAGES,
    Event,
    Hello,
    Login,
    Member,
    Password,
    Roster,
    Send,
    encode,
    seal,
)
from tests.packets.golden import golden_message
from tests.vectors import VECTORS


def test_every_byte_of_every_golden_frame_belongs_to_one_field():
    frames = [encode(golden_message(vector)) for vector in VECTORS]
    assert len(frames) > 20
    for frame in frames:
        at = 0
        for field in frame_fields(frame):
            assert field.offset == at, (frame_name(frame), field)
            at += field.size
        assert at == len(frame)
        assert frame_name(frame) == MESSAGES[frame[3]].NAME
        assert frame_doc(frame).endswith(".")


def test_fields_of_a_message():
    frame = encode(Send(7, "lobby", "hi\x1b[2J"))
    shown = {f.path: (f.offset, f.size, f.kind, f.text) for f in frame_fields(frame)}
    assert shown["magic"] == (0, 2, "u16", "'NC'")
    assert shown["length"] == (8, 4, "u32", str(len(frame) - 16))
    assert shown["counter"] == (16, 8, "u64", "7")
    assert shown["room"] == (24, 7, "text", '"lobby"')
    assert shown["text"] == (31, 8, "text", '"hi\\x1b[2J"')
    assert [f.is_header for f in frame_fields(frame)] == [True] * 8 + [False] * 3


def test_items_of_a_list_and_named_values():
    frame = encode(Roster(3, 2, 0, "lobby", (Member("Nova", 1), Member("Vega", 0))))
    paths = {f.path: f.text for f in frame_fields(frame)}
    assert paths["members"] == "2 of Member"
    assert paths["members[1].name"] == '"Vega"'
    event = encode(Event(1, 0, 0, 0, 1, "lobby", "Nova", "hi"))
    assert {f.path: f.text for f in frame_fields(event)}["kind"] == "CHAT (1)"


@pytest.mark.parametrize(
    ("message", "secrets"),
    [
        (Hello(0, b"D" * 16, b"T" * 32, "Nova", "netchat", ()), {"device", "token"}),
        (Login(1, b"D" * 16, "Nova", "a password"), {"device", "password"}),
        (Password(1, "old one", "new one"), {"old", "new"}),
    ],
)
def test_tokens_and_passwords_are_hidden(message, secrets):
    frame = encode(message)
    hidden = {f.path: f for f in frame_fields(frame) if f.hidden >= 0}
    assert hidden.keys() == secrets
    for field in hidden.values():
        assert field.text == "hidden (secret)"
        value = frame[field.hidden : field.offset + field.size]
        assert getattr(message, field.path) in (value, value.decode())
    assert "password" not in frame_brief(frame)
    shown = frame_fields(frame, hides_secrets=False)
    assert not [f for f in shown if f.hidden >= 0]


def test_an_empty_secret_is_shown_as_empty():
    frame = encode(Hello(0, b"D" * 16, b"", "Nova", "netchat", ()))
    token = next(f for f in frame_fields(frame) if f.path == "token")
    assert (token.text, token.hidden) == ("0 bytes", -1)


def test_briefs_are_the_text_the_name_or_the_room():
    assert frame_brief(encode(Send(7, "lobby", "hi"))) == "hi"
    assert frame_brief(encode(Hello(0, b"D" * 16, b"", "Nova", "netchat", ()))) == "Nova"
    assert frame_brief(encode(Roster(3, 2, 0, "lobby", ()))) == "lobby"


def test_invalid_and_unknown_frames():
    body = encode(Send(7, "lobby", "hi"))[16:-1]
    frame = seal(Send.TYPE, body)
    *_, last = frame_fields(frame)
    assert last.path == "invalid"
    assert "text" in last.text
    assert last.offset + last.size == len(frame)
    assert "text" in frame_brief(frame)
    unknown = seal(0xEE, b"")
    assert frame_name(unknown) == "0xee"
    assert (frame_brief(unknown), frame_doc(unknown)) == ("", "")
    assert len(frame_fields(unknown)) == 8
