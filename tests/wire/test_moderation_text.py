"""Events of moderation: their text, and the sentences about them."""

from __future__ import annotations

import json
import subprocess

import pytest

from netchat.web.site import PAGE
from netchat.wire import Event, EventKind, ModeratorAction
from netchat.wire.moderation_text import (
    ModerationNotice,
    describe,
    duration_words,
    event_text,
    parse_notice,
)
from tests.web.page_client import NODE

SENTENCES = [
    (ModerationNotice(1, "Nova", "Ada", 0, "spam"), "Nova was removed by Ada: spam"),
    (ModerationNotice(1, "Nova", "", 0, ""), "Nova was removed by the host"),
    (ModerationNotice(2, "Nova", "Ada", 600, ""), "Nova was muted by Ada for 10 minutes"),
    (ModerationNotice(3, "Nova", "Ada", 0, ""), "Nova was unmuted by Ada"),
    (ModerationNotice(4, "", "Ada", 86_400, "x"), "an address was banned by Ada for 1 day: x"),
    (ModerationNotice(5, "Nova", "Ada", 0, ""), "Nova was unbanned by Ada"),
    (ModerationNotice(6, "Nova", "Ada", 0, ""), "Nova was made a moderator by Ada"),
    (ModerationNotice(7, "Nova", "Ada", 0, ""), "Nova was removed as a moderator by Ada"),
    (ModerationNotice(8, "", "Ada", 0, "Physics"), "Ada named this room “Physics”"),
    (ModerationNotice(8, "", "Ada", 0, ""), "Ada removed this room's title"),
    (ModerationNotice(9, "", "Ada", 0, ""), "Ada locked this room: no one else can join"),
    (ModerationNotice(10, "", "Ada", 0, ""), "Ada unlocked this room"),
    (
        ModerationNotice(11, "", "Ada", 0, ""),
        "Ada made this room read-only: only moderators can write",
    ),
    (ModerationNotice(12, "", "Ada", 0, ""), "Ada lets everyone write again"),
    (ModerationNotice(13, "", "Ada", 0, ""), "Ada cleared this room's history"),
    (ModerationNotice(14, "", "", 0, "bye"), "the host closed this room: bye"),
    (ModerationNotice(99, "", "Ada", 0, ""), "Ada carried out action 99"),
]


@pytest.mark.parametrize(("notice", "sentence"), SENTENCES)
def test_each_action_has_a_sentence(notice, sentence):
    assert describe(notice) == sentence


def test_all_actions_have_one():
    assert {notice.action for notice, _ in SENTENCES} - {99} == set(ModeratorAction)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (90, "90 seconds"), (60, "1 minute"), (7200, "2 hours"), (0, "0 seconds")],
)
def test_durations_have_the_largest_whole_unit(seconds, words):
    assert duration_words(seconds) == words


@pytest.mark.parametrize(
    ("kind", "text", "notice"),
    [
        (EventKind.REMOVED, event_text("Ada", 5, "a\nb"), ModerationNotice(4, "Nova", "Ada", 5, "a\nb")),
        (EventKind.ROOM_CHANGED, "Ada\n0\nT", ModerationNotice(4, "", "Ada", 0, "T")),
        (EventKind.MODERATED, "", ModerationNotice(4, "Nova", "", 0, "")),
        (EventKind.MODERATED, "Ada\nmany\n", ModerationNotice(4, "Nova", "Ada", 0, "")),
        (EventKind.MODERATED, f"Ada\n{'9' * 99}\n", ModerationNotice(4, "Nova", "Ada", 0, "")),
    ],
)  # fmt: skip
def test_a_text_is_read_back_whatever_it_is(kind, text, notice):
    assert parse_notice(Event(1, 0, 0, 4, kind, "lobby", "Nova", text)) == notice


@pytest.mark.skipif(NODE is None, reason="node is not installed: apt-get install nodejs")
def test_the_page_has_the_same_sentences():
    notices = [notice._asdict() for notice, _ in SENTENCES]
    script = f"""
    const {{ describe }} = await import({json.dumps((PAGE / "moderation_text.js").as_uri())});
    console.log(JSON.stringify({json.dumps(notices)}.map(describe)));
    """
    done = subprocess.run(
        [str(NODE), "--input-type=module", "--eval", script],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == [sentence for _, sentence in SENTENCES]
