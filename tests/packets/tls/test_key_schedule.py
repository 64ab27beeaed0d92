"""Key schedule and decryption against RFC 8448's trace, key updates against RFC 5869's HKDF."""

import hashlib
import hmac
import itertools
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from netchat.packets import Decoder, KeyLog, TlsRecord
from netchat.packets.tls.handshake import describe_message
from netchat.packets.tls.key_schedule import SUITES, RecordKey, expand_label, suites_for
from tests.packets.segments import ACK, PSH, Talk

RFC = json.loads((Path(__file__).parents[2] / "vectors" / "rfc8448.json").read_text())
RECORDS = [(side == "server", text, bytes.fromhex(raw)) for side, text, raw in RFC["records"]]
SECRETS = {label: bytes.fromhex(secret) for label, secret in RFC["secrets"].items()}
RANDOM = RECORDS[0][2][11:43]
LOG = "".join(f"{label} {RANDOM.hex()} {secret.hex()}\n" for label, secret in SECRETS.items())
PAYLOAD = bytes(range(50))


def key_log(text=LOG):
    keys = KeyLog()
    keys.add(text.encode())
    return keys


def decode(packets, keys, **options):
    decoder = Decoder(keys=keys, **options)
    items = [item for packet in packets for item in decoder.feed(packet)]
    return items + decoder.finish()


@pytest.mark.parametrize("label", RFC["keys"])
def test_keys_are_those_of_the_rfc(label):
    key, iv = map(bytes.fromhex, RFC["keys"][label])
    assert expand_label(SECRETS[label], "key", b"", 16) == key
    assert expand_label(SECRETS[label], "iv", b"", 12) == iv


def test_the_resumption_secret_is_that_of_the_rfc():
    secret, nonce, psk = (
        bytes.fromhex(RFC["resumption"][name]) for name in ("secret", "nonce", "psk")
    )
    assert expand_label(secret, "resumption", nonce, 32) == psk


@pytest.mark.parametrize("size", [1, 7, 100, 1448])
def test_the_trace_is_decrypted_whatever_the_segments(size):
    talk = Talk().open()
    for side, _, raw in RECORDS:
        for at in range(0, len(raw), size):
            talk.add(side, ACK | PSH, raw[at : at + size])
    items = decode(talk.close().packets, key_log())
    records = [item for item in items if isinstance(item, TlsRecord)]
    assert [record.raw for record in records if record.to_server] == [
        raw for side, _, raw in RECORDS if not side
    ]
    assert not [record.reason for record in records if record.reason]
    for to_server in (True, False):
        found = [record for record in records if record.to_server is to_server]
        told = [text for side, text, _ in RECORDS if side is not to_server]
        assert len(found) == len(told)
        for record, text in zip(found, told, strict=True):
            if text == "50 bytes":
                assert (record.content, record.text) == (PAYLOAD, "")
            else:
                assert all(name in record.text for name in text.split(", "))
    offsets = [(r.offset, r.offset + r.size) for r in records if not r.to_server]
    assert all(one[1] == two[0] for one, two in itertools.pairwise(offsets))


def test_the_retry_of_the_rfc_is_recognised():
    raw = bytes.fromhex(RFC["retry"])
    text = describe_message(raw[5], raw[9:])
    assert text == "HelloRetryRequest: TLS 1.3, TLS_AES_128_GCM_SHA256"


def test_a_wrong_secret_number_or_header_does_not_decrypt():
    raw = RECORDS[5][2]
    key = RecordKey(SECRETS["CLIENT_TRAFFIC_SECRET_0"], SUITES[0x1301], "application")
    assert key.open(raw[:5], raw[5:], 0) == PAYLOAD + b"\x17"
    assert key.open(raw[:5], raw[5:], 1) is None
    assert key.open(raw[:4] + b"\x44", raw[5:], 0) is None
    assert key.open(raw[:5], raw[5:12], 0) is None
    assert SECRETS["CLIENT_TRAFFIC_SECRET_0"].hex() not in repr(key)


def test_a_key_update_follows_rfc_8446_section_7_2():
    secret = SECRETS["CLIENT_TRAFFIC_SECRET_0"]

    # HKDF-Expand-Label(secret, "traffic upd", "", 32) spelt out by RFC 5869: T(1) = HMAC(secret, info | 1).
    def expand(key, label, size):
        info = size.to_bytes(2, "big") + bytes([6 + len(label)]) + b"tls13 " + label + b"\0\x01"
        return hmac.digest(key, info, hashlib.sha256)[:size]

    after = expand(secret, b"traffic upd", 32)
    sealed = AESGCM(expand(after, b"key", 16)).encrypt(
        expand(after, b"iv", 12), b"new\x17", b"head!"
    )
    updated = RecordKey(secret, SUITES[0x1301], "application").updated()
    assert (updated.generation, updated.sequence) == (1, 0)
    assert updated.open(b"head!", sealed, 0) == b"new\x17"


def test_suites_by_length_of_the_secret():
    assert [suite.name for suite in suites_for(bytes(48))] == ["TLS_AES_256_GCM_SHA384"]
    assert len(list(suites_for(bytes(32)))) == 2
    assert not list(suites_for(bytes(20)))
