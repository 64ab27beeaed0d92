"""Whole screens at both sizes, against expected texts, and the contrast of both themes."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("textual")

from netchat.chat.client_events import FileProgress
from netchat.fullscreen.capture_app import CaptureApp
from netchat.packets import Decoder
from netchat.packets.browse.capture import BrowsedCapture
from netchat.tui.file_lines import file_progress
from netchat.tui.frame_log import FrameLog
from netchat.wire import Event, EventKind, Hello, Send, encode
from tests.end_to_end.processes import ROOT
from tests.fullscreen.running import (
    SIZES,
    check_screen,
    least_contrast,
    redraw,
    running,
    until,
)
from tests.tui.offline import ROOM
from tests.tui.pane_user import PaneUser

#: Lowest contrast for text that is not needed, such as the time: WCAG's limit for large text.
CONTRAST = 3.0

TALK = [("Nova", "What does a message look like on the wire?"), ("Sourav", "16 bytes of header.")]


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def chatting() -> tuple[PaneUser, FrameLog]:
    user, frames = PaneUser(), FrameLog()
    user.event("lobby", "Vega", kind=EventKind.JOIN)
    user.enter(ROOM)
    user.event(ROOM, "Nova", kind=EventKind.JOIN)
    frames.record(encode(Hello(0, b"D" * 16, b"", "Sourav", "netchat", ())), True)
    for counter, (name, text) in enumerate(TALK):
        user.event(ROOM, name, text, own=name == "Sourav")
        if name == "Sourav":
            frames.record(encode(Send(counter, ROOM, text)), True)
        frames.record(encode(Event(counter, 0, 2, counter, 1, ROOM, name, text)), False)
    user.event("lobby", "Vega", "Is anyone here, Sourav?")
    file_progress(user.session, FileProgress(1, ROOM, "lecture.pdf", True, 430, 1000, True))
    return user, frames


@pytest.mark.parametrize("is_dark", [True, False])
@pytest.mark.parametrize("size", SIZES)
async def test_chat_with_its_panes(size, is_dark):
    user, frames = chatting()
    async with running(user, size, is_dark=is_dark, frames=frames) as (app, pilot):
        await pilot.press("f4", "f3")
        for _ in range(3):
            await redraw(app, pilot)
        check_screen(app, f"chat-{size[0]}x{size[1]}", masks_times=True)
        contrast, text = least_contrast(app)
        assert contrast >= CONTRAST, text


@pytest.mark.parametrize("is_dark", [True, False])
@pytest.mark.parametrize("size", SIZES)
async def test_capture_with_its_panes(size, is_dark):
    file = ROOT / "captures" / "two-users.pcapng"
    app = CaptureApp(
        BrowsedCapture.open(file, Decoder()), file.name, line='user == "Nova"', is_dark=is_dark
    )
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.capture.is_decoded)
        await pilot.press(*["down"] * 12)
        for _ in range(3):
            await pilot.pause()
        check_screen(app, f"capture-{size[0]}x{size[1]}")
        contrast, text = least_contrast(app)
        assert contrast >= CONTRAST, text
    app.capture.close()
