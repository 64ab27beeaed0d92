"""Running the app for one chat session."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from netchat.exit_codes import OK
from netchat.fullscreen.app import ChatApp
from netchat.net.frame_tap import FrameTap
from netchat.tui.frame_log import FrameLog
from netchat.tui.lines import Line, notice_line
from netchat.tui.main_loop import listen
from netchat.tui.panes import Panes
from netchat.tui.session import ChatSession

__all__ = ["run_fullscreen"]


async def run_fullscreen(
    session: ChatSession, notes: Iterable[Line] = (), *, is_dark: bool = True
) -> tuple[int, list[Line]]:
    """Chat until the user leaves.

    Args:
        session: Session of a client that is not connected yet.
        notes: Lines to show once the user is online.
        is_dark: Use a dark theme.

    Returns:
        Exit code, and the lines to print after the app has closed.

    Raises:
        CannotConnect: There is no server.
        NetchatError: The server ended the session.
    """

    def plaintext(room: str, device: int, counter: int) -> tuple[str, str] | None:
        sealing = session.core.sealing
        if sealing is None:
            return None
        found: tuple[str, str] | None = sealing.plaintexts.get((room, device, counter))
        return found

    frames = FrameLog(plaintext)
    session.client.tap = FrameTap(frames.record)
    async with session.client:
        panes = Panes(session)
        app = ChatApp(panes, frames, is_dark=is_dark)
        begun = asyncio.Event()

        async def follow() -> None:
            async for event, lines in listen(session):
                panes.take(event, lines, time.monotonic())
                if session.was_online:
                    begun.set()
                if app.is_running:
                    app.changed()

        listening = asyncio.create_task(follow())
        beginning = asyncio.create_task(begun.wait())
        await asyncio.wait({listening, beginning}, return_when=asyncio.FIRST_COMPLETED)
        beginning.cancel()
        if listening.done():
            await listening
            return OK, []  # the name was rejected; the caller handles that
        panes.notify(list(notes))
        listening.add_done_callback(lambda _: app.exit(OK))
        status = await app.run_async()
        if listening.done():
            await listening
            return OK, []
        lines = await session.leave()
        listening.cancel()
        return status or OK, [*lines, notice_line("bye", "you have left the chat")]
