"""The sender: what it sends, and which acknowledgements it believes."""

from __future__ import annotations

import pytest

from netchat.link import sender as sender_module
from netchat.link.header import Header, Kind
from netchat.link.open_request import Mode
from netchat.link.sender import Sender
from netchat.link.stats import LinkStats

FIRST = 1000


def answer(ack: int, echo: int, arrived: int = 0) -> Header:
    return Header(
        kind=Kind.ACK, code=1, link=9, length=0, offset=FIRST, number=FIRST, window=64, ack=ack,
        echo=echo, delay=0, arrived=arrived, wrong=0, checked=0,
    )  # fmt: skip


def send_bytes(sender: Sender, count: int) -> None:
    """Send single bytes, each as a segment."""
    for _ in range(count):
        assert sender.ready()
        segment, _ = sender.take(4, 1, 1)
        sender.sent(segment, 200, 1.0)


@pytest.fixture
def sender(monkeypatch: pytest.MonkeyPatch) -> Sender:
    monkeypatch.setattr(sender_module, "MAX_IN_FLIGHT", 4)
    sender = Sender(FIRST, datagrams=False, mode=Mode.HYBRID, stats=LinkStats())
    sender.acknowledged(answer(FIRST, FIRST - 1), 1.0)
    sender.send(bytes(100))
    return sender


def test_the_number_of_transmissions_in_flight_is_bounded(sender: Sender) -> None:
    send_bytes(sender, 4)
    assert not sender.ready()

    sender.acknowledged(answer(FIRST + 1, FIRST, arrived=1), 1.0)
    send_bytes(sender, 1)
    assert not sender.ready()


def test_an_acknowledgement_that_is_much_too_old_is_ignored(sender: Sender) -> None:
    for sent in range(1, 10):
        send_bytes(sender, 1)
        sender.acknowledged(answer(FIRST + sent, FIRST + sent - 1, arrived=1), 1.0)

    assert sender.acknowledged(answer(FIRST, FIRST), 1.0) == []  # eight transmissions old
    assert sender.acknowledged(answer(FIRST, FIRST - 1), 1.0) is None


def test_a_probe_needs_no_data(sender: Sender) -> None:
    sender.probe()

    assert sender.ready()
    assert sender.next_timer() is None
    assert sender.take(4, 10, 10)[1] == b""
