"""Statistics of a capture."""

from __future__ import annotations

import pytest

from netchat import wire
from netchat.packets import DecodedMessage, Item
from netchat.packets.decode.link_state import LinkState
from netchat.packets.views.stats import Stats
from tests.packets.chatter import chat_messages, decode, talk_of
from tests.packets.segments import START
from tests.packets.story import decoded


def test_stats(items: list[Item]) -> None:
    stats = Stats()
    for item in items:
        stats.add(item)
    (row,) = stats.as_dicts()
    assert row["user"] == "Nova"
    assert row["to_server"]["types"] == {"HELLO": 1, "SEND": 1}
    assert row["to_client"]["types"] == {"WELCOME": 1, "PING": 1, "EVENT": 4}
    assert row["to_server"]["retransmissions"] == 1
    assert row["to_client"]["gaps"] == 1
    assert row["to_client"]["out_of_order"] == 1
    assert (row["crc_failures"], row["damage"]) == (1, {"frame": 1})
    assert row["rtt"] == {
        "count": 1, "min_s": 0.211, "p50_s": 0.211, "p95_s": 0.211, "p99_s": 0.211, "max_s": 0.211,
    }  # fmt: skip
    text = "\n".join(stats.lines())
    assert "RTT of SEND: 50% 211 ms, 95% 211 ms, 99% 211 ms, max 211 ms, of 1" in text
    assert "1 gap of" in text


def test_stats_print_zeros() -> None:
    stats = Stats()
    for item in decode(talk_of(chat_messages(3)).packets):
        stats.add(item)
    text = "\n".join(stats.lines())
    for count in (
        "0 retransmissions", "0 out of order", "0 gaps", "0 conflicting overlaps", "0 out of window",
        "damage: none; 0 with a wrong CRC-32",
    ):  # fmt: skip
        assert count in text
    item = decoded(wire.Ping(1))
    item.conversation.link = LinkState()
    stats = Stats()
    stats.add(item)
    text = "\n".join(stats.lines())
    assert "0 failed, 0 symbols corrected, 0 decoded with their copies, 0 retransmitted" in text
    assert "0 headers unreadable, 0 bytes skipped, 0 bytes missing from the link" in text
    assert "RTT of SEND: no sample" in text


def test_stats_keeps_a_bounded_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netchat.packets.time_sample._MAX_TIMES", 100)
    stats, said = Stats(), decoded(wire.Ping(1)).conversation
    for number in range(1, 5000):
        send, event = wire.Send(number, "r", "t"), wire.Event(1, 1, 5, number, 1, "r", "N", "t")
        start = START + number * 10**9
        stats.add(DecodedMessage(start, said, True, send, wire.encode(send), (1,), False, 0, False))
        late = start + number * 1000
        stats.add(
            DecodedMessage(late, said, False, event, wire.encode(event), (1,), False, 0, False)
        )
    row = stats.rows[said]
    assert len(row.rtt.kept) <= 101
    assert not row.sent
    median = row.rtt.quantile(0.5)
    assert median is not None
    assert abs(median - 2_500_000) < 200_000


def test_stats_count_the_echoes_of_sealed_messages() -> None:
    stats, said = Stats(), decoded(wire.Ping(1)).conversation
    one, other = (
        wire.Sealed(12, 1, 1, n, 0, b"", b"", bytes(64), b"", (), b"c", bytes(64)) for n in (1, 2)
    )
    for message, to_server in (
        (wire.SealedSend(16, "r", (one,)), True),
        (wire.SealedSend(32, "r", (other,)), True),
        (wire.SealedEvent(1, 1, 5, 16, "r", "N", (one,)), False),
        (wire.SealedEvent(2, 1, 5, 32, "r", "N", (one,)), False),  # not the message that was sent
    ):
        raw = wire.encode(message)
        stats.add(DecodedMessage(START, said, to_server, message, raw, (1,), False, 0, False))
    assert len(stats.rows[said].rtt.kept) == 1
    assert list(stats.rows[said].sent) == [32]


def test_the_echo_of_an_edit_counts() -> None:
    stats = Stats()
    edit = decoded(wire.Annotate(4, 8, 7, "lobby", "new"))
    echo = wire.Event(9, 1, 2, 4, 8, "lobby", "Nova", "7\nnew")
    other = wire.Event(8, 1, 2, 4, 8, "lobby", "Nova", "7\nold")
    stats.add(edit)
    for event in (other, echo, echo):
        stats.add(decoded(event)._replace(conversation=edit.conversation))
    assert len(stats.rows[edit.conversation].rtt.kept) == 1
