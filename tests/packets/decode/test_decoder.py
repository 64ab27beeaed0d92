"""The whole decoder: which connections are chats, their life cycle, memory, hostile captures."""

from __future__ import annotations

import random
import shutil
import subprocess
import tracemalloc
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat import wire
from netchat.errors import CaptureError
from netchat.packets import (
    Damage,
    DecodedMessage,
    Decoder,
    Gap,
    Notice,
    Packet,
    PcapngWriter,
    Trace,
    read_capture,
)
from netchat.packets import memory_budget as budgets
from netchat.packets.decode import decoder as decoders
from tests.packets.chatter import (
    chat_messages,
    check_tiling,
    decode,
    renumber,
    said,
    talk_of,
)
from tests.packets.segments import ACK, FIN, PSH, RST, START, SYN, Talk, ethernet, ipv4, ipv6, tcp

HELLO = wire.Hello(0, bytes(16), b"", "Nova", "test", ())
WELCOME = wire.Welcome(0, 1, 77, 5, 65536, 16384, 120, 0, bytes(32), "Nova", "test", ())


def notices(items) -> list[tuple[str, bool]]:
    return [(i.event, i.to_server) for i in items if isinstance(i, Notice)]


def test_a_conversation() -> None:
    messages = chat_messages(5)
    items = decode(talk_of(messages).packets)
    assert said(items)[True] == [m for side, m in messages if side == 0]
    assert said(items)[False] == [m for side, m in messages if side == 1]
    assert notices(items) == [("opened", True), ("closed", False)]
    conversation = items[0].conversation
    assert (conversation.user, conversation.device, conversation.number) == ("Nova", 77, 1)
    assert conversation.client == ("10.0.0.1", 50000)
    assert conversation.server == ("10.0.0.2", 6464)
    assert conversation.whole
    assert not any(i.found or i.repeated for i in items if isinstance(i, DecodedMessage))


def test_ipv6() -> None:
    frame = wire.encode(HELLO)
    data = ethernet(ipv6("2001:db8::1", "2001:db8::2", tcp(50000, 6464, 5, 6, ACK, frame)), 0x86DD)
    (joined, message) = decode([Packet(1, START, 1, data, len(data))])
    assert message.message == HELLO
    assert str(joined.conversation) == "[2001:db8::1]:50000 - [2001:db8::2]:6464"


# -- which connections ----------------------------------------------------------------------------


def test_a_chat_on_another_port_is_recognised_by_its_frames() -> None:
    items = decode(talk_of(chat_messages(3), port=9999).packets)
    assert len([i for i in items if isinstance(i, DecodedMessage)]) == 8
    assert notices(items) == [("opened", True), ("closed", False)]
    assert items[0].conversation.number == 1


def test_a_chat_on_another_port_captured_from_the_middle() -> None:
    """The server does not have the lower port: the messages show which side it is."""
    talk = Talk(port=60000, client_port=2000)
    talk.say(1, wire.encode(WELCOME))
    talk.say(0, wire.encode(wire.Send(1, "lobby", "hi")))
    items = decode(talk.packets)
    messages = [i for i in items if isinstance(i, DecodedMessage)]
    assert [(m.to_server, m.message.NAME) for m in messages] == [(False, "WELCOME"), (True, "SEND")]
    assert messages[0].conversation.server == ("10.0.0.2", 60000)
    assert notices(items) == [("joined", False)]
    assert messages[0].conversation.to_client.segments == 2


@pytest.mark.parametrize("whole", [True, False])
def test_another_protocol_on_another_port_is_ignored(whole: bool) -> None:
    talk = Talk(port=80)
    if whole:
        talk.open()
    for _ in range(200):
        talk.say(0, b"GET / HTTP/1.1\r\nHost: NC\x01 example\r\n\r\n")
        talk.say(1, b"HTTP/1.1 200 OK\r\n\r\n" + bytes(1400))
    decoder = Decoder()
    assert [item for packet in talk.packets for item in decoder.feed(packet)] == []
    assert decoder._budget.used == 0
    assert decoder._table == {}
    assert decoder.finish() == []
    assert decoder.conversations == 0


