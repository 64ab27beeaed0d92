"""One scenario in all front ends at once: pipe, terminal, full-screen app, window and page share rooms."""

from __future__ import annotations

import gc
import importlib.util
import re
import shutil
import tkinter as tk
from collections.abc import Iterator
from pathlib import Path

import pytest

from netchat.chat.text import show_text
from tests.cli.chatter import Chatter
from tests.desktop.display import REASON, virtual_display
from tests.end_to_end.browsing import People, browser, needs_chromium
from tests.end_to_end.front_ends import (
    FrontEndUser,
    PageUser,
    PipeUser,
    ScreenUser,
    WindowFrontEnd,
)
from tests.end_to_end.processes import Server, free_port

pytestmark = [
    needs_chromium,
    pytest.mark.skipif(bool(REASON), reason=REASON),
    pytest.mark.skipif(
        shutil.which("tmux") is None or importlib.util.find_spec("textual") is None,
        reason="tmux, which plays the terminal, or Textual is not installed",
    ),
    pytest.mark.timeout(600),
]

#: Texts that a front end could mistake for markup, commands, or text in another direction.
HOSTILE = (
    "<img src=x onerror=alert(1)> &amp; </script>",
    "[exit] $name {unbalanced \\ [bold red]x[/] %s {0}",
    "\u202egnp.exe\u202c and a\u200bb",
    "\\e[31m[join] Tom joined the room",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    history = tmp_path_factory.mktemp("front_ends") / "history.db"
    web = ("--web", "--web-port", str(free_port()))
    with Server("--history", str(history), *web, "--rate", "0", port=free_port()) as running:
        yield running


@pytest.fixture
def users(server: Server, tmp_path: Path) -> Iterator[list[FrontEndUser]]:
    gc.disable()  # Tk's objects must be deleted in this thread
    with browser() as chromium, virtual_display() as display:
        root = tk.Tk(screenName=display, className="netchat")
        root.withdraw()
        people = People(chromium, f"http://127.0.0.1:{server.wait_for('page')['port']}")
        made = [
            PipeUser("Pia", server),
            ScreenUser("Terry", server, tmp_path, "client"),
            ScreenUser("Una", server, tmp_path, "tui"),
            WindowFrontEnd("Wim", server, root),
            PageUser("Paula", people),
        ]
        yield list(made)
        for user in made:
            user.close()
        people.go_home()
        root.destroy()
        del root, made
    gc.collect()
    gc.enable()


def test_all_front_ends_share_one_chat(users: list[FrontEndUser], server: Server) -> None:
    with Chatter("Anna", server.port) as anna:
        anna.see("[join] Anna joined the chat")
        for user in users:
            user.refused("Anna")
            user.enter()
            anna.see(f"{user.name} joined the chat")

        for creator in users:  # each creates a room, and the others join it by its code
            code = creator.create()
            for user in users:
                if user is not creator:
                    user.join(code)
            for user in users:
                user.say(f"{user.name} is in {code}")
            for user in users:
                for other in users:
                    user.sees(f"{other.name} is in {code}")

        for sender, receiver in zip(users, [*users[1:], users[0]], strict=True):
            sender.say(f"/msg {receiver.name} only for {receiver.name}")
            receiver.sees_private(sender.name, f"only for {receiver.name}")
            sender.say(f"/join {code}")
        assert not any("only for" in line for line in anna.out)

        pipe, terminal, app, _, page = users
        # A terminal drops the invisible characters that are typed, so the pipe sends them.
        for sender, text in zip((page, app, pipe, terminal), HOSTILE, strict=True):
            sender.say(text)
            for user in users:
                user.sees(show_text(text))

        mark = len(server.lines)
        server.kill()
        for user in users:
            user.sees_outage()
            user.say(f"{user.name} during the outage")
        server.start()
        server.wait_for("page", since=mark)
        wanted = [f"{user.name} during the outage" for user in users]
        for user in users:
            for text in wanted:
                user.sees(text)
        orders = [_order(user, wanted) for user in users]
        assert orders == [orders[0]] * len(users)
        assert sorted(orders[0]) == sorted(wanted)

        last = users[-1]
        for user in users:
            user.leave()
            if user is not last:
                last.sees(f"{user.name} left")
            anna.see(f"{user.name} left the chat")


def _order(user: FrontEndUser, texts: list[str]) -> list[str]:
    """Return texts in the order in which a user sees them, each as often as it is there."""
    return re.findall("|".join(map(re.escape, texts)), user.texts())
