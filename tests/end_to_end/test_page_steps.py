"""Everyday tasks on the page, and how many steps each takes; docs/WEB.md compares them with other programs.

A step is a click, a key or a shortcut, or a text that is typed, with its Enter.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.end_to_end.browsing import People, Person, needs_chromium
from tests.end_to_end.processes import ROOT, Server
from tests.end_to_end.test_page_files import FIRE, PNG, card

pytestmark = [needs_chromium, pytest.mark.slow]

PASSWORD = "correct horse"


class Steps:
    """A person whose steps are counted."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.count = 0

    def click(self, target: str | Locator) -> None:
        self.count += 1
        (self.person.page.locator(target) if isinstance(target, str) else target).click()

    def press(self, key: str) -> None:
        self.count += 1
        self.person.page.keyboard.press(key)

    def type(self, text: str, *, enter: bool = True) -> None:
        """Type a text where the focus is, with its Enter."""
        self.count += 1
        self.person.page.keyboard.type(text)
        if enter:
            self.person.page.keyboard.press("Enter")

    def take(self) -> int:
        count, self.count = self.count, 0
        return count


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    options = ("--ephemeral", "--web", "--web-port", "0", "--accounts", "optional")
    with Server(*options) as running:
        yield running


@pytest.fixture
def people(chromium: Browser, server: Server) -> Iterator[People]:
    people = People(chromium, f"http://127.0.0.1:{server.wait_for('page')['port']}")
    yield people
    people.go_home()


def documented() -> dict[str, int]:
    """Return the steps of each task on the page, from the table in docs/WEB.md."""
    text = (ROOT / "docs" / "WEB.md").read_text("utf-8")
    table = text.partition("## Everyday tasks")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([a-z][^|]+?) +\| (\d+) \|(.*)\|$", table, re.MULTILINE)
    for task, own, others in rows:
        rivals = [int(each) for each in re.findall(r"\d+", others)]
        assert all(int(own) <= each for each in rivals), f"{task} takes more steps than elsewhere"
    return {task: int(own) for task, own, _ in rows}


def test_ten_everyday_tasks_take_the_documented_steps(people: People) -> None:
    found: dict[str, int] = {}
    maya = people.new()
    code = maya.enter("Maya")
    maya.say("Where is the solution?", "Look at page 12.")
    nova = people.new()
    do = Steps(nova)

    nova.visit(f"/r/{code.replace('-', '')}")
    do.type("Nova")
    nova.sees("Look at page 12.")
    found["join a room by its link, as a new user"] = do.take()

    do.count += 1  # Ctrl-V
    picture = base64.b64encode(PNG).decode()
    nova.page.evaluate(FIRE, ["#text", "paste", [["plot.png", "image/png", picture]]])
    expect(card(maya, "plot.png").locator("img")).to_be_visible()
    found["send a picture from the clipboard"] = do.take()

    said = nova.log.locator(".message.other").filter(has_text="Where is")
    said.hover()
    do.click(said.get_by_role("button", name="Reply"))
    do.type("Here")
    expect(maya.log.locator(".quote")).to_have_text("Maya Where is the solution?")
    found["answer a message"] = do.take()

    do.press("ArrowUp")
    nova.page.keyboard.press("Control+a")  # part of typing
    do.type("Here it is")
    maya.sees("Here it is")
    found["correct one's last message"] = do.take()

    said.hover()
    do.click(said.get_by_role("button", name="React with 👍"))
    expect(maya.log.locator(".reaction")).to_have_text("👍 1")
    found["react to a message"] = do.take()

    do.press("Alt+s")
    expect(nova.page.locator("#search")).to_be_visible()
    do.type("page")
    expect(nova.page.locator("#search")).to_contain_text("Look at page 12.")
    found["search a room"] = do.take()
    nova.page.keyboard.press("Escape")

    do.click(nova.page.locator("#people-list [data-name=Maya]"))
    do.type("between us")
    expect(maya.page.locator("#privates button")).to_contain_text("Nova")
    found["write to a member in private"] = do.take()
    nova.page.click("#rooms button")

    nova.page.locator("#text").press_sequentially("@Ma")
    do.press("Tab")
    assert nova.page.input_value("#text") == "@Maya "
    do.type("thanks")
    expect(maya.log.locator(".mentioned")).to_contain_text("@Maya thanks")
    found["mention a member"] = do.take() + 1  # what was typed before Tab

    host = Steps(maya)
    host.click(maya.page.get_by_role("button", name="Moderate Nova"))
    host.click("#member-mute")
    maya.sees("Nova was muted by Maya")
    found["mute a member, as the host"] = host.take()

    maya.page.click("#account-open")
    maya.page.fill("#account-new", PASSWORD)
    maya.page.click("#account-submit")
    expect(maya.page.locator("#toasts")).to_contain_text("Maya is registered")
    phone = people.new()
    do = Steps(phone)
    phone.visit("/")
    do.type("Maya", enter=False)
    do.click("#home-lobby")
    expect(phone.page.locator("#account-password")).to_be_focused()
    do.type(PASSWORD)
    expect(phone.page.locator("#rooms")).to_contain_text(code)
    found["read on a second device"] = do.take()

    assert found == documented()


def test_tab_completes_names_and_otherwise_moves_the_focus(people: People, tmp_path: Path) -> None:
    ines, ingo, tom = people.new(), people.new(), people.new()
    code = ines.enter("Ines")
    ingo.enter("Ingo", code)
    tom.enter("Tom", code)
    expect(tom.page.locator("#people-list [data-name]")).to_have_count(2)
    field = tom.page.locator("#text")
    field.press_sequentially("hi @in")
    shown = []
    for _ in range(3):
        field.press("Tab")
        shown.append(field.input_value())
    assert shown == ["hi @Ines", "hi @Ingo", "hi @Ines"]
    field.press_sequentially(" @ING")
    field.press("Tab")
    expect(field).to_have_value("hi @Ines @Ingo ")
    field.fill("")
    field.press_sequentially("/msg Ing")
    field.press("Tab")
    expect(field).to_have_value("/msg Ingo ")
    field.fill("@xyz")
    field.press("Tab")
    expect(field).not_to_be_focused()
    expect(field).to_have_value("@xyz")
