"""Under the hood: frames, fields and bytes are selected together, by keys and mouse."""

from __future__ import annotations

import pytest

pytest.importorskip("textual")

from netchat.fullscreen.byte_view import ByteView
from netchat.fullscreen.hood_pane import HoodPane
from netchat.fullscreen.prompt import PromptArea
from netchat.fullscreen.row_list import RowList
from netchat.tui.frame_log import FrameLog
from netchat.wire import Event, Hello, Send, encode
from tests.fullscreen.running import SIZES, redraw, running, screen_lines
from tests.tui.pane_user import PaneUser

HELLO = encode(Hello(0, b"D" * 16, b"T" * 32, "Nova", "netchat", ()))
SEND = encode(Send(7, "lobby", "look inside"))
EVENT = encode(Event(11, 1_700_000_000_000_000, 2, 7, 1, "lobby", "Nova", "look inside"))


def log(*frames: tuple[bytes, bool]) -> FrameLog:
    made = FrameLog()
    for raw, is_sent in frames:
        made.record(raw, is_sent)
    return made


@pytest.mark.parametrize("is_dark", [True, False])
@pytest.mark.parametrize("size", SIZES)
async def test_the_newest_frame_is_shown_with_its_fields_and_bytes(size, is_dark):
    frames = log((HELLO, True), (SEND, True), (EVENT, False))
    async with running(PaneUser(), size, is_dark=is_dark, frames=frames) as (app, pilot):
        assert not app.query_one(HoodPane).display
        await pilot.press("f4")
        await redraw(app, pilot)
        shown = "\n".join(screen_lines(app))
        assert f"EVENT, server to client, {len(EVENT)} bytes" in shown
        for text in ("↑ HELLO", "↑ SEND", "↓ EVENT", "0010 seq", "00 00 00 0b", "seq (u64)"):
            assert text in shown, text
        assert isinstance(app.focused, PromptArea)
        await pilot.press(*"hi", "enter", "f4")  # typing goes on
        assert not app.query_one(HoodPane).display
        assert app.frames is frames


async def test_a_selected_frame_stays_while_others_arrive_until_end_is_pressed():
    frames = log((HELLO, True), (SEND, True), (EVENT, False))
    async with running(PaneUser(), (160, 50), frames=frames) as (app, pilot):
        await pilot.press("f4")
        await redraw(app, pilot)
        rows = app.query_one("#hood-list", RowList)
        rows.focus()
        await pilot.press("up")
        await pilot.pause()
        assert "SEND, client to server" in "\n".join(screen_lines(app))
        for _ in range(300):  # the list forgets the oldest ones
            frames.record(EVENT, False)
        frames.record(SEND, True)
        await redraw(app, pilot)
        assert rows.count == 200
        await pilot.press("end")
        await redraw(app, pilot)
        assert rows.cursor == 199
        frames.record(HELLO, True)
        await redraw(app, pilot)
        assert "HELLO, client to server" in "\n".join(screen_lines(app))
        await pilot.press("c")
        await redraw(app, pilot)
        assert "frames appear here" in "\n".join(screen_lines(app))
        await pilot.press("escape")
        assert isinstance(app.focused, PromptArea)


async def test_a_byte_selects_its_field_and_a_field_its_bytes():
    async with running(PaneUser(), (160, 50), frames=log((SEND, True))) as (app, pilot):
        await pilot.press("f4")
        await redraw(app, pilot)
        view, fields = app.query_one(ByteView), app.query_one("#hood-fields", RowList)
        text = SEND.index(b"look")
        await pilot.click(view, offset=(2 + 6 + 3 * (text % 16), text // 16))  # 2: border, padding
        await redraw(app, pilot)
        assert fields.cursor == fields.count - 1
        assert view._lit == range(text - 2, len(SEND))
        assert "text (text)" in "\n".join(screen_lines(app))
        await pilot.click(view, offset=(2 + 6 + 16 * 3 + 1 + 3, 0))  # the type, in ASCII
        await pilot.pause()
        assert fields.cursor == 2
        fields.focus()
        await pilot.press("home")
        await pilot.pause()
        assert view._lit == range(2)


async def test_secrets_are_not_on_the_screen():
    async with running(PaneUser(), (160, 50), frames=log((HELLO, True))) as (app, pilot):
        await pilot.press("f4")
        await redraw(app, pilot)
        shown = "\n".join(screen_lines(app))
        assert shown.count("hidden (secret)") == 2
        assert "•• ••" in shown
        for secret in ("44 44", "54 54", "DD", "TT"):
            assert secret not in shown
