"""A room's log in four formats: complete, and harmless whatever users have written."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from html.parser import HTMLParser

import pytest

from netchat.chat.room_export import FORMATS, export_log
from netchat.web.site import PAGE
from netchat.wire import Event, EventKind
from tests.web.page_client import NODE

TIME = 1_700_000_000_123_456
EVIL = "<script>alert(1)</script>\"&'<img src=x onerror=alert(2)>"


def event(seq: int, kind: int, sender: str, text: str, counter: int = 0) -> Event:
    return Event(seq, TIME, 0, counter, kind, "7K3F92MQ0T", sender, text)


EVENTS = [
    event(1, EventKind.JOIN, "Ada", ""),
    event(2, EventKind.CHAT, "Ada", "Hello\nworld, “Zoë”"),
    event(3, EventKind.CHAT, "=cmd", EVIL),
    event(4, EventKind.CHAT, "Ada", '=HYPERLINK("http://example.org")'),
    event(5, EventKind.RENAME, "Ada", "Eve"),
    event(6, EventKind.REMOVED, "Nova", "Ada\n0\n<b>spam", 1),
    event(7, EventKind.ROOM_CHANGED, "Ada", "Ada\n0\nPhysics", 8),
    event(8, EventKind.LEAVE, "Vega", "bye"),
    event(9, EventKind.CHAT, "Ada", "\x1b[2J\u202eevil"),
    event(10, 77, "Ada", "from the future"),
    event(11, EventKind.FILE, "Ada", "3\n" + "0" * 64 + "\n\na.txt"),
    event(13, EventKind.EDIT, "Ada", "2\nHello"),
    event(14, EventKind.DELETE, "Ada", "3"),
    event(15, EventKind.REPLY, "Vega", "2\n<b>yes"),
    event(16, EventKind.REACTION, "Vega", "2\n-👍"),
    event(17, EventKind.ERASED, "=cmd", ""),
    Event(12, 2**63, 0, 0, EventKind.JOIN, "7K3F92MQ0T", "Late", ""),
]


def test_text():
    lines = export_log(EVENTS, "txt", "7K3F92MQ0T", "Physics 9b").splitlines()
    assert lines[0] == "# Physics 9b (7K3F9-2MQ0T)"
    assert lines[1] == "2023-11-14T22:13:20Z  * Ada joined"
    assert lines[2:4] == ["2023-11-14T22:13:20Z  Ada: Hello", "    world, “Zoë”"]
    assert lines[7] == "2023-11-14T22:13:20Z  * Nova was removed by Ada: <b>spam"
    assert lines[9] == "2023-11-14T22:13:20Z  * Vega left: bye"
    assert lines[10] == r"2023-11-14T22:13:20Z  Ada: \x1b[2J\u202eevil"
    assert lines[12].endswith("* Ada offered a file: a.txt (3 bytes)")
    assert [line[22:] for line in lines[13:18]] == [
        "* Ada (edited message 2) Hello",
        "* Ada (deleted message 3)",
        "* Vega (reply to message 2) <b>yes",
        "* Vega (took back a reaction to message 2) 👍",
        "* =cmd (deleted)",
    ]
    assert lines[18].startswith("9999-12-31T23:59:59Z")
    assert export_log([], "txt", "lobby") == "# lobby\n"


def test_json_lines():
    rows = [json.loads(line) for line in export_log(EVENTS, "jsonl", "R", "T").splitlines()]
    assert len(rows) == len(EVENTS)
    assert rows[1] == {
        "room": "R", "title": "T", "seq": 2, "time": 1_700_000_000.123456, "type": "chat",
        "sender": "Ada", "text": "Hello\nworld, “Zoë”",
    }  # fmt: skip
    assert rows[5]["text"] == "Nova was removed by Ada: <b>spam"
    assert rows[9]["type"] == "77"
    assert (rows[10]["type"], rows[10]["text"]) == ("file", "a.txt (3 bytes)")
    assert export_log(EVENTS, "jsonl", "R").isascii()


def test_csv_has_no_formula():
    rows = list(csv.reader(io.StringIO(export_log(EVENTS, "csv", "R"))))
    assert rows[0] == ["seq", "time", "type", "sender", "text"]
    assert len(rows) == 1 + len(EVENTS)
    assert rows[3][3] == "'=cmd"
    assert rows[4][4] == '\'=HYPERLINK("http://example.org")'
    for row in rows:
        assert not any(re.match(r"[=+\-@\t\r]", cell) for cell in row)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def read_html(text: str) -> _Tags:
    reader = _Tags()
    reader.feed(text)
    return reader


def test_html_does_not_execute_what_users_wrote():
    text = export_log(EVENTS, "html", "7K3F92MQ0T", EVIL)
    found = read_html(text)
    assert found.tags.keys() <= {
        "html", "meta", "title", "style", "h1", "table", "tr", "td", "time", "b",
    }  # fmt: skip
    assert found.attributes <= {"lang", "charset", "http-equiv", "content", "name", "class"}
    assert found.text.count(EVIL) == 3  # title, heading, message
    assert "default-src 'none'" in text


@pytest.mark.skipif(NODE is None, reason="node is not installed: apt-get install nodejs")
@pytest.mark.parametrize("suffix", FORMATS)
def test_the_page_saves_the_same(suffix):
    def plain(event: Event) -> str:
        return (
            f"{{seq: {event.seq}n, time: {event.time}n, kind: {event.kind}, "
            f"counter: {event.counter}n, sender: {json.dumps(event.sender)}, "
            f"text: {json.dumps(event.text)}}}"
        )

    events = EVENTS[:-1]
    script = f"""
    const {{ exportLog }} = await import({json.dumps((PAGE / "room_export.js").as_uri())});
    const room = {{code: "7K3F92MQ0T", name: "Physics 9b"}};
    process.stdout.write(exportLog([{", ".join(map(plain, events))}], "{suffix}", room));
    """
    done = subprocess.run(
        [str(NODE), "--input-type=module", "--eval", script], check=True, capture_output=True
    )
    page, own = done.stdout.decode(), export_log(events, suffix, "7K3F92MQ0T", "Physics 9b")
    if suffix == "jsonl":
        assert [json.loads(a) for a in page.splitlines()] == [
            json.loads(a) for a in own.splitlines()
        ]
    elif suffix == "html":
        assert read_html(page).text == read_html(own).text
        assert read_html(page).tags == read_html(own).tags
    else:
        assert page == own
