"""Users of all front ends, with one interface: pipe, terminal, full-screen app, window and page."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Protocol

from playwright.sync_api import expect

from tests.cli.chatter import Chatter
from tests.end_to_end.browsing import People
from tests.end_to_end.processes import ROOT, Server

__all__ = ["FrontEndUser", "PageUser", "PipeUser", "ScreenUser", "WindowFrontEnd"]

#: Seconds for something to appear: far more than it needs on any machine.
TIMEOUT = 60.0


class FrontEndUser(Protocol):
    """User of one front end."""

    name: str

    def refused(self, taken: str) -> None:
        """Try to enter with a name that is taken, and see that it is refused."""

    def enter(self) -> None:
        """Enter the lobby with the user's own name."""

    def say(self, line: str) -> None:
        """Type a line: a message or a command."""

    def sees(self, text: str) -> None:
        """Wait until the selected conversation shows a text."""

    def texts(self) -> str:
        """Return everything that the selected conversation shows."""

    def create(self) -> str:
        """Create a room and select it; return its code."""

    def join(self, code: str) -> None:
        """Join a room by its code and select it."""

    def sees_private(self, sender: str, text: str) -> None:
        """Wait for a private message, and return to the room."""

    def sees_outage(self) -> None:
        """Wait until the front end shows that the server is gone."""

    def leave(self) -> None:
        """Leave the chat as users do, and see that this works."""


class PipeUser:
    """`netchat client` with its standard streams in pipes."""

    def __init__(self, name: str, server: Server) -> None:
        self.name = name
        self._server = server
        self._chatter: Chatter | None = None

    @property
    def _pipe(self) -> Chatter:
        assert self._chatter is not None
        return self._chatter

    def refused(self, taken: str) -> None:
        with Chatter(taken, self._server.port) as chatter:
            chatter.see(f"The name {taken} is taken", err=True)
            assert chatter.wait() == 1

    def enter(self) -> None:
        self._chatter = Chatter(self.name, self._server.port)
        self._chatter.see("you are in the lobby", err=True)

    def say(self, line: str) -> None:
        self._pipe.say(line)

    def sees(self, text: str) -> None:
        self._pipe.see(text)

    def texts(self) -> str:
        return "\n".join(self._pipe.out)

    def create(self) -> str:
        self._pipe.err.clear()
        self._pipe.say("/create")
        return _CODE.findall(self._pipe.see("you are in room", err=True))[0]

    def join(self, code: str) -> None:
        self._pipe.say(f"/join {code}")
        self._pipe.see(f"you are in room {code}", err=True)

    def sees_private(self, sender: str, text: str) -> None:
        self._pipe.see(f"{sender} -> you: {text}")

    def sees_outage(self) -> None:
        self._pipe.see("[offline]", err=True)

    def leave(self) -> None:
        assert self._pipe.end() == 0

    def close(self) -> None:
        if self._chatter is not None:
            self._chatter.__exit__(None, None, None)


def _unwrapped(shown: str) -> str:
    """Return the text of the middle pane of an app, in one line."""
    rows = [line.split("│") for line in shown.splitlines()]
    return " ".join(" ".join(row[1] if len(row) > 2 else row[0] for row in rows).split())


class ScreenUser:
    """`netchat client` or `netchat tui` in a real terminal (tmux).

    Args:
        name: User name.
        server: The server.
        folder: Folder for the terminal's socket.
        command: `client` or `tui`.
    """

    def __init__(self, name: str, server: Server, folder: Path, command: str) -> None:
        self.name = name
        self._server = server
        self._is_app = command == "tui"
        self._command = command
        self._tmux = ["tmux", "-S", str(folder / f"tmux-{command}"), "-f", os.devnull]
        self._is_running = False

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            [*self._tmux, *command], check=True, capture_output=True, encoding="utf-8"
        )
        return done.stdout

    def _start(self, name: str) -> None:
        address = f"127.0.0.1:{self._server.port}"
        netchat = [sys.executable, "-m", "netchat", self._command, address]
        line = shlex.join([*netchat, "--name", name, "--no-state"])
        subprocess.run(
            [
                *(*self._tmux, "new-session", "-d", "-x", "170", "-y", "50"),
                f"{line}; echo ended with $?; sleep 1000",
            ],
            cwd=ROOT,
            env={**os.environ, "NO_COLOR": "1"},
            check=True,
        )
        self._is_running = True

    def refused(self, taken: str) -> None:
        self._start(taken)
        self.sees(f"The name {taken} is taken")
        self.sees(f"Your name [{taken}2]:")

    def enter(self) -> None:
        self.say(self.name)  # answers the question for another name
        self.sees(f"{self.name} joined the chat")

    def say(self, line: str) -> None:
        self._run("send-keys", "-l", line)
        self._run("send-keys", "Enter")

    def texts(self) -> str:
        # Joins the lines that the terminal has wrapped, with those that have scrolled away.
        return self._run("capture-pane", "-p", "-J", "-S", "-2000")

    def sees(self, text: str) -> None:
        deadline = time.monotonic() + TIMEOUT
        while text not in (shown := self.texts()) and text not in _unwrapped(shown):
            assert time.monotonic() < deadline, f"no {text!r} in\n{shown}"
            time.sleep(0.05)

    def create(self) -> str:
        before = set(_CODE.findall(self.texts()))
        self.say("/create")
        deadline = time.monotonic() + TIMEOUT
        while not (new := set(_CODE.findall(self.texts())) - before):
            assert time.monotonic() < deadline, self.texts()
            time.sleep(0.05)
        (code,) = new
        return code

    def join(self, code: str) -> None:
        self.say(f"/join {code}")
        self.sees(f"ou are in room {code}")
        self.sees(f"{self.name} joined the room")

    def sees_private(self, sender: str, text: str) -> None:
        if not self._is_app:
            self.sees(f"{sender} -> you: {text}")
            return
        self.sees(f"@ {sender}")  # the private conversation in the list
        room = _CODE.findall(self._header())[0]
        self.say(f"/msg {sender} got it")
        self.sees(text)
        self.say(f"/room {room}")
        self._wait_for_header(room)

    def _header(self) -> str:
        return self._run("capture-pane", "-p")

    def _wait_for_header(self, room: str) -> None:
        self.sees(room)

    def sees_outage(self) -> None:
        self.sees("No connection to" if self._is_app else "[offline]")

    def leave(self) -> None:
        self.say("quit")
        self.sees("ended with 0")

    def close(self) -> None:
        if self._is_running:
            subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)