def test_a_new_connection_on_the_ports_of_another_protocol() -> None:
    talk = Talk(port=8080).open()
    talk.say(0, b"GET / HTTP/1.1\r\n\r\n" * 3)
    talk.isn = (777, 888)
    talk.seq = [777, 888]
    talk.open()
    talk.say(0, wire.encode(HELLO))
    assert said(decode(talk.packets)) == {True: [HELLO]}


def test_another_protocol_on_the_chats_port_is_one_item() -> None:
    talk = Talk().open()
    for _ in range(50):
        talk.say(0, b"GET / HTTP/1.1\r\n\r\n")
    items = decode(talk.packets)
    (damage,) = [i for i in items if isinstance(i, Damage)]
    assert (damage.cause, damage.error, damage.size) == ("skipped", "BadMagic", 900)
    assert damage.reason == "a frame begins with b'NC', not with b'GE'"
    assert damage.packets == (4, 102)


# -- life cycle -----------------------------------------------------------------------------------


def test_reset() -> None:
    talk = Talk().open()
    talk.say(0, wire.encode(HELLO)[:30])
    talk.add(1, RST | ACK)
    items = decode(talk.packets)
    assert notices(items) == [("opened", True), ("reset", False)]
    (damage,) = [i for i in items if isinstance(i, Damage)]
    assert "then the connection is reset" in damage.reason


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("syn", [True, False])
def test_the_ports_are_reused(closed: bool, syn: bool) -> None:
    talk = Talk().open()
    talk.say(0, wire.encode(HELLO))
    if closed:
        talk.close()
    talk.isn = (2**31, 2**30)
    talk.seq = [2**31, 2**30]
    if syn:
        talk.open()
    talk.say(0, wire.encode(HELLO) * 3, 40)
    items = decode(talk.packets)
    messages = [i for i in items if isinstance(i, DecodedMessage)]
    assert [m.message for m in messages] == [HELLO] * 4
    assert [m.conversation.number for m in messages] == [1, 2, 2, 2]
    assert ("replaced" in [event for event, _ in notices(items)]) is not closed
    check_tiling(items)


def test_a_retransmitted_syn_changes_nothing() -> None:
    talk = Talk().open()
    again = talk.packets[0]
    talk.say(0, wire.encode(HELLO))
    talk.packets += [again, talk.packets[1]]
    talk.say(0, wire.encode(HELLO))
    items = decode(renumber(talk.packets), trace=True)
    assert said(items) == {True: [HELLO] * 2}
    assert len({i.conversation for i in items}) == 1
    notes = [i.note for i in items if isinstance(i, Trace) and i.flags & SYN]
    assert notes == ["", "", "retransmission", "retransmission"]


def test_tick_expires_missing_bytes() -> None:
    talk = Talk().open()
    frames = [wire.encode(wire.Ping(n)) for n in range(3)]
    talk.add(0, ACK, frames[0])
    talk.seq[0] += len(frames[1])
    talk.add(0, ACK, frames[2])
    talk.add(1, ACK)
    decoder = Decoder()
    items = [item for packet in talk.packets for item in decoder.feed(packet)]
    assert said(items) == {True: [wire.Ping(0)]}
    last = talk.packets[-1].time
    assert decoder.tick(last + 500_000_000) == []
    late = decoder.tick(last + 1_100_000_000)
    assert [type(item) for item in late] == [Gap, DecodedMessage]
    assert decoder.tick(last + 10**12) == []


