"""Sealed messages in the views of captures, with and without their plaintext."""

from __future__ import annotations

from netchat.packets import DecodedMessage
from netchat.packets.views.follow import ChatTranscript
from netchat.packets.views.sealed import as_plaintext, is_sealed, plaintext_lines
from netchat.packets.views.summary import summary
from netchat.wire import (
    EventKind,
    Ping,
    Sealed,
    SealedEvent,
    SealedSend,
    SealedText,
    Wrap,
)
from tests.packets.story import decoded

WRAPS = (Wrap(1, b"", b"", b""), Wrap(2, b"", b"", b""))


def event(kind: EventKind = EventKind.SEALED, seq: int = 5) -> SealedEvent:
    wraps = WRAPS if kind == EventKind.REKEY else ()
    sealed = Sealed(kind, 1, 2, 0, 0, b"", b"", bytes(64), b"", wraps, bytes(40), bytes(64))
    return SealedEvent(seq, 0, 1, 16, "R", "Nova", (sealed,))


def opened(item: DecodedMessage) -> SealedText | str:
    assert is_sealed(item)
    return SealedText("Nova", "hi\x1b[31m")


def test_the_summary_shows_epoch_and_size():
    assert summary(event()) == "R 5 SEALED epoch 2, 40 bytes Nova"
    rekey = event(EventKind.REKEY)
    assert summary(SealedSend(16, "R", rekey.sealed)) == (
        "R #16 REKEY epoch 2, 40 bytes, for 2 devices"
    )


def test_the_plaintext_follows_the_fields():
    item = decoded(event())
    assert plaintext_lines(item, opened) == [
        '      plaintext: name "Nova"',
        '                 text "hi\\x1b[31m"',
    ]
    assert plaintext_lines(item, lambda _: "no secret") == ["      plaintext: no secret"]
    assert plaintext_lines(item, None) == plaintext_lines(decoded(Ping(1)), opened) == []
    assert as_plaintext(item, opened) == {"plaintext": {"name": "Nova", "text": "hi\x1b[31m"}}
    assert as_plaintext(item, lambda _: "no") == {"plaintext": None, "unopened": "no"}
    assert as_plaintext(decoded(Ping(1)), opened) == as_plaintext(item, None) == {}


def test_the_transcript_shows_texts_or_sizes():
    assert ChatTranscript(opened).line(decoded(event())) == "[R] Nova: hi\\x1b[31m"
    assert ChatTranscript().line(decoded(event())) == "[R] Nova: (sealed, 40 bytes)"
    assert ChatTranscript(lambda _: "no").line(decoded(event())) == "[R] Nova: (no)"
    rekey = ChatTranscript(lambda _: SealedText("Nova", "")).line(decoded(event(EventKind.REKEY)))
    assert rekey == "[R] Nova changed the room's secret"
