"""Search of a room's history: what matches, bounded work, and what is refused."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.chat import search as module
from netchat.chat.search import excerpt, match_words, words_of
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import (
    MAX_FRAME,
    Create,
    CreateSealed,
    Device,
    ErrorCode,
    EventKind,
    Feature,
    Found,
    Leave,
    Search,
    Send,
    encode,
)
from tests.chat.file_world import FileWorld
from tests.chat.test_annotation_handlers import ALL, KEYS, annotate, enter, post, world  # noqa: F401
from tests.chat.test_file_service import offer, send
from tests.chat.world import World, refusal


def find(world, link, words, before=0, room="lobby"):  # noqa: F811
    (found,) = world.say(link, Search(7, before, room, words))
    assert isinstance(found, Found), found
    assert (found.request, found.room) == (7, room)
    assert len(encode(found)) <= MAX_FRAME
    return [(m.kind, m.seq, m.text) for m in found.messages], found.searched


def test_messages_with_all_words_newest_first(world):  # noqa: F811
    nova = enter(world)
    post(world, nova, "The red pen", "a blue pen", "RED PENCIL", "red", "pen Red")
    assert find(world, nova, "red pen") == (
        [(1, 6, "pen Red"), (1, 4, "RED PENCIL"), (1, 2, "The red pen")],
        0,
    )
    assert find(world, nova, "pen", before=4)[0] == [(1, 3, "a blue pen"), (1, 2, "The red pen")]
    assert find(world, nova, "purple") == ([], 0)
    assert find(world, nova, "pen", before=2**64 - 1)[0][0][1] == 6
    assert find(world, nova, "pen", before=1) == ([], 0)


def test_names_codes_and_events_of_other_kinds_do_not_match(world):  # noqa: F811
    nova = enter(world)
    post(world, nova, "hi")
    assert find(world, nova, "nova") == ([], 0)
    assert find(world, nova, "lobby") == ([], 0)


def test_edits_and_replies_match_with_their_target_and_deleted_messages_do_not(world):  # noqa: F811
    nova = enter(world)
    first, second = post(world, nova, "the secret pen", "a pen")
    annotate(world, nova, EventKind.EDIT, second, "a green pen")
    annotate(world, nova, EventKind.REPLY, second, "my pen")
    annotate(world, nova, EventKind.DELETE, first)
    annotate(world, nova, EventKind.REACTION, second, "+pen")
    (found,) = world.say(nova, Search(7, 0, "lobby", "pen"))
    assert [(m.kind, m.target, m.text) for m in found.messages] == [
        (EventKind.REPLY, second, "my pen"),
        (EventKind.EDIT, second, "a green pen"),
        (EventKind.CHAT, 0, "a pen"),
    ]


def test_files_match_by_their_name():
    world = FileWorld()  # noqa: F811
    try:
        nova = enter(world)
        send(world, nova)
        offer(world, nova, name="Holiday.png")
        assert find(world, nova, "holiday")[0] == [(EventKind.FILE, 2, "Holiday.png")]
        assert find(world, nova, "octet") == ([], 0)
    finally:
        world.close()


@pytest.mark.parametrize(
    ("text", "words", "is_match"),
    [
        ("Straße", "STRASSE", True),
        ("Zoë", "zoë", True),
        ("Zoe\u0308", "zoë", True),
        ("ΣΑΣ", "σας", True),
        ("pencil", "pen pen", True),
        ("pencil", "pen red", False),
        ("a b", "ab", False),
    ],
)
def test_case_and_normal_forms_make_no_difference(text, words, is_match):
    assert match_words(text, words_of(words)) is is_match


@given(st.text(), st.text())
def test_every_text_contains_its_words(text, more):
    assert match_words(f"{more} {text}", words_of(text))


@given(st.text(max_size=900), st.text(min_size=1, max_size=5), st.text(max_size=900))
def test_an_excerpt_is_a_bounded_part_of_the_text(before, word, after):
    text = before + word + after
    shown = excerpt(text, words_of(word))
    assert len(shown) <= module.EXCERPT
    assert shown.strip("…") in text


def test_an_excerpt_shows_the_first_match():
    text = "x" * 5000 + "needle" + "y" * 5000
    shown = excerpt(text, ["needle"])
    assert "needle" in shown
    assert (shown[0], shown[-1], len(shown)) == ("…", "…", module.EXCERPT)
    assert excerpt("needle" + "y" * 900, ["needle"]).startswith("needle")
    assert excerpt("y" * 900 + "needle", ["needle"]).endswith("needle")
    assert excerpt("Zoe\u0308" + "y" * 900, words_of("zoë")).startswith("Zoe")
    assert excerpt("y" * 900, []) == "y" * 398 + "…"


def test_one_search_examines_a_part_and_says_where_to_continue(world, monkeypatch):  # noqa: F811
    monkeypatch.setattr(module, "SEARCHED_BYTES", 20_000)
    nova = enter(world)
    post(world, nova, "needle", *["x" * 500] * 200, "needle 2")
    found, searched = find(world, nova, "needle")
    assert [text for _, _, text in found] == ["needle 2"]
    assert 100 < searched < 190
    seen, requests = found, 1
    while searched > 1:
        found, searched = find(world, nova, "needle", searched)
        seen += found
        requests += 1
    assert [text for _, _, text in seen] == ["needle 2", "needle"]
    assert requests < 8


def test_the_answer_is_bounded_and_none_is_missing(world):  # noqa: F811
    nova = enter(world)
    texts = [f"pen {n} " + "\U0001f58a" * 600 for n in range(60)]
    post(world, nova, *texts)
    seen, before = [], 0
    while True:
        found, before = find(world, nova, "pen", before)
        seen += [text.split("\U0001f58a")[0] for _, _, text in found]
        if before <= 1:
            break
    assert seen == [f"pen {n} " for n in reversed(range(60))]


def test_the_work_counts_against_the_rate():
    world = World(rate=10.0, burst=3000.0)  # noqa: F811
    nova = enter(world)
    for _ in range(30):
        world.tick(100)
        post(world, nova, *["x" * 900] * 10)
    world.tick(1000)
    before = nova.allowance
    find(world, nova, "needle")
    assert before - nova.allowance > 200


@pytest.mark.parametrize("words", ["", " ", "a b c d e f g h i", "x" * 201, "\u2003"], ids=range(5))
def test_other_words_are_refused(words):
    world = World()  # noqa: F811
    nova = enter(world)
    answer = world.say(nova, Search(7, 0, "lobby", words))
    assert refusal(answer) == (ErrorCode.TEXT_NOT_ALLOWED, Search.TYPE, 7)


def test_only_members_search():
    world = World()  # noqa: F811
    nova = enter(world)
    answer = world.say(nova, Search(7, 0, "7K3F92MQ0T", "x"))
    assert refusal(answer) == (ErrorCode.NOT_A_MEMBER, Search.TYPE, 7)


def test_a_user_who_leaves_gets_no_answer(monkeypatch):
    world = World()  # noqa: F811
    nova = enter(world)
    world.say(nova, Create(2))
    post(world, nova, *["x"] * 100)
    world.frozen = True
    nova.up += encode(Search(7, 0, "lobby", "x y"))
    world._receive(nova)
    world.hub.catch_up(lambda: True)
    nova.up += encode(Leave(9, "lobby"))
    world.frozen = False
    world.settle()
    errors = [m.code for m in nova.take() if hasattr(m, "code")]
    assert errors == [ErrorCode.NOT_A_MEMBER]


def test_a_sealed_room_is_not_searched_by_the_server():
    world = World()  # noqa: F811
    nova = enter(world, features=ALL | Feature.SEALED)
    world.say(nova, Device("", 0, KEYS, b""))
    joined = world.say(nova, CreateSealed(2, b"c" * 16))[0]
    room = joined.membership[0].room
    answer = world.say(nova, Search(7, 0, room, "x"))
    assert refusal(answer) == (ErrorCode.NOT_POSSIBLE, Search.TYPE, 7)


def test_damaged_and_purged_events_are_passed_over(tmp_path):
    history = SqliteHistory(tmp_path / "h.db", fsync=False)
    world = World(history)  # noqa: F811
    nova = enter(world)
    post(world, nova, *[f"pen {n}" for n in range(50)])
    with contextlib.closing(sqlite3.connect(history.path, isolation_level=None)) as file:
        file.execute("UPDATE event SET frame = x'00' WHERE seq IN (20, 40)")
        file.execute("DELETE FROM event WHERE seq < 5 OR seq = 30")
    seen, before = [], 0
    while True:
        found, before = find(world, nova, "pen", before)
        seen += [seq for _, seq, _ in found]
        if before <= 1:
            break
    assert seen == [n for n in range(51, 4, -1) if n not in (20, 30, 40)]
    history.close()


def test_searches_of_several_users_take_turns():
    world = World()  # noqa: F811
    nova, bo = enter(world), enter(world, "Bo")
    post(world, nova, "needle", *["x"] * 300)
    bo.take()
    nova.up += encode(Search(7, 0, "lobby", "needle"))
    bo.up += encode(Search(8, 0, "lobby", "needle")) + encode(Send(1, "lobby", "quick"))
    world.settle()
    assert [m.request for m in nova.take() if isinstance(m, Found)] == [7]
    assert [m.request for m in bo.take() if isinstance(m, Found)] == [8]
