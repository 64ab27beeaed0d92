"""Packets: reading and writing captures, and finding the chat in them.

    from netchat.packets import read

    for message in read("chat.pcapng").filter(room="lobby", type="SEND"):
        print(message.seconds, message.user, message.fields)

`read` and `sniff` give messages; `read_capture` gives everything that is told of a capture.

Nothing here imports Scapy; what does is imported by its own name.
"""

from netchat.packets.capture.packet import Packet
from netchat.packets.capture.reader import read_packets
from netchat.packets.capture.writer import PcapngWriter, PcapWriter, open_writer
from netchat.packets.decode.conversation import Conversation, Counts
from netchat.packets.decode.decoder import Decoder
from netchat.packets.items import Block, Damage, Decoded, Gap, Item, Notice, Trace
from netchat.packets.messages import Messages, read
from netchat.packets.offline import read_capture
from netchat.packets.sniffer import Sniffer, sniff

__all__ = [
    "Block",
    "Conversation",
    "Counts",
    "Damage",
    "Decoded",
    "Decoder",
    "Gap",
    "Item",
    "Messages",
    "Notice",
    "Packet",
    "PcapWriter",
    "PcapngWriter",
    "Sniffer",
    "Trace",
    "open_writer",
    "read",
    "read_capture",
    "read_packets",
    "sniff",
]
