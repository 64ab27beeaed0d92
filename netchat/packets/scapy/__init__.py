"""The protocol as Scapy layers: the frame and every message.

    >>> from netchat.packets.scapy import NCP, NCPSend
    >>> (NCP() / NCPSend(counter=1, room="lobby", text="hello")).summary()
    "NCP / SEND 'lobby' 'hello'"

All layers are generated from the declarations in `netchat.wire`; `LAYERS` maps each message class to
its layer. Importing this package binds TCP port 6464 to `NCP`. See docs/SCAPY.md.
"""

from netchat.packets.scapy.layer import *  # noqa: F403 - the layers' names are generated
from netchat.packets.scapy.layer import __all__ as __all__
