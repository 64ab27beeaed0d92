"""The page in normal use: desktop and phone browsers and a terminal share rooms."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.cli.chatter import Chatter
from tests.end_to_end.browsing import People, needs_chromium
from tests.end_to_end.processes import Server

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--ephemeral", "--web", "--web-port", "0", "--resume", "3s") as running:
        yield running
        assert running.complaints == []


@pytest.fixture
def people(chromium: Browser, server: Server) -> Iterator[People]:
    people = People(chromium, f"http://127.0.0.1:{server.wait_for('page')['port']}")
    yield people
    people.go_home()


def test_a_room_is_created_and_joined_by_code_link_and_terminal(
    people: People, server: Server
) -> None:
    nova = people.new()
    code = nova.enter("Nova")
    assert re.fullmatch(r"[0-9A-Z]{5}-[0-9A-Z]{5}", code)
    link = nova.log.locator(".invitation a").get_attribute("href")
    assert link == f"{people.address}/r/{code.replace('-', '')}"
    expect(nova.log.locator("figure")).to_be_hidden()  # a phone could not reach the address
    expect(nova.log.locator(".hint")).to_contain_text("start: netchat serve --lan")

    maya = people.new(link.removeprefix(people.address), phone=True)
    maya.accept("Maya")
    ravi = people.new()
    ravi.enter("Ravi", f" {code.lower()} ")
    with Chatter("Terry", server.port, "--room", code) as terry:
        nova.sees("Terry joined")
        nova.say("Hello from the desk")
        maya.sees("Hello from the desk")
        maya.say("Hello from the phone")
        terry.see("Maya: Hello from the phone")
        terry.say("Hello from the terminal")
        for person in (nova, maya, ravi):
            person.sees("Hello from the terminal")
            assert person.texts() == [f"Hello from the {w}" for w in ("desk", "phone", "terminal")]
            expect(person.pending).to_have_count(0)
            expect(person.page.locator("#people-count")).to_have_text("4")
        expect(maya.log.locator(".own .text")).to_have_text(["Hello from the phone"])

        maya.tool("leave")
        maya.page.click("#leave-yes")
        expect(maya.page.locator("#home")).to_be_visible()
        expect(maya.page.locator("dialog[open]")).to_have_count(0)
        nova.sees("Maya left")
        ravi.sees("Maya left")
        terry.see("[leave] Maya left the room")
        assert terry.end() == 0
    nova.sees("Terry left")


@pytest.mark.thorough
def test_a_private_conversation_and_its_end(people: People) -> None:
    ada, bo, eve = people.new(), people.new(phone=True), people.new()
    code = ada.enter("Ina")
    name = "Constructor"  # also a property of every JavaScript object
    bo.enter(name, code)
    eve.enter("Eve", code)
    ada.page.click(f"#people [data-name={name}]")
    expect(ada.page.locator("#title")).to_have_text(name)
    ada.say("psst")
    expect(bo.page.locator("#menu-count")).to_have_text("1")
    expect(bo.page).to_have_title(re.compile(r"^\(1\) "))
    bo.page.click("#menu")
    bo.page.click("#privates button")
    bo.sees("psst")
    bo.say("yes?")
    ada.sees("yes?")
    assert ada.texts() == bo.texts() == ["psst", "yes?"]
    expect(eve.page.locator("#privates button")).to_have_count(0)
    assert eve.texts() == []

    bo.page.click("#menu")
    bo.page.click("#quit-open")
    bo.page.click("#quit-yes")
    expect(bo.page.locator("#home")).to_be_visible()
    ada.sees(f"{name} left; the conversation has ended")
    assert ada.texts() == ["psst", "yes?"]  # the messages stay readable
    expect(ada.page.locator("#composer")).to_be_hidden()


def test_commands_are_run_and_never_sent(people: People) -> None:
    ada, lea = people.new(), people.new()
    code = ada.enter("Ada")
    lea.enter("Lea", code)
    ada.sees("Lea joined")
    ada.say("/msg Lea a secret")
    expect(ada.page.locator("#title")).to_have_text("Lea")  # its conversation opens
    ada.sees("a secret")
    ada.say(f"/room {code}")
    expect(ada.page.locator("#title")).to_have_text(code)

    ada.say("/frobnicate Lea")
    expect(ada.page.locator("#text-problem")).to_contain_text("Unknown command /frobnicate")
    assert ada.page.input_value("#text") == "/frobnicate Lea"
    ada.say("/msg Lea")
    expect(ada.page.locator("#text-problem")).to_contain_text("/msg NAME TEXT")
    ada.page.fill("#text", "/help")
    ada.page.press("#text", "Enter")
    expect(ada.page.locator("#help-list")).to_contain_text("/msg NAME TEXT")
    ada.page.keyboard.press("Escape")

    ada.say("/nick Adele", "//msg Lea is how to write to Lea", "the end")
    lea.sees("Ada is now Adele")
    lea.sees("the end")
    assert lea.texts() == ["/msg Lea is how to write to Lea", "the end"]
    assert ada.texts() == lea.texts()
    lea.page.click("#privates button")
    lea.sees("a secret")
    lea.say("/msg Nobody1 hello")  # undeliverable messages stay visible
    expect(lea.log.locator(".why")).to_contain_text("no user named Nobody1")

    ada.say("/leave")
    lea.page.click("#rooms button")
    lea.sees("Adele left")


@pytest.mark.thorough
def test_unread_private_messages_survive_a_reload(
    people: People,
) -> None:
    ada, lea = people.new(), people.new()
    code = ada.enter("Ida")
    lea.enter("Lee", code)
    ada.say("/msg Lee apple", "pear")
    for _ in range(2):
        expect(lea.page).to_have_title(re.compile(r"^\(2\) "))
        expect(lea.page.locator("#privates .badge")).to_contain_text("2")
        lea.page.reload()
        lea.ready()
    lea.page.click("#privates button")
    lea.sees("apple")
    lea.sees("pear")
    lea.page.click("#rooms button")
    lea.page.reload()
    lea.ready()
    expect(lea.page.locator("#privates button")).to_contain_text(
        "Ida"
    )  # all read, but still listed


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
@pytest.mark.thorough
def test_back_returns_to_the_previous_view(people: People, *, phone: bool) -> None:
    ada = people.new(phone=phone)
    page, title = ada.page, ada.page.locator("#title")
    first = ada.enter("Pam" if phone else "Dan")
    ada.say("/create")
    expect(title).not_to_have_text(first)
    second = ada.code
    if phone:  # a panel that covers the room is a view, too
        for opened, shown in (("people-open", "#people"), ("hood-open", "#hood")):
            ada.tool(opened)
            expect(page.locator(shown)).to_be_visible()
            page.go_back()
            expect(page.locator(shown)).to_be_hidden()
            expect(title).to_have_text(second)
        page.click("#menu")
        page.click("#side-close")
        expect(page.locator("#side")).not_to_have_class(re.compile("open"))
        page.click("#menu")
        page.locator("#rooms button", has_text=first).click()
        expect(title).to_have_text(first)
        page.go_back()
    expect(title).to_have_text(second)
    page.go_back()
    expect(title).to_have_text(first)
    assert page.url.endswith(first.replace("-", ""))
    page.go_forward()
    expect(title).to_have_text(second)
    ada.say("/leave")  # the previous room replaces it
    expect(title).to_have_text(first)
    page.go_back()
    expect(title).to_have_text(first)
    page.go_back()
    expect(page.locator("#home")).to_be_visible()
    page.click("#home-return")
    expect(title).to_have_text(first)


@pytest.mark.thorough
def test_a_second_tab_offers_to_take_over(people: People) -> None:
    profile = people.profile()
    one = people.tab(profile)
    code = one.enter("Sam")
    one.say("here")
    one.sees("here")
    two = people.tab(profile, f"/r/{code.replace('-', '')}")
    expect(two.page.locator("#home-elsewhere")).to_contain_text(f"Another tab is in {code} as Sam")
    expect(two.page.locator("#home-invited")).to_be_hidden()
    assert two.page.input_value("#home-name") == ""
    two.page.click("#home-elsewhere button")
    two.sees("here")
    expect(two.page.locator("#me")).to_contain_text("Sam")
    expect(one.page.locator("#ended-why")).to_contain_text("Another tab")
    two.say("and here")
    two.sees("and here")
    three = people.tab(profile, f"/r/{code.replace('-', '')}")
    three.accept("Una")
    two.sees("Una joined")


@pytest.mark.thorough
def test_several_rooms_and_unread_messages(people: People) -> None:
    lea, tom = people.new(), people.new()
    first = lea.enter("Lea")
    tom.enter("Tom", first)
    lea.page.click("#new-room")
    expect(lea.page.locator("#rooms button")).to_have_count(2)
    assert lea.code != first
    assert lea.page.url.endswith(lea.code.replace("-", ""))
    tom.say("one", "two", "three")
    row = lea.page.locator("#rooms button", has_text=first)
    expect(row.locator(".badge")).to_contain_text("3")
    expect(lea.page).to_have_title(re.compile(r"^\(3\) "))
    lea.page.bring_to_front()
    row.hover()
    lea.page.mouse.down()  # the list changes while the button is pressed
    tom.say("four")
    expect(lea.page).to_have_title(re.compile(r"^\(4\) "))
    lea.page.evaluate("() => new Promise((r) => requestAnimationFrame(() => setTimeout(r, 50)))")
    lea.page.mouse.up()
    lea.sees("four")
    expect(row.locator(".badge")).to_have_count(0)
    expect(lea.page).to_have_title(re.compile(r"^[^(]"))
    after = lea.page.evaluate(
        "document.querySelector('.log:not([hidden]) .unread').nextElementSibling.innerText"
    )
    assert "one" in after
    lea.say("five")  # sending a message marks the room as read
    lea.sees("five")
    tom.say("six")  # she saw it arrive, so it was never unread
    lea.sees("six")
    expect(lea.log.locator(".unread")).to_have_count(0)


@pytest.mark.thorough
def test_invalid_names_and_codes(people: People) -> None:
    vega = people.new()
    code = vega.enter("Vega")
    other = people.new()
    page = other.page
    page.click("#home-create")
    expect(page.locator("#home-name-problem")).to_contain_text("Enter a name")
    page.fill("#home-name", "vega")
    page.fill("#home-code", "what")
    page.click("#home-join")
    expect(page.locator("#home-code-problem")).to_contain_text("not a room code")
    page.fill("#home-code", "00000-00000")
    page.click("#home-join")
    expect(page.locator("#home-name-problem")).to_contain_text("is taken")
    page.click("#home-name-problem button")
    expect(page.locator("#home-code-problem")).to_contain_text("There is no room with the code")
    expect(page.locator("#home-name")).to_have_value("vega2")
    page.fill("#home-code", code)
    page.fill("#home-name", "Orion")  # another name, while the first session exists
    page.click("#home-join")
    vega.sees("Orion joined")

    assert people.new("/r/%E0%A4%A").page.locator("#home-code-problem").inner_text()
    lost = people.new("/r/nonsense")
    expect(lost.page.locator("#home-code-problem")).to_contain_text("nonsense is not a room code")
    lost.enter("Lost", code)
    lost.page.click("#join-open")
    lost.page.fill("#join-code", "11111-11111")
    lost.page.click("#join-form .primary")
    expect(lost.page.locator("#joining-problem")).to_contain_text("There is no room")
    lost.page.keyboard.press("Escape")
    lost.page.click("#rename-open")
    lost.page.fill("#rename-name", "VEGA")
    lost.page.click("#rename-form .primary")
    expect(lost.page.locator("#renaming-problem")).to_contain_text("VEGA2 is free")
    lost.page.fill("#rename-name", "Found")
    lost.page.click("#rename-form .primary")
    vega.sees("Lost is now Found")


HOSTILE = (
    "<script>document.title = 'gotcha'</script><img src=x onerror=alert(1)><b>bold</b>",
    "‮rew en emos‬ and \u200bhidden",
    'javascript:alert(1) http://127.0.0.1/"onmouseover=alert(1) https://example.org/a?b=<c>',
    "مرحبا 👨‍👩‍👧‍👦 ﷽ Zalgo̴̞͐",
)


def test_hostile_text_is_escaped(people: People, server: Server) -> None:
    zoe, ida = people.new(), people.new(phone=True)
    code = zoe.enter("Zoe")
    ida.enter("Ida", code)
    with Chatter("Mallory", server.port, "--room", code) as mallory:
        mallory.say(*HOSTILE)
        ida.sees("Zalgo")
        mallory.end()
    shown = ida.texts()
    assert shown[0] == HOSTILE[0]
    assert shown[1] == r"\u202erew en emos\u202c and \u200bhidden"
    assert shown[3] == HOSTILE[3]
    assert ida.log.locator("script, b, [onerror], [onmouseover]").count() == 0
    links = [a.get_attribute("href") for a in ida.log.locator(".lines a").all()]
    assert links == ["http://127.0.0.1/", "https://example.org/a?b="]
    assert "gotcha" not in ida.page.title()
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    zoe.say("W" * 16_000)
    ida.sees("WWWW")
    assert ida.page.evaluate(overflow) == 0

    zoe.say("x" * 65_536)
    expect(zoe.page.locator("#text-problem")).to_contain_text("at most 16,384 bytes, got 65,536")
    assert zoe.page.input_value("#text") == "x" * 65_536  # the typed text is kept
    zoe.say("red \x1b[31m alert")
    expect(zoe.page.locator("#text-problem")).to_contain_text("control character U+001B")
    zoe.say("fine")
    ida.sees("fine")
    expect(zoe.log.locator(".failed")).to_have_count(0)


def test_keyboard_only(people: People) -> None:
    kim = people.new()
    page, press = kim.page, kim.page.keyboard.press
    expect(page.locator("#home-name")).to_be_focused()
    page.keyboard.type("Kim")
    press("Enter")
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.type("one line")
    press("Shift+Enter")
    page.keyboard.type("another")
    press("Enter")
    kim.sees("one line\nanother")
    mia = people.new()
    mia.enter("Mia", kim.code)
    kim.sees("Mia joined")

    def tab_to(selector: str) -> None:
        for _ in range(40):
            press("Tab")
            if page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"the Tab key does not lead to {selector}")

    tab_to("#people [data-name=Mia]")
    press("Enter")
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.type("just us")
    press("Enter")
    expect(mia.page.locator("#privates .badge")).to_contain_text("1")
    tab_to("#hood-open")
    press("Enter")
    tab_to("#frames [aria-selected=true]")
    press("ArrowDown")
    expect(page.locator("#frames li:nth-child(2)")).to_be_focused()
    tab_to("#frame tbody tr")
    expect(page.locator("#frame tr.lit")).to_have_count(1)
    press("Escape")
    expect(page.locator("#hood-open")).to_be_focused()
    tab_to("#rooms button")
    press("Enter")
    tab_to("#leave")
    press("Enter")
    expect(page.locator("#leaving")).to_be_visible()
    tab_to("#leave-yes")
    press("Enter")
    mia.sees("Kim left")


@pytest.mark.parametrize("presses", ["Enter", "button"])
def test_a_user_who_is_faster_than_the_page_loses_nothing(people: People, presses: str) -> None:
    page = people.profile().new_page()
    held = []
    page.route("**/page/app.js", lambda route: held.append(route))
    page.goto(people.address, wait_until="commit")
    page.fill("#home-name", "Nova" if presses == "Enter" else "Maya")
    if presses == "Enter":
        page.fill("#home-code", "lobby")
        page.press("#home-code", "Enter")
    else:
        page.click("#home-create")
    page.wait_for_timeout(
        200
    )  # a form that is submitted by the browser would reload the page by now
    assert page.url.rstrip("/") == people.address
    (route,) = held
    route.continue_()
    expect(page.locator("#room")).to_be_visible()
    expect(page.locator("#me")).to_contain_text("Nova" if presses == "Enter" else "Maya")
