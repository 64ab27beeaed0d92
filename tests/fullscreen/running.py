"""The app in Textual's pilot, and what it shows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import asynccontextmanager

from textual.app import App
from textual.pilot import Pilot

from netchat.fullscreen.app import ChatApp
from netchat.tui.frame_log import FrameLog
from tests.tui.pane_user import PaneUser

#: Smallest supported size, and a large one.
SIZES = [(80, 24), (160, 50)]


@asynccontextmanager
async def running(
    user: PaneUser, size=(100, 30), *, is_dark: bool = True, frames: FrameLog | None = None
):
    app = ChatApp(user.panes, frames, is_dark=is_dark)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield app, pilot


async def redraw(app: ChatApp, pilot) -> None:
    app.redraw()
    await pilot.pause()
    await pilot.pause()


def screen_lines(app: App) -> list[str]:
    """Return the lines on the screen, without styles."""
    width, height = app.size
    rows = app.screen._compositor.render_strips()
    assert len(rows) == height
    return ["".join(segment.text for segment in row)[:width].rstrip() for row in rows]


async def until(pilot: Pilot, is_true: Callable[[], bool], rounds: int = 400) -> None:
    """Wait for a condition."""
    for _ in range(rounds):
        if is_true():
            return
        await pilot.pause(0.01)
    raise AssertionError("the condition did not become true")
