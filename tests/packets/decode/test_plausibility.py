from hypothesis import given
from hypothesis import strategies as st

from netchat import wire
from netchat.packets.decode.plausibility import plausible
from tests.wire.strategies import messages


@given(messages, st.data())
def test_every_beginning_of_a_real_body_is_plausible(message: wire.Message, data) -> None:
    body = message.encode()
    part = body[: data.draw(st.integers(0, len(body)))]
    assert plausible(type(message), part, len(body))


@given(messages, st.integers(-40, 40))
def test_a_whole_body_is_implausible_with_any_other_length(message: wire.Message, by: int) -> None:
    body = message.encode()
    if by and len(body) + by >= 0:
        assert not plausible(type(message), body, len(body) + by)


def test_a_wrong_length_is_detected_before_the_body_is_complete() -> None:
    body = wire.Send(1, "lobby", "x" * 5000).encode()
    assert plausible(wire.Send, body[:20], len(body))
    assert not plausible(wire.Send, body[:20], len(body) + 256)
    assert plausible(wire.Send, body[:8], len(body) + 256)  # plausible so far
    assert not plausible(wire.Send, body[:8], 11)  # but too short for a SEND


def test_a_list_that_cannot_fit() -> None:
    roster = wire.Roster(1, 2, 0, "lobby", tuple(wire.Member(f"u{n}", 0) for n in range(50)))
    body = roster.encode()
    count = body.index(b"lobby") + 5
    wrong = body[:count] + b"\xff\xff" + body[count + 2 :]
    assert plausible(wire.Roster, body[:40], len(body))
    assert not plausible(wire.Roster, wrong[:40], len(body))
