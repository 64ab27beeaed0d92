"""TLS records of real connections: complete, damaged, incomplete, without keys, with wrong ones."""

import random
import ssl

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from netchat import wire
from netchat.packets import Block, Damage, DecodedMessage, Decoder, Gap, KeyLog, TlsRecord
from netchat.packets.tls import opener
from tests.packets.linked_talk import linked_talk
from tests.packets.segments import ACK, PSH, Talk
from tests.packets.tls_talk import TlsTalk

HELLO = wire.encode(wire.Hello(0, bytes(16), b"", "Nova", "netchat", ()))


def send(number, text="Hi"):
    return wire.encode(wire.Send(number, "lobby", text))


def decode(packets, key_log=b"", **options):
    keys = KeyLog()
    keys.add(key_log)
    decoder = Decoder(keys=keys, **options)
    items = [item for packet in packets for item in decoder.feed(packet)]
    return items + decoder.finish()


def records(items, *, to_server=None):
    found = [item for item in items if isinstance(item, TlsRecord)]
    return [r for r in found if to_server is None or r.to_server is to_server]


def counters(items):
    return [
        item.message.counter
        for item in items
        if isinstance(item, DecodedMessage) and isinstance(item.message, wire.Send)
    ]


def chat(count=20, **options):
    """Return a conversation in which the client sends numbered messages."""
    talk = TlsTalk(**options)
    talk.say(0, HELLO)
    for number in range(1, count + 1):
        talk.say(0, send(number))
    return talk


def accounted(items, to_server):
    """Check that the connection's bytes are each in one item; return their number."""
    parts = sorted(
        (item.offset, item.size)
        for item in items
        if isinstance(item, TlsRecord) or (isinstance(item, (Damage, Gap)) and not item.inside)
        if item.to_server is to_server
    )
    end = parts[0][0] if parts else 0
    for offset, size in parts:
        assert offset == end
        end = offset + size
    return end


def test_contents_of_a_whole_conversation():
    talk = chat()
    talk.close()
    items = decode(talk.talk.packets, talk.key_log)
    messages = [item for item in items if isinstance(item, DecodedMessage)]
    assert [m.type for m in messages] == ["HELLO"] + ["SEND"] * 20
    assert all(m.is_encrypted and m.user == "Nova" for m in messages)
    assert not [item for item in items if isinstance(item, (Damage, Gap))]
    found = records(items, to_server=True)
    assert not any(record.reason for record in found)
    application = [record for record in found if record.epoch == "application"]
    assert [record.sequence for record in application] == list(range(22))
    assert application[-1].text == "alert close_notify"
    state = messages[0].conversation.tls
    assert (state.version, state.suite, state.server_name) == (0x0304, 0x1302, "chat.lab")
    assert state.to_server.decrypted == 23
    assert accounted(items, True) == messages[0].conversation.to_server.offset


def test_without_keys_only_times_and_lengths_are_shown():
    talk = chat()
    items = decode(talk.talk.packets)
    assert not [item for item in items if isinstance(item, DecodedMessage)]
    assert {record.reason for record in records(items)} == {"", "no key"}
    whole = decode(talk.talk.packets, talk.key_log)
    assert [(r.time, r.size, r.offset) for r in records(items)] == [
        (r.time, r.size, r.offset) for r in records(whole)
    ]


def test_keys_of_another_connection_are_reported():
    talk, other = chat(), chat(1)
    items = decode(talk.talk.packets, other.key_log)
    assert "the key log does not have this connection" in {r.reason for r in records(items)}
    # The same connection, other secrets: every trial fails, and there are not too many.
    random_, wrong = talk.key_log.split()[1], other.key_log.splitlines()
    lines = [b" ".join([line.split()[0], random_, line.split()[2]]) for line in wrong]
    items = decode(talk.talk.packets, b"\n".join(lines))
    assert not counters(items)
    assert "no secret of the key log fits, or the record is damaged" in {
        r.reason for r in records(items)
    }


def test_missing_segments_lose_only_their_records():
    talk = chat(20)
    cut = [p for p in talk.talk.packets if p.number not in lost_of(talk, 5, 8)]
    items = decode(cut, talk.key_log)
    assert counters(items) == [1, 2, 3, 4, *range(9, 21)]
    gaps = [item for item in items if isinstance(item, Gap)]
    assert [gap.inside for gap in gaps].count(True) == 1
    inner = next(gap for gap in gaps if gap.inside)
    assert inner.size == 4 * len(send(1))
    sequences = [r.sequence for r in records(items, to_server=True) if r.epoch == "application"]
    assert sequences == [0, 1, 2, 3, 4, *range(9, 21)]
    accounted(items, True)


