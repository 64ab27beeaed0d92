"""`python -m tests.desktop_pictures [FOLDER]`: retake the screenshots of the desktop windows.

Without a folder, write the pictures of the documentation to `docs/pictures/`. With a folder, write all
scenes there, light and dark, at 96 and 192 dpi, for review. It needs Xvfb and an emoji font.
"""

from __future__ import annotations

import sys
import tempfile
import time
import tkinter as tk
from pathlib import Path

from PIL import Image, ImageGrab

from netchat.desktop.application import Application, WindowSettings
from netchat.desktop.login import LoginValues
from netchat.desktop.worker import ChatWorker
from tests.cli.chatter import Chatter
from tests.desktop.display import virtual_display, wait_until
from tests.end_to_end.processes import ROOT, Server
from tests.server_pictures import server_scene

PICTURES = ROOT / "docs" / "pictures"

#: Pictures that the documentation shows.
DOCUMENTED = (
    "window-login",
    "window-chat",
    "window-chat-dark",
    "window-files-dark",
    "server",
    "server-dark",
)


class Photographer:
    """User of a window who takes screenshots.

    Args:
        display: Name of the display.
        folder: Folder for the screenshots.
        port: Port of the server.
        is_dark: Use dark colours.
        scale: Resolution, relative to 96 dpi.
        suffix: End of the names of the files.
    """

    def __init__(
        self, display: str, folder: Path, port: int, *, is_dark: bool, scale: float, suffix: str
    ) -> None:
        self._display = display
        self._folder = folder
        self._suffix = suffix
        self.root = tk.Tk(screenName=display, className="netchat")
        settings = WindowSettings(LoginValues("Nova", port=port), is_dark=is_dark, scale=scale)
        self.app = Application(self.root, settings, self._worker)

    @staticmethod
    def _worker(login: LoginValues) -> ChatWorker:
        return ChatWorker(login, lambda _: None, keeps_state=False)

    def wait(self, is_true) -> None:
        wait_until(self.root, is_true)

    def take(self, name: str, focus) -> None:
        """Take a screenshot of the window."""
        focus.focus_force()
        end = time.monotonic() + 0.3
        self.wait(lambda: time.monotonic() > end)
        x, y = self.root.winfo_rootx(), self.root.winfo_rooty()
        box = (x, y, x + self.root.winfo_width(), y + self.root.winfo_height())
        path = self._folder / f"window-{name}{self._suffix}.png"
        picture = ImageGrab.grab(box, xdisplay=self._display).convert("RGB")
        picture.quantize(256, kmeans=2, dither=Image.Dither.NONE).save(path, optimize=True)
        print(f"{path}  {path.stat().st_size:,} bytes", file=sys.stderr)


def scenes(display: str, folder: Path, *, is_dark: bool, scale: float, suffix: str = "") -> None:
    """Play a lesson with four users, one of them in the window, and take the screenshots."""
    with (
        tempfile.TemporaryDirectory() as home,
        Server("--ephemeral", port=6464) as server,
        Chatter("Lena", server.port) as lena,
        Chatter("Tom", server.port) as tom,
        Chatter("Vega", server.port) as vega,
    ):
        nova = Photographer(
            display, folder, server.port, is_dark=is_dark, scale=scale, suffix=suffix
        )
        nova.take("login", nova.app.form.fields["name"])
        nova.app.form.options_button.invoke()
        nova.app.form.link.set("rs:255,223")
        nova.app.form.channel.set("bsc:1e-3")
        nova.take("login-link", nova.app.form.fields["name"])
        nova.app.form.link.set("")
        nova.app.form.channel.set("")
        nova.app.form.submit()
        nova.wait(lambda: nova.app.chat is not None and nova.app.chat.state is not None)
        chat = nova.app.chat
        assert chat is not None
        chat.run("/create")
        nova.wait(lambda: any(each.code for each in chat.state.conversations))
        code = next(each.code for each in chat.state.conversations if each.code)
        chat.run("/title Networks")
        for user, name in ((lena, "Lena"), (tom, "Tom"), (vega, "Vega")):
            user.say(f"/join {code}")
            nova.wait(lambda name=name: name in chat.state.people)
        talk = (
            (None, "Good morning! Today we take a chat apart, byte by byte."),
            (tom, "I joined with the QR code 🎉"),
            (lena, "and I am in a terminal, over plain TCP"),
            (vega, "What does a message look like on the wire?"),
            (None, "16 bytes of header, then the fields."),
            (None, "Capture it with netchat sniff: https://github.com/netchat/netchat"),
            (vega, "Ah: the length of the room's code, then the code itself!"),
            (vega, "And a CRC-32 over all of it."),
            (tom, "So what happens when a bit flips?"),
            (None, "Then the CRC does not match.\nNext week: how to repair it."),
            (lena, "👋"),
        )
        for user, text in talk:
            chat.run(text) if user is None else user.say(text)
            last = text.split("\n")[-1]
            nova.wait(lambda last=last: last in chat.log.text.get("1.0", "end"))
        slides, recording = Path(home, "slides.pdf"), Path(home, "recording.mp4")
        slides.write_bytes(bytes(1_200_000))
        with recording.open("wb") as file:
            file.truncate(90_000_000)
        tom.say(f"/send {slides}")
        nova.wait(lambda: "slides.pdf" in chat.log.text.get("1.0", "end"))
        vega.say("/room lobby")
        vega.say("Is anyone still in the lobby, Nova?")
        tom.say("/msg Nova Do you have the code of yesterday's room?")
        nova.wait(lambda: sum(each.unread for each in chat.state.conversations) == 2)
        chat.input.set("It is on the board")
        nova.take("chat", chat.input.text)
        chat.send_file(str(recording))
        nova.wait(lambda: chat.state.transfers and chat.state.transfers[0].share > 0.3)
        number = chat.state.transfers[0].number
        chat.transfers._control(number, "pause")
        nova.wait(lambda: chat.state.transfers[0].is_paused)
        nova.take("files", chat.input.text)
        picker = chat.input.pick_emoji()
        nova.take("emoji", picker.buttons["😀"])
        picker.close()
        chat.transfers._control(number, "cancel")
        chat.input.set("")
        chat.run("/help")
        nova.wait(lambda: "/create" in chat.log.text.get("1.0", "end"))
        nova.take("help", chat.input.text)
        chat.select("@tom")
        nova.wait(lambda: chat.state.selected == "@tom")
        chat.run("/frob")
        nova.take("private", chat.input.text)
        server.kill()
        nova.wait(lambda: not chat.state.is_online)
        chat.run("Are you there?")
        nova.wait(lambda: chat.state.unsent)
        nova.take("offline", chat.input.text)
        nova.app.quit()
        nova.app.run()


def main() -> None:
    if len(sys.argv) == 1:
        with virtual_display() as display:
            scenes_for_docs(display)
        return
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with virtual_display(2600, 1800) as display:
        for scene in (scenes, server_scene):
            scene(display, folder, is_dark=False, scale=1.0)
            scene(display, folder, is_dark=True, scale=2.0, suffix="-dark")


def scenes_for_docs(display: str) -> None:
    """Take the pictures that the documentation shows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for scene in (scenes, server_scene):
            scene(display, folder, is_dark=False, scale=1.0)
            scene(display, folder, is_dark=True, scale=1.0, suffix="-dark")
        for picture in DOCUMENTED:
            path = PICTURES / f"{picture}.png"
            path.write_bytes((folder / path.name).read_bytes())
            print(f"{path}  {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
