"""The server's side of a WebSocket with arbitrary bytes in any slicing.

Invariants:
    - nothing but a `PeerError` is ever raised;
    - the frames and the kind of error do not depend on how the stream was sliced, nor on how many
      frames are taken at a time;
    - frames come only from masked binary messages, complete and in order (the fuzzer compares them
      with those that it has sent);
    - a client can read what the server writes: complete frames in complete messages,
      then at most one CLOSE, then nothing.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque

from websockets.frames import Opcode
from websockets.protocol import Protocol, Side

from netchat.errors import PeerError
from netchat.web.websocket import MessageWrapper, WebSocket
from netchat.wire import Bye, Frame, FrameReader, Ping, encode
from tests.fuzz.choices import Choices
from tests.fuzz.samples import any_message, damaged

__all__ = ["check"]

#: Small, so that inputs of a few hundred bytes reach the limit.
LIMIT = 512

_OPCODES = (2, 2, 2, 2, 0, 1, 8, 9, 10, 3, 15)


class _Lower(asyncio.Transport):
    """A transport that records what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed, "written after close"
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def resume_reading(self) -> None:
        assert not self.closed

    def can_write_eof(self) -> bool:
        return False  # as TLS: `half_close` closes it


def check(data: bytes) -> None:
    """Run one case."""
    choices = Choices(data)
    size = 1 + choices.byte()
    stream, honest = _stream(choices)
    whole = _run([stream])
    parts = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert _run(parts) == whole, f"{_run(parts)} instead of {whole}"
    few = _run(parts, 1 + choices.below(4))
    assert few == whole, f"{few} instead of {whole}"
    frames, failure = whole
    if honest is not None:
        assert failure is None
        assert frames == honest


def _run(parts: list[bytes], most: int = sys.maxsize) -> tuple[list[Frame], type[PeerError] | None]:
    """Return the frames that a server finds in a stream, and the kind of error after them."""
    lower = _Lower()
    socket = WebSocket(lower, LIMIT, MessageWrapper())
    frames: list[Frame] = []
    failure: type[PeerError] | None = None
    left = deque(parts)
    while (left or socket.unread) and not lower.closed:
        if failure is not None:
            if not left:
                break
            socket.ignore(left.popleft())
            continue
        try:
            found = socket.feed(b"" if socket.unread else left.popleft(), most)
        except PeerError as error:
            failure = type(error)
            frames += error.frames
            socket.write(encode(Bye(str(error)[:100])))
            socket.close()
        else:
            assert len(found) <= most
            frames += found
            if found and not socket.is_closing():
                socket.write(encode(Ping(len(frames))))
    if not socket.is_closing():
        socket.close()
    _look(lower.written)
    return frames, failure


def _look(written: bytes) -> None:
    """Read what the server has written, as a client."""
    client = Protocol(Side.CLIENT)
    client.receive_data(written)
    assert client.parser_exc is None, client.parser_exc
    pieces = client.events_received()
    goodbyes = [p for p in pieces if p.opcode is Opcode.CLOSE]
    assert len(goodbyes) == 1
    assert pieces[-1] is goodbyes[0]
    for piece in pieces:
        if piece.opcode is Opcode.BINARY:
            reader = FrameReader()
            assert reader.feed(bytes(piece.data))
            assert not reader.pending


def _piece(opcode: int, data: bytes, mask: bytes, *, fin: bool = True, bits: int = 0) -> bytes:
    """Return a WebSocket frame, built as in section 5.2 of RFC 6455."""
    head = bytes([(0x80 if fin else 0) | bits << 4 | opcode])
    masked = 0x80 if mask else 0
    if len(data) < 126:
        head += bytes([masked | len(data)])
    else:
        head += bytes([masked | 126]) + len(data).to_bytes(2, "big")
    if mask:
        data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
    return head + mask + data


def _stream(choices: Choices) -> tuple[bytes, list[Frame] | None]:
    """Return the bytes that a client sends and, if it obeys all rules, the frames in them."""
    style = choices.below(4)
    if style == 0:
        return choices.rest(), None
    parts, honest, limit = [], list[Frame](), 1 + choices.below(10)
    while choices and len(parts) < limit:
        mask = bytes(choices.byte() for _ in range(4))
        content = encode(any_message(choices))
        if style < 3:
            if len(content) > LIMIT:
                continue
            honest.append(Frame(content[3], content[16:]))
            cut = choices.below(len(content))
            if cut and choices.one_in(3):
                parts.append(_piece(2, content[:cut], mask, fin=False))
                parts.append(_piece(9, choices.blob(20), mask))  # allowed between fragments
                parts.append(_piece(0, content[cut:], mask))
            else:
                parts.append(_piece(2, content, mask))
            continue
        if choices.one_in(4):
            content = damaged(content, choices)
        if choices.one_in(4):
            content = choices.blob(130)
        bits = 1 << choices.below(3) if choices.one_in(12) else 0
        if choices.one_in(12):
            mask = b""
        fin = not choices.one_in(6)
        opcode = 2 if choices.one_in(2) else choices.pick(_OPCODES)
        parts.append(_piece(opcode, content, mask, fin=fin, bits=bits))
    return b"".join(parts), honest if style < 3 else None
