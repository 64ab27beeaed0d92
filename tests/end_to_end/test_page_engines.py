"""The page in Firefox and in WebKit: a talk with a terminal, a file, and what browsers do differently."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.chatter import Chatter
from tests.end_to_end.engines import ENGINES, Tab
from tests.end_to_end.processes import Server

#: Collects what the page reports as errors, from its start.
ENTER = """(name) => {
  window.complaints = [];
  addEventListener("error", (event) => complaints.push(String(event.message)));
  addEventListener("unhandledrejection", (event) => complaints.push(String(event.reason)));
  document.getElementById("home-name").value = name;
  document.getElementById("home-create").click();
}"""

CODE = (
    """() => /^[0-9A-Z]{5}-[0-9A-Z]{5}$/.exec(document.getElementById("title").textContent)?.[0]"""
)

SAY = """(text) => {
  const field = document.getElementById("text");
  field.value = text;
  field.dispatchEvent(new Event("input"));
  document.getElementById("composer").requestSubmit();
}"""

SEES = """(text) => [...document.querySelectorAll(".lines .text, .lines .notice")]
  .some((each) => each.textContent.includes(text))"""

#: Sends a file as if the user had dropped it, larger than what the page holds in memory.
DROP = """(size) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(size).fill(7)], "sevens.bin"));
  document.getElementById("room").dispatchEvent(new DragEvent("drop", { bubbles: true, dataTransfer: data }));
}"""

#: Saves the file, and returns the size of the Blob that the browser is given and the SHA-256 of its content.
SAVE = """async () => {
  const given = new Promise((resolve) => {
    const { createObjectURL } = URL;
    URL.createObjectURL = (blob) => { resolve(blob); return createObjectURL(blob); };
  });
  document.querySelector(".file button[aria-label='Save sevens.bin']").click();
  const blob = await given;
  const bytes = new Uint8Array(await blob.arrayBuffer());
  return [blob.size, blob.type, bytes.every((byte) => byte === 7)];
}"""


def shown(tab: Tab, selector: str) -> None:
    tab.until("(s) => document.querySelector(s)?.checkVisibility() ?? false", selector)


@pytest.mark.parametrize("engine", ["firefox", "webkit"])
def test_the_page_works_in_other_engines(engine: str, tmp_path: Path) -> None:
    if engine not in ENGINES:
        pytest.skip(
            f"{engine} is not installed: apt-get install firefox-esr webkit2gtk-driver xvfb"
        )
    options = ("--ephemeral", "--web", "--web-port", "0", "--max-file", "30MB")
    with Server(*options) as server, ENGINES[engine](tmp_path) as tab:
        tab.visit(f"http://127.0.0.1:{server.wait_for('page')['port']}/")
        tab.until("() => 'ready' in document.documentElement.dataset")
        tab.run(ENTER, "Nova")
        shown(tab, "#room")
        code = tab.until(CODE)
        with Chatter("Terry", server.port, "--room", code) as terry:
            tab.until(SEES, "Terry joined")
            tab.run(SAY, "Hello from the browser")
            terry.see("Nova: Hello from the browser")
            terry.say("Hello @Nova, from the terminal")
            tab.until(SEES, "from the terminal")
            assert tab.run("() => document.querySelector('mark').textContent") == "@Nova"
            tab.run(SAY, "/msg Terry in private")
            terry.see("in private")
            tab.until(SEES, "Messages are sealed")  # WebCrypto has all that it needs
            shown(tab, "#rooms button")
            tab.run("() => document.querySelector('#rooms button').click()")
            tab.until(SEES, "Terry joined")
            tab.run(DROP, 17_000_000)
            shown(tab, ".file")
            assert tab.run(SAVE) == [17_000_000, "application/octet-stream", True]
            tab.reload()
            tab.until("() => document.documentElement.dataset.link === 'online'")
            tab.until(SEES, "Hello from the browser")
            tab.until(
                "() => document.querySelector('#privates button')?.textContent.includes('Terry')"
            )
            assert terry.end() == 0
        tab.until(SEES, "Terry left")
