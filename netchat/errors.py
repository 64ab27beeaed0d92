"""Every exception that netchat raises on purpose.

They fork on the one question a caller asks first: *who did wrong?*

    NetchatError
    ├── PeerError              the other side did wrong; close the connection
    │   ├── BadMagic           these bytes are not NCP
    │   ├── BadVersion         NCP, but a version this program does not speak
    │   ├── UnknownType        a frame type that is not in the protocol
    │   ├── UnknownFlags       a flag, suite or reserved byte this version does not define
    │   ├── FrameTooLarge      a header that announces more than the limit
    │   ├── BadChecksum        the frame was damaged on its way
    │   ├── BadBody            the body does not match the declaration of its type
    │   ├── BadWebSocket       a WebSocket that carries no whole frames, or breaks RFC 6455
    │   └── Unexpected         a valid message, in a state where it makes no sense
    ├── EncodeError            *we* tried to send something the protocol cannot carry
    ├── Refused                the server understood, and said no (`.code` says why)
    ├── CannotConnect          no connection could be made, or it was lost for good
    ├── NotPermitted           this process lacks a right, such as to capture packets
    ├── LinkError              a noisy link could not be opened, or was given up
    ├── BenchError             an experiment could not be run, or its file not be used
    ├── LabError               the lab's hosts and network could not be made, or are not there
    ├── HistoryError           the history could not be read or written
    └── CaptureError           a capture file is cut short, damaged or of no known format
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = [
    "BadBody",
    "BadChecksum",
    "BadMagic",
    "BadVersion",
    "BadWebSocket",
    "BenchError",
    "CannotConnect",
    "CaptureError",
    "EncodeError",
    "FrameTooLarge",
    "HistoryError",
    "LabError",
    "LinkError",
    "NetchatError",
    "NotPermitted",
    "PeerError",
    "Refused",
    "Unexpected",
    "UnknownFlags",
    "UnknownType",
]


class NetchatError(Exception):
    """The root: catch this to catch everything netchat raises on purpose."""


class PeerError(NetchatError):
    """The bytes that arrived break the protocol; nothing after them can be trusted.

    Attributes:
        frames: the valid frames (`netchat.wire.Frame`) that stood in front of the bad bytes.
    """

    frames: Sequence[Any] = ()


class BadMagic(PeerError):
    """A frame does not begin with the magic bytes `NC`."""


class BadVersion(PeerError):
    """A frame is of a protocol version this program does not speak."""


class UnknownType(PeerError):
    """A frame's type number is not in the protocol."""


class UnknownFlags(PeerError):
    """A frame sets a flag, suite or reserved byte that this version does not define."""


class FrameTooLarge(PeerError):
    """A header announces a frame above the limit; its body was never read."""


class BadChecksum(PeerError):
    """A frame's CRC-32 does not match its bytes."""


class BadBody(PeerError):
    """A body does not match the declaration of its message."""


class BadWebSocket(PeerError):
    """A WebSocket that breaks RFC 6455, or carries something else than whole frames."""


class Unexpected(PeerError):
    """A message arrived in a state of the conversation where it makes no sense."""


class EncodeError(NetchatError):
    """A message holds a value that the protocol cannot carry."""


class Refused(NetchatError):
    """The server understood the request and refused it.

    Attributes:
        code: the protocol's error code (`netchat.wire.ErrorCode`).
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class CannotConnect(NetchatError):
    """No connection could be made, or it was lost for good."""


class LinkError(NetchatError):
    """A noisy link could not be opened, was refused, or was given up."""


class BenchError(NetchatError):
    """An experiment could not be run, or a file of results could not be used."""


class LabError(NetchatError):
    """The lab's hosts and network could not be made, or are not there."""


class HistoryError(NetchatError):
    """The history could not be read or written."""


class NotPermitted(NetchatError):
    """This process lacks a right that the work needs."""


class CaptureError(NetchatError):
    """A capture file could not be read or written, or not to its end.

    What was whole in front of the place that the text names has been handed over.
    """
