"""The channel lab in browsers of three sizes, by mouse, touch and keyboard."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from netchat.web.site import PAGE
from tests.end_to_end.browsing import People, Person, needs_chromium
from tests.end_to_end.processes import Server

pytestmark = needs_chromium

PROJECTOR: ViewportSize = {"width": 1920, "height": 1080}


#: A code of the server's owner, as a user writes it; and one that wrongly calls itself linear.
OWN_CODES = """
import numpy as np
from netchat.coding import Code, Decoded

class Alternating(Code):
    def __init__(self, copies=3):
        super().__init__("every bit, and its opposite, by turns", k=4, n=4 * copies, linear=False)
        self.copies = copies
    def _encode(self, message):
        return np.concatenate([message ^ (i % 2) for i in range(self.copies)], axis=1)
    def _decode(self, received):
        parts = np.stack([part ^ (i % 2) for i, part in enumerate(np.split(received, self.copies, axis=1))])
        message = (2 * parts.sum(axis=0) > self.copies).astype(np.uint8)
        return Decoded(message, (self._encode(message) != received).sum(axis=1))

class Mistaken(Alternating):
    def __init__(self):
        super().__init__()
        self.linear = True
"""
GRID = "experiments/my_code.py:Grid"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    mine = tmp_path_factory.mktemp("codes") / "mine.py"
    mine.write_text(OWN_CODES, "utf-8")
    codes = [f"--code={spec}" for spec in (GRID, f"{mine}:Alternating", f"{mine}:Mistaken")]
    with Server("--ephemeral", "--web", "--web-port", "0", *codes) as running:
        yield running


@pytest.fixture(scope="module")
def plain_server() -> Iterator[Server]:
    """Run a server whose owner has added no codes."""
    with Server("--ephemeral", "--web", "--web-port", "0") as running:
        yield running


@pytest.fixture
def people(chromium: Browser, server: Server) -> Iterator[People]:
    people = People(chromium, f"http://127.0.0.1:{server.wait_for('page')['port']}")
    yield people
    people.go_home()


def lab(people: People, state: str = "", *, phone: bool = False, dark: bool = False) -> Person:
    """Open the lab in a state; the channel has no noise of its own unless the state says otherwise."""
    person = people.new(f"/lab#{state}", phone=phone, dark=dark)
    if "view=thousand" not in state:
        drawn(person.page, 1)
    return person


def drawn(page: Page, least: int) -> int:
    """Wait until the page has shown a number of answers; return that of all."""
    until(page, f"Number(document.documentElement.dataset.drawn ?? 0) >= {least}")
    return int(page.evaluate("document.documentElement.dataset.drawn"))


def until(page: Page, condition: str, seconds: float = 60) -> None:
    """Wait for a condition; the page's policy forbids Playwright's own way."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(20)


def after(page: Page, action: Callable[[], object]) -> None:
    """Do something, and wait until the page has shown the answer."""
    count = int(page.evaluate("document.documentElement.dataset.drawn"))
    action()
    drawn(page, count + 1)


def place_of(page: Page, view: str, cell: int) -> tuple[float, float]:
    """Return the middle of a cell, from the button that stands for the focused one."""
    cursor = page.locator(f"#{view} .bit-cursor")
    cursor.focus()
    cursor.press("Home")
    for _ in range(cell):
        cursor.press("ArrowRight")
    box = cursor.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def state_of(page: Page) -> str:
    return urlsplit(page.url).fragment


def test_bits_are_flipped_and_erased_by_mouse_and_keyboard(people: People) -> None:
    page = lab(people, "channel=bsc:0").page
    expect(page.locator("#verdict")).to_contain_text("as it was sent")
    x, y = place_of(page, "channel-bits", 8)
    after(page, lambda: page.mouse.click(x, y))
    assert state_of(page) == "channel=bsc:0&touched=8"
    expect(page.locator("#bit-text")).to_contain_text(
        "sent 0, received 1, decoded 0: flipped, and corrected"
    )
    after(page, lambda: page.mouse.click(x, y))
    assert state_of(page) == "channel=bsc:0"
    cursor = page.locator("#channel-bits .bit-cursor")
    after(page, lambda: cursor.press("e"))
    assert state_of(page) == "channel=bsc:0&touched=e8"
    expect(cursor).to_have_attribute(
        "aria-label", re.compile("Bit 9 of the line.* erased, decoded 0: erased, and recovered")
    )
    cursor.press("ArrowDown")
    after(page, lambda: cursor.press("b"))
    assert state_of(page) == "channel=bsc:0&touched=e8.15-22"
    expect(page.locator("#verdict")).to_contain_text("damaged")
    expect(page.locator("#caption")).to_contain_text("wrong after decoding")
    after(page, lambda: page.click("#untouch"))
    assert state_of(page) == "channel=bsc:0"
    # Dragging makes a burst.
    first, last = place_of(page, "channel-bits", 1), place_of(page, "channel-bits", 5)
    page.mouse.move(*first)
    page.mouse.down()
    page.mouse.move(*last, steps=4)
    after(page, page.mouse.up)
    assert state_of(page) == "channel=bsc:0&touched=1-5"


