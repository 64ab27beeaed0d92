"""The model of Under the hood."""

from __future__ import annotations

from netchat.tui.frame_log import MAX_FRAMES, FrameLog
from netchat.wire import Chunk, Send, encode


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
