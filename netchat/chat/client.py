"""Chat client without I/O: bytes in, events and bytes out."""

from __future__ import annotations

from collections.abc import Sequence

from netchat.chat.client_handlers import HANDLERS
from netchat.chat.client_session import ClientSession
from netchat.errors import PeerError, Unexpected
from netchat.wire import Frame, decode

__all__ = ["ChatClient"]


class ChatClient(ClientSession):
    """Sans-I/O chat client.

    The driver opens a connection and calls `connected`, passes received bytes to `feed`, sends the
    bytes from `data_to_send`, handles the events from `take_events`, and calls `lost` when the
    connection is gone. The client keeps the delivery contract: a message stays in the outbox until
    it is acknowledged, and each room's events are applied once and in order.

    Args:
        name: The requested user name.
        memory: State saved by an earlier client; new by default.
        software: Name and version of the program, sent to the server.
    """

    def feed(self, data: bytes) -> None:
        """Handle received bytes.

        Raises:
            PeerError: The server broke the protocol.
        """
        try:
            frames = self._reader.feed(data)
        except PeerError as error:
            self._handle(error.frames)
            raise
        self._handle(frames)

    def _handle(self, frames: Sequence[Frame]) -> None:
        for frame in frames:
            message = decode(frame)
            handler = HANDLERS.get(type(message))
            if handler is None:
                raise Unexpected(f"{message.NAME} must not be sent by a server")
            handler(self, message)
