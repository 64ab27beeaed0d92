"""Tree of a packet, with Scapy as the oracle for the headers."""

from __future__ import annotations

import pytest

from netchat.packets import read_packets
from netchat.packets.browse.layers import Node, packet_tree
from netchat.wire import Send
from tests.end_to_end.processes import ROOT
from tests.packets.opened import CAPTURES, opened

CAPTURED = ROOT / "captures"


def walk(nodes: list[Node]):
    for node in nodes:
        yield node
        yield from walk(node.children)


def values(node: Node) -> dict[str, str]:
    return dict(child.label.split(": ", 1) for child in node.children if ": " in child.label)


@pytest.fixture(scope="module")
def ether():
    import scapy.layers.inet
    import scapy.layers.inet6  # noqa: F401 - registers the layers
    from scapy.layers.l2 import Ether

    return Ether


@pytest.mark.parametrize("name", ["two-users", "ipv6", "link-udp", "retransmission"])
def test_headers_agree_with_scapy(name, ether):
    capture = opened(CAPTURED / f"{name}.pcapng")
    for packet in read_packets(CAPTURED / f"{name}.pcapng"):
        oracle = ether(packet.data)
        nodes = {node.label.partition(":")[0]: node for node in packet_tree(capture, packet.number)}
        link = values(nodes["Ethernet"])
        assert (link["source"], link["destination"]) == (oracle.src, oracle.dst)
        ip = oracle.payload
        layer = nodes["IPv6" if ip.name == "IPv6" else "IPv4"]
        assert (values(layer)["source"], values(layer)["destination"]) == (ip.src, ip.dst)
        assert (layer.offset, layer.size) == (14, len(ip) - len(ip.payload))
        transport = ip.payload
        node = nodes[transport.name]
        shown = values(node)
        assert (shown["source port"], shown["destination port"]) == (
            str(transport.sport), str(transport.dport),
        )  # fmt: skip
        assert int(shown["checksum"], 16) == transport.chksum
        assert node.size == len(transport) - len(transport.payload)
        if transport.name == "TCP":
            assert shown["sequence number"] == str(transport.seq)
            assert shown["acknowledgement"] == str(transport.ack)
            assert shown["window"] == str(transport.window)
            assert shown["header length"] == f"{transport.dataofs * 4} bytes"
        size = len(transport.payload)
        payload = next((node for label, node in nodes.items() if label == "Payload"), None)
        assert (payload.size if payload else 0) == size
    capture.close()


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_each_node_lies_in_its_bytes_and_in_its_parent(path):
    capture = opened(path)
    messages = 0
    for number in range(1, len(capture.packets) + 1):
        for node in walk(packet_tree(capture, number)):
            assert 0 <= node.offset <= node.offset + node.size <= len(node.data)
            assert "\n" not in node.label
            for child in node.children:
                if child.size and node.size:
                    assert node.offset <= child.offset
                    assert child.offset + child.size <= node.offset + node.size
            messages += node.label == "header"
    assert messages or "without" in path.stem
    capture.close()


def test_the_fields_of_a_message_have_their_bytes_in_the_packet():
    capture = opened(CAPTURED / "two-users.pcapng")
    *_, message = packet_tree(capture, 25)
    assert message.label.startswith(f"{Send.NAME} lobby #1")
    assert message.is_open
    text = next(child for child in message.children if child.label.startswith("text: "))
    assert text.data[text.offset + 2 : text.offset + text.size] == b"Hi Orion, can you read this?"
    assert text.data == capture.packets[25].data
    assert text.doc
    capture.close()


def test_a_message_from_several_packets_has_its_own_bytes():
    capture = opened(CAPTURED / "tls.pcapng")
    found = [
        node
        for number in range(1, len(capture.packets) + 1)
        for node in packet_tree(capture, number)
        if any(child.label == "header" for child in node.children)
    ]
    assert found
    for node in found:
        assert node.data[:2] == b"NC"
        assert "packet" in node.label
    capture.close()