def test_unusual_segments_are_yielded_as_a_full_trace_has_them() -> None:
    for name in ("retransmission", "reordered", "gaps", "two-users"):
        path = f"captures/{name}.pcapng"
        everything = list(read_capture(path, trace=True))
        unusual = list(read_capture(path, decoder=Decoder(trace="unusual")))
        noted = [i for i in everything if isinstance(i, Trace) and i.note]
        assert [t[2:] for t in unusual if isinstance(t, Trace)] == [t[2:] for t in noted], name
        assert len(unusual) == len(noted) + sum(not isinstance(i, Trace) for i in everything)


def test_trace_yields_every_segment() -> None:
    messages = chat_messages(4)
    talk = talk_of(messages)
    items = decode(talk.packets, trace=True)
    traces = [i for i in items if isinstance(i, Trace)]
    assert [t.packet for t in traces] == [p.number for p in talk.packets]
    assert [t.flags for t in traces[:3]] == [SYN, SYN | ACK, ACK]
    assert traces[3].flags == ACK | PSH
    assert [t.flags & FIN for t in traces[-3:]] == [FIN, FIN, 0]
    without = [i for i in items if not isinstance(i, Trace)]
    plain = decode(talk.packets)
    assert [item[2:] for item in without] == [item[2:] for item in plain]


# -- memory ---------------------------------------------------------------------------------------


def test_many_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "MAX_CONVERSATIONS", 100)
    decoder = Decoder()
    dropped = 0
    for number in range(1000):
        segment = tcp(number + 1024, 6464, 0, 0, SYN)
        data = ethernet(ipv4("10.0.0.1", "10.0.0.2", segment))
        items = decoder.feed(Packet(number + 1, START + number, 1, data, len(data)))
        dropped += ("dropped", True) in notices(items)
        assert len(decoder._table) <= 200
    assert dropped > 10


def test_all_connections_together_stay_within_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "MAX_KEPT", 200_000)
    decoder = Decoder()
    frame = wire.encode(wire.Send(1, "lobby", "x" * 60000))
    items = []
    for number in range(60):  # each leaves a frame unfinished
        talk = Talk(client_port=1024 + number, time=START + number).open()
        talk.say(0, frame[:50_000], 20_000)
        for packet in talk.packets:
            items += decoder.feed(packet)
        assert decoder._budget.used <= 250_000
    assert len([i for i in items if isinstance(i, Damage)]) > 50
    check_tiling([*items, *decoder.finish()])


def test_one_stream_stays_within_its_limit() -> None:
    """A gap that is never acknowledged, followed by endless data."""
    decoder = Decoder()
    talk = Talk(step=1000).open()
    talk.seq[0] += 10
    for _ in range(300):
        talk.say(0, bytes(20_000), 20_000, ack=False)
    most, gaps = 0, []
    for packet in talk.packets:
        gaps += [i for i in decoder.feed(packet) if isinstance(i, Gap)]
        most = max(most, decoder._budget.used)
    assert budgets.MAX_BUFFERED < most <= budgets.MAX_BUFFERED + 65536
    assert [(g.offset, g.size, g.reason) for g in gaps] == [
        (0, 10, "the buffer after them is full")
    ]


@pytest.mark.slow
def test_memory_for_a_hostile_capture() -> None:
    """Segments of one byte, with gaps between them."""
    talk = Talk(step=1).open()
    for number in range(30_000):
        talk.add(0, ACK, b"x", seq=2000 + number * 3)
    tracemalloc.start()
    decoder = Decoder()
    for packet in talk.packets:
        decoder.feed(packet)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000


# -- hostile --------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=100), max_size=30), st.sampled_from([0, 1, 101, 113, 276]))
def test_random_packets(contents: list[bytes], link: int) -> None:
    packets = [Packet(n, START + n, link, data, len(data)) for n, data in enumerate(contents, 1)]
    assert said(decode(packets)) == {}


