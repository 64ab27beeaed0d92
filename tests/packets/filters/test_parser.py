"""The filter language: its meaning, its errors, and filters that are not meant to be any."""

from __future__ import annotations

import functools
import random
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netchat.errors import FilterError
from netchat.packets import Block, Damage, DecodedMessage, Item, Trace, read, read_capture
from netchat.packets.filters import ParsedFilter, parse
from tests.packets.filters.predicates import Chooser, flat, holds, written

CAPTURES = Path(__file__).parents[3] / "captures"


@functools.cache
def items(name: str) -> list[Item]:
    return list(read(CAPTURES / f"{name}.pcapng").items())


@functools.cache
def corpus() -> list[tuple[Item, dict[str, list[object]]]]:
    """Return the items of three captures, and their fields as the other evaluator sees them."""
    names = ("two-users", "room-of-three", "name-refused")
    return [(item, flat(item)) for name in names for item in items(name)]


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("type == SEND", lambda m: m.type == "SEND"),
        ("type == 0x20", lambda m: m.type == "SEND"),
        ('type == "send"', lambda m: m.type == "SEND"),
        ("netchat.type eq 32", lambda m: m.type == "SEND"),
        ("send", lambda m: m.type == "SEND"),
        ("type in {SEND, PING..PONG}", lambda m: m.type in ("SEND", "PING", "PONG")),
        ("user == nova", lambda m: m.user == "Nova"),
        ('user in {"NOVA", "maya"}', lambda m: m.user == "Nova"),
        ("time > 0.1", lambda m: m.time - m.conversation.origin > 100_000_000),
        ("time >= 100ms", lambda m: m.time - m.conversation.origin >= 100_000_000),
        ("size >= 100", lambda m: len(m.raw) >= 100),
        ("size<100&&!send", lambda m: len(m.raw) < 100 and m.type != "SEND"),
        ("conversation == 2", lambda m: m.conversation.number == 2),
        ("packet == 8", lambda m: 8 in m.packets),
        ("tcp.dstport == 6464", lambda m: m.to_server),
        ("to_client", lambda m: not m.to_server),
        ("ip.src == 10.64.0.2", lambda m: not m.to_server),
        ("ip.addr in {10.64.0.1/32, 1.1.1.1}", lambda m: True),
        ("ip.addr != 10.64.0.1", lambda m: False),  # both sides must differ, and one does not
        ("host == 10.64.0.0/24 and udp", lambda m: False),
        ("ipv6", None),
        ("room == LOBBY", lambda m: "lobby" in rooms(m)),
        ('netchat.room == "lobby"', lambda m: "lobby" in rooms(m)),
        ('room != "lobby"', lambda m: rooms(m) and "lobby" not in rooms(m)),
        ('not room == "lobby"', lambda m: "lobby" not in rooms(m)),
        ("event.kind == CHAT", lambda m: m.type == "EVENT" and m.message.kind == 1),
        ("event.kind", lambda m: m.type == "EVENT"),
        ('text contains "grüße" or text contains "Grüße"', lambda m: "Grüße" in text(m)),
        ("text matches r'^SO .*work\\.$'", lambda m: text(m).startswith("So ")),
        ("text matches '^SO .*work\\\\.$'", lambda m: text(m).startswith("So ")),
        ("text > z", lambda m: text(m) > "z"),
        ("welcome.token == 00", lambda m: False),
        ("hello.device contains 00", lambda m: m.type == "HELLO" and 0 in m.message.device),
        ("length == 0", lambda m: len(m.raw) == 16),
        ("netchat.magic == NC and version == 1", lambda m: True),
        ("type == SEND or type == PING and user == Nadia", lambda m: m.type == "SEND"),
        ("(type == SEND or type == PING) and user == Nadia", lambda m: False),
    ],
)  # fmt: skip
def test_meaning(text, python) -> None:
    messages = [item for item in items("two-users") if isinstance(item, DecodedMessage)]
    if python is None:
        with pytest.raises(FilterError):
            parse(text)
        return
    found = [m for m in messages if parse(text)(m)]
    assert found == [m for m in messages if python(m)]


