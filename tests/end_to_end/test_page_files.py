"""Files on the page: chosen, dropped and pasted; pictures, progress, and files that must not run."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from netchat.wire import Download, FrameReader, decode
from tests.cli.chatter import Chatter
from tests.end_to_end.browsing import People, Person, needs_chromium
from tests.end_to_end.processes import Server
from tests.end_to_end.test_page_sealed import create_sealed

pytestmark = [needs_chromium, pytest.mark.slow]

#: A picture of one pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

HTML = b"<script>parent.document.title = 'run'</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'

#: Adds files to a drop or paste event. Arguments: an element, the event, and names, types and contents.
FIRE = """([target, event, files]) => {
  const data = new DataTransfer();
  for (const [name, type, content] of files) {
    const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
    data.items.add(new File([bytes], name, { type }));
  }
  const init = { bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data };
  const fired = event === "paste" ? new ClipboardEvent(event, init) : new DragEvent(event, init);
  return document.querySelector(target).dispatchEvent(fired);
}"""


#: Presses the first Pause button as soon as it appears.
PAUSE_AT_ONCE = """() => {
  const list = document.getElementById("uploads");
  const observer = new MutationObserver(() => {
    const pause = [...list.querySelectorAll("button")].find((each) => each.textContent === "Pause");
    if (!pause) return;
    observer.disconnect();
    pause.click();
  });
  observer.observe(list, { childList: true, subtree: true });
}"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    options = ("--ephemeral", "--web", "--web-port", "0", "--max-file", "30MB", "--resume", "1s")
    with Server(*options) as running:
        yield running
        assert running.complaints == []


@pytest.fixture
def people(chromium: Browser, server: Server) -> Iterator[People]:
    people = People(chromium, f"http://127.0.0.1:{server.wait_for('page')['port']}")
    yield people
    people.go_home()


def choose(person: Person, *files: tuple[str, str, bytes]) -> None:
    person.page.set_input_files(
        "#files", [{"name": n, "mimeType": t, "buffer": content} for n, t, content in files]
    )


def card(person: Person, name: str) -> Locator:
    return person.log.locator(".file").filter(has_text=name)


def save(person: Person, name: str) -> bytes:
    with person.page.expect_download() as started:
        card(person, name).get_by_role("button", name=f"Save {name}").click()
    assert started.value.suggested_filename == name
    return Path(started.value.path()).read_bytes()


def test_a_picture_is_shown_and_a_file_saved(people: People, tmp_path: Path) -> None:
    nova = people.new()
    code = nova.enter("Nova")
    maya = people.new(phone=True)
    maya.enter("Maya", code)
    choose(nova, ("holiday.png", "image/png", PNG))
    for person in (nova, maya):
        picture = card(person, "holiday.png").locator("img")
        expect(picture).to_have_js_property("naturalWidth", 1)
    data = os.urandom(3_000_000)
    choose(maya, ("data.bin", "", data))
    expect(card(nova, "data.bin")).to_contain_text("3.0 MB")
    expect(maya.page.locator("#uploads li")).to_have_count(0)
    assert save(nova, "data.bin") == data
    assert save(maya, "holiday.png") == PNG
    for person, name in ((nova, "desk"), (maya, "phone")):
        person.page.screenshot(path=tmp_path / f"files-{name}.png")


def test_nothing_that_could_run_is_shown(people: People) -> None:
    nova = people.new()
    nova.enter("Orion")
    choose(
        nova,
        ("page.html", "text/html", HTML),
        ("drawing.svg", "image/svg+xml", SVG),
        ("trick.png", "image/png", HTML),
    )
    for name in ("page.html", "drawing.svg"):
        expect(card(nova, name)).to_be_visible()
        expect(card(nova, name).get_by_role("button", name="Show")).to_have_count(0)
    expect(card(nova, "trick.png")).to_contain_text("This is no picture")
    expect(nova.log.locator(".file img")).to_have_count(0)
    assert save(nova, "page.html") == HTML
    assert "run" not in nova.page.title()
    for address in ("/files", "/file", "/page/page.html"):
        assert nova.page.request.get(people.address + address).status == 404


