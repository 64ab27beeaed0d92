"""Users of the page: Chromium, driven by Playwright, in desktop or phone size.

One browser serves a whole module of tests; each person has a profile of their own in it. Whatever
the page itself complains about (an exception, the Content-Security-Policy) fails the test.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

__all__ = ["CHROMIUM", "DESK", "PHONE", "Person", "RosterReceived", "browser", "needs_chromium"]

CHROMIUM = shutil.which("chromium")

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not installed: apt-get install chromium"
)

DESK, PHONE = (1280, 800), (390, 844)

#: What the browser says of a server that is not there; that is what some tests are about.
_EXPECTED = re.compile(r"WebSocket connection to|net::ERR_|Failed to load resource")

expect.set_options(timeout=15_000)


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


class Person:
    """Somebody with a tab of the page open.

    Attributes:
        page: The tab, for what this class has no word for.
        complaints: What the page has complained about.
    """

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        self._address = address
        page.on("pageerror", lambda error: self.complaints.append(str(error.stack or error)))
        page.on("console", self._console)
        page.set_default_timeout(15_000)

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning") and not _EXPECTED.search(message.text):
            self.complaints.append(message.text)

    def visit(self, path: str = "/") -> None:
        """Open the page, and wait until it works."""
        self.page.goto(self._address + path)
        self.ready()

    def ready(self) -> None:
        self.page.wait_for_selector("html[data-ready]", state="attached")

    def enter(self, name: str, code: str = "") -> str:
        """Fill in the form at home: into the room of a code, or into a new one.

        Returns:
            The room's code.
        """
        self.page.fill("#home-name", name)
        if code:
            self.page.fill("#home-code", code)
        self.page.click("#home-join" if code else "#home-create")
        expect(self.page.locator("#room")).to_be_visible()
        return self.code

    @property
    def code(self) -> str:
        """The room's code, as the title shows it."""
        return self.page.inner_text("#title")

    def accept(self, name: str) -> None:
        """Follow an invitation, as the page that it leads to offers it."""
        self.page.fill("#home-name", name)
        self.page.click("#home-join")
        expect(self.page.locator("#room")).to_be_visible()

    def say(self, *texts: str) -> None:
        for text in texts:
            self.page.fill("#text", text)
            self.page.press("#text", "Enter")

    @property
    def log(self) -> Locator:
        """The messages of the room that is shown."""
        return self.page.locator(".log:not([hidden])")

    def sees(self, text: str, count: int = 1) -> None:
        """Wait for a message or a notice."""
        lines = self.log.locator(".lines .text, .lines .notice")
        expect(lines.filter(has_text=text)).to_have_count(count)

    def texts(self) -> list[str]:
        """What was said, in order; what is only under way does not count."""
        return self.log.locator(".lines .text").all_text_contents()

    @property
    def pending(self) -> Locator:
        """What is under way."""
        return self.log.locator(".tail .pending")

    def online(self) -> None:
        expect(self.page.locator("html")).to_have_attribute("data-link", "online")


class RosterReceived:
    """Everybody on one server.

    Args:
        browser: Theirs.
        address: The page's.
    """

    def __init__(self, browser: Browser, address: str) -> None:
        self.address = address
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._all: list[Person] = []

    def profile(self, *, phone: bool = False, dark: bool = False) -> BrowserContext:
        """A browser as of one person; its tabs share what it keeps."""
        width, height = PHONE if phone else DESK
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            is_mobile=phone,
            has_touch=phone,
            locale="en-GB",
        )
        self._contexts.append(context)
        return context

    def tab(self, profile: BrowserContext, path: str = "/") -> Person:
        """One more tab."""
        person = Person(profile.new_page(), self.address)
        self._all.append(person)
        person.visit(path)
        return person

    def new(self, path: str = "/", *, phone: bool = False, dark: bool = False) -> Person:
        """Somebody who opens the page."""
        return self.tab(self.profile(phone=phone, dark=dark), path)

    def go_home(self) -> None:
        """Close everything, and check that no page reported an error."""
        for context in self._contexts:
            context.close()
        assert [p.complaints for p in self._all if p.complaints] == []
