"""netchat: a packet-level networking lab built around a chat.

    async with netchat.Server(port=0) as server:
        async with netchat.Client(server.address, name="Robot") as chat:
            room = await chat.join("lobby")
            event = await room.send("Hello")

`Client` and `Server` chat. The packages contain the rest: `coding` and `channels` hold codes and
channels, `bench` measures them, `packets` reads captures, and `wire` declares the protocol.

All names and packages are imported on first use, so `import netchat` is fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from netchat.version import __version__

if TYPE_CHECKING:
    from netchat import bench as bench
    from netchat import channels as channels
    from netchat import chat as chat
    from netchat import coding as coding
    from netchat import course as course
    from netchat import errors as errors
    from netchat import lab as lab
    from netchat import link as link
    from netchat import load as load
    from netchat import net as net
    from netchat import packets as packets
    from netchat import wire as wire
    from netchat.channels import get as get_channel
    from netchat.coding import get as get_code
    from netchat.net import Client, Room, Server
    from netchat.packets import read_capture, sniff
else:
    _NAMES = {
        "Client": "net.Client",
        "Room": "net.Room",
        "Server": "net.Server",
        "get_channel": "channels.get",
        "get_code": "coding.get",
        "read_capture": "packets.read_capture",
        "sniff": "packets.sniff",
    }
    _PACKAGES = [
        "bench",
        "channels",
        "chat",
        "coding",
        "course",
        "errors",
        "lab",
        "link",
        "load",
        "net",
        "packets",
        "wire",
    ]

    def __getattr__(name: str) -> Any:
        if name in _PACKAGES:
            return importlib.import_module(f"netchat.{name}")
        if name not in _NAMES:
            raise AttributeError(f"module 'netchat' has no attribute {name!r}")
        package, _, attribute = _NAMES[name].partition(".")
        return getattr(importlib.import_module(f"netchat.{package}"), attribute)

    def __dir__() -> list[str]:
        return sorted({*__all__, *_PACKAGES})


__all__ = [
    "Client",
    "Room",
    "Server",
    "__version__",
    "get_channel",
    "get_code",
    "read_capture",
    "sniff",
]