def rooms(message: DecodedMessage) -> list[str]:
    row = message.fields
    entries = [*row.get("membership", ()), *row.get("rooms", ()), *row.get("positions", ())]
    return ([row["room"]] if "room" in row else []) + [each.room for each in entries]


def text(message: DecodedMessage) -> str:
    return message.fields.get("text", "")


def test_items_that_are_not_messages() -> None:
    gaps = list(filter(parse("gap"), items("gaps")))
    assert {type(item).__name__ for item in gaps} == {"Gap"}
    assert len(gaps) == len(list(filter(parse("gap and size > 0"), items("gaps")))) > 0
    notices = list(filter(parse("notice"), items("two-users")))
    assert len(notices) == 4
    assert not any(map(parse("notice and size >= 0"), notices))
    assert all(isinstance(i, Damage) for i in filter(parse("damaged"), items("bad-crc")))
    traced = list(read_capture(CAPTURES / "retransmission.pcapng", trace=True))
    again = list(filter(parse("retransmitted"), traced))
    assert [(type(item), item.note) for item in again] == [(Trace, "retransmission")]
    assert parse("not retransmitted or tcp.port == 1").fields == {"retransmitted", "tcp.port"}
    assert any(map(parse("retransmitted and block"), items("link-noisy")))
    blocks = list(filter(parse("block.kind == DATA and block.length > 0"), items("link-noisy")))
    assert blocks
    assert all(isinstance(b, Block) and b.header.kind.name == "DATA" for b in blocks)
    assert any(map(parse("damaged and block"), items("link-noisy")))
    assert all(map(parse("udp or tcp"), items("link-udp")))
    assert any(map(parse("encrypted and tls"), items("tls")))
    assert not any(map(parse("encrypted"), items("tls-without-keys")))
    assert any(map(parse("tls and not message and size > 5"), items("tls-without-keys")))
    assert any(map(parse("ipv6.src == ::/0"), items("ipv6")))


def test_a_frame_with_a_wrong_crc_matches_by_what_it_seems_to_say() -> None:
    (bad,) = filter(parse("bad_crc"), items("bad-crc"))
    for text in ("send", "type == SEND", "room == lobby", "crc_good == 0", "crc_good == false"):
        assert parse(text)(bad), text
    assert not parse("message")(bad)


@given(st.randoms(use_true_random=False))
def test_random_filters_mean_the_same_to_another_evaluator(rng: random.Random) -> None:
    chooser = Chooser([fields for _, fields in corpus()], rng)
    tree = chooser.tree()
    test = parse(written(tree, rng))
    for item, fields in corpus():
        assert test(item) == holds(tree, fields), written(tree)


_PIECES = st.sampled_from([
    "room", "type", "user", "netchat.text", "time", "ip.addr", "send", "kind", "==", "!=", "=", "<",
    "~", "in", "{", "}", ",", "(", ")", "and", "or", "not", "!", "&&", "|", "contains", "matches",
    '"lobby"', '"', "'", "\\", "SEND", "5", "1..3", "0x", "::1", "10.0.0.1", "aa:bb", "é", "\n", " ",
])  # fmt: skip


@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(_PIECES, max_size=20).map(" ".join),
        st.lists(_PIECES, max_size=20).map("".join),
    )
)
@example("(" * 5000)
@example("not " * 2000 + "send")
@example("seq == " + "9" * 9000)
@example("x" * 20_000)
@example('text matches "' + "(" * 3000 + '"')
@example("ip.addr == ٣.0.0.1")
@example("seq == ٣")
@example("time == 1e400")
@example('text == "\\ud800"')
def test_any_text_is_a_filter_or_an_error_with_a_position(text: str) -> None:
    try:
        test = parse(text)
    except FilterError as caught:
        error = caught
    else:
        assert {test(item) for item, _ in corpus()[:20]} <= {True, False}
        return
    assert 0 <= error.start <= error.end <= len(error.text) <= len(text)
    assert error.text == text or len(text) > 10_000
    assert error.reason
    _, marks = error.pointed().split("\n")
    assert marks.strip(" ") == "^" * max(1, error.end - error.start)


