"""Packets: captures read, written and recorded, and the chat decoded from them.

    from netchat.packets import read

    for message in read("chat.pcapng").filter(room="lobby", type="SEND"):
        print(message.seconds, message.user, message.fields)

`read` and `sniff` yield messages; `read_capture` yields every item: messages, gaps, damage, blocks of
links, notices.

The packages: `capture` reads, writes and records packets; `tcp` reassembles streams; `decode` finds
messages in them; `views` formats items as text, data and diagrams; `replay` plays a capture to a
server; `scapy` and `wireshark` teach these tools the protocol.

Only `netchat.packets.scapy`, `craft` and `encapsulate` import Scapy, so they are not imported here.
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
