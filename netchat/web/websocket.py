"""A WebSocket as the chat server sees it: a transport to write frames to, a reader that finds them.

Messages are binary, and each is a whole number of the chat's frames. What RFC 6455 asks for is done
by the sans-I/O protocol of the `websockets` library; its reader, other than aiohttp's, insists on
masked frames.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from websockets.frames import CloseCode, Opcode
from websockets.frames import Frame as Piece
from websockets.protocol import OPEN, Protocol, Side

from netchat.errors import BadWebSocket, PeerError
from netchat.wire import Frame, FrameReader
from netchat.wording import many

__all__ = ["Envelope", "WebSocket"]

#: Pieces in a row that complete no frame of the chat: signs of life, empty messages, fragments.
#: Nobody needs many, and each costs us more than its few bytes cost the sender.
MAX_IDLE_PIECES = 64

_SILENT = logging.getLogger("netchat.web.websocket")
_SILENT.disabled = True  # what a peer does wrong is a note of the chat server's


class Envelope:
    """Wraps bytes as one binary message, once for all the WebSockets they are written to in turn."""

    def __init__(self) -> None:
        self._data = b""
        self._wrapped = b""

    def wrap(self, data: bytes | bytearray | memoryview) -> bytes:
        """The message that carries `data`."""
        if data is not self._data:
            self._data = bytes(data)
            self._wrapped = Piece(Opcode.BINARY, data).serialize(mask=False)
        return self._wrapped


class WebSocket(asyncio.Transport):
    """One connection, behind its handshake.

    A message is cut into frames as its pieces arrive; it is not kept whole.

    Args:
        lower: the transport of the TCP connection.
        max_frame: bytes that a frame of the chat, and a message, may have.
        envelope: shared with the other connections.
    """

    __slots__ = (
        "_closing",
        "_code",
        "_envelope",
        "_frames",
        "_idle",
        "_lower",
        "_protocol",
        "_within",
        "pending",
    )

    def __init__(self, lower: asyncio.Transport, max_frame: int, envelope: Envelope) -> None:
        super().__init__()
        self.pending = 0
        self._lower = lower
        self._envelope = envelope
        self._protocol = Protocol(Side.SERVER, max_size=max_frame, logger=_SILENT)
        self._frames = FrameReader(max_frame)
        self._idle = 0
        self._within = False  # a message: its next fragment is waited for
        self._code = CloseCode.NORMAL_CLOSURE
        self._closing = False

    # -- what arrives ---------------------------------------------------------------------------

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes of the connection.

        Returns:
            The frames they complete.

        Raises:
            PeerError: they break a rule of the WebSocket or of the chat's frames.
        """
        protocol = self._protocol
        protocol.receive_data(data)
        pieces = protocol.events_received()
        frames: list[Frame] = []
        if self._closing:  # all that still matters of it is the peer's goodbye
            self._end()
            return frames
        try:
            for piece in pieces:
                assert isinstance(piece, Piece)  # behind the handshake there is nothing else
                frames += self._open(piece)
            if protocol.parser_exc is not None:
                raise BadWebSocket(str(protocol.parser_exc))
        except PeerError as error:
            error.frames = [*frames, *error.frames]
            self.pending = 0
            raise
        # A piece whose header alone has come, behind others, is noticed with its next byte.
        waiting = self._within or bool(protocol.reader.buffer)
        self.pending = 1 if waiting or not pieces else 0
        if protocol.state is not OPEN:
            self._end()
        else:
            for answer in protocol.data_to_send():  # PONGs
                self._lower.write(answer)
        return frames

    def _open(self, piece: Piece) -> list[Frame]:
        """The frames that one piece completes."""
        frames: list[Frame] = []
        if piece.opcode is Opcode.TEXT:
            raise self._wrong(CloseCode.UNSUPPORTED_DATA, "a message must be binary, not text")
        if piece.opcode in (Opcode.BINARY, Opcode.CONT):
            try:
                frames = self._frames.feed(bytes(piece.data))
            except PeerError:
                self._code = CloseCode.INVALID_DATA
                raise
            self._within = not piece.fin
            if piece.fin and (left := self._frames.pending):
                text = f"a message ends within a frame, of which it has {many(left, 'byte')}"
                raise self._wrong(CloseCode.INVALID_DATA, text)
        self._idle = 0 if frames else self._idle + 1
        if self._idle > MAX_IDLE_PIECES:
            text = f"{self._idle} WebSocket frames in a row complete no frame of the chat"
            raise self._wrong(CloseCode.POLICY_VIOLATION, text)
        return frames

    def _wrong(self, code: CloseCode, text: str) -> BadWebSocket:
        self._code = code
        return BadWebSocket(text)

    # -- a transport, to the chat server ----------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send frames, as one message."""
        if data and not self._closing:
            self._lower.write(self._envelope.wrap(data))

    def close(self) -> None:
        """Say goodbye, and close when the peer has done so, or has broken the rules."""
        if self._closing:
            return
        self._closing = True
        if self._protocol.state is OPEN:
            self._protocol.send_close(self._code)
        if not self._lower.is_closing():
            self._lower.resume_reading()  # for its goodbye; what else comes is ignored
            self._end()

    def _end(self) -> None:
        """Send what is left to be sent; close the connection where that was the last of it."""
        self._closing = True
        for data in self._protocol.data_to_send():
            if data:
                self._lower.write(data)
            else:
                self._lower.close()

    def abort(self) -> None:
        """Close at once."""
        self._closing = True
        self._lower.abort()

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._closing or self._lower.is_closing()

    def pause_reading(self) -> None:
        """Bring no more bytes."""
        self._lower.pause_reading()

    def resume_reading(self) -> None:
        """Bring bytes again."""
        self._lower.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """At how many unsent bytes writing is paused, and resumed."""
        self._lower.set_write_buffer_limits(high, low)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the connection below knows of itself."""
        return self._lower.get_extra_info(name, default)