def test_bits_are_flipped_by_finger_and_erased_by_a_long_press(people: People) -> None:
    page = lab(people, "channel=bsc:0", phone=True).page
    page.locator("#channel-bits").scroll_into_view_if_needed()
    box = page.locator("#channel-bits .bit-cursor").bounding_box()
    assert box is not None
    assert box["width"] >= 44
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    after(page, lambda: page.touchscreen.tap(x, y))
    assert state_of(page) == "channel=bsc:0&touched=0"
    session = page.context.new_cdp_session(page)
    touch = {"x": x + box["width"], "y": y}

    def press_long() -> None:
        session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [touch]})
        until(page, "location.hash.includes('e1')")
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    after(page, press_long)
    assert state_of(page) == "channel=bsc:0&touched=0.e1"
    after(page, lambda: page.tap("#bit-flip"))
    small = page.evaluate("""() => [...document.querySelectorAll("button, select, input, summary, a")]
      .filter((element) => element.checkVisibility() && !element.matches(".bit-cursor"))
      .filter((element) => element.getBoundingClientRect().height
        < (element.matches("summary, input") ? 32 : 44))
      .map((element) => element.outerHTML.slice(0, 80))""")
    assert small == []


def test_the_slider_step_play_and_rerun(people: People) -> None:
    page = lab(people, "channel=bsc:0").page
    slider = page.locator("#noise")
    slider.focus()
    after(page, lambda: slider.press("End"))
    until(page, "location.hash.includes('bsc:0.3')")
    expect(page.locator("#noise-value")).to_have_text("30 %")
    expect(page.locator("#verdict")).to_contain_text("damaged")
    slider.press("Home")
    expect(page.locator("#verdict")).to_contain_text("as it was sent")
    page.click("#step")
    expect(page.locator("#caption")).to_have_text("1. The text becomes bytes, in UTF-8.")
    expect(page.locator(".stage.future")).to_have_count(5)
    page.click("#step")
    page.click("#step")
    expect(page.locator("#caption")).to_contain_text("6 codewords, 42 bits on the line")
    page.click("#back")
    expect(page.locator("#caption")).to_contain_text("3 bytes are 24 bits")
    page.emulate_media(reduced_motion="reduce")
    page.click("#play")
    expect(page.locator("#play")).to_have_text("Pause")
    page.click("#play")
    while page.locator(".stage.future").count():
        page.click("#step")
    after(page, lambda: page.click("#rerun"))
    assert "seed=2" in state_of(page)


def test_a_shared_url_shows_the_same_on_another_device(people: People) -> None:
    state = (
        "text=Gr%C3%BC%C3%9Fe+%F0%9F%98%80&code=golay:24&channel=bsc:0.06&seed=4&touched=3-6.e30"
        "&block=2&view=decoder"
    )
    mine = lab(people, state).page
    expect(mine.locator("#block-name")).to_have_text(re.compile("Codeword 3 of"))
    mine.click("#share-open")
    link = mine.locator("#share-body a").get_attribute("href")
    assert link is not None
    assert link.endswith("/lab#" + state)
    expect(mine.locator("#share-body canvas")).to_be_visible()
    expect(mine.locator(".notebook")).to_contain_text('netchat.get_code("golay:24")')
    other = people.new(link.removeprefix(people.address), phone=True).page
    expect(other.locator("#block-end")).to_have_text(mine.locator("#block-end").inner_text())
    expect(other.locator("#explain h2").first).to_have_text("extended Golay (24,12)")
    mine.keyboard.press("Escape")
    mine.go_back()  # to nothing: the first state is not in the history twice
    other.click("#tab-line")
    expect(other.locator("#view-line")).to_be_visible()
    other.go_back()
    expect(other.locator("#view-decoder")).to_be_visible()


