"""Request/response pairs, and the field by which a response refers to its request.

The declarations describe each message by itself. This table adds which message answers which, for
views that link responses to requests.
"""

from __future__ import annotations

from netchat.wire import (
    MESSAGES,
    AccountStatus,
    Ack,
    Annotate,
    BanList,
    Bans,
    Bye,
    CancelUpload,
    Chunk,
    Create,
    CreateSealed,
    Device,
    DeviceList,
    Devices,
    Download,
    Error,
    Event,
    Found,
    Hello,
    History,
    HistoryEnd,
    Join,
    Joined,
    Leave,
    Left,
    Login,
    Logout,
    Message,
    Moderate,
    Moderated,
    Offer,
    Password,
    Ping,
    Pong,
    Private,
    Register,
    Rename,
    Renamed,
    Roster,
    SealedEvent,
    SealedSend,
    Search,
    Send,
    Upload,
    UploadState,
    Welcome,
    Who,
    fields_of,
)

__all__ = ["ANSWERS", "link_field"]

#: The messages that answer each message of a client; empty if it expects no answer. ERROR may also
#: answer any of them: its `about` is the refused type, its `reference` that message's link field.
ANSWERS: dict[type[Message], tuple[type[Message], ...]] = {
    Hello: (Welcome,),
    Ping: (Pong,),
    Pong: (),
    Bye: (Bye,),
    Create: (Joined,),
    Join: (Joined,),
    Private: (Joined,),
    Leave: (Left,),
    Who: (Roster,),
    Rename: (Renamed,),
    History: (HistoryEnd,),
    Search: (Found,),
    Send: (Event, Ack),
    Annotate: (Event, Ack),
    Login: (AccountStatus,),
    Register: (AccountStatus,),
    Password: (AccountStatus,),
    Logout: (Bye,),
    Moderate: (Moderated,),
    Bans: (BanList,),
    SealedSend: (SealedEvent, Ack),
    CreateSealed: (Joined,),
    Device: (),
    DeviceList: (Devices,),
    Upload: (UploadState,),
    Chunk: (UploadState,),
    CancelUpload: (),
    Download: (Chunk,),
    Offer: (Event, Ack),
}

#: Fields that a response repeats, in the order of the search.
_LINKS = ("request", "counter")


def link_field(message: type[Message]) -> str | None:
    """Return the field whose value a request and its response share, or None."""
    if message in (Ping, Pong):
        return "time"
    if message is Error:
        return "reference"
    names = {field.name for field in fields_of(message)}
    return next((name for name in _LINKS if name in names), None)


assert set(ANSWERS) <= set(MESSAGES.values())
