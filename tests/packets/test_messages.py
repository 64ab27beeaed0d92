"""`netchat.packets.read` and `sniff`: a capture as used in a notebook."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from netchat.errors import CaptureError, FilterError
from netchat.packets import DecodedMessage, Messages, Sniffer, read, read_capture
from netchat.packets.scapy import NCP, NCPSend
from tests.end_to_end.processes import ROOT
from tests.packets.namespaces import needs_root, network

CAPTURES = ROOT / "captures"


@pytest.fixture(scope="module")
def chat() -> Messages:
    return read(CAPTURES / "room-of-three.pcapng")


def test_messages_can_be_iterated_several_times(chat: Messages) -> None:
    first, second = list(chat), list(chat)
    assert len(first) > 20
    assert [m.raw for m in first] == [m.raw for m in second]
    assert {type(item).__name__ for item in chat.items()} == {"DecodedMessage", "Notice"}


def test_a_message_has_time_direction_fields_bytes_and_scapy(chat: Messages) -> None:
    send = next(m for m in chat if m.type == "SEND")
    assert send.direction == "to server"
    assert send.seconds == send.time / 1e9 > 1.7e9
    assert list(send.fields) == ["counter", "room", "text"]
    assert send.fields["text"] == send.message.text
    assert send.user
    layers = send.scapy
    assert layers[NCP].length == send.size - 16
    assert layers[NCPSend].room == send.fields["room"]
    assert bytes(layers) == send.raw


def test_a_filter_as_text(chat: Messages) -> None:
    sends = [m.raw for m in chat.filter(type="SEND")]
    assert [m.raw for m in chat.filter("type == SEND")] == sends
    users = {m.user for m in chat}
    both = chat.filter(f'user in {{"{max(users)}"}}').filter("send")
    assert list(both)
    assert [m.raw for m in both] == [
        m.raw for m in chat if m.type == "SEND" and m.user == max(users)
    ]
    assert {type(i).__name__ for i in chat.filter("notice").items()} == {"Notice"}
    with pytest.raises(FilterError, match="column 6"):
        chat.filter("type = SEND")


def test_filters_can_be_chained(chat: Messages) -> None:
    everybody = [m for m in chat if m.type == "EVENT"]
    users = {m.user for m in everybody}
    assert len(users) == 3
    for user in users:
        his = list(chat.filter(type="event").filter(user=user.upper()))
        assert list(map(_told, his)) == [_told(m) for m in everybody if m.user == user]
    both = chat.filter(type=["SEND", "EVENT"])
    assert {m.type for m in both} == {"SEND", "EVENT"}
    sent = [m.raw for m in chat.filter(type="SEND")]
    assert [m.raw for m in both.filter(lambda m: m.to_server)] == sent
    assert list(chat.filter(room="nowhere")) == []
    with pytest.raises(ValueError, match=r"unknown message type SHOUT; must be one of .*SEND"):
        chat.filter(type="shout")


def test_a_filter_by_type_selects_only_messages() -> None:
    path = CAPTURES / "gaps.pcapng"
    assert "Gap" in {type(i).__name__ for i in read(path).items()}
    assert "Gap" in {type(i).__name__ for i in read(path).filter(user="Nova").items()}
    assert {type(i).__name__ for i in read(path).filter(type="EVENT").items()} == {"DecodedMessage"}
    assert {type(i).__name__ for i in read(path).filter(lambda _: True).items()} == {
        "DecodedMessage"
    }


def test_dicts_match_those_of_inspect(chat: Messages) -> None:
    rows = chat.filter(type="SEND").to_dicts()
    assert [row["fields"]["text"] for row in rows] == [
        m.fields["text"] for m in chat if m.type == "SEND"
    ]
    assert rows[0]["item"] == "decoded"
    assert bytes.fromhex(rows[0]["raw"])[:2] == b"NC"


def test_the_same_messages_as_read_capture() -> None:
    for path in sorted(CAPTURES.glob("*.pcapng")):
        items = [i for i in read_capture(path) if type(i).__name__ == "DecodedMessage"]
        assert list(map(_told, read(path))) == list(map(_told, items))


def _told(message):
    return message.time, message.to_server, message.raw, message.packets, message.offset


def test_a_file_that_is_not_a_capture_is_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="Cannot read"):
        read(tmp_path / "none.pcap")
    (tmp_path / "text.pcap").write_text("hello")
    with pytest.raises(CaptureError, match="not a capture file"):
        read(tmp_path / "text.pcap")


def test_a_truncated_capture_yields_its_messages(tmp_path: Path) -> None:
    whole = (CAPTURES / "two-users.pcapng").read_bytes()
    (tmp_path / "cut.pcapng").write_bytes(whole[: len(whole) * 2 // 3])
    found: list[DecodedMessage] = []
    with pytest.raises(CaptureError, match="cut"):
        found.extend(read(tmp_path / "cut.pcapng"))
    assert len(found) > 5


@needs_root
def test_sniff_yields_the_same_kind_of_messages() -> None:
    with network() as prefix:
        command = [*prefix, sys.executable, "-m", "tests.packets.sniff_probe"]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:-1] == ["SEND 'one' Nova", "SEND 'two' Nova"]
    assert issubclass(Sniffer, Messages)


def test_reading_a_capture_loads_no_heavy_module() -> None:
    """Each of these takes 10 ms to 1 s to load; a small capture is read in 0.1 s."""
    heavy = {"hashlib", "numpy", "numba", "scapy", "secrets", "wcwidth"}
    code = (
        "import sys\nfrom netchat.packets import read\n"
        "assert list(read('captures/two-users.pcapng'))\nprint(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert not heavy & set(done.stdout.decode().split())