@pytest.mark.parametrize(
    ("text", "marked", "said"),
    [
        ('room = "lobby"', "=", "= is not an operator; use =="),
        ("a & b", "&", "& is not an operator; use &&"),
        ("roam == 1", "roam", "unknown field roam; did you mean room?"),
        ("kind == CHAT", "kind", "kind has several meanings; use one of block.kind, "),
        ("device == 5", "==", "device has no value to compare; write device or not device; fields of "
         "this name: hello.device, "),
        ("type == SNED", "SNED", "SNED is not a value of type; use a number or a name: SEND"),
        ("damaged == 1", "==", "damaged has no value to compare; write damaged or not damaged"),
        ("seq contains 5", "contains", "seq is a number field; use ==, !=, <, <=, >, >=, in"),
        ("room lobby", "lobby", "expected ==, !=, contains, matches, in, <, <=, >, >=, and, or, got lobby"),
        ("seq == 5 6", "6", "expected and, or, got 6"),
        ("(seq == 5 6)", "6", "expected and, or or ), got 6"),
        ("(seq == 5", "(", "this bracket is not closed; add )"),
        ("seq == 5)", ")", "no bracket is open here; remove )"),
        ('text == "hi', '"hi', 'the string has no closing "'),
        ('text == "\\q"', "\\q", "unknown escape sequence; use "),
        ("user == send", "send", 'send is a field; write "send" to compare with this text'),
        ("user == and", "and", 'expected a value; write "and" if it is a text'),
        ("seq == -1", "-1", "-1 is not a number; write digits"),
        ("seq in 5", "5", "expected {, as in"),
        ("seq in {5; 6}", "5;", "5; is not a number"),
        ("seq in {5 6}", "6", "expected , or }"),
        ("seq in {6..5}", "6..5", "the first value of a range must not be above the second"),
        ("seq in {5..}", "", " is not a number"),
        ("time > soon", "soon", "soon is not a time; write seconds, such as 3.5, or 200ms"),
        ("ip.addr == ::1", "::1", "::1 is an IPv6 address; use ipv6.addr, or host for both"),
        ("ipv6.src == 1.2.3.4", "1.2.3.4", "1.2.3.4 is an IPv4 address; use ip.src, or host for both"),
        ("ip.addr == nova", "nova", "nova is not an IP address or network, such as 10.0.0.1"),
        ("welcome.token == x", "x", 'x is not a byte string; write 4e:43, or "NC" for its text'),
        ('text matches "("', '"("', "the regular expression is not valid: missing )"),
        ("and", "and", "expected a field, such as type or room, got and"),
        ('"lobby"', '"lobby"', "expected a field, such as type or room, got a string"),
        ("not " * 101 + "send", "not", "brackets and not must be nested at most 100 deep"),
    ],
)  # fmt: skip
def test_errors_point_at_the_mistake(text: str, marked: str, said: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)
    error = caught.value
    assert text[error.start : error.end] == marked
    assert error.reason.startswith(said)
    assert str(error) == f"column {error.start + 1}: {error.reason}"


@pytest.mark.parametrize("text", ["", "  ", "room ==", "room == ", "room and", "not", "("])
def test_something_missing_at_the_end(text: str) -> None:
    with pytest.raises(FilterError, match=r"expected a (field|value)") as caught:
        parse(text)
    assert caught.value.start == caught.value.end == len(text)


def test_a_parsed_filter_shows_its_text() -> None:
    test = parse("type == SEND")
    assert isinstance(test, ParsedFilter)
    assert test.text == "type == SEND"
    assert repr(test) == "ParsedFilter('type == SEND')"