def test_the_sheet_for_a_projector(people: People) -> None:
    person = lab(people, "channel=bsc:0.05&code=rs:15,11")
    page = person.page
    page.set_viewport_size(PROJECTOR)
    page.click("#share-open")
    page.get_by_role("button", name="Full screen").click()
    sheet = page.locator("#projector")
    expect(sheet.locator("h2")).to_have_text("The line")
    expect(sheet.locator(".sheet-address")).to_have_text(f"{urlsplit(people.address).netloc}/lab")
    expect(sheet).to_contain_text("rs:15,11 over bsc:0.05")
    box = sheet.locator("canvas").bounding_box()
    assert box is not None
    assert box["height"] > 800
    sheet.get_by_role("button", name="Close").click()
    expect(sheet).to_be_hidden()


KINDS = {
    "hamming:7,4": ("hamming", "The parity equations"),
    "golay:24": ("linear", "The matrix H"),
    "repetition:3": ("repetition", "The vote"),
    "rs:15,11": ("reed_solomon", "Syndromes"),
    "rs:15,11,m=4": ("reed_solomon", "Magnitudes"),
    "conv:7,5,k=24": ("trellis", "The trellis"),
    "ldpc:gallager": ("ldpc", "The Tanner graph"),
    "ldpc:ccsds,128": ("ldpc", "matrix H"),
    "polar:16,8": ("polar", "The tree"),
    "polar:64,32,crc=6,decoder=scl4": ("polar", "Paths of the list"),
    "turbo:40": ("turbo", "What decoder 1 tells decoder 2"),
    "crc:8,16": ("crc", "Divisor"),
    "uncoded:8": ("none", ""),
}


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_every_explanation_opens_and_steps(people: People, *, phone: bool) -> None:
    person = lab(people, "view=decoder&channel=bsc:0.04&seed=3", phone=phone)
    page = person.page
    for code, (kind, heading) in KINDS.items():
        page.evaluate("delete document.documentElement.dataset.explained")
        page.evaluate(
            "state => (location.hash = state)",
            f"view=decoder&channel=bsc:0.04&seed=3&code={quote(code)}",
        )
        expect(page.locator("html")).to_have_attribute(
            "data-explained", f"0 {kind}", timeout=90_000
        )
        expect(page.locator("#explain")).to_contain_text(heading)
        assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")
        stepper = page.locator("#explain .stepper[role=group]")
        if stepper.count():
            step = stepper.first.get_by_role("slider")
            step.focus()
            step.press("Home")
            assert "at=1" in state_of(page)
            before = stepper.first.locator("p").inner_text()
            stepper.first.get_by_role("button", name="Step", exact=True).click()
            expect(stepper.first.locator("p")).not_to_have_text(before)


def test_a_bit_in_the_circles_is_flipped_where_it_is(people: People) -> None:
    page = lab(people, "channel=bsc:0&view=decoder&block=1").page
    bit = page.locator("#explain [data-focus=bit3]")
    bit.focus()
    after(page, lambda: bit.press("Enter"))
    assert "touched=10" in state_of(page)
    expect(page.locator("#explain svg[role=group]")).to_have_attribute(
        "aria-label", re.compile("Only bit 4 lies in exactly these")
    )
    expect(bit).to_be_focused()
    expect(page.locator("#explain .told")).to_contain_text("column 4")


HOSTILE = '"><img src=x onerror=alert(1)>\u202e'


@pytest.mark.parametrize("view", ["line", "decoder", "thousand"])
def test_hostile_text_in_every_field_is_shown_as_text(people: People, view: str) -> None:
    bad = quote(HOSTILE)
    fields = "&".join(f"{key}={bad}" for key in ("code", "interleave", "channel", "with", "sweep"))
    for state in (
        f"text={bad}",
        fields,
        "touched=" + "x" * 5000,
        "at=99999&block=4999&seed=999999999999",
    ):
        person = people.new(f"/lab#{state}&view={view}")
        page = person.page
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        if view == "thousand":
            page.locator("#view-thousand form").evaluate("form => form.requestSubmit()")
            expect(page.locator("html")).to_have_attribute("data-running", re.compile("no|yes"))
            if "code=" in state:
                expect(page.locator("#view-thousand .problem")).to_contain_text("ASCII characters")
        elif "code=" in state:
            expect(page.locator("#problem")).to_contain_text("ASCII characters")
        elif view == "line":
            expect(page.locator("#verdict")).to_be_visible()
        assert page.locator("img[src=x]").count() == 0
    page = lab(people).page
    page.fill("#set-text", HOSTILE)
    expect(page.locator("#text-in")).to_have_text(HOSTILE.replace("\u202e", "\\u202e"))
    page.fill("#set-text", "a" * 256)
    expect(page.locator("#coded-note")).to_have_text(re.compile(r"^512 . 7 bits$"))
    page.locator("#set-code").select_option("\x00other")
    page.fill("#other", "ldpc:/etc/passwd")
    page.press("#other", "Enter")
    expect(page.locator("#problem")).to_contain_text("arguments must be numbers")


