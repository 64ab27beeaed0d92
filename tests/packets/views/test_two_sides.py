"""Text and data of a comparison."""

from __future__ import annotations

from pathlib import Path

import pytest

from netchat.packets import read_capture
from netchat.packets.two_sides import collect, compare
from netchat.packets.views.two_sides import comparison_as_dict, comparison_lines
from tests.packets.both_sides import CAPTURES, write_other_side


def test_text_and_data(tmp_path: Path) -> None:
    client = CAPTURES / "retransmission.pcapng"
    server = write_other_side(client, tmp_path / "server.pcapng", [15], nat=True)
    found = compare(*(collect(read_capture(path, trace=True)) for path in (client, server)))
    lines = list(comparison_lines(found, "client", "server"))
    assert lines[0] == "client's side: client   server's side: server"
    assert lines[1] == "clock: server minus client is +1.499500 s, ± 2.5 ms"
    assert lines[2].endswith(
        "10.64.0.1:36800 - 10.64.0.2:6464, there 203.0.113.9:36800 - 10.64.0.2:6464"
    )
    assert lines[3] == "   → to server  6 messages sent, 6 received; 9 segments sent, 8 arrived"
    assert lines[5].endswith("lost: segment in packet 15: ACK, 74 bytes from byte 164")
    row = comparison_as_dict(found)
    assert row["clock_offset_s"] == 1.4995
    assert row["conversations"][0]["nat"] is True
    assert row["conversations"][0]["to_server"]["lost_segments"] == [
        {"packet": 15, "offset": 164, "size": 74}
    ]


def test_nothing_in_common() -> None:
    names = ("two-users", "resume")
    found = compare(*(
        collect(read_capture(CAPTURES / f"{name}.pcapng", trace=True)) for name in names
    ))  # fmt: skip
    lines = list(comparison_lines(found, *names))
    assert lines[1] == "clock: unknown, because the captures have no conversation in common"
    assert [line.split(":")[0] for line in lines[2:]] == ["only in two-users"] * 2 + [
        "only in resume"
    ] * 3
    assert comparison_as_dict(found)["clock_offset_s"] is None


def test_long_lists_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netchat.packets.views.two_sides._MAX_LISTED", 2)
    client = CAPTURES / "two-users.pcapng"
    lost = [
        item.packets[-1] for item in read_capture(client)
        if getattr(item, "message", None) is not None and item.to_server
    ]  # fmt: skip
    server = write_other_side(client, tmp_path / "server.pcapng", lost[-3:])
    found = compare(*(collect(read_capture(path, trace=True)) for path in (client, server)))
    lines = list(comparison_lines(found, "a", "b"))
    assert any(line.endswith(" lost: 2 more") for line in lines), lines
