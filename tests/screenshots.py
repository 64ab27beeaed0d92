"""`python -m tests.screenshots [FOLDER]`: retake the screenshots of the page.

Without a folder, write the README's pictures to `docs/pictures/`. With a folder, write screenshots of
every screen there, at both sizes, light and dark, for review.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, expect

from tests.cli.chatter import Chatter
from tests.end_to_end.browsing import People, Person, browser
from tests.end_to_end.processes import ROOT, Server

PICTURES = ROOT / "docs" / "pictures"


class Camera:
    """Takes screenshots.

    Args:
        folder: Folder for the screenshots.
        everything: Whether to also take the screens that the documentation does not show.
    """

    def __init__(self, folder: Path, *, everything: bool) -> None:
        self._folder = folder
        self.takes_everything = everything

    def take(self, person: Person, name: str, *, shown: bool = False) -> None:
        """Take a screenshot; `shown` marks those that the documentation shows."""
        if not (shown or self.takes_everything):
            return
        person.page.evaluate("document.activeElement.blur()")
        person.page.mouse.move(0, 0)  # away from the buttons beside a message
        person.page.wait_for_timeout(300)
        path = self._folder / f"page-{name}.png"
        person.page.screenshot(path=path, animations="disabled", caret="hide")
        # 256 colours are enough for a page, and a third of the bytes.
        Image.open(path).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
            path, optimize=True
        )
        print(f"{path}  {path.stat().st_size:,} bytes", file=sys.stderr)


def scenes(people: People, server: Server, camera: Camera) -> None:
    """Play a lesson with five users, one of them in a terminal, and take the screenshots."""
    nova = people.new()
    camera.take(nova, "home", shown=True)
    code = nova.enter("Nova")
    expect(nova.page.locator(".head:not([hidden])")).to_be_visible()
    nova.log.locator("img").evaluate("picture => picture.decode()")
    camera.take(nova, "new-room", shown=True)

    link = f"/r/{code.replace('-', '')}"
    maya = people.new(link, phone=True, dark=True)
    camera.take(maya, "phone-invited-dark")
    maya.accept("Maya")
    tom = people.new(link, phone=True)
    camera.take(tom, "phone-invited")
    tom.accept("Tom")
    vega = people.new(link, dark=True)
    camera.take(vega, "invited-dark")
    vega.accept("Vega")
    with Chatter("Lena", server.port, "--room", code) as lena:
        nova.sees("Lena joined")
        talk: list[tuple[Person | Chatter, str]] = [
            (nova, "Good morning! Today we take a chat apart, byte by byte."),
            (tom, "I joined with the QR code 🎉"),
            (lena, "and I am in a terminal, over plain TCP"),
            (maya, "What does a message look like on the wire?"),
            (nova, "16 bytes of header, then the fields. Open “Under the hood” and point at one."),
            (maya, "Ah: the length of the room's code, then the code itself!"),
            (maya, "And a CRC-32 over all of it."),
            (vega, "صباح الخير"),
            (tom, "So what happens when a bit flips?"),
            (
                nova,
                "Then the CRC does not match.\nNext week: how to repair it. http://127.0.0.1:6480/",
            ),
            (vega, "👋"),
        ]
        for speaker, text in talk:
            speaker.say(text)
            for person in (nova, maya, tom, vega):
                person.sees(text.split("\n")[0])
        nova.page.bring_to_front()
        camera.take(nova, "room", shown=True)
        camera.take(vega, "room-dark", shown=True)
        tom.page.bring_to_front()
        camera.take(tom, "phone-room", shown=True)
        maya.page.bring_to_front()
        camera.take(maya, "phone-room-dark")

        for person, name, field in (
            (nova, "hood", "text"), (maya, "phone-hood-dark", "room"), (tom, "phone-hood", "room"),
            (vega, "hood-dark", "text"),
        ):  # fmt: skip
            person.page.bring_to_front()
            person.tool("hood-open")
            person.page.locator("#frames li", has_text="CRC-32").first.click()
            heads = person.page.locator("#frame tbody th")
            heads.filter(has_text=re.compile(f"^{field}")).last.click()
            camera.take(person, name, shown=name in ("hood", "phone-hood"))
            person.page.click("#hood-close")

        tom.tool("people-open")
        camera.take(tom, "phone-people")
        tom.page.click("#people-list [data-name=Maya]")
        camera.take(tom, "phone-private-new")
        tom.say("Do you have the code of yesterday's room?")
        maya.page.click("#menu")
        camera.take(maya, "phone-rooms-dark")
        maya.page.click("#privates button")
        maya.say("It is on the board")
        maya.sees("on the board")
        camera.take(maya, "phone-private-dark")
        tom.page.click("#menu")
        camera.take(tom, "phone-rooms")
        tom.page.keyboard.press("Escape")
        nova.page.click("#new-room")
        expect(nova.page.locator("#rooms button")).to_have_count(2)
        vega.say("Which room is that?", "Ah, a new one")
        expect(nova.page.locator("#rooms .badge")).to_contain_text("2")
        camera.take(nova, "rooms")
        nova.tool("invite-open")
        camera.take(nova, "invite")
        nova.page.keyboard.press("Escape")
        for opener in ("join", "rename", "quit"):
            vega.page.click(f"#{opener}-open")
            camera.take(vega, f"{opener}-dark")
            vega.page.keyboard.press("Escape")
        for name, form in (
            ("dashboard", {}), ("dashboard-dark", {"dark": True}), ("phone-dashboard", {"phone": True}),
            ("phone-dashboard-dark", {"phone": True, "dark": True}),
        ):  # fmt: skip
            camera.take(people.new("/server", **form), name, shown=name == "dashboard-dark")
        lena.end()
    laboratory(people, camera)
    server.kill()
    vega.say("Is anyone there?")
    expect(vega.page.locator("#banner")).to_be_visible()
    camera.take(vega, "offline-dark")
    tom.say("Hello?")
    expect(tom.page.locator("#banner")).to_be_visible()
    camera.take(tom, "phone-offline")


#: States of the channel lab, each with whether the documentation shows it.
LABORATORY = {
    "lab": ("text=Hello&channel=bsc:0.06&seed=40&touched=e60", True),
    "lab-decoder": (
        "code=conv:7,5,k%3D24&channel=bsc:0&touched=15.20.35&view=decoder&at=14",
        False,
    ),
}


def laboratory(people: People, camera: Camera) -> None:
    """Take the screenshots of the channel lab."""
    for name, (state, is_shown) in LABORATORY.items():
        for phone, dark in ((False, False), (True, True), (False, True), (True, False)):
            if not (is_shown and not phone and not dark) and not camera.takes_everything:
                continue
            person = people.new(f"/lab#{state}", phone=phone, dark=dark)
            answered = "data-explained" if "view=decoder" in state else "data-drawn"
            expect(person.page.locator("html")).to_have_attribute(
                answered,
                re.compile("."),
                timeout=90_000,  # workers of the lab start
            )
            expect(person.page.locator("#set-code option")).not_to_have_count(2, timeout=90_000)
            camera.take(person, f"{'phone-' * phone}{name}{'-dark' * dark}", shown=is_shown)


def main() -> None:
    everything = len(sys.argv) > 1
    folder = Path(sys.argv[1]) if everything else PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    running: Browser
    with Server("--ephemeral", "--web", "--lan", "--web-port", "0") as server, browser() as running:
        address = f"http://127.0.0.1:{server.wait_for('page')['port']}"
        scenes(People(running, address), server, Camera(folder, everything=everything))


if __name__ == "__main__":
    main()
