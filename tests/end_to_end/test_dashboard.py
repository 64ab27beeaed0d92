"""The server's dashboard in a browser: contents, access, reconnecting."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from netchat.wire import Hello, Send
from tests.end_to_end.browsing import DESK, PHONE, needs_chromium
from tests.end_to_end.processes import Server, free_port
from tests.end_to_end.raw import RawClient

pytestmark = needs_chromium


@pytest.fixture
def server() -> Iterator[Server]:
    with Server("--ephemeral", "--web", "--lan", "--web-port", str(free_port())) as running:
        yield running


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": DESK[0], "height": DESK[1]})
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda m: complaints.append(m.text) if m.type == "warning" else None)
    yield page
    context.close()
    assert complaints == []


def faults(page: Page) -> list[str]:
    """Return axe-core's violations, on a light desktop and on a dark phone."""
    page.emulate_media(reduced_motion="reduce")  # no colour transitions
    page.evaluate(Axe().axe_script)
    found = []
    for (width, height), scheme in ((DESK, "light"), (PHONE, "dark")):
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(50)  # wait until the next frame is drawn
        for fault in page.evaluate("axe.run()")["violations"]:
            found += [f"{width} {scheme} {fault['id']}: {n['html']}" for n in fault["nodes"]]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    return found


def tile(page: Page, name: str) -> Locator:
    return page.locator("#tiles > div", has=page.locator(f"dt:has-text('{name}')")).locator("dd")


#: Elements of the dashboard whose content does not fit; a text may wrap, and the log may scroll.
CUT = """() => [...document.querySelectorAll("#tiles *, .box, .box td, .box th, .chart *")]
  .filter((each) => each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display !== "inline")
  .map((each) => each.outerHTML.slice(0, 80))"""


def test_cards_are_equal_and_nothing_is_cut_off(page: Page, server: Server) -> None:
    here = server.wait_for("page")["text"]
    with RawClient(server.port, "W" * 24) as client:
        client.join()
        page.goto(f"{here}/server")
        expect(page.locator("#state")).to_have_text("Live")
        expect(page.locator("#users tr")).to_have_count(1)
        for width, height in (DESK, PHONE, (1440, 900), (1920, 1080)):
            page.set_viewport_size({"width": width, "height": height})
            sizes = page.locator("#tiles > div").evaluate_all(
                "all => all.map((each) => `${each.offsetWidth} x ${each.offsetHeight}`)"
            )
            assert len(set(sizes)) == 1, sizes
            charts = page.locator(".chart").evaluate_all(
                "all => all.map((each) => each.offsetHeight)"
            )
            assert len(set(charts)) == 1, charts
            assert page.evaluate(CUT) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        for chart in page.locator(".chart").all():
            labels = chart.locator(".axis span").all_text_contents()
            assert labels == ["2 min ago", "90 s", "1 min", "30 s", "now"]
            assert len(chart.locator(".scale span").all_text_contents()) == 3


def test_it_shows_live_figures_and_reconnects(page: Page, server: Server) -> None:
    here = server.wait_for("page")["text"]
    page.goto(f"{here}/server")
    expect(page.locator("#state")).to_have_text("Live")
    with RawClient(server.port, "Nova") as nova, RawClient(server.port) as rude:
        rude.say(Hello(0, bytes(16), b"", "<img src=x>", "", ()))
        nova.join()
        for counter in range(1, 40):
            nova.say(Send(counter, "lobby", "hello"))
        expect(tile(page, "users")).to_have_text("1")
        expect(tile(page, "connections")).to_have_text("2")
        expect(page.locator("#rooms tr")).to_have_count(1)
        expect(page.locator("#rooms td").nth(2)).to_have_text("40")
        refused = page.locator("#log li", has_text="refused")
        expect(refused).to_contain_text("<img src=x>")
        expect(refused).not_to_have_class("bad")
        expect(tile(page, "warnings")).to_have_text("0")
        rude.send(b"GET / HTTP/1.1\r\n\r\n")
        expect(page.locator("#log li", has_text="dismissed")).to_have_class("bad")
        expect(tile(page, "warnings")).to_have_text("1")
        expect(page.get_by_role("img", name="Messages per second")).to_have_attribute(
            "aria-label", re.compile(r"maximum (?!0$)\d+$")
        )
        assert faults(page) == []
    server.stop()
    expect(page.locator("#state")).to_contain_text("Reconnecting")
    server.start()
    expect(page.locator("#state")).to_have_text("Live", timeout=20_000)
    expect(page.locator("#log li", has_text="refused")).to_have_count(0)


def test_other_machines_need_the_token(page: Page, server: Server) -> None:
    link = server.wait_for("dashboard")["text"]
    if "#" not in link:
        pytest.skip("this machine is on no network")
    page.goto(link.partition("#")[0])
    expect(page.locator("#token-form")).to_be_visible()
    expect(page.locator("#board")).to_be_hidden()
    assert faults(page) == []
    page.fill("#token", "wrong")
    page.click("#token-form button")
    expect(page.locator("#state")).to_have_text("Wrong token.")
    page.fill("#token", link)  # the whole URL is accepted, too
    page.keyboard.press("Enter")
    expect(page.locator("#state")).to_have_text("Live")
    assert page.url == link
    page.goto("about:blank")
    page.goto(link)
    expect(page.locator("#state")).to_have_text("Live")
