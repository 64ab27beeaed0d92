"""The log of the window."""

from __future__ import annotations

import time

import pytest

from tests.desktop.display import wait_until

pytest.importorskip("tkinter")

from netchat.desktop.log_view import PAGE, LogView
from netchat.desktop.theme import Theme
from netchat.tui.entries import Entry
from netchat.tui.lines import LineKind

NOON = 1_700_000_000.0


def message(text: str, sender: str = "Nova", when: float = NOON, **more) -> Entry:
    return Entry(when, LineKind.EVENT, text, sender, **more)


@pytest.fixture
def log(root):
    log = LogView(root, Theme(root, 1.0, is_dark=True))
    log.frame.pack(fill="both", expand=True)
    root.geometry("500x300")
    root.update()
    return log


def lines(log: LogView) -> list[str]:
    return log.text.get("1.0", "end-1c").split("\n")


def tags_at(log: LogView, text: str) -> set[str]:
    return set(log.text.tag_names(log.text.search(text, "1.0")))


def test_messages_of_one_sender_are_grouped(log):
    log.show([message("one"), message("two"), message("three", when=NOON + 400)])
    log.append([message("four", "Tom", NOON + 401, is_own=True, is_sealed=True)])
    shown = lines(log)
    assert shown[1:3] == ["one", "two"]
    assert [line.split("  ")[0] for line in shown if "  " in line] == ["Nova", "Nova", "Tom"]
    assert "\N{LOCK}" in shown[5]
    assert "own" in tags_at(log, "Tom")


def test_notices_errors_and_answers_differ(log):
    log.show([
        Entry(NOON, LineKind.EVENT, "Nova joined the chat", tag="join", seq=1),
        Entry(NOON, LineKind.ERROR, "slow down", tag="error"),
        Entry(NOON, LineKind.ERROR, "'x': too late", tag="not delivered"),
        Entry(NOON, LineKind.ANSWER, "/who  list the members"),
    ])  # fmt: skip
    assert lines(log)[1:] == ["slow down", "Not delivered: 'x': too late", "/who  list the members"]
    assert "notice" in tags_at(log, "Nova joined")
    assert "error" in tags_at(log, "slow down")
    assert "answer" in tags_at(log, "/who")


def test_links_can_be_opened(log, root, monkeypatch):
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    log.show([message("see https://example.org/a?b=1, or file:///etc/passwd")])
    root.update()
    assert "link" in tags_at(log, "https")
    assert "link" not in tags_at(log, "file")
    x, y, _, height = log.text.bbox(log.text.search("example.org", "1.0"))
    log.text.event_generate("<Motion>", x=x + 2, y=y + height // 2)
    log.text.event_generate("<Button-1>", x=x + 2, y=y + height // 2)
    assert opened == ["https://example.org/a?b=1"]


def test_hostile_text_is_only_text(log):
    text = "[exit] $x {unbalanced \\ %W ;destroy . \x07"
    log.show([message(text, "[exit]")])
    assert lines(log)[1] == text


def test_it_follows_the_end_unless_the_user_has_scrolled_up(log, root):
    log.show([message(f"line {index}") for index in range(100)])
    root.update()
    assert log.text.yview()[1] == 1.0
    log.append([message("new")])
    root.update()
    assert log.text.yview()[1] == 1.0
    log.page(-1)
    root.update()
    top = log.text.index("@0,0")
    log.append([message("newer")])
    root.update()
    assert log.text.index("@0,0") == top
    log.scroll_to_end()
    root.geometry("400x200")  # a smaller window still shows the end
    wait_until(root, lambda: log.text.winfo_height() < 250)
    wait_until(root, lambda: log.text.yview()[1] == 1.0)


def test_earlier_entries_are_drawn_when_the_user_scrolls_up(log, root):
    log.show([message(f"line {index}") for index in range(3 * PAGE)])
    root.update()
    assert f"line {2 * PAGE - 1}" not in lines(log)
    before = log.text.get("2.0", "2.0 lineend")
    log.text.yview_moveto(0.0)
    wait_until(root, lambda: f"line {PAGE}" in lines(log))
    assert "line 0" not in lines(log)
    top = log.text.get("@0,0 linestart", "@0,0 + 2 lines lineend")
    assert before in top  # the text has not moved
    log.text.yview_moveto(0.0)
    wait_until(root, lambda: "line 0" in lines(log))
    found = [line for line in lines(log) if line.startswith("line ")]
    assert found == [f"line {index}" for index in range(3 * PAGE)]


def test_ten_thousand_messages_are_appended_and_scrolled_quickly(log, root):
    log.show([])
    begun = time.process_time()
    for start in range(0, 10_000, 100):
        log.append([message(f"message {index}") for index in range(start, start + 100)])
        root.update()
    for fraction in range(100):
        log.text.yview_moveto(fraction / 100)
        root.update_idletasks()
    assert time.process_time() - begun < 10
    assert len(lines(log)) > 10_000


def test_a_changed_entry_does_not_move_what_the_user_reads(log, root):
    entries = [message(f"line {number}", when=NOON + number) for number in range(100)]
    log.show(entries)
    wait_until(root, lambda: float(log.text.yview()[1]) == 1.0)
    log.text.yview("20.0")
    root.update()
    top = log.text.index("@0,0")
    entries[-1] = message("line 99 (edited)", when=NOON + 99)
    log.replace(entries)
    root.update()
    assert log.text.index("@0,0") == top
    assert lines(log)[-1] == "line 99 (edited)"
    log.scroll_to_end()
    wait_until(root, lambda: log._is_at_end and float(log.text.yview()[1]) == 1.0)
    entries[-1] = message("line 99\nin two lines", when=NOON + 99)
    log.replace(entries)
    wait_until(root, lambda: float(log.text.yview()[1]) == 1.0)


def test_an_offered_file_has_a_link_to_save_it(root):
    saved: list[Entry] = []
    log = LogView(root, Theme(root, 1.0, is_dark=False), saved.append)
    log.frame.pack(fill="both", expand=True)
    root.geometry("500x300")
    name = "x  /save 7.pdf"
    offer = Entry(
        NOON,
        LineKind.EVENT,
        f"Nova: {name} (2 kB)  /save 7  👍 2",
        tag="file",
        offer=7,
        file_name=name,
    )
    log.show([offer])
    root.update()
    assert lines(log)[0].endswith(f"Nova: {name} (2 kB)  Save …  👍 2")
    x, y, *_ = log.text.bbox(log.text.search("Save …", "1.0"))
    for event in ("<Enter>", "<Motion>", "<Button-1>"):
        log.text.event_generate(event, x=x + 2, y=y + 5)
    assert saved == [offer]