def test_a_thousand_times_gives_points_table_and_files(people: People) -> None:
    state = "view=thousand&code=hamming:7,4&with=repetition:3&sweep=bsc:0.1:0.02:x0.5&errors=20"
    page = people.new(f"/lab#{state}").page
    expect(page.locator(".chips li")).to_have_count(2)
    page.get_by_role("button", name="Run a thousand times").click()
    expect(page.locator("#view-thousand [role=status]")).to_contain_text("Done", timeout=60_000)
    expect(page.locator("#view-thousand tbody tr")).to_have_count(6)
    command = page.locator(".command").inner_text()
    assert command.startswith("netchat encode-bench --code hamming:7,4 --code repetition:3")
    found = {}
    for kind in ("PNG", "SVG", "CSV", "JSON"):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=kind, exact=True).click()
        found[kind] = waiting.value.path().read_bytes()
    assert found["PNG"].startswith(b"\x89PNG")
    assert found["SVG"].startswith(b"<svg")
    assert b"class=" not in found["SVG"]
    assert len(found["CSV"].splitlines()) == 7
    assert json.loads(found["JSON"])
    page.get_by_role("button", name="Frames").click()
    expect(page.locator("#view-thousand svg[role=img]")).to_contain_text("frame error rate")
    page.get_by_role("button", name="Remove repetition:3").click()
    expect(page.locator(".chips li")).to_have_count(1)
    assert "with=" not in state_of(page)


def test_codes_of_the_servers_owner(
    people: People, chromium: Browser, plain_server: Server
) -> None:
    page = lab(people, "channel=bsc:0&touched=3").page
    own = page.locator("#set-code optgroup[label='Codes of this server'] option")
    expect(own).to_have_count(3)
    assert own.first.inner_text() == "grid 4 x 4 · my_code.py:Grid"
    after(page, lambda: page.locator("#set-code").select_option("my_code.py:Grid"))
    assert state_of(page) == "code=my_code.py:Grid&channel=bsc:0&touched=3"
    expect(page.locator(".picked", has_text="grid 4 x 4")).to_contain_text("my_code.py:Grid")
    expect(page.locator("#summary")).to_contain_text("1 block corrected; the text arrived")
    page.click("#tab-decoder")
    expect(page.locator("#explain")).to_contain_text("the syndrome is column 4 of H")
    expect(page.locator("#explain .equations li")).to_have_count(9)
    for code, note in (("Alternating", ""), ("Mistaken", "breaks its own parity equations")):
        page.locator("#set-code").select_option(f"mine.py:{code}")
        expect(page.locator("#explain")).to_contain_text("every bit, and its opposite, by turns")
        expect(page.locator("#explain")).to_contain_text(note)
        expect(page.locator("#explain .told")).to_contain_text("1 bit")
        expect(page.locator("#explain .equations")).to_have_count(0)

    page.goto(f"{people.address}/lab#view=thousand&code=my_code.py:Grid&sweep=bsc:0.1&errors=20")
    page.reload()
    page.get_by_role("button", name="Run a thousand times").click()
    expect(page.locator("#view-thousand [role=status]")).to_contain_text("Done", timeout=90_000)
    expect(page.locator("#view-thousand tbody th")).to_have_text(["my_code.py:Grid"])
    assert "--code my_code.py:Grid " in page.locator(".command").inner_text()

    others = People(chromium, f"http://127.0.0.1:{plain_server.wait_for('page')['port']}")
    stranger = others.new("/lab#code=my_code.py:Grid").page
    expect(stranger.locator("#problem")).to_contain_text(
        "this server does not have the code 'my_code.py:Grid': open the link on the server that shared it"
    )
    expect(stranger.locator("#set-code")).to_have_attribute("aria-invalid", "true")
    after(stranger, lambda: stranger.locator("#set-code").select_option("hamming:7,4"))
    expect(stranger.locator("#problem")).to_be_empty()
    others.go_home()