def test_files_are_dropped_and_pasted(people: People) -> None:
    nova = people.new()
    nova.enter("Vega")
    picture = base64.b64encode(PNG).decode()
    nova.page.evaluate(FIRE, ["#room", "dragover", [["a.png", "image/png", picture]]])
    expect(nova.page.locator("#room.drop")).to_be_visible()
    nova.page.evaluate(FIRE, ["#room", "drop", [["a.png", "image/png", picture]]])
    expect(card(nova, "a.png").locator("img")).to_be_visible()
    nova.page.evaluate(FIRE, ["#text", "paste", [["image.png", "image/png", picture]]])
    expect(card(nova, "image.png").locator("img")).to_be_visible()
    assert nova.page.evaluate(FIRE, ["#text", "paste", []])


def test_an_upload_is_paused_resumed_and_cut(people: People) -> None:
    nova = people.new()
    nova.enter("Lyra")
    data = os.urandom(2_500_000)
    nova.page.evaluate(PAUSE_AT_ONCE)
    choose(nova, ("large.bin", "", data))
    bar = nova.page.locator("#uploads .transfer")
    expect(bar.locator(".rate")).to_contain_text("paused")
    nova.page.evaluate("() => window.dispatchEvent(new Event('offline'))")
    bar.get_by_role("button", name="Resume").click()
    expect(card(nova, "large.bin")).to_be_visible()
    assert save(nova, "large.bin") == data


def test_an_upload_continues_after_a_reload(people: People) -> None:
    nova, maya = people.new(), people.new()
    code = nova.enter("Altair")
    maya.enter("Deneb", code)
    data = os.urandom(2_500_000)
    nova.page.evaluate(PAUSE_AT_ONCE)
    choose(nova, ("kept.bin", "", data))
    expect(nova.page.locator("#uploads .rate")).to_contain_text("paused")
    nova.page.wait_for_function("localStorage.getItem('netchat:uploads') !== null")
    nova.page.reload()
    nova.ready()
    assert save(maya, "kept.bin") == data
    expect(card(nova, "kept.bin")).to_have_count(1)
    # It is forgotten, and not sent once more.
    nova.page.wait_for_function("localStorage.getItem('netchat:uploads') === null")
    nova.page.reload()
    nova.ready()
    nova.say("after")
    maya.sees("after")
    expect(card(maya, "kept.bin")).to_have_count(1)


#: Names and sizes in the browser's private file system, while or after a download.
STORED = """async () => {
  const root = await navigator.storage.getDirectory();
  const found = [];
  try {
    const folder = await root.getDirectoryHandle("netchat-downloads");
    for await (const handle of folder.values()) found.push((await handle.getFile()).size);
  } catch { /* no download so far */ }
  return found;
}"""


@pytest.mark.thorough
def test_a_large_file_is_not_held_in_memory(people: People) -> None:
    nova, maya = people.new(), people.new()
    code = nova.enter("Castor")
    maya.enter("Pollux", code)
    data = os.urandom(1 << 20) * 28
    choose(nova, ("large.bin", "", data))
    expect(card(maya, "large.bin")).to_be_visible()
    devtools = maya.page.context.new_cdp_session(maya.page)
    devtools.send("HeapProfiler.collectGarbage")
    before = devtools.send("Runtime.getHeapUsage")
    assert save(maya, "large.bin") == data
    assert sorted(maya.page.evaluate(STORED)) == [len(data) - (1 << 24), 1 << 24]
    devtools.send("HeapProfiler.collectGarbage")
    after = devtools.send("Runtime.getHeapUsage")
    grown = sum(after[key] - before[key] for key in ("usedSize", "backingStorageSize"))
    assert grown < 16_000_000  # the panel Under the hood keeps 200 frames, of up to 64 KiB
    # A small file needs no disk.
    choose(maya, ("small.bin", "", b"small"))
    assert save(nova, "small.bin") == b"small"
    assert nova.page.evaluate(STORED) == []


#: Pauses a download as soon as it has more than a number of bytes, which is given.
PAUSE_AFTER = """(most) => {
  const observer = new MutationObserver(() => {
    const bar = document.querySelector(".file progress");
    if (!bar || bar.value < most) return;
    observer.disconnect();
    [...document.querySelectorAll(".file button")].find((each) => each.textContent === "Pause").click();
  });
  observer.observe(document.querySelector("#logs"), { subtree: true, childList: true, attributes: true });
}"""