@pytest.mark.parametrize("seed", range(20))
def test_noise_on_the_whole_capture(seed: int) -> None:
    """Damage as by editcap -E 0.02: one byte in fifty is changed."""
    choose = random.Random(seed)
    messages = chat_messages(20, seed)
    packets = []
    for packet in talk_of(messages, 700).packets:
        data = bytearray(packet.data)
        for place in range(len(data)):
            if choose.random() < 0.004 * (seed % 6):
                data[place] = choose.randrange(256)
        packets.append(packet._replace(data=bytes(data)))
    items = decode(packets)
    check_tiling(items)
    real = [m for _, m in messages]
    for found in said(items).values():
        assert all(message in real for message in found)


@pytest.mark.skipif(shutil.which("editcap") is None, reason="editcap is not installed")
@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_editcap_noise(tmp_path, seed: str) -> None:
    messages = chat_messages(40)
    clean, noisy = tmp_path / "clean.pcapng", tmp_path / "noisy.pcapng"
    with PcapngWriter(clean) as out:
        for packet in talk_of(messages).packets:
            out.write(packet)
    command = ["editcap", "-E", "0.02", "--seed", seed, str(clean), str(noisy)]
    subprocess.run(command, check=True, capture_output=True)
    items = list(read_capture(noisy))
    check_tiling(items)
    real = [m for _, m in messages]
    for found in said(items).values():
        assert all(message in real for message in found)


