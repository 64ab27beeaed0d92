"""Parts of TLS of a student's own: valid for netchat's decoder, and equal for equal seeds."""

import random

import pytest

from netchat.course import client_hello, encrypted_traffic, protect, tls_record
from netchat.packets.tls.handshake import read_client_hello
from netchat.packets.tls.key_schedule import SUITES, RecordKey

SECRET = bytes(range(32))


@pytest.mark.parametrize("seed", range(8))
def test_netchat_reads_the_hello(seed):
    hello = client_hello(random.Random(seed), "chat.example.org")
    read = read_client_hello(hello[4:])
    assert read.server_name == "chat.example.org"
    assert set(read.suites) <= set(SUITES)
    assert hello == client_hello(random.Random(seed), "chat.example.org")
    assert tls_record(22, hello)[:5] == bytes((22, 3, 1)) + len(hello).to_bytes(2, "big")


@pytest.mark.parametrize("padding", [0, 100])
def test_netchat_opens_the_records(padding):
    key = RecordKey(SECRET, SUITES[0x1301], "application")
    for sequence in (0, 1, 300):
        record = protect(SECRET, sequence, b"hello", padding=padding)
        assert key.open(record[:5], record[5:], sequence) == b"hello\x17" + bytes(padding)
        assert key.open(record[:5], record[5:], sequence + 1) is None


def test_traffic_reaches_all_members_of_a_room():
    traffic = encrypted_traffic(1)
    assert sorted(user for room in traffic.rooms for user in room) == [
        f"user {c}" for c in "ABCDEFGHI"
    ]
    said = [r for r in traffic.records if r.to_server and r.size > 52]
    heard = [r for r in traffic.records if not r.to_server and r.size > 52]
    assert len(heard) == sum(
        len(room) for one in said for room in traffic.rooms if one.user in room
    )
    assert traffic == encrypted_traffic(1)
    assert traffic != encrypted_traffic(2)
    assert {r.size % 512 for r in encrypted_traffic(1, block=512).records} == {0}
    doubled = encrypted_traffic(1, block=lambda size: 2 * size).records
    assert [r.size for r in doubled] == [2 * r.size for r in traffic.records]
