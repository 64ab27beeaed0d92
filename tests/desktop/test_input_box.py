"""The input of the window, with real key events."""

from __future__ import annotations

import pytest

from tests.desktop.display import wait_until

pytest.importorskip("tkinter")

from netchat.desktop.input_box import MAX_LINES, InputBox
from netchat.desktop.theme import Theme


@pytest.fixture
def box(root):
    sent: list[str] = []
    pasted: list[list[str]] = []

    def complete(before: str) -> tuple[int, list[str]]:
        word = before.split(" ")[-1]
        return len(word), [name for name in ("Nova", "Nora", "Tom") if name.startswith(word)]

    box = InputBox(
        root, Theme(root, 1.0, is_dark=False), sent.append, complete, list, pasted.append
    )
    box.sent, box.pasted = sent, pasted
    box.frame.pack(fill="x")
    root.geometry("400x300")
    box.text.focus_force()
    wait_until(root, lambda: root.focus_get() is box.text)
    return box


def press(box: InputBox, *keys: str) -> None:
    for key in keys:
        box.text.event_generate(f"<{key}>")


def test_enter_sends_and_shift_enter_begins_a_line(box):
    press(box, "H", "i", "Shift-Return", "x", "Return")
    assert (box.sent, box.value) == (["Hi\nx"], "")
    press(box, "Return", "space", "Return")  # nothing to send
    assert box.sent == ["Hi\nx"]
    box.set("by a click")
    box.button.invoke()
    assert box.sent[1:] == ["by a click"]


def test_up_and_down_show_earlier_inputs_and_the_draft(box):
    for text in ("one", "two", "one"):  # a repeated input is in the history once
        box.set(text)
        press(box, "Return")
    box.set("draft")
    shown = []
    for key in ("Up", "Up", "Up", "Down", "Down", "Down"):
        press(box, key)
        shown.append(box.value)
    assert shown == ["one", "two", "two", "one", "draft", "draft"]
    press(box, "Escape")
    assert box.value == ""


def test_up_moves_the_cursor_inside_a_text_of_several_lines(box):
    box.set("earlier")
    press(box, "Return")
    box.set("first\nsecond")
    press(box, "Up")
    assert box.value == "first\nsecond"
    press(box, "Up")
    assert box.value == "earlier"


def test_tab_completes_and_shows_the_next_candidate(box):
    box.set("hi To")
    press(box, "Tab")
    assert box.value == "hi Tom "
    box.set("No")
    shown = []
    for _ in range(3):
        press(box, "Tab")
        shown.append(box.value)
    assert shown == ["Nova", "Nora", "Nova"]
    box.set("xyz")
    press(box, "Tab")
    assert box.value == "xyz"


def test_it_grows_with_its_text(box, root):
    box.set("\n".join("abc"))
    wait_until(root, lambda: int(box.text["height"]) == 3)
    box.set("\n" * 50)
    wait_until(root, lambda: int(box.text["height"]) == MAX_LINES)
    press(box, "Escape")
    wait_until(root, lambda: int(box.text["height"]) == 1)
