"""Accessibility of every screen of the page at both sizes, checked with axe-core.

Colours are the same at both sizes, and elements the same in both colour schemes. So the desktop is
checked in light mode and the phone in dark mode.

Also tests the size of the page, its requests, and its *Under the hood* panel.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from netchat.web.site import PAGE
from netchat.wire import HEADER_FIELDS, HEADER_SIZE, Event, FrameReader, decode, walk
from tests.end_to_end.browsing import People, needs_chromium
from tests.end_to_end.processes import Server

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--ephemeral", "--web", "--web-port", "0") as running:
        yield running


@pytest.fixture
def people(chromium: Browser, server: Server) -> Iterator[People]:
    people = People(chromium, f"http://127.0.0.1:{server.wait_for('page')['port']}")
    yield people
    people.go_home()


#: A room of 12,050 messages, made without a server; then the older ones that it requests again.
MANY = """async () => {
  const [{ Chat }, { ChatClient }, { LogView }] = await Promise.all(
    ["chat", "client", "log"].map((name) => import(`/page/${name}.js`)));
  const core = new ChatClient("Me");
  const chat = new Chat(core);
  const room = chat.add("7K3F92MQ0T", 2, "");
  core.memory.rooms.set(room.code, { last: 12050n });
  const view = new LogView(chat, room, "", { scrolled() {} });
  chat.on("appended", ({ entries }) => view.append(entries));
  chat.on("trimmed", () => view.trim());
  chat.on("prepended", ({ entries }) => view.prepend(entries));
  const time = BigInt(Date.now()) * 1000n;
  const event = (seq) => ({
    room: room.code, seq: BigInt(seq), time, device: 1n, counter: 1n, kind: 1, sender: "Nova", text: `${seq}`,
  });
  for (let seq = 1; seq <= 12050; seq += 50) {
    const part = Array.from({ length: 50 }, (_, i) => ({ what: "roomEvent", event: event(seq + i) }));
    chat.take(part);
  }
  const seqs = [...view.lines.querySelectorAll("[data-seq]")].map((item) => item.dataset.seq);
  const counts = {
    entries: room.entries.length, items: seqs.length, first: seqs[0],
    days: view.lines.querySelectorAll(".day").length,
  };
  chat.loadOlder(room);
  const past = Array.from({ length: 2050 }, (_, i) => event(i + 1));
  chat.take([{ what: "past", request: room.asked, room: room.code, events: past, oldest: 1n }]);
  const all = [...view.lines.querySelectorAll("[data-seq]")].map((item) => item.dataset.seq);
  return { ...counts, before: [all[0], all[all.indexOf(seqs[0]) - 1]] };
}"""


#: While a dialog is open, only the dialog is checked: earlier checks cover the screen under it.
RUN_AXE = "options => axe.run(document.querySelector('dialog[open]') ?? document, options)"


def faults(page: Page, screen: str) -> list[str]:
    """Return the violations that axe-core finds on a screen."""
    page.wait_for_timeout(50)  # wait until the next frame is drawn
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(Axe().axe_script)
    found = []
    for fault in page.evaluate(RUN_AXE, {"resultTypes": ["violations"]})["violations"]:
        for node in fault["nodes"]:
            why = f"{fault['id']}: {node['html'][:140]}: {node['failureSummary']}"
            found.append(f"{screen}: {why}")
    return found


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_axe_finds_no_violation_on_any_screen(people: People, *, phone: bool) -> None:
    kind = "Phone" if phone else "Desk"
    other = people.new()
    code = other.enter(f"Other{kind}")
    me = people.new(f"/r/{code.replace('-', '')}", phone=phone, dark=phone)
    page = me.page
    page.emulate_media(reduced_motion="reduce")  # no colour transitions
    found = faults(page, "invited")
    page.goto(people.address)
    me.ready()
    page.click("#home-create")
    found += faults(page, "home with a mistake")
    me.enter(f"Me{kind}", code)
    found += faults(page, "new room")
    other.say("Hello http://example.org/", "again", "🎉")
    me.say("Hi")
    me.sees("Hi")
    found += faults(page, "room")
    me.tool("invite-open")
    found += faults(page, "invitation")
    page.keyboard.press("Escape")
    if phone:
        page.click("#people-open")
    found += faults(page, "people")
    page.click("#people-list button")
    me.say("In private")
    me.sees("In private")
    found += faults(page, "private")
    me.tool("hood-open")
    page.locator("#frame tbody tr").nth(9).click()
    found += faults(page, "hood")
    page.click("#hood-close")
    if phone:
        page.click("#menu")
    found += faults(page, "rooms")
    for opener, dialog in (
        ("join-open", "joining"),
        ("rename-open", "renaming"),
        ("quit-open", "quitting"),
        ("help-open", "help"),
    ):
        page.click(f"#{opener}")
        found += faults(page, dialog)
        page.keyboard.press("Escape")
    if phone:
        page.keyboard.press("Escape")
    me.tool("leave")
    found += faults(page, "leaving")
    page.keyboard.press("Escape")
    # Faster than flight mode, which takes seconds to detect.
    page.evaluate("() => { WebSocket.prototype.send = function () { this.close(); } }")
    me.say("unsent")
    expect(page.locator("#banner")).to_be_visible()
    found += faults(page, "offline")
    assert "\n".join(found) == ""


@pytest.mark.parametrize("width", [320, 390, 768, 1001, 1280])
def test_nothing_overflows_the_screen_or_covers_the_room(people: People, width: int) -> None:
    person = people.new()
    page = person.page
    page.set_viewport_size({"width": width, "height": 800})
    person.enter(f"Wide{width}")
    person.say("a word or two that need not be broken")
    person.sees("a word")
    for panel in ("", "people", "hood"):
        if panel and page.locator(f"#{panel}").is_hidden():
            person.tool(f"{panel}-open")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if not panel or width > 760:  # on narrower screens, a panel covers the room
            room = page.locator("#room").bounding_box()
            header = page.locator("#room > header button:visible").last.bounding_box()
            assert room["width"] >= 270
            assert header["x"] + header["width"] <= room["x"] + room["width"] <= width
        elif panel:
            page.click(f"#{panel}-close")


def test_a_long_lived_page_drops_the_oldest_messages(people: People) -> None:
    person = people.new()
    counts = person.page.evaluate(MANY)
    assert counts == {
        "entries": 10_000, "items": 10_000, "first": "2051", "before": ["1", "2050"], "days": 1,
    }  # fmt: skip


def test_the_page_is_small_and_uses_no_other_server(people: People) -> None:
    asked: list[str] = []
    person = people.tab(people.profile())
    person.page.on("request", lambda request: asked.append(request.url))
    person.page.reload()
    person.ready()
    person.enter("Small")
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(people.address).netloc}
    files = {urlsplit(url).path.rpartition("/")[2] for url in asked if "/page/" in url}
    dashboard = {file.name for file in PAGE.iterdir() if file.name.startswith("server")}
    # Loaded when they are needed.
    later = {
        "file_sink.js", "hpke.js", "projector.js", "qrcode.js", "room_export.js", "seal_file.js",
        "search.js", "upload_store.js", "words.js",
    }  # fmt: skip
    # By the browser itself, which the page does not wait for.
    browsers = {"icon.svg", "icon-192.png", "icon-512.png", "manifest.webmanifest", "worker.js"}
    assert files - browsers == {f.name for f in PAGE.iterdir() if f.is_file()} - {
        *("index.html", "missing.html"), *browsers, *dashboard, *later,
    }  # fmt: skip
    # Files are sent with gzip, as in netchat.web.files.
    packed = sum(len(gzip.compress((PAGE / name).read_bytes(), 9)) for name in files)
    assert packed < 132 * 1024


def test_under_the_hood_shows_the_bytes_on_the_wire(people: People) -> None:
    person = people.new()
    person.enter("Hoodie")
    person.tool("hood-open")
    person.say("Zoë says: ✓")
    person.sees("Zoë says: ✓")
    page = person.page
    expect(page.locator("#frames li").first).to_contain_text("EVENT")
    expect(page.locator("#frames li").nth(1)).to_contain_text("SEND")
    frame = bytes.fromhex("".join(page.locator("#frame .byte").all_inner_texts()))
    (whole,) = FrameReader().feed(frame)
    event = decode(whole)
    assert isinstance(event, Event)
    assert (event.text, event.sender) == ("Zoë says: ✓", "Hoodie")
    spans = list(walk(Event, frame[HEADER_SIZE:]))
    rows = page.locator("#frame tbody tr")
    expect(rows).to_have_count(len(HEADER_FIELDS) + len(spans))
    for number, span in enumerate(spans, len(HEADER_FIELDS)):
        rows.nth(number).hover()
        lit = "".join(page.locator("#frame .byte.lit").all_inner_texts())
        assert bytes.fromhex(lit) == frame[HEADER_SIZE + span.start : HEADER_SIZE + span.end]
        assert span.path in rows.nth(number).locator("th").inner_text()
    offsets = [f"{at:04x}" for at in range(0, len(frame), 8)]  # as in `inspect --hex`
    assert page.locator("#frame .dump .at").all_inner_texts() == offsets
    expect(rows.nth(len(HEADER_FIELDS)).locator("td").first).to_have_text(f"{HEADER_SIZE:04x}+8")
    page.locator("#frame .byte").nth(12).hover()
    expect(page.locator("#frame tr.lit th")).to_contain_text("crc")
    # Clicking a message shows its frame.
    person.say("later")
    person.sees("later")
    person.log.locator(".text", has_text="Zoë").click()
    expect(page.locator("#frames [aria-selected=true] .brief")).to_have_text("Zoë says: ✓")


def test_under_the_hood_hides_secrets(
    people: People,
) -> None:
    person = people.new()
    person.enter("Careful")
    page = person.page
    person.tool("hood-open")
    for name, fields in (("HELLO", ["device"]), ("WELCOME", ["token"])):
        page.locator("#frames li", has_text=name).click()
        for field in fields:
            row = page.locator(
                "#frame tbody tr", has=page.get_by_role("rowheader", name=field)
            ).last
            expect(row).to_contain_text("secret")
        assert page.locator("#frame .byte", has_text="••").count() in (16, 32)
