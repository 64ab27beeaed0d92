"""The rules of the chat, for server and client, without I/O; the time is an argument.

- Server: `Hub` handles frames (`hub`). `server_state` holds the state; `handshake`,
  `server_handlers` and `timers` change it. `persistence` describes what to store, `commit_actions`
  what follows once it is durable, and `effects` what to send.
- Client: `ChatClient` handles frames (`client`). `client_session` makes requests,
  `client_handlers` handle messages, `client_events` lists the reports to the application, and
  `outbox` holds what the client must keep.
- Both: `names`, `text`, `room_codes` and `credentials`.

Programs normally use `netchat.Client` and `netchat.Server`, which add sockets and storage.

    >>> from netchat.chat import ChatClient
    >>> client = ChatClient("Nova")
    >>> client.connected()
    >>> client.data_to_send()[:2]
    b'NC'

The names in `__all__` are imported on first use, so the small modules load fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netchat.chat.client import ChatClient
    from netchat.chat.effects import Close, Effect, Fanout, Log, Write
    from netchat.chat.hub import Hub
    from netchat.chat.model import Connection, Room, Session
    from netchat.chat.outbox import ClientState
    from netchat.chat.settings import Settings

__all__ = [
    "ChatClient",
    "ClientState",
    "Close",
    "Connection",
    "Effect",
    "Fanout",
    "Hub",
    "Log",
    "Room",
    "Session",
    "Settings",
    "Write",
]

_MODULES = {
    "ChatClient": "client",
    "ClientState": "outbox",
    "Close": "effects",
    "Connection": "model",
    "Effect": "effects",
    "Fanout": "effects",
    "Hub": "hub",
    "Log": "effects",
    "Room": "model",
    "Session": "model",
    "Settings": "settings",
    "Write": "effects",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"netchat.chat.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'netchat.chat' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
