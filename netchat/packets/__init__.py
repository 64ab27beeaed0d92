"""Packets: captures read, written and recorded, and the chat decoded from them.

    from netchat.packets import read

    for message in read("chat.pcapng").filter(room="lobby", type="SEND"):
        print(message.seconds, message.user, message.fields)

`read` and `sniff` yield messages; `read_capture` yields every item: messages, gaps, damage, blocks of
links, notices.

The packages: `capture` reads, writes and records packets; `tcp` reassembles streams; `tls` decrypts
them, given the secrets; `decode` finds messages in them; `views` formats items as text, data and
diagrams; `replay` plays a capture to a server; `scapy` and `wireshark` teach these tools the protocol.

`craft`, `Encapsulation` and `netchat.packets.scapy` import Scapy, and so are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netchat.lazy_exports import lazy_exports
from netchat.packets.capture.live import Live
from netchat.packets.capture.packet import Packet
from netchat.packets.capture.reader import read_packets
from netchat.packets.capture.rotation import Rotation
from netchat.packets.capture.writer import CaptureWriter, PcapngWriter, PcapWriter, open_writer
from netchat.packets.decode.conversation import Conversation, DirectionCounts
from netchat.packets.decode.decoder import Decoder
from netchat.packets.decode.link_state import BlockCounts, LinkState
from netchat.packets.items import Block, Damage, DecodedMessage, Gap, Item, Notice, TlsRecord, Trace
from netchat.packets.messages import Messages, read
from netchat.packets.offline import read_capture
from netchat.packets.sniffer import Sniffer, sniff
from netchat.packets.tls.key_log import KeyLog
from netchat.packets.tls.state import TlsCounts, TlsState

if TYPE_CHECKING:
    from netchat.packets.encapsulate import Encapsulation
    from netchat.packets.frame_builder import craft
else:
    __getattr__, __dir__ = lazy_exports(
        __name__, {"encapsulate": "Encapsulation", "frame_builder": "craft"}
    )

__all__ = [
    "Block",
    "BlockCounts",
    "CaptureWriter",
    "Conversation",
    "Damage",
    "DecodedMessage",
    "Decoder",
    "DirectionCounts",
    "Encapsulation",
    "Gap",
    "Item",
    "KeyLog",
    "LinkState",
    "Live",
    "Messages",
    "Notice",
    "Packet",
    "PcapWriter",
    "PcapngWriter",
    "Rotation",
    "Sniffer",
    "TlsCounts",
    "TlsRecord",
    "TlsState",
    "Trace",
    "craft",
    "open_writer",
    "read",
    "read_capture",
    "read_packets",
    "sniff",
]
