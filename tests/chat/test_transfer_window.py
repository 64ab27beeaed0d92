"""The window of a transfer follows the speed of the connection."""

from netchat.chat.transfer_window import MAX_WINDOW, MIN_WINDOW, TransferWindow


def transferred(window, rate, seconds):
    """Let bytes arrive at a rate, in bytes per second, in steps of 5 ms."""
    now = 100.0
    window.start(now)
    for _ in range(round(seconds / 0.005)):
        now += 0.005
        window.arrived(round(rate * 0.005), now)


def test_it_holds_about_a_tenth_of_a_second():
    for rate in (1_000_000, 10_000_000):
        window = TransferWindow(0.0)
        transferred(window, rate, 20)
        assert 0.05 <= window.size / rate <= 0.26


def test_it_has_limits():
    fast, slow = TransferWindow(0.0), TransferWindow(0.0)
    transferred(fast, 10**9, 2)
    transferred(slow, 1000, 300)
    assert (fast.size, slow.size) == (MAX_WINDOW, MIN_WINDOW)


def test_a_pause_does_not_count():
    window = TransferWindow(0.0)
    before = window.size
    window.start(1000.0)
    window.arrived(before, 1000.1)
    assert window.size == before
