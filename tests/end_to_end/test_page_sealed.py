"""Sealed rooms on the page: with another browser, and with a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.cli.chatter import Chatter
from tests.end_to_end.browsing import People, Person, browser, needs_chromium
from tests.end_to_end.processes import Server

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--ephemeral", "--web", "--web-port", "0", "--resume", "1s") as running:
        yield running
        assert running.complaints == []


@pytest.fixture
def people(chromium: Browser, server: Server) -> Iterator[People]:
    people = People(chromium, f"http://127.0.0.1:{server.wait_for('page')['port']}")
    yield people
    people.go_home()


def create_sealed(person: Person, name: str) -> str:
    """Create a sealed room on the first screen; return its link."""
    person.page.fill("#home-name", name)
    person.page.click("#home-create-sealed")
    expect(person.page.locator("#room")).to_be_visible()
    link = person.log.locator(".invitation a")
    expect(link).to_have_text(re.compile(r"/r/[0-9A-Z]{10}#[\w-]{22}$"))
    return link.get_attribute("href") or ""


def problems(person: Person) -> list[str]:
    return person.page.locator(".seal-problem, .warning").all_text_contents()


def test_two_browsers_and_a_terminal_share_a_sealed_room(people: People, server: Server) -> None:
    nova = people.new()
    link = create_sealed(nova, "Nova")
    nova.say("for members only")
    nova.sees("for members only")
    maya = people.new(link.removeprefix(people.address), phone=True)
    expect(maya.page.locator("#home-sealed")).to_be_visible()
    maya.accept("Maya")
    maya.sees("for members only")
    maya.say("from the phone")
    nova.sees("from the phone")
    code, _, secret = link.rpartition("/r/")[2].partition("#")
    with Chatter("Terry", server.port) as terry:
        terry.see("you are in the lobby", err=True)
        terry.say(f"/join {code}#{secret}")
        nova.sees("Terry joined")
        terry.say("from the terminal")
        nova.sees("from the terminal")
        maya.sees("from the terminal")
        nova.say("to the terminal")
        terry.see("\N{LOCK} Nova: to the terminal")
        expect(nova.log.locator(".other .meta").last).to_contain_text("sealed")

        nova.page.click("#safety-open")
        digits = nova.page.inner_text("#safety .digits")
        terry.say("/safety")
        terry.see(digits[:35])
        nova.page.keyboard.press("Escape")

        # Whoever speaks after a member has left gives the room a new secret.
        maya.page.click("#leave")
        maya.page.click("#leave-yes")
        nova.sees("Maya left")
        nova.say("without Maya")
        terry.see("Nova changed the secret of the room (a member left the room)")
        terry.see("\N{LOCK} Nova: without Maya")
        terry.say("as before")
        nova.sees("as before")
    assert problems(nova) == []

    nova.page.reload()
    nova.ready()
    nova.sees("for members only")
    nova.sees("without Maya")
    nova.say("after the reload")
    nova.sees("after the reload")
    assert problems(nova) == []
    new = nova.page.evaluate("() => document.querySelector('.invitation a').href")
    assert new.partition("#")[0] == link.partition("#")[0]
    assert new != link, "the old link does not open the room any more"
    late = people.new(link.removeprefix(people.address))
    late.accept("Late")
    expect(late.page.locator(".warning")).to_contain_text("a member has changed it")


def test_private_messages_are_sealed_between_page_and_terminal(
    people: People, server: Server
) -> None:
    nova = people.new()
    nova.enter("Nova", "lobby")
    with Chatter("Terry", server.port) as terry:
        terry.see("you are in the lobby", err=True)
        terry.say("/msg Nova psst")
        nova.page.click("#privates button")
        nova.sees("psst")
        nova.say("I hear you")
        terry.see("\N{LOCK} Nova -> you: I hear you")
        expect(nova.log.locator(".meta").last).to_contain_text("sealed")
        nova.page.click("#safety-open")
        digits = nova.page.inner_text("#safety .digits")
        terry.say("/safety Nova")
        terry.see(digits[:35])
        nova.page.click("#safety button.primary")
    assert problems(nova) == []


def test_under_the_hood_shows_the_sealed_body_with_its_plaintext(people: People) -> None:
    nova = people.new()
    create_sealed(nova, "Nova")
    nova.say("what the server cannot see")
    nova.sees("what the server cannot see")
    nova.page.click("#hood-open")
    nova.page.locator("#frames li", has_text="SEALED_EVENT").first.click()
    frame = nova.page.locator("#frame")
    for field in ("epoch", "run", "seen", "view", "key", "signature"):
        expect(frame.locator("th", has_text=re.compile(f"^{field}"))).to_have_count(1)
    expect(frame.locator(".plaintext")).to_contain_text("“what the server cannot see”")
