"""Captures: files read and written, and packets recorded live.

`reader` opens pcap and pcapng files; `writer` writes them. `live` records from an interface, through
`afpacket` on Linux and `libpcap` elsewhere.
"""

from netchat.packets.capture.live import Live
from netchat.packets.capture.packet import LINK_NAMES, Packet
from netchat.packets.capture.reader import read_packets
from netchat.packets.capture.writer import CaptureWriter, PcapngWriter, PcapWriter, open_writer

__all__ = [
    "LINK_NAMES",
    "CaptureWriter",
    "Live",
    "Packet",
    "PcapWriter",
    "PcapngWriter",
    "open_writer",
    "read_packets",
]
