"""Users of the page: Chromium, driven by Playwright, at desktop or phone size.

A test module shares one browser, in which each person has a separate profile. Errors that the page
reports (exceptions, Content-Security-Policy violations) fail the test.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

__all__ = ["CHROMIUM", "DESK", "PHONE", "People", "Person", "browser", "needs_chromium"]

CHROMIUM = shutil.which("chromium")

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not installed: apt-get install chromium"
)

DESK, PHONE = (1280, 800), (390, 844)

#: The browser's messages about an unreachable server, which some tests expect.
_EXPECTED = re.compile(r"WebSocket connection to|net::ERR_|Failed to load resource")

expect.set_options(timeout=15_000)


@contextlib.contextmanager
def browser(*options: str) -> Iterator[Browser]:
    """Run a headless browser, with more options of its command."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", *options]
        )
        yield running
        running.close()


class Person:
    """User with a tab of the page.

    Attributes:
        page: The tab, for actions that this class does not cover.
        complaints: Errors and warnings that the page has reported.
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
        """Open the page and wait until it is ready."""
        self.page.goto(self._address + path)
        self.ready()

    def ready(self) -> None:
        self.page.wait_for_selector("html[data-ready]", state="attached")

    def enter(self, name: str, code: str = "") -> str:
        """Fill in the first screen to join the room with a code, or to create one.

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
        """Code of the room, from its title."""
        return self.page.inner_text("#title")

    def accept(self, name: str) -> None:
        """Accept an invitation that the page shows."""
        self.page.fill("#home-name", name)
        self.page.click("#home-join")
        expect(self.page.locator("#room")).to_be_visible()

    def tool(self, name: str) -> None:
        """Press a button of the room's header, which may be in a menu."""
        if self.page.locator("#more-open").is_visible() and name != "people-open":
            self.page.click("#more-open")
        self.page.click(f"#{name}")

    def say(self, *texts: str) -> None:
        for text in texts:
            self.page.fill("#text", text)
            self.page.press("#text", "Enter")

    @property
    def log(self) -> Locator:
        """Messages of the current room."""
        return self.page.locator(".log:not([hidden])")

    def sees(self, text: str, count: int = 1) -> None:
        """Wait for a message or a notice."""
        lines = self.log.locator(".lines .text, .lines .notice")
        expect(lines.filter(has_text=text)).to_have_count(count)

    def texts(self) -> list[str]:
        """Return the texts of all delivered messages, in order."""
        return self.log.locator(".lines .text").all_text_contents()

    @property
    def pending(self) -> Locator:
        """Messages that are not acknowledged yet."""
        return self.log.locator(".tail .pending")

    def online(self) -> None:
        expect(self.page.locator("html")).to_have_attribute("data-link", "online")


class People:
    """All users of one server.

    Args:
        browser: Browser that they share.
        address: URL of the page.
    """

    def __init__(self, browser: Browser, address: str) -> None:
        self.address = address
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._all: list[Person] = []

    def profile(self, *, phone: bool = False, dark: bool = False) -> BrowserContext:
        """Create a browser profile, whose tabs share their storage."""
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
        """Open another tab in a profile."""
        person = Person(profile.new_page(), self.address)
        self._all.append(person)
        person.visit(path)
        return person

    def new(self, path: str = "/", *, phone: bool = False, dark: bool = False) -> Person:
        """Open the page in a new profile."""
        return self.tab(self.profile(phone=phone, dark=dark), path)

    def go_home(self) -> None:
        """Close all tabs, and check that no page has reported errors."""
        for context in self._contexts:
            context.close()
        assert [p.complaints for p in self._all if p.complaints] == []
