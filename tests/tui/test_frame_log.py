"""The model of Under the hood."""

from __future__ import annotations

from netchat.tui.frame_log import MAX_FRAMES, FrameLog
from netchat.wire import Chunk, EventKind, Sealed, SealedEvent, SealedSend, Send, encode


def test_frames_are_kept_in_order_up_to_a_limit():
    log = FrameLog()
    for number in range(MAX_FRAMES + 5):
        log.record(encode(Send(number, "lobby", f"text {number}")), True)
    shown = list(log)
    assert len(shown) == len(log) == MAX_FRAMES
    assert (shown[0].number, shown[-1].number) == (6, MAX_FRAMES + 5)
    assert (shown[-1].name, shown[-1].brief) == ("SEND", f"text {MAX_FRAMES + 4}")
    assert shown[-1].fields[-1].path == "text"
    assert shown[-1].doc
    before = log.revision
    log.clear()
    assert not list(log)
    assert log.revision > before


def test_large_frames_do_not_fill_the_memory():
    log = FrameLog()
    frame = encode(Chunk(1, 0, bytes(60_000)))
    for _ in range(MAX_FRAMES):
        log.record(frame, False)
    assert 100 < len(log) < MAX_FRAMES
    assert len(log) * len(frame) <= 8 * 1024 * 1024


def test_the_clock_has_milliseconds():
    log = FrameLog()
    log.record(encode(Send(1, "lobby", "hi")), False)
    (frame,) = log
    frame.when = 1_700_000_000.25
    assert frame.clock[2] == frame.clock[5] == ":"
    assert frame.clock.endswith(".250")


def test_a_sealed_frame_shows_its_plaintext_once_the_client_has_opened_it():
    known: dict[tuple[str, int, int], tuple[str, str]] = {}
    log = FrameLog(lambda *key: known.get(key))
    sealed = Sealed(
        EventKind.SEALED, 1, 1, 2, 3, b"", b"", b"K" * 64, b"", (), b"C" * 40, b"S" * 64
    )
    log.record(encode(SealedSend(7, "7K3F92MQ0T", (sealed,))), True)
    log.record(encode(SealedEvent(4, 0, 9, 7, "7K3F92MQ0T", "Lea", (sealed,))), False)
    sent, received = log
    before = [each.path for each in received.fields]
    assert "sealed[0].ciphertext" in before
    known["7K3F92MQ0T", 0, 7] = "Nova", "mine"
    known["7K3F92MQ0T", 9, 7] = "Lea", "a \x1b secret"
    for frame, name, text in ((sent, "Nova", "mine"), (received, "Lea", "a \\x1b secret")):
        at = [each.path for each in frame.fields].index("sealed[0].ciphertext")
        ciphertext, *opened = frame.fields[at : at + 3]
        assert [each.text for each in opened] == [f'"{name}"', f'"{text}"']
        assert {(each.offset, each.size) for each in opened} == {
            (ciphertext.offset, ciphertext.size)
        }
    assert len(received.fields) == len(before) + 2
    known.clear()
    assert len(received.fields) == len(before) + 2  # what was opened stays
