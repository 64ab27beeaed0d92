"""The limit on conversations with the same other user."""

from __future__ import annotations

import pytest

from netchat.chat import conversation_limit as module
from netchat.chat.conversation_limit import (
    ADDRESS_BURST,
    ADDRESS_SECONDS,
    PAIR_BURST,
    PAIR_SECONDS,
    ConversationLimit,
)
from netchat.chat.fair_shares import GUARANTEED
from netchat.wire import Bye, Error, ErrorCode, Joined, Leave, Private
from tests.chat.world import World

VICTIM = 1


def allowed(limit: ConversationLimit, sender: int, now: float, share: str = "a") -> int:
    """Return how many of ten conversations are allowed, while only the sender and victim exist."""
    return sum(limit.allows(share, sender, VICTIM, {sender}.__contains__, now) for _ in range(10))


def test_a_burst_and_then_one_at_a_time() -> None:
    limit = ConversationLimit()
    assert allowed(limit, 2, 0.0) == PAIR_BURST
    assert allowed(limit, 2, PAIR_SECONDS - 0.1) == 0
    assert allowed(limit, 2, PAIR_SECONDS) == 1
    assert allowed(limit, 2, 1000.0) == PAIR_BURST


def test_a_new_session_of_the_same_address_inherits_the_limit() -> None:
    limit = ConversationLimit()
    assert [allowed(limit, sender, 0.0) for sender in range(2, 50)] == [PAIR_BURST, *[0] * 47]
    assert allowed(limit, 60, PAIR_SECONDS) == 1
    assert allowed(limit, 61, PAIR_SECONDS) == 0


def test_sessions_that_were_there_before_are_not_affected() -> None:
    limit = ConversationLimit()
    assert allowed(limit, 5, 0.0) == PAIR_BURST
    assert allowed(limit, 4, 0.0) == PAIR_BURST
    assert allowed(limit, 6, 0.0, share="b") == PAIR_BURST


def everyone(_: int) -> bool:
    return True


def test_each_user_of_a_class_behind_one_address_may_write_to_the_teacher() -> None:
    limit = ConversationLimit()
    class_ = range(2, 2 + GUARANTEED)
    assert all(limit.allows("nat", n, VICTIM, everyone, 0.0) for n in class_)


def test_many_sessions_of_one_address_at_once_are_limited_together() -> None:
    limit = ConversationLimit()
    count = sum(limit.allows("a", n % 500, VICTIM, everyone, 0.0) for n in range(2000))
    assert count == ADDRESS_BURST
    assert sum(limit.allows("a", n, VICTIM, everyone, ADDRESS_SECONDS) for n in range(500)) == 1
    assert limit.allows("a", 2, 777, everyone, 0.0)
    assert limit.allows("b", 2, VICTIM, everyone, 0.0)


def test_memory_is_bounded_for_each_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PAIRS", 100)
    limit = ConversationLimit()
    assert sum(limit.allows("a", 1000, n, everyone, 0.0) for n in range(500)) == 100
    assert limit.allows("b", 1000, 1, everyone, 0.0)
    limit.expire(PAIR_SECONDS - 0.1)
    assert not limit.allows("a", 1000, 400, everyone, PAIR_SECONDS - 0.1)
    limit.expire(PAIR_SECONDS)
    assert limit.allows("a", 1000, 400, everyone, PAIR_SECONDS)


def test_all_is_forgotten_in_the_end() -> None:
    limit = ConversationLimit()
    allowed(limit, 2, 0.0)
    limit.expire(PAIR_BURST * PAIR_SECONDS - 0.1)
    assert limit
    limit.expire(PAIR_BURST * PAIR_SECONDS)
    assert not limit


@pytest.mark.parametrize("cut", [False, True])
def test_a_new_hello_does_not_reset_it(cut: bool) -> None:
    world = World()
    world.greet("Nova")
    answers = []
    for n in range(20):
        link, _ = world.greet(f"Mallory{n}")
        answer, *_ = world.say(link, Private(7, "Nova"))
        if isinstance(answer, Joined):
            world.say(link, Leave(8, answer.membership[0].room))
        if cut:
            world.hang_up(link)
        else:
            world.say(link, Bye(""))
        answers.append(answer)
    refused = [answer for answer in answers if isinstance(answer, Error)]
    assert [type(answer) for answer in answers] == [Joined] * PAIR_BURST + [Error] * len(refused)
    assert {error.code for error in refused} == {ErrorCode.TOO_FAST}