def lost_of(talk, first, last):
    """Return the numbers of the packets that carry the client's messages `first` to `last`."""
    sent = [
        p.number for p in talk.talk.packets if p.data[26:30] == b"\x0a\0\0\1" and len(p.data) > 54
    ]
    return sent[-20:][first - 1 : last]


def test_a_capture_that_begins_in_the_middle():
    talk = chat(300)
    middle = talk.talk.packets[-100:]
    items = decode(middle, talk.key_log)
    assert counters(items) == list(range(201, 301))
    items = decode(middle)
    assert {r.reason for r in records(items)} == {"no key, handshake not captured"}
    items = decode(middle, chat(1).key_log)
    assert {r.reason for r in records(items)} == {
        "handshake not captured, and no secret of the key log fits"
    }


def test_a_capture_that_begins_inside_a_record():
    talk = TlsTalk(chunk=500)
    talk.say(0, HELLO)
    for number in range(1, 10):
        talk.say(0, send(number, "x" * 3000))
    items = decode(talk.talk.packets[-30:], talk.key_log)
    assert counters(items) == [6, 7, 8, 9]
    assert any("middle of" in item.reason for item in items if isinstance(item, Damage))


def test_a_resumed_session():
    first = chat(1)
    second = chat(2, session=first.session, contexts=first.contexts)
    items = decode(second.talk.packets, second.key_log)
    assert counters(items) == [1, 2]
    assert next(r.conversation.tls.resumed for r in records(items))
    assert "resumes the session" in records(items, to_server=False)[0].text


def test_tls_1_2_is_recognised_and_not_decrypted():
    talk = chat(3, version=ssl.TLSVersion.TLSv1_2)
    items = decode(talk.talk.packets, talk.key_log)
    texts = [record.text for record in records(items)]
    assert any(text.startswith("ServerHello: TLS 1.2") for text in texts)
    assert any("ServerHelloDone" in text for text in texts)
    hidden = [record for record in records(items) if record.reason]
    assert {record.reason for record in hidden} == {"only TLS 1.3 is decrypted"}
    assert {record.kind for record in hidden} == {22, 23}
    assert not counters(items)


def test_secrets_that_come_late():
    talk = chat(30)
    keys = KeyLog()
    decoder = Decoder(keys=keys)
    items = []
    for packet in talk.talk.packets:
        if packet.number == lost_of(talk, 11, 11)[0]:
            keys.add(talk.key_log)
        items += decoder.feed(packet)
    assert counters(items) == list(range(21, 31))


def test_only_the_application_secrets_are_known():
    talk = chat(5)
    lines = [line for line in talk.key_log.splitlines() if b"_TRAFFIC_SECRET_0" in line]
    assert len(lines) == 2
    items = decode(talk.talk.packets, b"\n".join(lines))
    assert counters(items) == [1, 2, 3, 4, 5]
    assert [r.reason for r in records(items, to_server=True)].count("") == 8


def test_other_ports_and_plain_servers():
    talk = chat(3, talk=Talk(port=443))
    assert counters(decode(talk.talk.packets, talk.key_log)) == [1, 2, 3]
    assert not decode(talk.talk.packets)  # not known to be a chat
    plain = Talk().open()
    plain.add(
        0, ACK | PSH, chat(0).talk.packets[3].data[54:]
    )  # a ClientHello to a server without TLS
    error = wire.Error(1, 0, 0, "no TLS here", "")
    plain.add(1, ACK | PSH, wire.encode(error))
    items = decode(plain.close().packets)
    assert [i.type for i in items if isinstance(i, DecodedMessage)] == ["ERROR"]


class Sealer:
    """Sender that encrypts records with a traffic secret, from the RFCs' text."""

    def __init__(self, secret):
        self.secret, self.sequence = secret, 0

    def expand(self, label, size):
        info = size.to_bytes(2, "big") + bytes([6 + len(label)]) + b"tls13 " + label + b"\0"
        return HKDFExpand(SHA384(), size, info).derive(self.secret)

    def record(self, content, kind=23, padding=0):
        inner = content + bytes([kind]) + bytes(padding)
        head = b"\x17\x03\x03" + (len(inner) + 16).to_bytes(2, "big")
        iv = int.from_bytes(self.expand(b"iv", 12), "big") ^ self.sequence
        self.sequence += 1
        return head + AESGCM(self.expand(b"key", 32)).encrypt(iv.to_bytes(12, "big"), inner, head)

    def update(self):
        record = self.record(b"\x18\0\0\1\0", 22)
        self.secret, self.sequence = self.expand(b"traffic upd", 48), 0
        return record


@pytest.fixture
def sealed():
    """Return a conversation after its handshake, and a sender with the client's secret."""
    talk = TlsTalk()
    line = next(li for li in talk.key_log.splitlines() if li.startswith(b"CLIENT_TRAFFIC_SECRET_0"))
    return talk, Sealer(bytes.fromhex(line.split()[2].decode()))