def test_touched_bits_stay_on_the_line_when_the_code_changes(people: People) -> None:
    page = lab(people, "text=Hello&channel=bsc:0&touched=3.60-62").page
    after(page, lambda: page.locator("#set-code").select_option("golay:24"))
    note = page.locator("#kept span").first
    expect(note).to_have_text("The 4 touched bits keep their positions on the line.")
    after(page, lambda: page.fill("#set-text", "H"))
    expect(note).to_have_text(
        "The 4 touched bits keep their positions; 3 of them are beyond the end of this line of 24 bits."
    )
    expect(page.locator("#channel-note")).to_have_text("1 hit of 24")
    assert state_of(page) == "text=H&code=golay:24&channel=bsc:0&touched=3.60-62"
    after(page, lambda: page.fill("#set-text", "Hello"))
    expect(page.locator("#channel-note")).to_have_text("4 hits of 96")
    after(page, lambda: page.get_by_role("button", name="Remove them").click())
    expect(page.locator("#kept")).to_be_empty()
    expect(page.locator("#set-code")).to_be_focused()
    assert state_of(page) == "text=Hello&code=golay:24&channel=bsc:0"


@pytest.mark.parametrize("width", [390, 820, 1280])
def test_every_name_in_the_pickers_can_be_read(people: People, width: int) -> None:
    page = lab(people, "channel=bsc:0").page
    page.set_viewport_size({"width": width, "height": 900})
    cut = """() => [...document.querySelectorAll("#controls .picker")].filter((box) => {
      const [inner, outer] = [box.firstElementChild, box].map((one) => one.getBoundingClientRect());
      return inner.right > outer.right - 24 || inner.bottom > outer.bottom || inner.width < inner.scrollWidth;
    }).map((box) => box.innerText)"""
    for field in ("code", "interleave", "channel"):
        for option in page.locator(f"#set-{field} option").all():
            spec, title = option.get_attribute("value"), option.inner_text()
            if spec is None or spec.startswith("\x00"):
                continue
            page.locator(f"#set-{field}").select_option(spec)
            name = page.locator(f".picker:has(#set-{field}) .picked").inner_text()
            assert " · ".join(name.split("\n")) == title
            assert page.evaluate(cut) == []


