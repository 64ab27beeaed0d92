"""netchat: a packet-level networking lab built around a chat.

    async with netchat.Server(port=0) as server:
        async with netchat.Client(server.address, name="Robot") as chat:
            room = await chat.join("lobby")
            event = await room.send("Hello")

The names in `__all__` are imported on first use, so `import netchat` is fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from netchat.version import __version__

if TYPE_CHECKING:
    from netchat.channels import get as get_channel
    from netchat.coding import get as get_code
    from netchat.net.client import Client
    from netchat.net.server import Server
    from netchat.packets import read_capture, sniff

__all__ = ["Client", "Server", "__version__", "get_channel", "get_code", "read_capture", "sniff"]

_NAMES = {
    "Client": ("netchat.net.client", "Client"),
    "Server": ("netchat.net.server", "Server"),
    "get_channel": ("netchat.channels", "get"),
    "get_code": ("netchat.coding", "get"),
    "read_capture": ("netchat.packets", "read_capture"),
    "sniff": ("netchat.packets", "sniff"),
}
_PACKAGES = ("bench", "channels", "coding", "errors", "packets", "wire")


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        module, attribute = _NAMES[name]
        return getattr(importlib.import_module(module), attribute)
    if name in _PACKAGES:
        return importlib.import_module(f"netchat.{name}")
    raise AttributeError(f"module 'netchat' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_PACKAGES})