class WindowFrontEnd:
    """`netchat window`, used with real events.

    Args:
        name: User name.
        server: The server.
        tk_root: Tk's first window.
    """

    def __init__(self, name: str, server: Server, tk_root: object) -> None:
        from tests.desktop.person import WindowUser

        self.name = name
        self._user = WindowUser(tk_root, server, name)

    def refused(self, taken: str) -> None:
        form = self._user.app.form
        form.name.set(taken)
        form.button.invoke()
        self._user.wait(lambda: f"The name {taken} is taken" in form.problem)
        assert form.name.get() == f"{taken}2"

    def enter(self) -> None:
        self._user.app.form.name.set(self.name)
        self._user.join()

    def say(self, line: str) -> None:
        box = self._user.chat.input
        box.set(line)
        box.button.invoke()

    def sees(self, text: str) -> None:
        self._user.sees(text)

    def texts(self) -> str:
        self._user.root.update()
        return self._user.log

    def _codes(self) -> set[str]:
        return {each.code for each in self._user.chat.state.conversations if each.code}

    def create(self) -> str:
        before = self._codes()
        self._user.root.event_generate("<Control-n>")
        self._user.wait(lambda: self._codes() - before)
        (code,) = self._codes() - before
        self._user.wait(lambda: self._selected_code() == code)
        return code

    def _selected_code(self) -> str:
        selected = self._user.chat._selected()
        return selected.code if selected is not None else ""

    def join(self, code: str) -> None:
        self.say(f"/join {code}")
        self._user.wait(lambda: self._selected_code() == code)

    def sees_private(self, sender: str, text: str) -> None:
        chat, room = self._user.chat, self._user.chat.state.selected
        self._user.wait(lambda: getattr(self._user.conversation(sender), "unread", 0) == 1)
        self._user.click(chat.conversations.tree, f"@{sender.lower()}")
        self._user.sees(text)
        self._user.click(chat.conversations.tree, room)
        self._user.wait(lambda: chat.state.selected == room)

    def sees_outage(self) -> None:
        self._user.wait(lambda: not self._user.chat.state.is_online)

    def leave(self) -> None:
        self._user.close()
        assert self._user.app.result == ""

    def close(self) -> None:
        if self._user.app.worker is not None:
            self._user.app.quit()
            self._user.app.run()


class PageUser:
    """The page in a browser.

    Args:
        name: User name.
        people: Users of the page.
    """

    def __init__(self, name: str, people: People) -> None:
        self.name = name
        self._person = people.new()

    def refused(self, taken: str) -> None:
        page = self._person.page
        page.fill("#home-name", taken)
        page.click("#home-lobby")
        expect(page.locator("#home-name-problem")).to_contain_text("is taken")

    def enter(self) -> None:
        self._person.page.fill("#home-name", self.name)
        self._person.page.click("#home-lobby")
        expect(self._person.page.locator("#room")).to_be_visible()

    def say(self, line: str) -> None:
        self._person.say(line)

    def sees(self, text: str) -> None:
        lines = self._person.log.locator(".lines")
        expect(lines).to_contain_text(text)

    def texts(self) -> str:
        return "\n".join(self._person.texts())

    def create(self) -> str:
        before = self._person.code
        self.say("/create")
        expect(self._person.page.locator("#title")).not_to_have_text(before)
        return self._person.code

    def join(self, code: str) -> None:
        self.say(f"/join {code}")
        expect(self._person.page.locator("#title")).to_have_text(code)

    def sees_private(self, sender: str, text: str) -> None:
        page = self._person.page
        room = self._person.code
        page.locator("#privates button").filter(has_text=sender).click()
        self._person.sees(text)
        self.say(f"/join {room}")
        expect(page.locator("#title")).to_have_text(room)

    def sees_outage(self) -> None:
        expect(self._person.page.locator("#banner")).to_contain_text("cannot be reached")

    def leave(self) -> None:
        page = self._person.page
        page.click("#quit-open")
        page.click("#quit-yes")
        expect(page.locator("#home")).to_be_visible()

    def close(self) -> None:
        """Leave the tab to `People.go_home`."""


_CODE = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}\b")
