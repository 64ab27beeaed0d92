"""Run inside a namespace: sends packets into `left`, captures on `right`, prints the packets.

Arguments: the interface, the ports (comma-separated or empty), a file to write to or "".
"""

import json
import socket
import sys
import threading
import time

from netchat.packets import Packet
from netchat.packets.capture.live import Live
from netchat.packets.tcp.dissect import dissect
from tests.packets.segments import ethernet, ipv4, ipv6, tcp, udp

UDP = 17


def samples() -> dict[str, bytes]:
    chat, answer = tcp(50000, 6464, 1, 1, 16, b"chat"), tcp(6464, 50000, 1, 1, 16, b"answer")
    fragment = bytearray(ipv4("10.0.0.1", "10.0.0.2", b"rest of a datagram"))
    fragment[6:8] = b"\x00\x10"
    hop_by_hop = bytes([6, 0, 1, 4, 0, 0, 0, 0])
    v4, v6 = ("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")
    return {
        "v4 to": ethernet(ipv4(*v4, chat)),
        "v4 from": ethernet(ipv4(*v4, answer)),
        "v4 options": ethernet(ipv4(*v4, chat, options=b"\x01" * 8)),
        "v4 other port": ethernet(ipv4(*v4, tcp(50000, 80, 1, 1, 16, b"web"))),
        "v4 udp": ethernet(ipv4(*v4, udp(50000, 6464, b"block"), protocol=UDP)),
        "v4 udp other port": ethernet(ipv4(*v4, udp(50000, 53, b"name"), protocol=UDP)),
        "v4 icmp": ethernet(ipv4(*v4, chat, protocol=1)),
        "v4 fragment": ethernet(bytes(fragment)),
        "v6 to": ethernet(ipv6(*v6, chat), 0x86DD),
        "v6 udp": ethernet(ipv6(*v6, udp(6464, 50000, b"block"), UDP), 0x86DD),
        "v6 from": ethernet(ipv6(*v6, answer), 0x86DD),
        "v6 other port": ethernet(ipv6(*v6, tcp(1, 2, 1, 1, 16, b"other")), 0x86DD),
        "v6 extension": ethernet(ipv6(*v6, hop_by_hop + chat, 0), 0x86DD),
        "v6 multicast": ethernet(ipv6(*v6, b"\x3a" + hop_by_hop[1:] + b"\x8f" * 20, 0), 0x86DD),
        "vlan": ethernet(b"\x00\x05\x08\x00" + ipv4(*v4, chat), 0x8100),
        "qinq": ethernet(b"\x00\x05\x81\x00\x00\x06\x08\x00" + ipv4(*v4, chat), 0x88A8),
        "arp": ethernet(bytes(28), 0x0806),
    }


def main() -> None:
    interface, ports, path = sys.argv[1:4]
    wanted = [int(port) for port in ports.split(",") if port]
    sent = samples()
    names = {data: name for name, data in sent.items()}
    got: list[Packet] = []
    with Live(interface, wanted, write=path or None) as live:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sender:
            sender.bind(("left", 0))
            for data in sent.values():
                sender.send(data)
        threading.Timer(0.4, live.stop).start()
        for packets in live:
            got += packets
    print(
        json.dumps(
            {
                "names": [names.get(p.data, f"{p.link}: {p.data.hex()}") for p in got],
                "numbers": [p.number for p in got],
                "links": sorted({p.link for p in got}),
                "whole": all(p.length == len(p.data) for p in got),
                "skipped": [p.data.hex() for p in got if dissect(*p[2:]) == "bad IP header"],
                "age": max((time.time() - p.time / 1e9 for p in got), default=0),
                "counts": [live.packets, live.received, live.dropped, live.passed_over],
            }
        )
    )


if __name__ == "__main__":
    main()
