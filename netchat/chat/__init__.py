"""The rules of the chat, for server and client, without I/O; the time is an argument.

- Shared state: `commands` are its changes, and `apply` makes them in the order of a log; `shared_state`
  and `model` are the result, and `outcomes` say what changed.
- Server: `Hub` handles frames (`hub`). `handshake`, `server_handlers` and `timers` propose commands;
  `ordering` derives what follows from their outcomes for this server's connections, which are in
  `server_state`. `persistence` describes what to store, `commit_actions` what follows once it is
  durable, and `effects` what to send.
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

from typing import TYPE_CHECKING

from netchat.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from netchat.chat.annotation_log import AnnotationLog, MessageView
    from netchat.chat.client import ChatClient
    from netchat.chat.client_events import (
        AccountChanged,
        Acknowledged,
        ActionCompleted,
        BansReceived,
        ClientEvent,
        EventsMissed,
        FileEnded,
        FileProgress,
        HistoryReceived,
        LoginFailed,
        LoginRequired,
        NameChanged,
        NameRejected,
        Offline,
        Online,
        RequestRefused,
        RoomDescribed,
        RoomEntered,
        RoomEvent,
        RoomLeft,
        RosterReceived,
        SafetyReceived,
        SealingWarning,
        SearchCompleted,
        SecretKnown,
        SessionEnded,
        Undelivered,
        WarningReceived,
    )
    from netchat.chat.client_session import Credentials
    from netchat.chat.effects import Log
    from netchat.chat.outbox import (
        ClientState,
        OutgoingFile,
        OutgoingMessage,
        OutgoingOffer,
        RoomView,
        SealingState,
    )
    from netchat.chat.settings import Settings
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "annotation_log": "AnnotationLog MessageView",
            "client": "ChatClient",
            "client_events": """
                AccountChanged Acknowledged ActionCompleted BansReceived ClientEvent EventsMissed
                FileEnded FileProgress HistoryReceived LoginFailed LoginRequired NameChanged
                NameRejected Offline Online
                RequestRefused RoomDescribed RoomEntered RoomEvent RoomLeft RosterReceived
                SafetyReceived SearchCompleted SealingWarning SecretKnown SessionEnded Undelivered
                WarningReceived
            """,
            "client_session": "Credentials",
            "effects": "Log",
            "outbox": "ClientState OutgoingFile OutgoingMessage OutgoingOffer RoomView SealingState",
            "settings": "Settings",
        },
    )

__all__ = [
    "AccountChanged",
    "Acknowledged",
    "ActionCompleted",
    "AnnotationLog",
    "BansReceived",
    "ChatClient",
    "ClientEvent",
    "ClientState",
    "Credentials",
    "EventsMissed",
    "FileEnded",
    "FileProgress",
    "HistoryReceived",
    "Log",
    "LoginFailed",
    "LoginRequired",
    "MessageView",
    "NameChanged",
    "NameRejected",
    "Offline",
    "Online",
    "OutgoingFile",
    "OutgoingMessage",
    "OutgoingOffer",
    "RequestRefused",
    "RoomDescribed",
    "RoomEntered",
    "RoomEvent",
    "RoomLeft",
    "RoomView",
    "RosterReceived",
    "SafetyReceived",
    "SealingState",
    "SealingWarning",
    "SearchCompleted",
    "SecretKnown",
    "SessionEnded",
    "Settings",
    "Undelivered",
    "WarningReceived",
]
