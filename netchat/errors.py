"""Exceptions that netchat raises on purpose, as a tree.

The first level answers a caller's first question: which side caused the error?

    NetchatError
    ├── PeerError              the peer broke the protocol; close the connection
    │   ├── BadMagic           the bytes are not NCP
    │   ├── BadVersion         an NCP version that this program does not support
    │   ├── UnknownType        a frame type that is not in the protocol
    │   ├── UnknownFlags       a flag, suite or reserved byte that this version does not define
    │   ├── FrameTooLarge      a header that announces a frame above the limit
    │   ├── BadChecksum        a frame that was damaged on the way
    │   ├── BadBody            a body that does not match the declaration of its type
    │   ├── BadWebSocket       a WebSocket message without whole frames, or a breach of RFC 6455
    │   └── Unexpected         a valid message that is not allowed in this state
    ├── EncodeError            this program tried to send a value that does not fit the protocol
    ├── Refused                the server refused the request (`.code` says why)
    ├── CannotConnect          no connection was possible, or it was lost for good
    │   └── UntrustedServer    a server without the expected key or certificate; do not retry
    ├── TlsError               a TLS handshake failed, or a certificate cannot be used
    ├── NotPermitted           this process lacks a permission, such as to capture packets
    ├── NotFound               a history, room or account with the given name does not exist
    ├── LinkError              a noisy link could not be opened, or failed for good
    ├── BenchError             an experiment could not run, or its file cannot be used
    ├── LabError               the lab's hosts and network could not be created, or do not exist
    ├── HistoryError           the history could not be read or written
    ├── CommandError           a command in a log could not be decoded
    ├── SealingError           a message cannot be sealed or opened
    ├── ClusterError           the log of a cluster cannot be used
    ├── CaptureError           a capture file is truncated, damaged or of an unknown format
    └── FilterError            a filter for captured items has a mistake, at a known position
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
    "ClusterError",
    "CommandError",
    "EncodeError",
    "FilterError",
    "FrameTooLarge",
    "HistoryError",
    "LabError",
    "LinkError",
    "NetchatError",
    "NotFound",
    "NotPermitted",
    "PeerError",
    "Refused",
    "SealingError",
    "TlsError",
    "Unexpected",
    "UnknownFlags",
    "UnknownType",
    "UntrustedServer",
]


class NetchatError(Exception):
    """Base class of all exceptions that netchat raises on purpose."""


class PeerError(NetchatError):
    """A breach of the protocol by the peer. The bytes after it cannot be decoded."""

    frames: Sequence[Any] = ()
    """The valid frames (`netchat.wire.Frame`) before the invalid bytes."""


class BadMagic(PeerError):
    """A frame that does not start with the magic bytes `NC`."""


class BadVersion(PeerError):
    """A frame of a protocol version that this program does not support."""


class UnknownType(PeerError):
    """A frame whose type number is not in the protocol."""


class UnknownFlags(PeerError):
    """A frame with a flag, suite or reserved byte that this version does not define."""


class FrameTooLarge(PeerError):
    """A header that announces a frame above the limit. Its body was not read."""


class BadChecksum(PeerError):
    """A frame whose CRC-32 does not match its bytes."""


class BadBody(PeerError):
    """A body that does not match the declaration of its message."""


class BadWebSocket(PeerError):
    """A WebSocket message without whole frames, or a breach of RFC 6455."""


class Unexpected(PeerError):
    """A valid message that is not allowed in this state of the conversation."""


class EncodeError(NetchatError):
    """A value in a message that does not fit into the protocol."""


class Refused(NetchatError):
    """A request that the server refused.

    Attributes:
        code: Error code of the protocol (`netchat.wire.ErrorCode`).
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class CannotConnect(NetchatError):
    """A connection that could not be made, or was lost for good."""


class UntrustedServer(CannotConnect):
    """A server that does not have the expected key or certificate: it may be an impostor."""


class TlsError(NetchatError):
    """A TLS handshake that failed, or a certificate that cannot be used."""


class LinkError(NetchatError):
    """A noisy link that could not be opened, was refused, or failed for good."""


class BenchError(NetchatError):
    """An experiment that could not run, or a file of results that cannot be used."""


class LabError(NetchatError):
    """A lab whose hosts and network could not be created, or do not exist."""


class HistoryError(NetchatError):
    """A history that could not be read or written."""


class CommandError(NetchatError):
    """A command in a log that could not be decoded."""


class SealingError(NetchatError):
    """A message that cannot be sealed or opened, or invalid keys of a device."""


class ClusterError(NetchatError):
    """A log shared by several servers that cannot be reached, is not durable, or has lost entries."""


class NotFound(NetchatError):
    """A history, room or account that does not exist."""


class NotPermitted(NetchatError):
    """A missing permission of this process."""


class CaptureError(NetchatError):
    """A capture file that could not be read or written completely.

    The packets before the offset named in the text were returned.
    """


class FilterError(NetchatError):
    """A mistake in a filter for captured items.

    Attributes:
        text: The filter.
        start: Offset of the first wrong character.
        end: Offset after the last wrong character; equal to `start` if something is missing there.
        reason: Description of the mistake, and what to do.
    """

    def __init__(self, text: str, start: int, end: int, reason: str) -> None:
        super().__init__(f"column {start + 1}: {reason}")
        self.text = text
        self.start = start
        self.end = end
        self.reason = reason

    def __reduce__(self) -> tuple[type[FilterError], tuple[str, int, int, str]]:
        return type(self), (self.text, self.start, self.end, self.reason)

    def pointed(self) -> str:
        """Return the filter and, on a second line, marks below the mistake."""
        line = "".join(" " if mark.isspace() else mark for mark in self.text)
        return f"{line}\n{' ' * self.start}{'^' * max(1, self.end - self.start)}"
