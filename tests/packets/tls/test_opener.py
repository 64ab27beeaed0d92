"""Decryption by trial: how many records may be missing, and what a trial may cost."""

import pytest

from netchat.packets.tls import opener
from netchat.packets.tls.key_log import KeyLog
from netchat.packets.tls.opener import RecordOpener, TrialBudget
from netchat.packets.tls.state import TlsState
from tests.packets.tls.test_stage import Sealer

RANDOM, SECRET = bytes(range(32)), bytes(range(48))


@pytest.fixture
def keys():
    keys = KeyLog()
    keys.add(f"CLIENT_TRAFFIC_SECRET_0 {RANDOM.hex()} {SECRET.hex()}\n".encode())
    return keys


def sealed(number):
    sender = Sealer(SECRET)
    sender.sequence = number
    return sender.record(b"text")


def test_records_after_a_gap_of_known_size(keys):
    state = TlsState(random=RANDOM, version=0x0304, suite=0x1302)
    found = RecordOpener(state, keys, TrialBudget(), to_server=True)
    assert found.open(sealed(0)).missed == 0
    found.missing = 3 * 22
    opened = found.open(sealed(3))
    assert (opened.sequence, opened.missed, opened.inner) == (3, 2, b"text\x17")
    assert found.open(sealed(9)) is None  # nothing is missing: it cannot be this far ahead


@pytest.mark.parametrize("number", [0, 100, 60_000])
def test_an_unknown_connection_is_found(keys, number):
    state = TlsState()
    found = RecordOpener(state, keys, TrialBudget(), to_server=True)
    opened = found.open(sealed(number))
    assert opened.sequence == number
    assert (state.random, state.suite, state.version) == (RANDOM, 0x1302, 0x0304)
    assert found.open(sealed(number + 1)).sequence == number + 1


def test_the_budget_ends_all_trials(keys, monkeypatch):
    budget = TrialBudget()
    budget.left = 0
    monkeypatch.setattr(opener, "_PER_BYTE", 0)
    found = RecordOpener(TlsState(), keys, budget, to_server=True)
    assert found.open(sealed(5)) is None
    assert found.reason == "handshake not captured, and no secret of the key log fits"


def test_reasons(keys):
    def reason(state, log):
        found = RecordOpener(state, log, TrialBudget(), to_server=True)
        assert found.open(sealed(0)) is None
        return found.reason

    assert reason(TlsState(random=RANDOM, version=0x0303), keys) == "only TLS 1.3 is decrypted"
    assert reason(TlsState(random=bytes(32)), keys) == "the key log does not have this connection"
    assert reason(TlsState(random=RANDOM, suite=0x1305), keys) == "cipher suite 0x1305 is unknown"
    assert reason(TlsState(random=RANDOM), KeyLog()) == "no key"
    assert SECRET.hex() not in repr(keys)
