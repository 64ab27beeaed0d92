"""Requests of one visitor: parsing, refusals, and ids. The pool is simulated."""

from __future__ import annotations

import json

import pytest

from netchat.channel_lab.limits import MAX_REQUEST
from netchat.channel_lab.service import LabService
from netchat.channel_lab.state import StateError


class SimulatedPool:
    """Pool that notes what it is asked."""

    plugins = {"own.py:Own": "/somewhere/own.py:Own"}  # noqa: RUF012

    def __init__(self) -> None:
        self.asked: list[dict] = []
        self.stopped: list[int] = []
        self.visitors: set[str] = set()
        self.is_full = False

    def enter(self, address):
        self.visitors.add(address)
        return address

    def leave(self, visitor):
        self.visitors.discard(visitor)

    def ask(self, visitor, request, receive):
        assert visitor in self.visitors
        if self.is_full:
            raise StateError("too many")
        self.asked.append(request)
        receive(b'{"answer":1}')

    def measure(self, visitor, request, receive):
        self.ask(visitor, request, receive)
        return 42

    def stop_run(self, number):
        self.stopped.append(number)


@pytest.fixture
def served():
    """Return a function that sends a request, and the pool."""
    pool, sent = SimulatedPool(), []
    service = LabService(pool, "address", sent.append)

    def ask(request) -> list[dict]:
        sent.clear()
        service.receive(request if isinstance(request, str) else json.dumps(request))
        return [json.loads(text) for text in sent]

    ask.pool, ask.service = pool, service
    return ask


def test_answers_carry_the_id_of_the_request(served):
    assert served({"id": 7, "do": "codes"}) == [{"id": 7, "answer": 1}]
    assert served({"id": "8", "do": "line"}) == [{"id": 8, "answer": 1}]
    assert served.pool.asked[-1]["state"]["code"] == "hamming:7,4"


def test_states_reach_the_pool_in_normal_form(served):
    one = {"id": 1, "do": "explain", "state": {"touched": {"9": "flip", "2": "erase"}, "extra": 1}}
    other = {
        "id": 2,
        "do": "explain",
        "state": {"touched": {"2": "erase", "9": "flip"}, "seed": "1"},
    }
    served(one)
    served(other)
    assert served.pool.asked[0] == served.pool.asked[1]


def test_codes_of_the_owner_keep_their_names(served):
    served({"id": 1, "do": "line", "state": {"code": "own.py:Own"}})
    assert served.pool.asked[-1]["state"]["code"] == "own.py:Own"


def test_runs_have_defaults_and_can_be_stopped(served):
    served({"id": 5, "do": "run", "codes": ["golay:24", "golay:24"]})
    assert served.pool.asked[-1] == {
        "codes": ["golay:24"], "channel": "bsc", "interleave": "", "seed": 1, "target": 100
    }  # fmt: skip
    assert served({"id": 6, "do": "stop", "of": 5}) == [{"id": 6, "stopped": 5}]
    assert served.pool.stopped == [42]
    (refused,) = served({"id": 6, "do": "stop", "of": 4})
    assert refused["field"] == "of"


def test_refusals_name_the_field(served):
    (refused,) = served({"id": 3, "do": "line", "state": {"channel": "bsc:x"}})
    assert refused == {"id": 3, "error": refused["error"], "field": "channel"}
    (refused,) = served("x" * (MAX_REQUEST + 1))
    assert refused["id"] == 0
    assert "at most" in refused["error"]
    served.pool.is_full = True
    assert served({"id": 4, "do": "codes"}) == [{"id": 4, "error": "too many", "field": None}]


def test_a_visitor_leaves(served):
    served.service.close()
    assert not served.pool.visitors
