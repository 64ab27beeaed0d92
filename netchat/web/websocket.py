"""WebSocket connections as transports and frame readers of the chat server.

Messages are binary, and each holds a whole number of NCP frames. The sans-I/O protocol of the
`websockets` library implements RFC 6455; unlike aiohttp's reader, it requires masked frames.

In this module a *piece* is a WebSocket frame and a *frame* is an NCP frame.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import deque
from typing import Any, cast

from websockets.frames import CloseCode, Opcode
from websockets.frames import Frame as Piece
from websockets.protocol import OPEN, Protocol, Side

from netchat.errors import BadWebSocket, PeerError
from netchat.net.half_close import half_close
from netchat.wire import Frame, FrameReader
from netchat.wording import many

__all__ = ["MessageWrapper", "WebSocket"]

#: Maximum number of consecutive pieces that complete no frame: pings, empty messages, fragments. Each
#: costs the server more than the sender.
MAX_IDLE_PIECES = 64

#: Bytes parsed at a time: at most 40 pieces, each of which takes about 10 us.
SLICE = 256

_SILENT = logging.getLogger("netchat.web.websocket")
_SILENT.disabled = True  # the chat server logs peers' errors


class MessageWrapper:
    """Wraps bytes in a binary message, and reuses it while the same bytes go to many WebSockets."""

    def __init__(self) -> None:
        self._data = b""
        self._wrapped = b""

    def wrap(self, data: bytes | bytearray | memoryview) -> bytes:
        """Return the message that carries `data`."""
        if data is not self._data:
            self._data = bytes(data)
            self._wrapped = Piece(Opcode.BINARY, data).serialize(mask=False)
        return self._wrapped


class WebSocket(asyncio.Transport):
    """WebSocket connection after its handshake.

    Messages are split into frames as their pieces arrive, and never stored as a whole.

    Args:
        lower: Transport of the TCP connection.
        max_frame: Maximum size of a frame and of a message, in bytes.
        wrapper: Message wrapper, shared by all connections.

    Attributes:
        pending: 1 while a frame, message or piece is incomplete, otherwise 0.
        idle: Number of pieces in the last `feed` that completed no frame.
    """

    __slots__ = (
        "_at",
        "_closing",
        "_code",
        "_frames",
        "_has_partial_message",
        "_has_partial_piece",
        "_idle_run",
        "_lower",
        "_pieces",
        "_protocol",
        "_raw",
        "_wrapper",
        "idle",
        "pending",
    )

    def __init__(self, lower: asyncio.Transport, max_frame: int, wrapper: MessageWrapper) -> None:
        super().__init__()
        self.pending = 0
        self._lower = lower
        self._wrapper = wrapper
        self._protocol = Protocol(Side.SERVER, max_size=max_frame, logger=_SILENT)
        self._frames = FrameReader(max_frame)
        self._raw, self._at = b"", 0  # received bytes, parsed up to offset _at
        self._pieces: deque[Piece] = deque()
        self.idle = self._idle_run = 0  # pieces that completed no frame
        self._has_partial_piece = False
        self._has_partial_message = False  # the next fragment is missing
        self._code = CloseCode.NORMAL_CLOSURE
        self._closing = False

    # -- receiving ------------------------------------------------------------------------------

    @property
    def unread(self) -> bool:
        """Whether `feed` stopped at its limit and left bytes unparsed."""
        if self._at < len(self._raw) or self._pieces or self._frames.unread:
            return True
        return self._protocol.parser_exc is not None and not self._closing

    def feed(self, data: bytes, most: int = sys.maxsize) -> list[Frame]:
        """Parse received bytes.

        Args:
            data: Received bytes; empty to continue with earlier ones.
            most: Maximum number of frames to return plus pieces that complete no frame.

        Returns:
            The completed frames. Frames beyond `most` are kept for the next call.

        Raises:
            PeerError: The bytes violate RFC 6455 or NCP.
        """
        if data:
            self._raw, self._at = self._raw[self._at :] + data, 0
        self.idle = 0
        frames: list[Frame] = []
        try:
            while (room := most - len(frames) - self.idle) > 0 and self._step(frames, room):
                pass
        except PeerError as error:
            error.frames = [*frames, *error.frames]
            self.pending = 0
            raise
        # If only the header of a later piece has arrived, this shows with its next byte.
        is_incomplete = (
            self._has_partial_message
            or self._has_partial_piece
            or self.unread
            or self._protocol.reader.buffer
        )
        self.pending = 1 if is_incomplete else 0
        if self._protocol.state is OPEN:
            for answer in self._protocol.data_to_send():  # PONGs
                self._lower.write(answer)
        elif not self.unread:
            self._flush_and_close()
        return frames

    def _step(self, frames: list[Frame], room: int) -> bool:
        """Run the next parsing step; return False if there is nothing left to parse."""
        protocol = self._protocol
        if self._frames.unread:
            self._collect_frames(b"", frames, room)
        elif self._pieces:
            self._process_piece(self._pieces.popleft(), frames, room)
        elif protocol.parser_exc is not None:
            raise BadWebSocket(str(protocol.parser_exc))
        elif self._at < len(self._raw):
            protocol.receive_data(self._raw[self._at : self._at + SLICE])
            self._at += SLICE
            if self._at >= len(self._raw):
                self._raw, self._at = b"", 0
            self._pieces.extend(cast("list[Piece]", protocol.events_received()))
            self._has_partial_piece = not self._pieces
        else:
            return False
        return True

    def _process_piece(self, piece: Piece, frames: list[Frame], room: int) -> None:
        """Process one piece and collect the frames it completes."""
        count = len(frames)
        if piece.opcode is Opcode.TEXT:
            raise self._violation(CloseCode.UNSUPPORTED_DATA, "a message must be binary, not text")
        if piece.opcode in (Opcode.BINARY, Opcode.CONT):
            self._has_partial_message = not piece.fin
            self._collect_frames(bytes(piece.data), frames, room)
        if len(frames) > count:
            self._idle_run = 0
            return
        self.idle += 1
        self._idle_run += 1
        if self._idle_run > MAX_IDLE_PIECES:
            text = f"{self._idle_run} WebSocket frames in a row complete no NCP frame"
            raise self._violation(CloseCode.POLICY_VIOLATION, text)

    def _collect_frames(self, data: bytes, frames: list[Frame], room: int) -> None:
        """Collect the frames in a piece's data; a message must not end within a frame."""
        try:
            frames += self._frames.feed(data, room)
        except PeerError:
            self._code = CloseCode.INVALID_DATA
            raise
        if (
            not self._has_partial_message
            and not self._frames.unread
            and (left := self._frames.pending)
        ):
            text = f"a message ends within a frame, after {many(left, 'byte')} of it"
            raise self._violation(CloseCode.INVALID_DATA, text)

    def ignore(self, data: bytes) -> None:
        """Discard received bytes until the peer's CLOSE; abort if it takes too long."""
        for at in range(0, len(data), SLICE):
            self._protocol.receive_data(data[at : at + SLICE])
            self._idle_run += len(self._protocol.events_received())
            if self._idle_run > 2 * MAX_IDLE_PIECES:
                self.abort()
                return
        self._flush_and_close()

    def _violation(self, code: CloseCode, text: str) -> BadWebSocket:
        self._code = code
        return BadWebSocket(text)

    # -- asyncio.Transport --------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send frames as one message."""
        if data and not self._closing:
            self._lower.write(self._wrapper.wrap(data))

    def send_text(self, text: str) -> None:
        """Send a text message, which is for the page itself: frames are in binary ones."""
        if not self.is_closing():
            self._lower.write(Piece(Opcode.TEXT, text.encode()).serialize(mask=False))

    def close(self) -> None:
        """Send CLOSE, and close the connection once the peer has answered or broken the protocol."""
        if self._closing:
            return
        self._closing = True
        if self._protocol.state is OPEN:
            self._protocol.send_close(self._code)
        if not self._lower.is_closing():
            self._lower.resume_reading()  # to receive the peer's CLOSE; other data is ignored
            self._flush_and_close()

    def _flush_and_close(self) -> None:
        """Send the protocol's remaining data, and close the connection after the last of it."""
        self._closing = True
        for data in self._protocol.data_to_send():
            if data:
                self._lower.write(data)
            else:
                half_close(self._lower)

    def abort(self) -> None:
        """Close the connection immediately."""
        self._closing = True
        self._lower.abort()

    def can_write_eof(self) -> bool:
        """Return False: `close` handles half-closing."""
        return False

    def is_closing(self) -> bool:
        """Return whether the connection is closed or closing."""
        return self._closing or self._lower.is_closing()

    def pause_reading(self) -> None:
        """Stop receiving."""
        self._lower.pause_reading()

    def resume_reading(self) -> None:
        """Resume receiving."""
        self._lower.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the numbers of unsent bytes at which writing pauses and resumes."""
        self._lower.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """Return the number of unsent bytes."""
        return self._lower.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return extra information of the TCP connection."""
        return self._lower.get_extra_info(name, default)