def note(raw: bytes | str, offsets: list[int]) -> None:
    """Note the offsets of the ranges that frames request."""
    assert isinstance(raw, bytes)
    messages = map(decode, FrameReader().feed(raw))
    offsets += [each.offset for each in messages if isinstance(each, Download)]


@pytest.mark.thorough
@pytest.mark.parametrize("is_sealed", [False, True])
def test_a_download_continues_after_a_reload(
    people: People, server: Server, tmp_path: Path, is_sealed: bool
) -> None:
    maya = people.new()
    room = maya.enter("Mira") if not is_sealed else ""
    if is_sealed:
        room = create_sealed(maya, "Mizar").rpartition("/r/")[2]
    data = os.urandom(1 << 20) * 24
    (tmp_path / "large.bin").write_bytes(data)
    with Chatter("Rigel", server.port, "--room", room) as rigel:
        maya.sees("Rigel joined")
        rigel.say(f"/send {tmp_path / 'large.bin'}")
        expect(card(maya, "large.bin")).to_be_visible()
    maya.page.evaluate(PAUSE_AFTER, 0.75)
    card(maya, "large.bin").get_by_role("button", name="Save").click()
    expect(card(maya, "large.bin").locator(".rate")).to_contain_text("paused")
    assert 1 << 24 in maya.page.evaluate(STORED)
    offsets: list[int] = []
    maya.page.on("websocket", lambda socket: socket.on("framesent", lambda raw: note(raw, offsets)))
    with maya.page.expect_download() as started:
        maya.page.reload()
        maya.ready()
    bar = card(maya, "large.bin")
    assert min(offsets) >= 1 << 24  # what was here is not requested again
    assert Path(started.value.path()).read_bytes() == data
    expect(bar.get_by_role("button", name="Save")).to_be_visible()
    assert maya.page.evaluate("() => sessionStorage.getItem('netchat:saving')") == "{}"


def test_a_picture_is_enlarged(people: People) -> None:
    nova = people.new()
    nova.enter("Spica")
    choose(nova, ("view.png", "image/png", PNG))
    card(nova, "view.png").get_by_role("button", name="view.png").first.click()
    picture = nova.page.locator("#picture-image")
    expect(picture).to_be_visible()
    expect(picture).to_have_attribute("alt", "view.png")
    box = picture.bounding_box()
    assert box
    assert box["width"] > 1000
    assert box["height"] > 600
    nova.page.keyboard.press("Escape")
    expect(picture).to_be_hidden()


@pytest.mark.thorough
def test_the_reason_of_a_refusal_is_shown(people: People) -> None:
    nova = people.new()
    nova.enter("Rigel")
    choose(nova, ("huge.bin", "", bytes(30_100_000)))
    problem = nova.page.locator("#uploads .problem")
    expect(problem).to_contain_text("huge.bin: A file must be at most 30 MB, this one is 30 MB.")
    problem.get_by_role("button", name="Dismiss").click()
    expect(problem).to_have_count(0)


def test_a_sealed_file_goes_from_a_browser_to_a_terminal_and_back(
    people: People, server: Server, tmp_path: Path
) -> None:
    nova = people.new()
    link = create_sealed(nova, "Mira")
    code, _, secret = link.rpartition("/r/")[2].partition("#")
    data = os.urandom(200_000)
    with Chatter("Terry", server.port) as terry:
        terry.see("you are in the lobby", err=True)
        terry.say(f"/join {code}#{secret}")
        nova.sees("Terry joined")
        choose(nova, ("secret.bin", "", data))
        terry.see("secret.bin (200 kB)")
        target = tmp_path / "out.bin"
        terry.say(f"/save 1 {target}")
        terry.see("[saved]")
        assert target.read_bytes() == data
        (tmp_path / "back.txt").write_bytes(b"from the terminal")
        terry.say(f"/send {tmp_path / 'back.txt'}")
        assert save(nova, "back.txt") == b"from the terminal"
