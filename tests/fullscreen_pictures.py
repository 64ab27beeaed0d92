"""`python -m tests.fullscreen_pictures`: retake the picture of `netchat tui` in `docs/pictures/`."""

from __future__ import annotations

import asyncio
import sys

from PIL import Image

from netchat.fullscreen.app import ChatApp
from netchat.fullscreen.prompt import PromptArea
from netchat.wire import EventKind, RoomKind
from tests.end_to_end.browsing import browser
from tests.end_to_end.processes import ROOT
from tests.tui.offline import ROOM
from tests.tui.pane_user import PaneUser

PICTURE = ROOT / "docs" / "pictures" / "tui.png"

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
    user = PaneUser()
    user.event("lobby", "Lena", kind=EventKind.JOIN)
    user.enter(ROOM)
    user.session.core.memory.rooms[ROOM].title = "Networks"
    for name in ("Sourav", "Lena", "Tom"):
        user.event(ROOM, name, kind=EventKind.JOIN)
    user.event(ROOM, "Vega", "Hello!")
    for name, text in TALK:
        user.event(ROOM, name, text, own=name == "Sourav")
    user.event("lobby", "Vega", "Is anyone still here, Sourav?")
    user.enter("@1", RoomKind.PRIVATE, "Tom")
    user.event("@1", "Tom", "Do you have the code of yesterday's room?")
    user.session.client.address = "127.0.0.1:6464"
    app = ChatApp(user.panes)
    async with app.run_test(size=(104, 26)) as pilot:
        app.query_one(PromptArea).insert("It is on the board")
        await pilot.pause()
        app.redraw()
        await pilot.pause()
        return app.export_screenshot()


def main() -> None:
    svg = asyncio.run(scene())
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": 1300, "height": 720})
        page.set_content(f"<style>body {{ margin: 0 }} svg {{ width: 1300px }}</style>{svg}")
        page.locator("svg").first.screenshot(path=PICTURE)
    picture = Image.open(PICTURE).convert("RGB")
    picture.quantize(128, dither=Image.Dither.NONE).save(PICTURE, optimize=True)
    print(f"{PICTURE}  {PICTURE.stat().st_size:,} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
