"""The log of a server in its window."""

from __future__ import annotations

import pytest

pytest.importorskip("tkinter")

from netchat.chat.effects import Log
from netchat.chat.server_log import LogEntry
from netchat.desktop.server_log_view import _CHUNK, MAX_ENTRIES, ServerLogView
from netchat.desktop.theme import Theme


def entry(event: str, **fields) -> LogEntry:
    return LogEntry(1_700_000_000.0, Log(event, fields))


@pytest.fixture
def view(root):
    made = ServerLogView(root, Theme(root, 1.0, is_dark=False))
    made.frame.pack(fill="both", expand=True)
    root.geometry("700x300")
    root.update()
    return made


def shown(view) -> list[str]:
    return view.text.get("1.0", "end-1c").split("\n")


def test_the_filter_admits_entries_with_all_its_words(view):
    view.append(
        [entry("joined", name="Nova"), entry("joined", name="Lena"), entry("away", name="Nova")]
    )
    assert len(shown(view)) == 3
    view.filter.set("NOVA joi")
    assert [line.split()[1:] for line in shown(view)] == [["joined", "Nova"]]
    view.append([entry("joined", name="Nova2"), entry("left", name="Nova")])
    assert len(shown(view)) == len(view.lines()) == 2
    view.filter.set("")
    assert len(shown(view)) == 5
    view.only_warnings.set(True)
    view.append([entry("storage", text="the disk is full")])
    assert view.lines()[0].endswith("the disk is full")
    assert len(view.lines()) == 1


def test_hostile_names_stay_in_their_line(view):
    view.append([entry("refused", name="a\nb\x1b[2J", text="{x} $y [exit]")])
    (line,) = shown(view)
    assert "{x} $y [exit]" in line
    assert "\x1b" not in line


def test_the_oldest_entries_go_first(view):
    for first in range(0, MAX_ENTRIES + 2 * _CHUNK, _CHUNK):
        view.append([entry("joined", name=f"user{first + n}") for n in range(_CHUNK)])
    lines = shown(view)
    assert MAX_ENTRIES <= len(lines) <= MAX_ENTRIES + _CHUNK
    assert lines[-1].endswith(f"user{MAX_ENTRIES + 2 * _CHUNK - 1}")
    assert lines[0].startswith(view.lines()[0].split()[1][:2])
    assert float(view.text.yview()[1]) == 1.0
    view.text.yview_moveto(0.3)
    before = view.text.index("@0,0")
    view.append([entry("joined", name="late")])
    assert view.text.index("@0,0") == before  # the reader's place stays
