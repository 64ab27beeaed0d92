"""The app in Textual's pilot, and what it shows."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path

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


#: Expected screens, and the variable that rewrites them.
SCREENS, REWRITE = Path(__file__).parent / "screens", "NETCHAT_WRITE_SCREENS"


def check_screen(app: App, name: str, *, masks_times: bool = False) -> None:
    """Compare the screen with the expected one, by choice except for the times of day.

    `NETCHAT_WRITE_SCREENS=1 pytest tests/fullscreen` rewrites the expected screens; look at them before you
    commit them.
    """
    shown = text_of(app)
    if masks_times:
        shown = re.sub(r"\b\d\d:\d\d(:\d\d)?\b", lambda m: "HH:MM:SS"[: len(m[0])], shown)
    shown = shown.translate(str.maketrans("╸╺", "━━"))  # a progress bar still moves to its value
    path = SCREENS / f"{name}.txt"
    if os.environ.get(REWRITE):
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown + "\n", encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8").removesuffix("\n")


def text_of(app: App) -> str:
    """Return the screen as one text."""
    return "\n".join(screen_lines(app))


def least_contrast(app: App) -> tuple[float, str]:
    """Return the lowest contrast of a text on the screen, as WCAG 2 defines it, and the text."""
    found = []
    for row in app.screen._compositor.render_strips():
        for text, style, _ in row:
            if style is None or style.color is None or style.bgcolor is None:
                continue
            # Lines, bars and scrollbars are no text.
            letters = [each for each in text if not each.isspace() and ord(each) < 0x2190]
            if letters and style.color.triplet and style.bgcolor.triplet:
                lights = sorted(_luminance(c.triplet) for c in (style.color, style.bgcolor))
                found.append(((lights[1] + 0.05) / (lights[0] + 0.05), text))
    return min(found)


def _luminance(triplet) -> float:
    parts = [value / 255 for value in triplet]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return sum(weight * v for weight, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
