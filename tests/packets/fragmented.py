"""Captures whose IPv4 packets are cut into fragments."""

from __future__ import annotations

from pathlib import Path

from netchat.packets import Packet, PcapngWriter, read_packets

__all__ = ["write_fragments"]


def write_fragments(source: Path, target: Path, size: int = 64) -> None:
    """Write a capture of Ethernet and IPv4 with fragments of `size` bytes, a multiple of 8."""
    with PcapngWriter(target) as out:
        number = 0
        for packet in read_packets(source):
            header, body = bytearray(packet.data[:34]), packet.data[34:]
            for start in range(0, len(body), size):
                part = body[start : start + size]
                more = start + size < len(body)
                header[16:18] = (20 + len(part)).to_bytes(2, "big")
                header[18:20] = packet.number.to_bytes(2, "big")
                header[20:22] = (more << 13 | start // 8).to_bytes(2, "big")
                header[24:26] = b"\0\0"
                words = sum(int.from_bytes(header[at : at + 2], "big") for at in range(14, 34, 2))
                words = (words & 0xFFFF) + (words >> 16)
                header[24:26] = (~words & 0xFFFF).to_bytes(2, "big")
                number += 1
                data = bytes(header) + part
                out.write(Packet(number, packet.time, packet.link, data, len(data)))
