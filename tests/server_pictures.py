"""Scene for the pictures of the server's window, with a lesson that goes on."""

from __future__ import annotations

import sys
import time
import tkinter as tk
from pathlib import Path

from PIL import Image, ImageGrab

from netchat.chat.settings import Settings
from netchat.cli.serve_page import Page
from netchat.cli.serve_run import ServePlan
from netchat.desktop.server_application import ServerApplication
from netchat.desktop.server_worker import ServerWorker
from tests.cli.chatter import Chatter
from tests.desktop.display import wait_until

__all__ = ["server_scene"]

#: Address of the page for others, which the documentation uses as an example.
_PAGE = "http://192.168.1.5:6480"


def server_scene(
    display: str, folder: Path, *, is_dark: bool, scale: float, suffix: str = ""
) -> None:
    """Run a server in its window with four users, and take the screenshot."""
    settings = Settings(rate=0, accounts="optional")
    page = Page("127.0.0.1", 0, (_PAGE,))
    plan = ServePlan(
        settings, "127.0.0.1", 6464, False, None, True, True, page, None, False, None, None, lambda _: None
    )  # fmt: skip
    root = tk.Tk(screenName=display, className="netchat")
    app = ServerApplication(
        root, lambda: ServerWorker(plan.run, plan.tell), is_dark=is_dark, scale=scale
    )
    window = app.window
    wait_until(root, lambda: app.is_running)
    with (
        Chatter("Lena", 6464) as lena,
        Chatter("Tom", 6464) as tom,
        Chatter("Vega", 6464) as vega,
        Chatter("Nova", 6464) as nova,
    ):
        nova.say("/create")
        code = nova.see("you are in room", err=True).split("room ")[1].split(";")[0]
        nova.say("/title Networks")
        for user in (lena, tom, vega):
            user.say(f"/join {code}")
            user.see(f"you are in room {code}", err=True)
        end = time.monotonic() + 14
        turn = 0
        while time.monotonic() < end:
            for user in (lena, tom, vega, nova)[: 1 + turn % 4]:
                user.say(f"message {turn}")
            turn += 1
            until = time.monotonic() + 0.1 * (1 + turn // 7 % 5)
            wait_until(root, lambda until=until: time.monotonic() > until)
        app.moderate("appoint", "lobby", "Nova")
        app.moderate("mute", code, "Tom", seconds=600)
        tom.see("Tom was muted by the host")
        tom.say(f"/room {code}", "Am I muted?")
        tom.see("muted you", err=True)
        lena.say("/join 00000-00000")
        window.users.tree.selection_set("Tom")
        wait_until(root, lambda: "muted" in str(window.users.tree.item("Tom", "values")))
        wait_until(root, lambda: "moderator" in str(window.users.tree.item("Nova", "values")))
        end = time.monotonic() + 1.2
        wait_until(root, lambda: time.monotonic() > end)
        x, y = root.winfo_rootx(), root.winfo_rooty()
        box = (x, y, x + root.winfo_width(), y + root.winfo_height())
        path = folder / f"server{suffix}.png"
        picture = ImageGrab.grab(box, xdisplay=display).convert("RGB")
        picture.quantize(256, kmeans=2, dither=Image.Dither.NONE).save(path, optimize=True)
        print(f"{path}  {path.stat().st_size:,} bytes", file=sys.stderr)
    app.quit()
    app.run()
