"""Packets: reading and writing captures, and finding the chat in them.

    from netchat.packets import read_capture

    for item in read_capture("chat.pcapng"):
        print(item)

Nothing here imports Scapy; what does is imported by its own name.
"""

from netchat.packets.capture import read_packets
from netchat.packets.conversation import Conversation, Counts
from netchat.packets.decoder import Decoder
from netchat.packets.items import Damage, Decoded, Gap, Item, Notice, Trace
from netchat.packets.packet import Packet
from netchat.packets.reading import read_capture
from netchat.packets.sniffing import Sniffer, sniff
from netchat.packets.writer import PcapngWriter, PcapWriter, open_writer

__all__ = [
    "Conversation",
    "Counts",
    "Damage",
    "Decoded",
    "Decoder",
    "Gap",
    "Item",
    "Notice",
    "Packet",
    "PcapWriter",
    "PcapngWriter",
    "Sniffer",
    "Trace",
    "open_writer",
    "read_capture",
    "read_packets",
    "sniff",
]