def test_the_focus_is_visible_and_stays_when_a_button_is_disabled(people: People) -> None:
    page = lab(people, "channel=bsc:0&touched=3").page
    page.locator("#tab-line").focus()
    seen: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        found = page.evaluate("""() => {
          const one = document.activeElement, style = getComputedStyle(one.closest(".picker") ?? one);
          if (one === document.body) return null;
          return `${one.id} ${style.outlineStyle !== "none" ? "visible" : "hidden"}`;
        }""")
        if found is None:
            break
        seen.append(found)
    assert not [found for found in seen if found.endswith("hidden")]
    wanted = {"set-text", "set-code", "noise", "step", "untouch", "bit-flip", "bit-explain"}
    assert wanted <= {found.split(" ")[0] for found in seen}
    page.locator("#untouch").focus()
    after(page, lambda: page.keyboard.press("Enter"))
    expect(page.locator("#rerun")).to_be_focused()
    page.locator("#step").focus()
    page.keyboard.press("Enter")  # the first stage of six
    page.keyboard.press("Enter")
    page.locator("#back").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#step")).to_be_focused()
    page.locator("#tab-line").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#block-name")).to_have_text("Codeword 1 of 6")
    page.locator("#block-next").focus()
    for block in range(2, 7):
        page.keyboard.press("Enter")
        expect(page.locator("#block-name")).to_have_text(f"Codeword {block} of 6")
    expect(page.locator("#block-previous")).to_be_focused()
    page.locator("#tab-line").focus()
    page.keyboard.press("Enter")
    page.locator("#set-text").fill(
        "A"
    )  # two codewords: each button disables one and enables the other
    page.locator("#tab-line").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#block-name")).to_have_text("Codeword 1 of 2")
    page.locator("#block-next").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#block-name")).to_have_text("Codeword 2 of 2")
    expect(page.locator("#block-previous")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#block-name")).to_have_text("Codeword 1 of 2")
    expect(page.locator("#block-next")).to_be_focused()


def faults(page: Page) -> str:
    """Return the violations that axe-core finds on the screen, or in the open dialog."""
    page.emulate_media(reduced_motion="reduce")
    page.wait_for_timeout(50)  # wait until the next frame is drawn
    page.evaluate(Axe().axe_script)
    root = "document.querySelector('dialog[open]') ?? document"
    found = page.evaluate(f"axe.run({root}, {{ resultTypes: ['violations'] }})")["violations"]
    return "\n".join(
        f"{fault['id']}: {node['html'][:140]}: {node['failureSummary']}"
        for fault in found
        for node in fault["nodes"]
    )


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_axe_finds_no_violation_on_the_line(people: People, *, phone: bool) -> None:
    state = "channel=awgn:2dB,qam16&code=golay:24&interleave=interleave:2"
    page = lab(people, state, phone=phone, dark=phone).page
    page.locator("#words-box summary").click()
    assert faults(page) == ""
    page.click("#share-open")
    expect(page.locator("#share-body canvas")).to_be_visible()
    assert faults(page) == ""
    page.keyboard.press("Escape")
    page.click("#tab-thousand")
    expect(page.locator("#view-thousand form")).to_be_visible()
    assert faults(page) == ""


EXPLAINED = (
    *("hamming:7,4", "rs:15,11", "conv:7,5,k=24", "ldpc:gallager", "polar:16,8", "turbo:40"),
    "crc:8,16",
)


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
@pytest.mark.parametrize("code", EXPLAINED)
def test_axe_finds_no_violation_in_an_explanation(
    people: People, code: str, *, phone: bool
) -> None:
    state = f"view=decoder&channel=bsc:0.04&seed=3&code={quote(code)}"
    page = lab(people, state, phone=phone, dark=phone).page
    page.wait_for_selector("html[data-explained]", state="attached", timeout=90_000)
    assert faults(page) == ""


def test_the_lab_is_small_and_uses_no_other_server(people: People) -> None:
    asked: list[str] = []
    person = people.tab(people.profile())
    person.page.on("request", lambda request: asked.append(request.url))
    person.page.goto(people.address + "/lab")
    drawn(person.page, 1)
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(people.address).netloc}
    names = {urlsplit(url).path.removeprefix("/page/") for url in asked if "/page/" in url} | {
        "lab/lab.html"
    }
    assert not [name for name in names if name.startswith("lab/explain") or name == "qrcode.js"]
    packed = sum(len(gzip.compress((PAGE / name).read_bytes(), 9)) for name in names)
    assert packed < 60 * 1024
    # With everything that it can load.
    everything = (
        {f"lab/{file.name}" for file in (PAGE / "lab").iterdir()}
        | names
        | {"qrcode.js", "invite.js"}
    )
    assert (
        sum(len(gzip.compress((PAGE / name).read_bytes(), 9)) for name in everything) < 120 * 1024
    )


def test_the_rest_of_the_page_links_to_the_lab(people: People) -> None:
    person = people.new()
    page = person.page
    assert page.locator("#home a[href='/lab']").get_attribute("href") == "/lab"
    person.enter("Labelle")
    expect(page.locator("#side a[href='/lab']")).to_be_visible()
    person.say("To the lab & back")
    person.sees("To the lab & back")
    person.tool("hood-open")
    link = page.locator("#frame .doc a").get_attribute("href")
    assert link == "/lab#text=To+the+lab+%26+back&carry=frame"
    other = people.new(link).page
    expect(other.locator("#text-in")).to_have_text("To the lab & back")
    expect(other.locator("#frame-title")).to_have_text("SEND frame")


def test_five_thousand_cells_follow_the_slider(people: People) -> None:
    """Check that a long line is shown while the slider moves."""
    person = lab(people, "code=uncoded:8&channel=bsc:0.1&text=" + "a" * 256)
    page = person.page
    page.evaluate("location.hash = 'code=repetition:2&channel=bsc:0.1&text=' + 'a'.repeat(256)")
    expect(page.locator("#coded-note")).to_have_text(re.compile(r"^2048 . 2 bits$"))
    slider = page.locator("#noise")
    slider.focus()
    for _ in range(20):
        slider.press("ArrowRight")
    expect(page.locator("#channel-note")).to_contain_text("of 4096")
