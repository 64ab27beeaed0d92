"""Handshake messages: what they say, and hostile ones."""

import random

from netchat.packets.tls.handshake import (
    describe_alert,
    describe_message,
    read_client_hello,
    read_server_hello,
)
from tests.packets.tls_talk import TlsTalk


def hello():
    talk = TlsTalk(alpn=["ncp/1", "h2"])
    return talk.talk.packets[3].data[54 + 9 :]


def test_a_client_hello_of_openssl():
    found = read_client_hello(hello())
    assert found.server_name == "chat.lab"
    assert found.protocols == ("ncp/1", "h2")
    assert 0x0304 in found.versions
    assert (found.resumes, found.early_data) == (False, False)


def test_truncated_and_damaged_messages_are_described():
    body = hello()
    for end in range(0, len(body), 7):
        assert read_client_hello(body[:end]) is None or end > 40
        assert describe_message(1, body[:end]).startswith("ClientHello")
        assert describe_message(2, body[:end])
        assert describe_message(8, body[:end])
        assert describe_message(4, body[:end])
    choose = random.Random(1)
    for _ in range(300):
        damaged = bytearray(body)
        for _ in range(3):
            damaged[choose.randrange(len(damaged))] = choose.randrange(256)
        text = describe_message(1, bytes(damaged))
        assert text.isprintable()
        read_server_hello(bytes(damaged))


def test_names_of_other_messages():
    assert describe_message(24, b"\1") == "KeyUpdate, asks the peer to update too"
    assert describe_message(24, b"\0") == "KeyUpdate"
    assert describe_message(99, b"") == "handshake message 99"
    assert describe_message(8, b"\0\0") == "EncryptedExtensions"
    assert describe_message(8, b"\0\4\0\x2a\0\0") == "EncryptedExtensions: accepts early data"
    assert describe_alert(b"\1\0") == "alert close_notify"
    assert describe_alert(b"\2\x28") == "alert handshake_failure (fatal)"
    assert describe_alert(b"\7\xff") == "alert number 255 (level 7)"
    assert describe_alert(b"") == "alert (invalid)"
