"""Anonymised captures: the same conversation, without a trace of who and what."""

import stat
from pathlib import Path

import pytest

from netchat import wire
from netchat.errors import CaptureError
from netchat.packets import DecodedMessage, PcapngWriter, read_capture, read_packets
from netchat.packets.anonymise import StandIns, anonymise
from tests.packets.segments import Talk
from tests.packets.sharks import needs_tshark, tshark

CAPTURES = Path(__file__).parents[2] / "captures"
PLAIN = (
    "two-users",
    "room-of-three",
    "resume",
    "gaps",
    "bad-crc",
    "ipv6",
    "name-refused",
    "reordered",
)


def shape(items):
    return [
        (type(i).__name__, i.time, i.to_server, getattr(i, "size", 0), getattr(i, "type", ""),
         getattr(i, "error", ""))
        for i in items
    ]  # fmt: skip


@pytest.mark.parametrize("name", PLAIN)
def test_what_happens_remains_and_who_does_not(name, tmp_path):
    source, target = CAPTURES / f"{name}.pcapng", tmp_path / "out.pcapng"
    done = anonymise(source, target)
    assert done.left_out == 0
    before, after = list(read_capture(source)), list(read_capture(target))
    assert shape(after) == shape(before)
    data = target.read_bytes()
    for word in (b"Nova", b"nova", b"Orion", b"Lyra", b"\x0a\x40\0\1", b"\x0a\x40\0\2"):
        assert word not in data
    texts = {m.message.text for m in before if isinstance(m, DecodedMessage) and m.type == "SEND"}
    assert not any(text.encode() in data for text in texts)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    sent = [m.message.text for m in after if isinstance(m, DecodedMessage) and m.type == "SEND"]
    assert all(m.message.text in sent for m in after
               if isinstance(m, DecodedMessage) and m.type == "EVENT" and m.message.kind == 1
               and name != "gaps")  # fmt: skip


@needs_tshark
def test_checksums_are_right(tmp_path):
    target = tmp_path / "out.pcapng"
    anonymise(CAPTURES / "two-users.pcapng", target)
    options = ("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-T", "fields")
    out, _ = tshark(target, *options, "-e", "tcp.checksum.status", "-e", "ip.checksum.status")
    assert {tuple(line.split()) for line in out.splitlines()} == {("1", "1")}
    out, _ = tshark(target, "-T", "fields", "-e", "netchat.crc_good")
    assert set("".join(out.split()).replace(",", "")) == {"1"}


def test_stand_ins_are_stable_unique_and_of_the_same_length():
    new = StandIns()
    names = [f"user{n}".encode() for n in range(100)] + ["Grüße".encode(), b"x", b"Q"]
    found = [new.name(name) for name in names]
    assert [len(name) for name in found] == [len(name) for name in names]
    assert len(set(found)) == len(names)
    assert new.name(b"USER7") == new.name(b"user7")
    assert new.text(b"a\nbc d") == new.text(b"a\nbc d")
    assert b"\n" in new.text(b"a\nbc d")
    assert new.room(b"lobby") == b"lobby"
    assert len(new.room(b"7K3F92MQ0T")) == 10
    assert new.blob(bytes(16)) == bytes(16)
    assert new.ip(b"\x7f\0\0\1") == b"\x7f\0\0\1"
    assert new.ip(bytes([8, 8, 8, 8])) == bytes([10, 0, 0, 1])


def test_a_rename_maps_both_names():
    new = StandIns()
    event = wire.Event(1, 0, 1, 0, wire.EventKind.RENAME, "lobby", "Nova", "Supernova")
    frame = new.frame(wire.encode(event))
    after = wire.decode((frame[3], frame[16:]))
    assert after.sender.encode() == new.name(b"Nova")
    assert after.text.encode() == new.name(b"Supernova")


def test_an_event_of_moderation_keeps_its_form():
    stand_ins = StandIns()
    nova = stand_ins.name(b"Nova").decode()
    kinds = wire.EventKind
    for kind, sender, text in (
        (kinds.REMOVED, "Supernova", "Nova\n0\nspam"),
        (kinds.MODERATED, "Supernova", "\n600\n"),
        (kinds.ROOM_CHANGED, "Nova", "Nova\nnot a number\nClass 4b"),
    ):
        raw = stand_ins.frame(wire.encode(wire.Event(1, 0, 0, 1, kind, "lobby", sender, text)))
        ((event,),) = [map(wire.decode, wire.FrameReader().feed(raw))]
        before, after = text.split("\n"), event.text.split("\n")
        assert list(map(len, after)) == list(map(len, before))
        assert after[0] == (nova if before[0] else "")
        assert after[1] == before[1] or not before[1].isdigit()
        assert not {"Nova", "spam", "not a number", "Class 4b"} & set(after)
    bans = wire.BanList(1, 0, "R", (wire.BannedUser(1, 0, 3, "Nova", "10.0.0.9", "Nova", "spam"),))
    ((listed,),) = [map(wire.decode, wire.FrameReader().feed(stand_ins.frame(wire.encode(bans))))]
    (ban,) = listed.bans
    assert ban.name == ban.actor == nova
    assert ban.address != "10.0.0.9"


def test_other_packets_are_left_out_and_other_bytes_zero(tmp_path):
    talk, foreign = Talk().open(), Talk(port=80).open()
    talk.say(0, wire.encode(wire.Send(1, "lobby", "secret")) + b"a secret that is no frame")
    foreign.say(0, b"GET /secret HTTP/1.1\r\n\r\n")
    source, target = tmp_path / "in.pcapng", tmp_path / "out.pcapng"
    with PcapngWriter(source) as out:
        for packet in [*talk.close().packets, *foreign.packets]:
            out.write(packet)
    done = anonymise(source, target)
    assert done.left_out == len(foreign.packets)
    assert b"secret" not in target.read_bytes()
    assert len(list(read_packets(target))) == len(talk.packets)


@pytest.mark.parametrize("name", ["tls", "tls-without-keys", "link", "link-udp"])
def test_what_cannot_be_rewritten_is_refused(name, tmp_path):
    with pytest.raises(CaptureError, match="cannot be anonymised"):
        anonymise(CAPTURES / f"{name}.pcapng", tmp_path / "out.pcapng")
    with pytest.raises(CaptureError, match="itself"):
        anonymise(CAPTURES / f"{name}.pcapng", CAPTURES / f"{name}.pcapng")


def test_edits_and_reactions_keep_their_target():
    stand_ins = StandIns()
    for kind, text in (
        (wire.EventKind.EDIT, "17\nmy secret"),
        (wire.EventKind.REACTION, "17\n+secret"),
        (wire.EventKind.DELETE, "17"),
    ):
        event = wire.Event(20, 1, 2, 3, kind, "lobby", "Nova", text)
        (frame,) = wire.FrameReader().feed(stand_ins.frame(wire.encode(event)))
        new = wire.decode(frame)
        found, was = (wire.parse_annotation(kind, each) for each in (new.text, text))
        assert (found.target, len(found.text)) == (17, len(was.text))
        assert "secret" not in new.text
