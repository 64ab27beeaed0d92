"""Completion of filters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.errors import FilterError
from netchat.packets.filters import complete, parse
from netchat.packets.filters.completion import Candidate

KNOWN = {"user": ["Nova", 'A"b'], "room": ["lobby", "7K3F9-2MQ0T"]}


def texts(text: str, position: int | None = None) -> list[str]:
    return [each.text for each in complete(text, position, KNOWN).candidates]


@pytest.mark.parametrize(
    ("text", "candidates"),
    [
        ("ty", ["type"]),
        ("type", []),
        ("type ", ["==", "!=", "<", "<=", ">", ">=", "in", "and", "or"]),
        ("type =", ["=="]),
        ("type <", ["<="]),
        ("type == SEN", ["SEND"]),
        ("type == sen", ["SEND"]),
        ("netchat.type == SEN", ["SEND"]),
        ("type in {SEN", ["SEND"]),
        ("event.kind == RE", ["RENAME", "REMOVED", "REPLY", "REACTION", "REKEY"]),
        ("room ==", []),
        ("room == ", ['"lobby"', '"7K3F9-2MQ0T"']),
        ("room == l", ['"lobby"']),
        ('room == "l', ['"lobby"']),
        ('send.room == "l', ['"lobby"']),
        ('user == "', ['"Nova"', '"A\\"b"']),
        ("user i", ["in"]),
        ("user in ", ["{"]),
        ("user in {", ['"Nova"', '"A\\"b"']),
        ('user in {"Nova" ', [",", "}"]),
        ('user in {"Nova"', [",", "}"]),
        ('(user == "Nova" ', ["and", "or", ")"]),
        ("damaged ", ["and", "or"]),
        ("damaged a", ["and"]),
        ("not damage", ["damaged"]),
        ("text con", ["contains"]),
        ("netchat.send.", ["netchat.send.counter", "netchat.send.room", "netchat.send.text"]),
        ("seq == ", []),
        ("nonsense == ", []),
        ("a ) ", []),
        ('text == "a\\', []),
        ("type = SE", []),
    ],
)  # fmt: skip
def test_candidates(text: str, candidates: list[str]) -> None:
    assert texts(text) == candidates


def test_all_fields_are_proposed_at_the_beginning() -> None:
    found = texts("")
    assert found[:3] == ["type", "user", "conversation"]
    assert {"room", "text", "seq", "send", "damaged", "not", "tcp.port"} <= set(found)
    assert not any(each.startswith("netchat.") for each in found)
    assert all(each.startswith("netchat.") for each in texts("netchat."))
    assert dict(complete("us").candidates)["user"] == "User of the conversation, in any case."


def test_in_the_middle_of_a_filter() -> None:
    text = "ty and room == lobby"
    found = complete(text, 2)
    assert (found.start, found.end) == (0, 2)
    assert found.apply(text, found.candidates[0]) == ("type and room == lobby", 4)
    assert complete(text, 99).end == len(text)
    assert complete(text, -5).end == 0


_WORDS = st.sampled_from([
    "room", "ty", "netchat.", "==", "=", "in", "{", "}", ",", "(", ")", "an", "or", "no", "contains",
    '"lobby"', '"lo', "SEND", "5", " ", "damaged", "kind", "\\",
])  # fmt: skip


@given(st.lists(_WORDS, max_size=8).map(" ".join) | st.lists(_WORDS, max_size=8).map("".join))
def test_a_candidate_is_never_where_the_mistake_is(text: str) -> None:
    found = complete(text, known=KNOWN)
    assert 0 <= found.start <= found.end == len(text)
    for candidate in found.candidates:
        assert isinstance(candidate, Candidate)
        longer, end = found.apply(text, candidate)
        assert longer.endswith(candidate.text)
        try:
            parse(longer)
        except FilterError as caught:
            error = caught
        else:
            continue
        # Something may be missing after it, or a bracket is open; but the candidate itself fits.
        assert error.start >= end or "is not closed" in error.reason, (longer, str(error))
