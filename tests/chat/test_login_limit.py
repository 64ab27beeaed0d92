"""Limits on wrong passwords: the users that they delay, and those that they do not."""

from netchat.chat.login_limit import ACCOUNT, ADDRESS, DEVICE, PAIR, LoginLimit

KNOWN = 77


def drain(limit: LoginLimit, share: str, name: str, device: int = 0, now: float = 0.0) -> int:
    """Guess until the limit refuses; return how often."""
    count = 0
    while not limit.wait(share, name, device, now):
        limit.failed(share, name, device, now)
        count += 1
    return count


def test_one_address_and_one_account():
    limit = LoginLimit()
    assert drain(limit, "a", "nova") == PAIR.burst
    assert limit.wait("a", "nova", 0, 0.0) == PAIR.seconds
    assert drain(limit, "a", "nova", now=3 * PAIR.seconds) == 3


def test_one_address_and_many_accounts():
    limit = LoginLimit()
    assert sum(drain(limit, "a", f"user {n}") for n in range(100)) == ADDRESS.burst


def test_many_addresses_and_one_account():
    limit = LoginLimit()
    assert sum(drain(limit, f"address {n}", "nova") for n in range(100)) == ACCOUNT.burst


def test_an_attacker_locks_out_neither_known_devices_nor_other_addresses():
    limit = LoginLimit()
    drain(limit, "attacker", "nova")
    assert not limit.wait("attacker", "nova", KNOWN, 0.0)  # the same address, a known device
    assert not limit.wait("elsewhere", "nova", 0, 0.0)
    for number in range(100):
        drain(limit, f"attacker {number}", "nova")
    assert limit.wait("elsewhere", "nova", 0, 0.0)
    assert not limit.wait("elsewhere", "nova", KNOWN, 0.0)


def test_a_known_device_is_limited_too():
    limit = LoginLimit()
    assert drain(limit, "a", "nova", KNOWN) == DEVICE.burst


def test_a_right_password_costs_nothing():
    limit = LoginLimit()
    limit.succeeded("unknown", "unknown", 0, 0.0)
    for device in (0, KNOWN):
        for _ in range(1000):
            assert not limit.wait("a", "nova", device, 0.0)
            limit.failed("a", "nova", device, 0.0)
            limit.succeeded("a", "nova", device, 0.0)
