"""Ethernet, IP and TCP packets around frames."""

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from netchat.errors import CaptureError
from netchat.packets import DecodedMessage, read_capture
from netchat.packets.encapsulate import Encapsulation
from netchat.wire import (
    Event,
    Send,
    encode,
)


def _spoken(data, **options):
    chat = Encapsulation(now=1_700_000_000.0, **options)
    chat.send(data)
    chat.send(b"answer", by_server=True)
    chat.close()
    return chat


@pytest.mark.parametrize(
    ("hosts", "layer", "mss"),
    [({}, IP, 1460), ({"client": "2001:db8::1", "server": "2001:db8::2"}, IPv6, 1440)],
)
def test_the_connection_has_valid_headers(hosts, layer, mss):
    data = bytes(range(256)) * 20
    chat = _spoken(data, **hosts)
    flags = [str(packet[TCP].flags) for packet in chat.packets]
    assert flags[:3] == ["S", "SA", "A"]
    assert flags[-3:] == ["FA", "FA", "A"]
    streams, expected = {0: b"", 1: b""}, [1000, 2000]
    for packet in chat.packets:
        side = int(packet[TCP].sport == 6464)
        assert packet[TCP].seq == expected[side]
        if "A" in packet[TCP].flags:
            assert packet[TCP].ack == expected[1 - side]
        payload = bytes(packet[TCP].payload)
        assert len(payload) <= mss
        streams[side] += payload
        expected[side] += len(payload) + sum(flag in str(packet[TCP].flags) for flag in "SF")
        again = Ether(bytes(packet))
        del again[TCP].chksum
        if layer is IP:
            del again[IP].chksum, again[IP].len
        assert bytes(Ether(bytes(again))) == bytes(packet)
    assert streams == {0: data, 1: b"answer"}
    times = [packet.time for packet in chat.packets]
    assert times == sorted(times)


@pytest.mark.parametrize("name", ["chat.pcap", "chat.pcapng", "chat.pcap.gz"])
def test_a_saved_capture_is_read_back(tmp_path, name):
    chat = Encapsulation(now=1_700_000_000.25)
    chat.send(encode(Send(1, "lobby", "x" * 5000)))
    chat.send(encode(Event(1, 2, 3, 1, 1, "lobby", "Ada", "x")), by_server=True, at=1_700_000_009.0)
    chat.save(tmp_path / name)
    items = [item for item in read_capture(tmp_path / name) if isinstance(item, DecodedMessage)]
    assert [(type(i.message), i.to_server) for i in items] == [(Send, True), (Event, False)]
    assert items[1].time == 1_700_000_009_000_000_000


def test_a_capture_that_cannot_be_written(tmp_path):
    with pytest.raises(CaptureError):
        Encapsulation().save(tmp_path / "none" / "chat.pcap")
