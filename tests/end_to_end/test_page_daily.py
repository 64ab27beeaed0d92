"""The page in daily use: tabs, names, keys, touch, invitations on a projector, notifications, restarts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.end_to_end.browsing import People, Person, needs_chromium
from tests.end_to_end.processes import Server, free_port
from tests.end_to_end.test_page_looks import faults

pytestmark = [needs_chromium, pytest.mark.slow]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(
        "--ephemeral", "--web", "--lan", "--web-port", "0", "--accounts", "optional"
    ) as running:
        yield running


@pytest.fixture
def people(chromium: Browser, server: Server) -> Iterator[People]:
    people = People(chromium, f"http://127.0.0.1:{server.wait_for('page')['port']}")
    yield people
    people.go_home()


#: Touch targets on the screen that are smaller than 44 px in a direction; links within a text and fields
#: that a label enlarges are exempt.
SMALL = """() => [...document.querySelectorAll(
  "button, input:not([type=checkbox]), textarea, select, [role=option], .switch, a.address")]
  .filter((each) => each.checkVisibility({ visibilityProperty: true }) && !each.closest("[inert]"))
  .map((each) => [each, each.getBoundingClientRect()])
  .filter(([, { right, bottom }]) => right > 0 && bottom > 0)
  .filter(([, { width, height }]) => width < 43.9 || height < 43.9)
  .map(([each, { width, height }]) =>
    `${each.id || each.outerHTML.slice(0, 60)}: ${Math.round(width)} x ${Math.round(height)}`)"""


def test_fingers_reach_every_target(people: People) -> None:
    me, other = people.new(phone=True), people.new()
    page = me.page
    found: dict[str, list[str]] = {}

    def check(screen: str) -> None:
        if small := page.evaluate(SMALL):
            found[screen] = small

    check("home")
    other.enter("Opener", me.enter("Finger"))
    other.say("hi")
    me.sees("hi")
    check("room")
    page.click("#more-open")
    check("more")
    page.click("#invite-open")
    check("invitation")
    page.locator("#invite button", has_text="Full screen").click()
    expect(page.locator("#projector")).to_be_visible()
    check("projector")
    page.click("#projector > button")
    me.tool("people-open")
    check("people")
    page.click("#people-close")
    me.tool("hood-open")
    expect(page.locator("#frames li").first).to_be_visible()
    check("hood")
    page.click("#hood-close")
    page.click("#menu")
    check("rooms")
    for opener in ("join-open", "rename-open", "quit-open", "help-open", "account-open"):
        page.click(f"#{opener}")
        check(opener)
        page.keyboard.press("Escape")
    page.click("#side-close")
    me.tool("leave")
    check("leave")
    page.click("#leaving [value=cancel]")
    me.tool("tools-open")
    check("room menu")
    page.click("#tools [value=cancel]")
    me.tool("people-open")
    page.click("#people-list .menu")
    check("member")
    assert found == {}


def test_the_second_tab_of_a_user(people: People) -> None:
    profile = people.profile()
    one = people.tab(profile)
    first = one.enter("Samuel")
    away = people.new()
    second = away.enter("Otto")

    two = people.tab(profile)  # without an invitation
    expect(two.page.locator("#home-elsewhere")).to_contain_text(
        "Another tab is in the chat as Samuel"
    )
    assert two.page.input_value("#home-name") == ""
    two.page.click("#home-elsewhere button")
    expect(two.page.locator("#title")).to_have_text(first)
    expect(one.page.locator("#ended-why")).to_contain_text("Another tab")

    # With an invitation to another room.
    three = people.tab(profile, f"/r/{second.replace('-', '')}")
    expect(three.page.locator("#home-invited")).to_be_visible()
    three.page.locator("#home-elsewhere button", has_text="Join as Samuel").click()
    expect(three.page.locator("#title")).to_have_text(second)
    away.sees("Samuel joined")


def test_the_first_screen_remembers_another_name(people: People) -> None:
    profile = people.profile()
    me = people.tab(profile)
    me.enter("Before")
    me.say("/nick After", "as After")
    me.sees("as After")
    me.page.click("#quit-open")
    me.page.click("#quit-yes")
    expect(me.page.locator("#home-name")).to_have_value("After")
    me.ready()
    expect(people.tab(profile).page.locator("#home-name")).to_have_value("After")


def test_keys(people: People) -> None:
    me = people.new()
    page, press, field = me.page, me.page.keyboard.press, me.page.locator("#text")
    title = page.locator("#title")
    first = me.enter("Keyes")
    me.say("/create")
    expect(title).not_to_have_text(first)
    second = me.code
    page.locator(".log:not([hidden])").focus()
    page.keyboard.type("hello there")
    expect(field).to_be_focused()
    expect(field).to_have_value("hello there")
    press("Enter")
    me.sees("hello there")
    page.keyboard.type("what?")  # in the field, it is a character
    expect(field).to_have_value("what?")
    expect(page.locator("#help")).to_be_hidden()
    page.fill("#text", "")
    page.locator("#people-open").focus()
    press("Space")  # presses the button
    expect(field).to_have_value("")
    press("?")
    expect(page.locator("#help")).to_be_visible()
    expect(page.locator("#help-keys")).to_contain_text("start a message")
    page.keyboard.type("x")  # not through the dialog
    press("Escape")
    expect(field).to_have_value("")
    field.focus()
    press("Alt+ArrowUp")
    expect(title).to_have_text(first)
    press("Alt+ArrowDown")
    expect(title).to_have_text(second)
    guest = people.new()
    guest.enter("Guest", first)
    guest.say("unread")
    expect(page.locator("#rooms .badge")).to_have_count(1)
    press("Alt+Shift+ArrowDown")
    expect(title).to_have_text(first)
    expect(page.locator("#rooms .badge")).to_have_count(0)
    press("Alt+i")
    expect(page.locator("#invite")).to_be_visible()
    press("Escape")
    press("Alt+u")
    expect(page.locator("#hood")).to_be_visible()
    press("Escape")
    expect(page.locator("#hood")).to_be_hidden()
    guest.say(*(f"line {number}" for number in range(40)))
    me.sees("line 39")
    press("PageUp")
    expect(page.locator("#jump")).to_be_visible()
    press("Escape")
    expect(page.locator("#jump")).to_be_hidden()


def meanings(page: Page) -> dict[str, set[str]]:
    """Return what the buttons with each icon do, without the name of the room or user."""
    found: dict[str, set[str]] = {}
    for icon, label in page.evaluate(
        """() => [...document.querySelectorAll("button:has(use)")].map((each) => [
          each.querySelector("use").getAttribute("href"), each.ariaLabel || each.textContent.trim(),
        ])"""
    ):
        found.setdefault(icon, set()).add(label)
    return found


def test_one_meaning_per_icon_and_the_code_once_on_a_screen(people: People) -> None:
    me = people.new()
    code = me.enter("Iris")
    icons = meanings(me.page)
    assert icons["#i-door"] == {"Leave this room"}
    assert icons["#i-power"] == {"Leave the chat"}
    assert icons["#i-shield"] == {"Safety number"}
    for opener, dialog in (("leave", "leaving"), ("quit-open", "quitting")):
        me.page.click(f"#{opener}")
        expect(me.page.locator(f"#{dialog}")).to_be_visible()
        me.page.locator(f"#{dialog} [value=cancel]").click()
    row = me.page.locator("#rooms button")
    expect(row).to_contain_text("Only you")
    for number in range(4):
        people.new().enter(f"Friend{number}", code)
    expect(row).to_contain_text("Friend0, Friend1 and 2 more")

    def shown() -> int:
        text = me.page.evaluate("document.body.innerText")
        return text.count(code) + text.count(code.replace("-", ""))

    assert shown() == 1
    me.say("/create")
    expect(me.page.locator("#title")).not_to_have_text(code)
    expect(row.nth(0)).to_contain_text(code)
    assert shown() == 1
    row.nth(0).click()
    me.say("/title Physics")
    expect(me.page.locator("#title")).to_have_text("Physics")
    expect(row.nth(0)).to_contain_text("Physics")
    assert shown() == 1


def test_times_mentions_and_long_runs(people: People) -> None:
    nova, maya = people.new(), people.new()
    code = nova.enter("Novalis")
    maya.enter("Mayaro", code)
    nova.sees("Mayaro joined")
    # Within one minute: otherwise two times would be right.
    nova.page.evaluate(
        "new Promise((r) => setTimeout(r, Math.max(0, Date.now() % 60000 - 50000) && 10500))"
    )
    maya.say("one", "two", "for @novalis", "novalisation")
    nova.say("three")
    nova.sees("three")
    times = nova.log.locator(".message time:not(.unseen)")
    expect(times).to_have_count(1)
    expect(nova.log.locator(".message time")).to_have_count(5)  # for screen readers
    expect(nova.log.locator(".mentioned .text")).to_have_text(["for @novalis"])
    expect(nova.log.locator("mark")).to_have_text(["@novalis"])
    expect(maya.log.locator("mark")).to_have_count(0)

    nova.say("/create")
    expect(nova.page.locator("#rooms button")).to_have_count(2)
    maya.say("nothing special")
    badge = nova.page.locator("#rooms .badge")
    expect(badge).to_contain_text("1 unread")
    maya.say("but @Novalis, look")
    expect(badge).to_contain_text("@ 2")
    nova.page.reload()
    nova.ready()
    expect(badge).to_contain_text("@ 2")
    nova.page.locator("#rooms button").first.click()
    expect(badge).to_have_count(0)

    maya.say(*(f"line {number}" for number in range(60)))
    nova.sees("line 59")
    pinned = nova.page.locator("#pinned")
    expect(pinned).to_have_text(re.compile(r"Mayaro\s+Today"))  # the run began above
    nova.log.evaluate("log => { log.scrollTop = -log.scrollHeight; }")
    expect(nova.log.locator(".head")).to_be_visible()
    expect(pinned).to_be_hidden()


def test_an_invitation_on_a_projector(people: People) -> None:
    me = people.new()
    code = me.enter("Projector")
    page = me.page
    picture = me.log.locator("figure img")
    expect(picture).to_be_visible()  # with --lan, others can reach the address
    picture.evaluate("picture => picture.decode()")
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.keyboard.press("Alt+i")
    page.locator("#invite button", has_text="Full screen").click()
    sheet = page.locator("#projector")
    expect(sheet.locator(".sheet-code")).to_have_text(code)
    expect(sheet.locator(".sheet-address")).to_have_text(re.compile(r"^\d+\.\d+\.\d+\.\d+:\d+$"))
    sheet.locator("img").evaluate("picture => picture.decode()")
    assert page.evaluate("document.fullscreenElement === document.documentElement")
    for width, height in ((1920, 1080), (1440, 900), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        box, text = (sheet.locator(each).bounding_box() for each in ("img", ".sheet-code"))
        assert box
        assert text
        assert abs(box["width"] - box["height"]) < 2
        assert box["width"] >= min(0.45 * max(width, height), 0.85 * min(width, height))
        for part in (box, text):
            assert part["x"] >= 0
            assert part["y"] >= 0
            assert part["x"] + part["width"] <= width
            assert part["y"] + part["height"] <= height
    assert faults(page, "projector") == []
    page.click("#projector > button")
    expect(sheet).to_be_hidden()
    assert page.evaluate("document.fullscreenElement") is None


#: Waits for a number of notifications, for at most ten seconds, and returns their texts.
SHOWN = """async (count) => {
  const registration = await navigator.serviceWorker.ready;
  let list = [];
  for (let tries = 0; tries < 200 && list.length < count; tries += 1) {
    list = await registration.getNotifications();
    await new Promise((done) => setTimeout(done, 50));
  }
  return list.map(({ title, body }) => `${title}: ${body}`).sort();
}"""


def test_notifications_of_private_messages_and_mentions(people: People) -> None:
    profile = people.profile()
    profile.grant_permissions(["notifications"])
    me, other = people.tab(profile), people.new()
    code = me.enter("Belle")
    other.enter("Clapper", code)
    button = me.page.locator("#notify")
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    me.page.evaluate(
        "navigator.serviceWorker.ready.then(() => { document.hasFocus = () => false; })"
    )
    other.say("nothing special", "@Belle, are you there?", "/msg Belle psst")
    expect(me.page.locator("#privates .badge")).to_contain_text("1")
    assert me.page.evaluate(SHOWN, 2) == [
        f"Clapper in {code}: @Belle, are you there?",
        "Clapper: psst",
    ]
    me.page.reload()
    me.ready()
    expect(button).to_have_attribute("aria-pressed", "true")  # remembered


def test_the_page_can_be_installed(people: People) -> None:
    me = people.new()
    me.page.evaluate("navigator.serviceWorker.ready.then(() => 0)")
    devtools = me.page.context.new_cdp_session(me.page)
    manifest = devtools.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"].endswith("/page/manifest.webmanifest")
    problems = devtools.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # A profile of Playwright is like a private window, where nothing can be installed.
    assert [each["errorId"] for each in problems if each["errorId"] != "in-incognito"] == []


def test_a_missing_page_is_designed(people: People) -> None:
    for phone in (False, True):
        me = Person(people.profile(phone=phone, dark=phone).new_page(), people.address)
        answer = me.page.goto(f"{people.address}/no/such/page")
        assert answer
        assert answer.status == 404
        expect(me.page.locator("h1")).to_have_text("Page not found")
        assert faults(me.page, "404") == []
        me.page.locator("a.button").click()
        expect(me.page.locator("#home")).to_be_visible()


def test_what_is_written_to_someone_new_survives_a_reload(people: People) -> None:
    me, other = people.new(), people.new()
    other.enter("Newcomer", me.enter("Writer"))
    me.page.click("#people [data-name=Newcomer]")
    me.page.fill("#text", "half a sentence")
    me.page.locator("#rooms button").click()
    expect(me.page.locator("#privates button")).to_contain_text("Newcomer")
    me.page.reload()
    me.ready()
    me.page.locator("#privates button", has_text="Newcomer").click()
    expect(me.page.locator("#text")).to_have_value("half a sentence")
    me.page.press("#text", "Enter")
    expect(other.page.locator("#privates .badge")).to_contain_text("1")


def test_people_are_counted_alike_after_a_restart(chromium: Browser, tmp_path: Path) -> None:
    options = ("--history", str(tmp_path / "history.db"), "--web", "--web-port", str(free_port()))
    with Server(*options) as server:
        people = People(chromium, f"http://127.0.0.1:{server.wait_for('page')['port']}")
        one, two = people.new(), people.new(phone=True)
        two.enter("Uno", one.enter("Duo"))
        one.say("/create")
        expect(one.page.locator("#rooms button")).to_have_count(2)
        before = len(server.lines)
        server.kill()
        server.start()
        server.wait_for("page", since=before)
        for person in (one, two):
            person.online()
        one.page.locator("#rooms button").first.click()
        for person in (one, two):
            expect(person.page.locator("#people-count")).to_have_text("2")
        board = people.new("/server")
        tiles = board.page.locator("#tiles dd")
        expect(tiles.first).to_have_text("2")
        expect(board.page.locator("#users tr")).to_have_count(2)
        counts = board.page.locator("#rooms tr td:nth-child(2)")
        assert sorted(counts.all_text_contents())[-2:] == ["1", "2"]
        people.go_home()
