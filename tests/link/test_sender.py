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


def test_a_failed_block_gets_the_parity_that_the_present_code_has() -> None:
    sender = Sender(FIRST, datagrams=False, mode=Mode.HYBRID, stats=LinkStats())
    sender.acknowledged(answer(FIRST, FIRST - 1), 1.0)
    sender.send(bytes(2000))

    def sent(policy: int) -> list[int]:
        """Send what is due, with a policy's code; return the codes used."""
        codes = []
        while sender.ready():
            segment, payload = sender.take(policy, 2000, 8192)
            assert len(payload) == 2000
            sender.sent(segment, 2200, 1.0)
            codes.append(segment.code)
        return codes

    def failed(number: int) -> None:
        sender.acknowledged(answer(FIRST, FIRST + number), 1.0)

    assert sent(16) == [16]
    failed(0)
    assert sent(19) == [48, 49, 50]  # up to the parity of code 19
    failed(1)
    failed(2)
    assert sent(19) == []  # the last increment is still on its way
    failed(3)
    assert sent(19) == [51]
    for number, increment in ((4, 52), (5, 53)):
        failed(number)
        assert sent(19) == [increment]
    failed(6)
    assert sent(25) == [25]  # after four failures, the block again
    sender.acknowledged(answer(FIRST + 2000, FIRST + 7, arrived=1), 1.0)
    assert sender.buffered == 0
    assert not sender.ready()
