"""Text of edits, deletions, replies and reactions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.wire import EventKind
from netchat.wire.annotations import (
    ANNOTATIONS,
    MAX_REACTION,
    Annotation,
    annotation_text,
    describe_annotation,
    parse_annotation,
    reaction_problem,
)

FAMILY = "\U0001f468\U0001f3fb‍\U0001f469\U0001f3fc‍\U0001f467\U0001f3fd‍\U0001f466\U0001f3fe"


@given(
    st.sampled_from(sorted(ANNOTATIONS - {EventKind.REACTION})),
    st.integers(1, 2**63 - 1),
    st.text(min_size=1),
)
def test_a_text_is_read_as_it_was_written(kind, target, text):
    found = parse_annotation(kind, annotation_text(kind, target, text))
    assert found == Annotation(kind, target, "" if kind == EventKind.DELETE else text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("7\n+👍", Annotation(EventKind.REACTION, 7, "👍")),
        ("7\n-👍", Annotation(EventKind.REACTION, 7, "👍", is_removal=True)),
        (f"7\n+{FAMILY}", Annotation(EventKind.REACTION, 7, FAMILY)),
        ("7\n+++", Annotation(EventKind.REACTION, 7, "++")),
        ("7\n👍", None),
        ("7\n+", None),
        ("7\n+ok ok", None),
        ("7\n+​", None),
        (f"7\n+{'x' * (MAX_REACTION + 1)}", None),
    ],
)
def test_reactions(text, found):
    assert parse_annotation(EventKind.REACTION, text) == found


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (EventKind.CHAT, "7\nhi"),
        (99, "7\nhi"),
        (EventKind.EDIT, ""),
        (EventKind.EDIT, "hi"),
        (EventKind.EDIT, "7"),
        (EventKind.EDIT, "7\n"),
        (EventKind.EDIT, "07\nhi"),
        (EventKind.EDIT, "0\nhi"),
        (EventKind.EDIT, "-7\nhi"),
        (EventKind.EDIT, "٣\nhi"),
        (EventKind.EDIT, f"{2**63}\nhi"),
        (EventKind.EDIT, f"{'9' * 10_000}\nhi"),
        (EventKind.DELETE, "7\n"),
        (EventKind.DELETE, "7\nhi"),
        (EventKind.REPLY, "7 \nhi"),
    ],
)
def test_other_texts_are_no_annotations(kind, text):
    assert parse_annotation(kind, text) is None
    assert describe_annotation(kind, text) == text


@pytest.mark.parametrize(
    ("kind", "text", "shown"),
    [
        (EventKind.EDIT, "7\nnew", "(edited message 7) new"),
        (EventKind.DELETE, "7", "(deleted message 7)"),
        (EventKind.REPLY, "7\nyes", "(reply to message 7) yes"),
        (EventKind.REACTION, "7\n+👍", "(reacted to message 7) 👍"),
        (EventKind.REACTION, "7\n-👍", "(took back a reaction to message 7) 👍"),
        (EventKind.ERASED, "", "(deleted)"),
    ],
)
def test_views_without_the_target_say_what_happened(kind, text, shown):
    assert describe_annotation(kind, text) == shown


@given(st.integers(0, 20), st.text())
def test_any_text_is_safe_to_parse(kind, text):
    found = parse_annotation(kind, text)
    if found is not None and found.kind != EventKind.REACTION:
        assert annotation_text(kind, found.target, found.text) == text


def test_a_problem_says_what_is_allowed():
    assert reaction_problem("+" + "x" * 17) == "A reaction has 1 to 16 characters, got 17."
    assert "space" in reaction_problem("+a b")
    assert "+ or -" in reaction_problem("")
