"""Messages with their edits, deletions and reactions; the page passes the same vectors."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from netchat.chat import annotation_log
from netchat.chat.annotation_log import AnnotationLog, MessageView
from netchat.wire import Event, EventKind
from netchat.wire.annotations import Annotation

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "annotations.json").read_text(encoding="utf-8")
)


def event(kind: int, seq: int, sender: str, text: str) -> Event:
    return Event(seq, 1, 9, 1, kind, "lobby", sender, text)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_views(vector):
    log = AnnotationLog()
    for kind, seq, sender, text, *more in vector["events"]:
        sealed, problem = (*more, "", "")[:2]
        log.add(
            event(kind, seq, sender, text),
            is_sealed=bool(sealed),
            problems=(problem,) * bool(problem),
        )
    view = log.view(event(*vector["message"]))
    assert asdict(view) == asdict(MessageView(**vector["view"]))


def test_it_says_which_message_changes():
    log = AnnotationLog()
    edit = event(EventKind.EDIT, 7, "Ann", "5\nnew")
    assert log.add(edit) == Annotation(EventKind.EDIT, 5, "new")
    assert log.add(event(EventKind.CHAT, 8, "Ann", "5\nnew")) is None
    assert log.add(edit, problems=("forged",)) is None


def test_cleared_messages_are_forgotten():
    log = AnnotationLog()
    log.add(event(EventKind.EDIT, 7, "Ann", "5\nnew"))
    log.add(event(EventKind.EDIT, 8, "Ann", "6\nnew"))
    log.clear_before(6)
    assert log.view(event(EventKind.CHAT, 5, "Ann", "old")).text == "old"
    assert log.view(event(EventKind.CHAT, 6, "Ann", "old")).text == "new"


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(annotation_log, "MAX_TARGETS", 2)
    monkeypatch.setattr(annotation_log, "MAX_PER_TARGET", 3)
    log = AnnotationLog()
    for target in (1, 2, 3):
        for seq in range(10, 20):
            log.add(event(EventKind.REACTION, seq, f"User{seq}", f"{target}\n+x"))
    reactions = [len(log.view(event(1, n, "Ann", "hi")).reactions.get("x", ())) for n in (1, 2, 3)]
    assert reactions == [0, 3, 3]
