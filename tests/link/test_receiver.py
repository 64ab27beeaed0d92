"""The receiver's window."""

from __future__ import annotations

from netchat.link.open_request import Mode
from netchat.link.receiver import RECEIVE_WINDOW, Receiver
from netchat.link.stats import LinkStats


def test_without_retransmissions_data_beyond_the_window_is_lost() -> None:
    stats = LinkStats()
    receiver = Receiver(0, Mode.FEC, stats)
    assert receiver.accept(0, bytes(RECEIVE_WINDOW), 1.0)

    assert not receiver.accept(RECEIVE_WINDOW, b"lost", 1.0)
    assert receiver.expected == RECEIVE_WINDOW
    assert receiver.take(1.0) == bytes(RECEIVE_WINDOW)

    assert receiver.accept(RECEIVE_WINDOW + 4, b"more", 1.0)
    assert receiver.take(1.0) == b"more"
    assert stats.lost_bytes == 4
