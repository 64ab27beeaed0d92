"""A photo from a phone to a terminal whose line flips bits, while the connections are cut."""

from __future__ import annotations

import io
import itertools
import json
import os
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.chatter import Chatter
from tests.end_to_end.browsing import People, browser, needs_chromium
from tests.end_to_end.cutting_proxy import CuttingProxy
from tests.end_to_end.processes import Server

pytestmark = [needs_chromium, pytest.mark.thorough]

#: Records the text of each transfer's bar, as often as it changes.
WATCH = """() => {
  window.seen = [];
  const note = () => {
    for (const bar of document.querySelectorAll(".transfer")) window.seen.push(bar.innerText);
  };
  new MutationObserver(note).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""


def photo() -> bytes:
    """Return a picture that no compression makes small, in PNG."""
    out = io.BytesIO()
    Image.frombytes("RGB", (800, 600), os.urandom(800 * 600 * 3)).save(out, "PNG")
    return out.getvalue()


def test_a_photo_arrives_over_a_noisy_line_that_is_cut_twice(tmp_path: Path) -> None:
    data = photo()
    target = tmp_path / "saved.png"
    link = ("--link", "adaptive", "--channel", "bsc:1e-3", "--seed", "1", "--json")
    # The page itself is about 150 kB; the line also carries parity.
    cuts = (500_000, 1_000_000)
    with (
        Server("--ephemeral", "--web", "--web-port", "0") as server,
        CuttingProxy(server.wait_for("page")["port"], cuts) as air,
        CuttingProxy(server.port, cuts) as line,
        browser() as chromium,
        Chatter("Terry", line.port, *link) as terry,
    ):
        terry.see('"type": "entered"')
        people = People(chromium, f"http://127.0.0.1:{air.port}")
        phone = people.new(phone=True)
        phone.enter("Phoebe")
        code = phone.code
        terry.say(f"/join {code}")
        phone.sees("Terry joined")
        phone.page.evaluate(WATCH)
        picture = {"name": "photo.png", "mimeType": "image/png", "buffer": data}
        phone.page.set_input_files("#files", [picture])
        terry.see('"type": "file"')
        terry.say(f"/save 1 {target}")
        terry.see('"type": "file-ended"')

        assert target.read_bytes() == data
        assert (air.done, line.done) == (2, 2)
        seen = phone.page.evaluate("window.seen")
        assert len({text for text in seen if "%" in text}) > 2, seen
        moved = [
            note["done"] for note in map(json.loads, terry.out) if note["type"] == "file-progress"
        ]
        assert len(moved) > 2
        assert all(a <= b for a, b in itertools.pairwise(moved)), moved
        assert terry.end() == 0
        people.go_home()
        assert server.complaints == []
