"""`python -m tests.fullscreen_pictures`: retake the pictures of the full-screen apps in `docs/pictures/`."""

from __future__ import annotations

import asyncio
import sys

from PIL import Image

from netchat.fullscreen.app import ChatApp
from netchat.fullscreen.capture_app import CaptureApp
from netchat.fullscreen.prompt import PromptArea
from netchat.fullscreen.row_list import RowList
from netchat.packets import Decoder
from netchat.packets.browse.capture import BrowsedCapture
from netchat.tui.frame_log import FrameLog
from netchat.wire import Event, EventKind, RoomKind, Send, encode
from tests.end_to_end.browsing import browser
from tests.end_to_end.processes import ROOT
from tests.tui.offline import ROOM
from tests.tui.pane_user import PaneUser

PICTURES = ROOT / "docs" / "pictures"

TALK = (
    ("Sourav", "Good morning! Today we take a chat apart, byte by byte."),
    ("Tom", "I joined with the QR code 🎉"),
    ("Lena", "and I am in a window, over plain TCP"),
    ("Vega", "What does a message look like on the wire?"),
    (
        "Sourav",
        "16 bytes of header, then the fields. Capture it with netchat sniff, and look at --tree.",
    ),
    ("Vega", "Ah: the length of the room's code, then the code itself!"),
    ("Vega", "And a CRC-32 over all of it."),
    ("Tom", "So what happens when a bit flips?"),
    ("Sourav", "Then the CRC does not match.\nNext week: how to repair it."),
)


async def scene() -> str:
    """Play a lesson, and return the screen as SVG."""
    user, frames = PaneUser(), FrameLog()
    user.event("lobby", "Lena", kind=EventKind.JOIN)
    user.enter(ROOM)
    user.session.core.memory.rooms[ROOM].title = "Networks"
    for name in ("Sourav", "Lena", "Tom"):
        user.event(ROOM, name, kind=EventKind.JOIN)
    user.event(ROOM, "Vega", "Hello!")
    for seq, (name, text) in enumerate(TALK, 4):
        user.event(ROOM, name, text, own=name == "Sourav")
        if name == "Sourav":
            frames.record(encode(Send(seq, ROOM, text)), True)
        event = Event(seq, 1_790_000_000_000_000 + seq, 7, seq, EventKind.CHAT, ROOM, name, text)
        frames.record(encode(event), False)
    user.event("lobby", "Vega", "Is anyone still here, Sourav?")
    user.enter("@1", RoomKind.PRIVATE, "Tom")
    user.event("@1", "Tom", "Do you have the code of yesterday's room?")
    user.session.client.address = "127.0.0.1:6464"
    app = ChatApp(user.panes, frames)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("f4")
        app.query_one(PromptArea).insert("It is on the board")
        for _ in range(3):
            app.redraw()
            await pilot.pause()
        return app.export_screenshot()


async def capture_scene() -> str:
    """Browse a capture, and return the screen as SVG."""
    file = ROOT / "captures" / "two-users.pcapng"
    app = CaptureApp(BrowsedCapture.open(file, Decoder()), file.name)
    async with app.run_test(size=(120, 32)) as pilot:
        while not app.capture.is_decoded:
            await pilot.pause(0.05)
        app.query_one("#packets", RowList).cursor = 24
        for _ in range(3):
            await pilot.pause()
        await pilot.press("tab", *["down"] * 4)
        for _ in range(3):
            await pilot.pause()
        return app.export_screenshot()


def main() -> None:
    scenes = {"tui.png": asyncio.run(scene()), "tui-capture.png": asyncio.run(capture_scene())}
    with browser() as chromium:
        for name, svg in scenes.items():
            page = chromium.new_page(viewport={"width": 1300, "height": 900})
            page.set_content(f"<style>body {{ margin: 0 }} svg {{ width: 1300px }}</style>{svg}")
            file = PICTURES / name
            page.locator("svg").first.screenshot(path=file)
            picture = Image.open(file).convert("RGB")
            picture.quantize(128, dither=Image.Dither.NONE).save(file, optimize=True)
            print(f"{file}  {file.stat().st_size:,} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
