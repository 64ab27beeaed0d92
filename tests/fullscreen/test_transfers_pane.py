"""File transfers: bars, and the commands beside them."""

from __future__ import annotations

import pytest

pytest.importorskip("textual")

from textual.widgets import ProgressBar

from netchat.chat.client_events import FileEnded, FileProgress
from netchat.fullscreen.transfers_pane import TransferRow, TransfersPane
from netchat.tui.file_lines import file_ended, file_progress
from tests.fullscreen.running import SIZES, redraw, running, screen_lines
from tests.tui.pane_user import PaneUser


def progress(number: int, done: int, *, is_paused: bool = False) -> FileProgress:
    name = f"file-{number}.bin"
    return FileProgress(number, "lobby", name, number % 2 == 1, done, 1000, is_paused)


@pytest.mark.parametrize("size", SIZES)
async def test_bars_follow_the_transfers(size):
    user = PaneUser()
    async with running(user, size) as (app, pilot):
        pane = app.query_one(TransfersPane)
        assert not pane.display
        for number in range(1, 7):
            file_progress(user.session, progress(number, 100 * number))
        await redraw(app, pilot)
        await redraw(app, pilot)
        shown = "\n".join(screen_lines(app))
        for text in ("6 files", "and 2 more", "#1 ↑ file-1.bin 10 %", "#4 ↓ file-4.bin 40 %"):
            assert text in shown, text
        assert [bar.percentage for bar in app.query(ProgressBar)] == [0.1, 0.2, 0.3, 0.4]
        for number in (1, 2, 3):
            file_ended(
                user.session, FileEnded(number, "lobby", f"file-{number}.bin", True, "", "", 0, 0)
            )
        await redraw(app, pilot)
        await redraw(app, pilot)
        assert sorted(row.number for row in app.query(TransferRow)) == [4, 5, 6]
        for number in (4, 5, 6):
            user.session.transfers.pop(number)
        await redraw(app, pilot)
        assert not pane.display


async def test_transfers_are_paused_resumed_and_cancelled_with_the_mouse():
    user = PaneUser()
    did: list[tuple[str, int]] = []
    files = user.session.core.files
    for name in ("pause", "resume", "cancel"):
        setattr(files, name, lambda number, name=name: did.append((name, number)))
    file_progress(user.session, progress(1, 500))
    async with running(user) as (app, pilot):
        await redraw(app, pilot)
        head = "#transfers-head"
        line = next(line for line in screen_lines(app) if "/pause" in line)
        left = app.query_one(head).region.x
        await pilot.click(head, offset=(line.index("/pause") - left + 1, 0))
        file_progress(user.session, progress(1, 500, is_paused=True))
        await redraw(app, pilot)
        assert "paused" in "\n".join(screen_lines(app))
        await pilot.click(head, offset=(line.index("/pause") - left + 1, 0))
        line = next(line for line in screen_lines(app) if "/resume" in line)
        await pilot.click(head, offset=(line.index("/cancel") - left + 1, 0))
        await pilot.pause()
        assert did == [("pause", 1), ("resume", 1), ("cancel", 1)]


async def test_single_transfers_are_paused_resumed_and_cancelled_with_the_mouse():
    user = PaneUser()
    did: list[tuple[str, int]] = []
    files = user.session.core.files
    for name in ("pause", "resume", "cancel"):
        setattr(files, name, lambda number, name=name: did.append((name, number)))
    for number in (1, 2):
        file_progress(user.session, progress(number, 500))
    async with running(user) as (app, pilot):

        async def click(row: str, action: str) -> None:
            await redraw(app, pilot)
            await redraw(app, pilot)
            lines = screen_lines(app)
            y = next(y for y, line in enumerate(lines) if row in line)
            await pilot.click(offset=(lines[y].index(action), y))
            await pilot.pause()

        await click("file-2", "‖")
        file_progress(user.session, progress(2, 500, is_paused=True))
        await click("file-2", "►")
        await click("file-1", "✕")
        assert did == [("pause", 2), ("resume", 2), ("cancel", 1)]
        file_ended(user.session, FileEnded(1, "lobby", "file-1.bin", True))
        await redraw(app, pilot)
        assert "#2" not in "\n".join(screen_lines(app))
