"""My line: noise between one page and the server, and what a link repairs, in a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.end_to_end.browsing import People, Person, needs_chromium
from tests.end_to_end.processes import Server

pytestmark = [needs_chromium, pytest.mark.slow]

#: Milliseconds: the first link of a server loads its codes.
LOADING = 60_000


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--ephemeral", "--web", "--web-port", "0") as running:
        yield running
        assert running.complaints == []


def open_line(person: Person) -> None:
    person.tool("hood-open")
    person.page.locator("#line summary").click()


def set_noise(person: Person, step: int) -> None:
    person.page.locator("#line-noise").fill(str(step))
    person.page.locator("#line-noise").dispatch_event("change")


def test_noise_on_one_line(chromium: Browser, server: Server) -> None:
    people = People(chromium, f"http://127.0.0.1:{server.wait_for('page')['port']}")
    nova, maya = people.new(), people.new(phone=True)
    code = nova.enter("Nova")
    maya.enter("Maya", code)
    open_line(nova)
    nova.page.select_option("#line-link", "rs:255,223")
    set_noise(nova, 5)
    figures = nova.page.locator("#line-figures")
    expect(figures).to_be_visible(timeout=LOADING)
    expect(nova.page.locator("#line-rate")).to_have_text("1 in 500")
    for number in range(8):
        nova.say(f"over a noisy line {number} " + "word " * 40)
        maya.say(f"back over it {number} " + "word " * 40)
    maya.sees("over a noisy line 7")
    nova.sees("back over it 7")
    expect(figures.get_by_role("row", name="code")).to_contain_text("rs:255,223")
    blocks = nova.page.locator("#line-blocks li")
    expect(blocks.filter(has_text="↑ sent").filter(has_text="repaired").first).to_be_attached()
    expect(blocks.filter(has_text="↓ received").filter(has_text="repaired").first).to_be_attached()
    assert "repaired" in (figures.get_by_role("img").get_attribute("aria-label") or "")
    open_line(maya)  # her line is quiet
    expect(maya.page.locator("#line-brief")).to_have_text("no noise")
    expect(maya.page.locator("#line-figures")).to_be_hidden()
    # Without a link the line breaks, the page says why, and nothing is lost.
    nova.page.select_option("#line-link", "")
    for number in range(4):
        nova.say(f"without a link {number} " + "word " * 60)
    problem = nova.page.locator("#line-problem")
    expect(problem).to_contain_text("The line broke", timeout=LOADING)
    expect(problem).to_contain_text("connects again")
    set_noise(nova, 0)
    expect(nova.page.locator("#line-brief")).to_have_text("no noise")
    maya.page.locator("#hood-close").click()
    maya.sees("without a link 3")
    people.go_home()