def test_read_capture_yields_all_items_before_the_damage(tmp_path) -> None:
    path = tmp_path / "cut.pcapng"
    with PcapngWriter(path) as out:
        for packet in talk_of([(0, HELLO), (1, WELCOME)]).packets:
            out.write(packet)
    path.write_bytes(path.read_bytes()[:-120])
    found = []
    items = read_capture(path)
    with pytest.raises(CaptureError, match=r"cut\.pcapng is truncated: the block after packet 8"):
        found.extend(items)
    assert said(found) == {True: [HELLO], False: [WELCOME]}


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_counts_agree_with_tshark(tmp_path) -> None:
    path = tmp_path / "a.pcapng"
    talk = talk_of(chat_messages(30), 500)
    with PcapngWriter(path) as out:
        for packet in talk.packets:
            out.write(packet)
    command = ["tshark", "-r", str(path), "-T", "fields", "-e", "tcp.len", "-e", "frame.time_epoch"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")
    rows = [line.split("\t") for line in lines if line]
    traces = [i for i in read_capture(path, trace=True) if isinstance(i, Trace)]
    assert [str(t.size) for t in traces] == [row[0] for row in rows]
    for trace, row in zip(traces, rows, strict=True):
        seconds, _, fraction = row[1].partition(".")
        assert trace.time == int(seconds) * 10**9 + int(fraction.ljust(9, "0"))


#: Offsets of the sequence numbers of client and server in a second copy.
SHIFTS = [(305_419_896, 305_419_896), (2**31 + 5, 7), (100_000, 100_000), (2**32 - 1000, 2**30)]


def doubled(packets: list[Packet], shifts: tuple[int, int], lag: int = 1) -> list[Packet]:
    """Repeat every packet `lag` packets later with other sequence numbers."""
    rewritten = []
    for packet in packets:
        data = bytearray(packet.data)
        to_server = int.from_bytes(data[36:38], "big") < int.from_bytes(data[34:36], "big")
        for at, shift in ((38, shifts[not to_server]), (42, shifts[to_server])):
            if at == 38 or data[47] & ACK:
                number = int.from_bytes(data[at : at + 4], "big") + shift
                data[at : at + 4] = (number % 2**32).to_bytes(4, "big")
        rewritten.append(packet._replace(data=bytes(data), time=packet.time + 1000))
    both = [*zip(packets, range(len(packets)), strict=True)]
    both += [(packet, n + lag - 0.5) for n, packet in enumerate(rewritten)]
    return renumber([packet for packet, _ in sorted(both, key=lambda pair: pair[1])])


def long_talk(port: int = 6464) -> Talk:
    talk = Talk(port).open()
    for n in range(6):
        talk.say(0, wire.encode(wire.Ping(n)))
        talk.say(1, wire.encode(wire.Pong(n)))
    return talk


@pytest.mark.parametrize("shifts", SHIFTS)
@pytest.mark.parametrize("lag", [1, 2, 3])
@pytest.mark.parametrize("port", [6464, 7000])
def test_every_packet_twice_with_other_sequence_numbers(
    shifts: tuple[int, int], lag: int, port: int
) -> None:
    packets = doubled(long_talk(port).close().packets, shifts, lag)
    decoder = Decoder()
    items = [item for packet in packets for item in decoder.feed(packet)] + decoder.finish()
    messages = [i.message for i in items if isinstance(i, DecodedMessage)]
    assert Counter(map(str, messages)) == {
        str(kind(n)): 2 for n in range(6) for kind in (wire.Ping, wire.Pong)
    }
    assert {i.conversation.number for i in items} == {1}
    assert decoder.conversations == 1
    assert [event for event, _ in notices(items)] == ["opened", "doubled", "closed"]
    (said,) = {i.conversation for i in items}
    for to_server in (True, False):
        counts = said.counts(to_server=to_server)
        assert counts.astray == counts.gaps == counts.retransmissions == 0
        assert counts.bytes == sum(len(wire.encode(wire.Ping(n))) for n in range(6)) * 2


@pytest.mark.parametrize("shifts", [s for s in SHIFTS if min(s) > 2**24])
def test_every_packet_twice_from_the_middle_on(shifts: tuple[int, int]) -> None:
    talk = long_talk()
    items = decode(doubled(talk.packets[4:], shifts))
    messages = Counter(str(i.message) for i in items if isinstance(i, DecodedMessage))
    assert sum(messages.values()) == 2 * 11
    assert {i.conversation.number for i in items} == {1}


def test_a_client_that_reuses_its_ports_is_a_new_connection() -> None:
    talk = long_talk()
    for seq in ((2**31, 2**30), (77, 2**29)):
        talk.isn, talk.seq = seq, list(seq)
        talk.add(0, SYN, ack=0)
        # The server still has the old connection, and sends a challenge ACK (RFC 5961).
        talk.add(1, ACK, seq=6000, ack=1001)
        talk.seq[0] -= 1
        talk.open()
        talk.say(0, wire.encode(HELLO))
    decoder = Decoder()
    items = [item for packet in talk.packets for item in decoder.feed(packet)] + decoder.finish()
    assert [event for event, _ in notices(items)] == ["opened", "replaced"] * 2 + ["opened"]
    assert decoder.conversations == 3
    assert said([i for i in items if i.conversation.number > 1]) == {True: [HELLO, HELLO]}


def test_a_new_connection_on_known_ports_is_detected() -> None:
    talk = Talk().open()
    talk.isn, talk.seq = (2**31, 2**30), [2**31, 2**30]
    talk.open().say(0, wire.encode(HELLO))
    decoder = Decoder()
    for packet in talk.packets:
        decoder.feed(packet)
    last = talk.packets[-1].time
    assert not decoder.tick(last + 1_000)
    items = decoder.tick(last + 1_000_000_000)
    assert [i.event for i in items if isinstance(i, Notice)] == ["replaced", "opened"]
    assert said(items) == {True: [HELLO]}


def test_a_damaged_packet_that_looks_like_a_syn_is_no_connection() -> None:
    talk = Talk().open()
    talk.say(0, wire.encode(HELLO))
    talk.add(0, SYN | ACK, b"damaged", seq=2**30)
    for n in range(40):
        talk.say(0, wire.encode(wire.Ping(n)))
    items = decode(talk.packets)
    assert said(items) == {True: [HELLO, *map(wire.Ping, range(40))]}
    assert {i.conversation.number for i in items} == {1}
    assert [event for event, _ in notices(items)] == ["opened"]
    assert items[0].conversation.to_server.astray == 1
