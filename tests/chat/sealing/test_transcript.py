"""The hash chain over a room's events."""

from netchat.chat.sealing import transcript
from netchat.chat.sealing.transcript import Transcript


def filled(count: int) -> Transcript:
    chain = Transcript(7)
    for seq in range(1, count + 1):
        chain.add(seq, b"%d" % seq)
    return chain


def test_equal_events_have_equal_hashes():
    assert filled(5).value == filled(5).value != filled(4).value
    assert Transcript(8).value != Transcript(7).value


def test_a_gap_makes_the_hash_unknown():
    chain = filled(2)
    chain.add(5, b"5")
    assert (chain.value, chain.seq) == (b"", 5)
    assert chain.agrees(5, filled(5).value)
    chain.add(6, b"6")
    assert chain.value == filled(6).value


def test_only_known_hashes_are_compared():
    chain = filled(4)
    assert chain.agrees(3, filled(3).value)
    assert not chain.agrees(3, filled(2).value)
    assert chain.agrees(3, b"")
    assert chain.agrees(9, b"anything")


def test_old_hashes_are_forgotten(monkeypatch):
    monkeypatch.setattr(transcript, "KEPT", 3)
    chain = filled(10)
    assert chain.agrees(2, b"wrong"), "too old"
    assert not chain.agrees(8, b"wrong")
