"""A WebSocket as the chat server sees it: a transport to write frames to, a reader that finds them.

Messages are binary, and each is a whole number of the chat's frames. What RFC 6455 asks for is done
by the sans-I/O protocol of the `websockets` library; its reader, other than aiohttp's, insists on
masked frames.
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

#: Pieces in a row that complete no frame of the chat: signs of life, empty messages, fragments.
#: Nobody needs many, and each costs us more than its few bytes cost the sender.
MAX_IDLE_PIECES = 64

#: Bytes that are looked at in one go: no more than 40 pieces, each of which takes some 10 us.
SLICE = 256

_SILENT = logging.getLogger("netchat.web.websocket")
_SILENT.disabled = True  # what a peer does wrong is a note of the chat server's


class MessageWrapper:
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
        wrapper: shared with the other connections.
    """

    __slots__ = (
        "_at",
        "_closing",
        "_code",
        "_frames",
        "_in_a_row",
        "_lower",
        "_pieces",
        "_protocol",
        "_raw",
        "_torn",
        "_within",
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
        self._raw, self._at = b"", 0  # what was not looked at, from that offset on
        self._pieces: deque[Piece] = deque()
        self.idle = self._in_a_row = 0  # pieces that brought no frame
        self._torn = False  # a piece: its other bytes are waited for
        self._within = False  # a message: its next fragment is waited for
        self._code = CloseCode.NORMAL_CLOSURE
        self._closing = False

    # -- what arrives ---------------------------------------------------------------------------

    @property
    def unread(self) -> bool:
        """Whether `feed` has stopped at its limit, with bytes left to look at."""
        if self._at < len(self._raw) or self._pieces or self._frames.unread:
            return True
        return self._protocol.parser_exc is not None and not self._closing

    def feed(self, data: bytes, most: int = sys.maxsize) -> list[Frame]:
        """Take the next bytes of the connection.

        Args:
            data: those bytes; may be empty, to get on with the ones before.
            most: frames of the chat to hand out, and pieces without one to look at, together.

        Returns:
            The frames they complete; those beyond `most` are kept for the next call.

        Raises:
            PeerError: they break a rule of the WebSocket or of the chat's frames.
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
        # A piece whose header alone has come, behind others, is noticed with its next byte.
        waiting = self._within or self._torn or self.unread or self._protocol.reader.buffer
        self.pending = 1 if waiting else 0
        if self._protocol.state is OPEN:
            for answer in self._protocol.data_to_send():  # PONGs
                self._lower.write(answer)
        elif not self.unread:
            self._end()
        return frames

    def _step(self, frames: list[Frame], room: int) -> bool:
        """Do the next thing there is to do; False if there is none."""
        protocol = self._protocol
        if self._frames.unread:
            self._take(b"", frames, room)
        elif self._pieces:
            self._open(self._pieces.popleft(), frames, room)
        elif protocol.parser_exc is not None:
            raise BadWebSocket(str(protocol.parser_exc))
        elif self._at < len(self._raw):
            protocol.receive_data(self._raw[self._at : self._at + SLICE])
            self._at += SLICE
            if self._at >= len(self._raw):
                self._raw, self._at = b"", 0
            self._pieces.extend(cast("list[Piece]", protocol.events_received()))
            self._torn = not self._pieces
        else:
            return False
        return True

    def _open(self, piece: Piece, frames: list[Frame], room: int) -> None:
        """Begin to take the frames that a piece completes."""
        count = len(frames)
        if piece.opcode is Opcode.TEXT:
            raise self._wrong(CloseCode.UNSUPPORTED_DATA, "a message must be binary, not text")
        if piece.opcode in (Opcode.BINARY, Opcode.CONT):
            self._within = not piece.fin
            self._take(bytes(piece.data), frames, room)
        if len(frames) > count:
            self._in_a_row = 0
            return
        self.idle += 1
        self._in_a_row += 1
        if self._in_a_row > MAX_IDLE_PIECES:
            text = f"{self._in_a_row} WebSocket frames in a row complete no frame of the chat"
            raise self._wrong(CloseCode.POLICY_VIOLATION, text)

    def _take(self, data: bytes, frames: list[Frame], room: int) -> None:
        """Take frames of the chat out of a piece; a message must not end within one."""
        try:
            frames += self._frames.feed(data, room)
        except PeerError:
            self._code = CloseCode.INVALID_DATA
            raise
        if not self._within and not self._frames.unread and (left := self._frames.pending):
            text = f"a message ends within a frame, of which it has {many(left, 'byte')}"
            raise self._wrong(CloseCode.INVALID_DATA, text)

    def ignore(self, data: bytes) -> None:
        """Look for nothing but the peer's goodbye, and not for long."""
        for at in range(0, len(data), SLICE):
            self._protocol.receive_data(data[at : at + SLICE])
            self._in_a_row += len(self._protocol.events_received())
            if self._in_a_row > 2 * MAX_IDLE_PIECES:
                self.abort()
                return
        self._end()

    def _wrong(self, code: CloseCode, text: str) -> BadWebSocket:
        self._code = code
        return BadWebSocket(text)

    # -- a transport, to the chat server ----------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send frames, as one message."""
        if data and not self._closing:
            self._lower.write(self._wrapper.wrap(data))

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
                half_close(self._lower)

    def abort(self) -> None:
        """Close at once."""
        self._closing = True
        self._lower.abort()

    def can_write_eof(self) -> bool:
        """Whether it can be closed by halves: no, `close` sees to that."""
        return False

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
