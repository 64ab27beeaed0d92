"""A host's tools in a browser: on the page, for the creator of a room, and on the dashboard."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from netchat.wire import Bye
from tests.end_to_end.browsing import DESK, PHONE, People, Person, needs_chromium
from tests.end_to_end.processes import Server, free_port
from tests.end_to_end.raw import RawClient

pytestmark = needs_chromium

#: Folder for screenshots, to look at the dialogs.
SHOTS = os.environ.get("TEST_SHOTS", "")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server("--ephemeral", "--web", "--lan", "--web-port", str(free_port())) as running:
        yield running


@pytest.fixture
def people(chromium: Browser, server: Server) -> Iterator[People]:
    everyone = People(chromium, f"http://127.0.0.1:{server.wait_for('page')['port']}")
    yield everyone
    everyone.go_home()


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.wait_for_timeout(300)
        page.screenshot(path=Path(SHOTS) / f"{name}.png", animations="disabled")


def faults(page: Page) -> list[str]:
    page.evaluate(Axe().axe_script)
    violations = page.evaluate("axe.run()")["violations"]
    return [f"{fault['id']}: {node['html']}" for fault in violations for node in fault["nodes"]]


def choose(person: Person, name: str) -> None:
    """Open the menu of a member."""
    person.page.click(f'#people-list button[aria-label="Moderate {name}"]')


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_a_teacher_removes_a_rude_pupil_in_two_clicks(people: People, phone: bool) -> None:
    ada = people.new(phone=phone)
    code = ada.enter("Ada")
    link = f"/r/{code.replace('-', '')}"
    nova, vega = people.new(link), people.new(link, phone=True)
    for person, name in ((nova, "Nova"), (vega, "Vega")):
        person.accept(name)
    nova.say("You are all stupid")
    ada.sees("You are all stupid")
    vega.log.locator(".name", has_text="Nova").click()
    expect(vega.page.locator("#member")).to_be_hidden()  # Vega is no moderator
    assert not nova.page.locator('#people-list button[aria-label="Moderate Ada"]').count()
    if phone:
        ada.log.locator(".message", has_text="stupid").locator(".name").click()  # the first click
        expect(ada.page.locator("#member-name")).to_have_text("Nova")
    else:
        expect(ada.page.locator('#people-list button[aria-label="Moderate Nova"]')).to_be_visible()
        shoot(ada.page, "people-desktop")
        choose(ada, "Nova")  # the first click
    shoot(ada.page, f"member-{'phone' if phone else 'desktop'}")
    assert faults(ada.page) == []
    ada.page.click("#member-kick")  # the second click
    for person in (ada, vega):
        person.sees("Nova was removed by Ada")
    expect(nova.page.locator("#subtitle")).to_have_text("Nova was removed by Ada")
    expect(nova.page.locator("#composer")).to_be_hidden()
    shoot(vega.page, f"class-sees-{'phone' if phone else 'desktop'}")
    shoot(nova.page, f"removed-{'phone' if phone else 'desktop'}")


def test_the_menu_of_a_member_offers_to_mute_or_to_unmute(people: People) -> None:
    ada = people.new()
    nova = people.new()
    nova.enter("Nova", ada.enter("Ada"))
    ada.sees("Nova joined")
    mute, unmute = ada.page.locator("#member-mute"), ada.page.locator("#member-unmute")
    choose(ada, "Nova")
    expect(mute).to_be_visible()
    expect(unmute).to_be_hidden()
    mute.click()
    ada.sees("Nova was muted by Ada for 10 minutes")
    nova.say("/nick Vega")
    ada.sees("Nova is now Vega")
    choose(ada, "Vega")
    expect(mute).to_be_hidden()
    unmute.click()
    ada.sees("Vega was unmuted by Ada")
    choose(ada, "Vega")
    expect(mute).to_be_visible()
    expect(unmute).to_be_hidden()


def test_a_room_has_a_title_modes_and_a_log(people: People, tmp_path: Path) -> None:
    ada = people.new()
    code = ada.enter("Ada")
    nova = people.new(f"/r/{code.replace('-', '')}", phone=True)
    nova.accept("Nova")
    ada.tool("tools-open")
    shoot(ada.page, "tools-desktop")
    assert faults(ada.page) == []
    ada.page.fill("#tools-title", "Physics 9b")
    ada.page.press("#tools-title", "Enter")
    for person in (ada, nova):
        expect(person.page.locator("#title")).to_have_text("Physics 9b")
        expect(person.page.locator("#subtitle")).to_have_text(code)
    ada.tool("tools-open")
    ada.page.click("#tools-readonly")
    expect(nova.page.locator("#composer")).to_be_hidden()
    expect(nova.page.locator("#subtitle")).to_have_text(f"{code}, read-only")
    shoot(nova.page, "read-only-phone")
    ada.say("=1+1")
    ada.sees("=1+1")
    ada.tool("tools-open")
    with ada.page.expect_download() as download:
        ada.page.click("#tools-csv")
    download.value.save_as(tmp_path / "log.csv")
    text = (tmp_path / "log.csv").read_text("utf-8")
    assert '"\'=1+1"' in text
    assert "Ada named this room “Physics 9b”" in text
    ada.say("/kick Nova be polite")
    ada.sees("Nova was removed by Ada: be polite")
    ada.say("/ban Nova 0h")
    expect(ada.page.locator("#text-problem")).to_have_text("TIME must be at least 1s, got 0h.")
    ada.say("/ban Nova 2h really")
    ada.sees("Nova was banned by Ada for 2 hours: really")
    ada.say("/bans")
    expect(ada.page.locator("#bans-list li")).to_contain_text("Nova")
    shoot(ada.page, "bans-desktop")
    ada.page.click("#bans-list button")
    ada.sees("Nova was unbanned by Ada")
    ada.page.locator("#bans [value=cancel]").click()
    ada.tool("tools-open")
    ada.page.click("#tools-clear")
    shoot(ada.page, "confirm-desktop")
    ada.page.click("#confirm-yes")
    ada.sees("Ada cleared this room's history")
    ada.sees("=1+1", 0)


def test_joins_of_a_class_are_one_line_that_opens(
    people: People, server: Server, request: pytest.FixtureRequest
) -> None:
    ada = people.new()
    ada.page.fill("#home-name", "Ada")
    ada.page.click("#home-lobby")
    ada.online()
    clients = []
    for number in range(12):
        client = RawClient(server.port, f"Pupil{number}")
        request.addfinalizer(client.socket.close)
        clients.append(client)
        client.join()
    expect(ada.log.locator(".fold")).to_have_text(re.compile("^1[23] people joined$"))
    for client in clients[:3]:
        client.say(Bye(""))
    expect(ada.log.locator(".fold")).to_have_text(re.compile("^1[23] people joined, 3 left$"))
    shoot(ada.page, "crowd-desktop")
    expect(ada.log.locator(".item.folded").first).to_be_hidden()
    ada.page.click(".fold")
    ada.sees("Pupil7 joined")
    expect(ada.log.get_by_text("Pupil7 joined")).to_be_visible()


def test_the_operator_moderates_from_the_dashboard(
    chromium: Browser, people: People, server: Server
) -> None:
    nova, vega = people.new(), people.new(phone=True)
    for person, name in ((nova, "Nova"), (vega, "Vega")):
        person.page.fill("#home-name", name)
        person.page.click("#home-lobby")
        person.online()
    context = chromium.new_context(viewport={"width": DESK[0], "height": DESK[1]})
    page = context.new_page()
    page.goto(f"{people.address}/server")
    page.click('button[aria-label="Manage lobby"]')
    page.fill("#room-title", "Assembly")
    page.press("#room-title", "Enter")
    expect(vega.page.locator("#title")).to_have_text("Assembly")
    page.click('button[aria-label="Moderate Nova"]')
    page.fill("#user-reason", "rude")
    shoot(page, "dashboard-user")
    assert faults(page) == []
    page.click("#user-kick")
    vega.sees("Nova was removed by the host: rude")
    expect(nova.page.locator("#ended-why")).to_have_text("You were removed by the host: rude")
    expect(page.locator("#audit li").first).to_contain_text(
        "Nova was removed by the host: rude (in the lobby)"
    )
    page.click('button[aria-label="Moderate Vega"]')
    page.click("#user-appoint")
    vega.sees("Vega was made a moderator by the host")
    expect(page.locator("#users")).to_contain_text("Vega, moderator")
    page.click('button[aria-label="Manage lobby"]')
    shoot(page, "dashboard-room")
    with page.expect_download() as download:
        page.click("#room-html")
    text = download.value.path().read_text("utf-8")
    assert "<td>" in text
    assert "Nova was removed by the host: rude" in text
    page.click("#room-dialog .cancel")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    shoot(page, "dashboard-phone")
    context.close()


#: A title and a reason with markup, and with characters that hide or reorder others.
EVIL_TITLE = "<img src=x onerror=document.title='gotcha'>\u202elivE"
EVIL_REASON = "</li></td><script>document.title='gotcha'</script><b onclick=a>\u202e\u200bevil"


def test_titles_and_reasons_of_moderators_are_text_everywhere(
    chromium: Browser, people: People, server: Server, tmp_path: Path
) -> None:
    ada = people.new()
    code = ada.enter("Ada")
    nova = people.new(f"/r/{code.replace('-', '')}", phone=True)
    nova.accept("Nova")
    context = chromium.new_context()
    board = Person(context.new_page(), people.address)
    board.page.goto(f"{people.address}/server")
    ada.say(f"/title {EVIL_TITLE}", f"/mute Nova 1h {EVIL_REASON}", f"/kick Nova {EVIL_REASON}")
    shown_title = EVIL_TITLE.replace("\u202e", r"\u202e")
    shown_reason = EVIL_REASON.replace("\u202e\u200b", r"\u202e\u200b")
    ada.sees(f"Nova was removed by Ada: {shown_reason}")
    for person in (ada, nova):
        expect(person.page.locator("#title")).to_have_text(shown_title)
        person.sees(f"Ada named this room “{shown_title}”")
        person.sees(f"Nova was muted by Ada for 1 hour: {shown_reason}")
    expect(nova.page.locator("#subtitle")).to_have_text(f"Nova was removed by Ada: {shown_reason}")
    ada.say(f"/ban Nova 1h {EVIL_REASON}", "/bans")
    expect(ada.page.locator("#bans-list li")).to_contain_text(shown_reason)
    expect(board.page.locator("#audit li")).to_have_count(4)
    expect(board.page.locator("#audit li").first).to_contain_text(shown_reason)
    expect(board.page.locator("#rooms")).to_contain_text(shown_title)
    board.page.click(f'button[aria-label="Manage {code}"]')
    expect(board.page.locator("#room-name")).to_contain_text(shown_title)
    board.page.click("#room-bans")
    expect(board.page.locator("#room-ban-list li")).to_contain_text(shown_reason)
    for person in (ada, nova, board):
        page = person.page
        assert page.locator(".log script, .log b[onclick], img[src=x], #audit script").count() == 0
        assert page.title() != "gotcha"
        assert "\u202e" not in page.content()
        assert person.complaints == []
    ada.page.locator("#bans [value=cancel]").click()
    ada.tool("tools-open")
    with ada.page.expect_download() as download:
        ada.page.click("#tools-html")
    download.value.save_as(tmp_path / "log.html")
    saved = Person(context.new_page(), "")
    saved.page.goto((tmp_path / "log.html").as_uri())
    expect(saved.page.locator("h1")).to_contain_text(shown_title)
    assert saved.page.title() != "gotcha"
    assert saved.page.locator("script, img, b[onclick]").count() == 0
    assert saved.complaints == []
    context.close()