def test_padding_and_empty_records(sealed):
    talk, sender = sealed
    for raw in (
        sender.record(send(1), padding=100), sender.record(b"", padding=3),
        sender.record(send(2)), sender.record(b"", kind=0, padding=9), sender.record(send(3)),
    ):  # fmt: skip
        talk.talk.say(0, raw)
    items = decode(talk.talk.packets, talk.key_log)
    assert counters(items) == [1, 2, 3]
    last = records(items, to_server=True)[-5:]
    assert [r.padding for r in last] == [100, 3, 0, 10, 0]
    assert last[0].conversation.tls.to_server.padding == 113


def test_key_updates_seen_and_missed(sealed):
    talk, sender = sealed
    raws = [sender.record(send(1)), sender.update(), sender.record(send(2)), sender.update()]
    raws += [sender.record(send(3)), sender.record(send(4))]
    for raw in raws:
        talk.talk.say(0, raw)
    items = decode(talk.talk.packets, talk.key_log)
    assert counters(items) == [1, 2, 3, 4]
    assert records(items)[0].conversation.tls.to_server.key_updates == 2
    assert [r.text for r in records(items, to_server=True)].count("KeyUpdate") == 2
    # Both updates are missing from the capture: the keys are found by trial.
    missing = {p.number for p in talk.talk.packets if any(raw in p.data for raw in raws[1:4])}
    items = decode([p for p in talk.talk.packets if p.number not in missing], talk.key_log)
    assert counters(items) == [1, 3, 4]


def test_a_damaged_record_is_reported_and_the_next_one_read(sealed):
    talk, sender = sealed
    good = [sender.record(send(number)) for number in (1, 2, 3)]
    wrong = bytearray(good[1])
    wrong[20] ^= 1
    for raw in (good[0], bytes(wrong), good[2]):
        talk.talk.say(0, raw)
    items = decode(talk.talk.packets, talk.key_log)
    assert counters(items) == [1, 3]
    assert [r.reason for r in records(items, to_server=True) if r.reason] == [
        "no secret of the key log fits, or the record is damaged"
    ]


def test_bytes_that_are_no_record(sealed):
    talk, sender = sealed
    talk.talk.say(0, sender.record(send(1)))
    talk.talk.say(0, b"\0garbage that is no record")
    talk.talk.say(0, sender.record(send(2)))
    talk.talk.say(0, sender.record(send(3))[:20])
    items = decode(talk.talk.packets, talk.key_log)
    assert counters(items) == [1, 2]
    damaged = [item for item in items if isinstance(item, Damage)]
    assert [item.cause for item in damaged] == ["skipped", "unfinished"]
    accounted(items, True)


def test_a_link_inside_tls(sealed):
    talk, sender = sealed
    message = wire.Send(1, "lobby", "coded, then encrypted")
    _, sent = linked_talk([(0, message)])
    for at in range(0, len(sent[True]), 700):
        talk.talk.say(0, sender.record(sent[True][at : at + 700]))
    items = decode(talk.talk.packets, talk.key_log)
    assert [item.message for item in items if isinstance(item, DecodedMessage)] == [message]
    assert any(isinstance(item, Block) for item in items)


@pytest.mark.parametrize("seed", range(30))
def test_hostile_bytes_never_crash_and_are_accounted_for(seed):
    choose = random.Random(seed)
    talk = HOSTILE.setdefault("talk", chat(20))
    packets = []
    for packet in talk.talk.packets:
        if choose.random() < 0.05:
            continue
        data = bytearray(packet.data)
        if len(data) > 54 and choose.random() < 0.2:
            for _ in range(choose.randrange(1, 4)):
                at = 54 + choose.randrange(len(data) - 54)
                data[at] = choose.choice((0, 0xFF, 0x16, 0x17, data[at] ^ 1))
        packets.append(packet._replace(data=bytes(data)))
    for log in (talk.key_log, b""):
        items = decode(packets, log)
        for to_server in (True, False):
            accounted(items, to_server)


HOSTILE = {}


def test_trials_are_bounded(monkeypatch):
    talk = chat(20)
    monkeypatch.setattr(opener, "_MAX_TRIAL_BYTES", 20_000)
    calls = []
    real = opener.RecordKey.open

    def counted(self, *args):
        calls.append(1)
        return real(self, *args)

    monkeypatch.setattr(opener.RecordKey, "open", counted)
    lines = talk.key_log.replace(b"CLIENT_TRAFFIC_SECRET_0", b"CLIENT_IGNORED_SECRET_0")
    decode(talk.talk.packets, lines)
    assert len(calls) < 200
