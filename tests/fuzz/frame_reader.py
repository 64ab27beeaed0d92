"""The frame reader on any bytes in any slicing, against a parser that sees all bytes at once.

Invariants:
    - nothing but a `PeerError` is ever raised;
    - the frames, the kind of error and the bytes kept do not depend on how the stream was sliced;
    - a reader that has failed stays failed, and returns no frame twice;
    - a frame that decodes is encoded to the same bytes again.
"""

from __future__ import annotations

from zlib import crc32

from netchat import errors
from netchat.errors import PeerError
from netchat.wire import MESSAGES, Frame, FrameReader, decode, encode, seal
from tests.fuzz.choices import Choices
from tests.fuzz.samples import any_message, damaged

__all__ = ["check", "parse"]

#: Small, so that inputs of a few hundred bytes reach the limit.
LIMIT = 512


def check(data: bytes) -> None:
    """Run one case."""
    choices = Choices(data)
    slicing, stream = choices.byte(), _stream(choices)
    expected, kind, kept = parse(stream, LIMIT)
    reader = FrameReader(LIMIT)
    frames: list[Frame] = []
    failure: type[PeerError] | None = None
    for part in _slices(stream, slicing):
        now = _feed(reader, part, frames)
        assert failure is None or now is failure, "a failed reader changed its mind"
        failure = now
        assert reader.pending < LIMIT, "more than one frame is kept"
    assert frames == expected, f"{frames} instead of {expected}"
    assert failure is kind, f"{failure} instead of {kind}"
    assert reader.pending == (0 if kind else kept)
    for frame in frames:
        try:
            message = decode(frame)
        except PeerError:
            continue
        assert encode(message) == seal(*frame), "decoding and encoding again changed the bytes"


def _feed(reader: FrameReader, part: bytes, frames: list[Frame]) -> type[PeerError] | None:
    """Append the frames that a part completes to `frames`; return the kind of error, if any."""
    try:
        frames += reader.feed(part)
    except PeerError as error:
        frames += error.frames
        return type(error)
    return None


def _stream(choices: Choices) -> bytes:
    """Return a stream of valid and invalid frames, or arbitrary bytes."""
    style = choices.below(4)
    if style == 0:
        return choices.rest()
    if style == 1:
        return b"NC\x01" + choices.rest()
    parts = []
    while choices and len(parts) < 12:
        frame = encode(any_message(choices))
        parts.append(damaged(frame, choices) if style == 3 and choices.one_in(4) else frame)
    return b"".join(parts)


def _slices(stream: bytes, slicing: int) -> list[bytes]:
    """Cut a stream into single bytes, equal parts, or parts that the input selects."""
    if slicing == 0:
        return [stream]
    if slicing < 64:
        return [stream[at : at + slicing] for at in range(0, len(stream), slicing)]
    # The stream has used up the input's decisions: derive more from a number.
    parts, at, state = [], 0, slicing
    while at < len(stream):
        state = (state * 75 + 74) % 65537
        size = 1 + state % (17 if slicing % 2 else 200)
        parts.append(stream[at : at + size])
        at += size
        if state % 11 == 0:
            parts.append(b"")
    return parts


def parse(stream: bytes, limit: int) -> tuple[list[Frame], type[PeerError] | None, int]:
    """Parse a whole stream as simply as possible, one header field at a time.

    Returns:
        The frames, the kind of error after them, if any, and the bytes of an incomplete frame.
    """
    frames: list[Frame] = []
    while stream:
        kind = _wrong(stream, limit)
        if kind is not None:
            return frames, kind, 0
        end = 16 + int.from_bytes(stream[8:12], "big")
        if len(stream) < 16 or len(stream) < end:
            return frames, None, len(stream)
        body = stream[16:end]
        if crc32(stream[:12] + bytes(4) + body) != int.from_bytes(stream[12:16], "big"):
            return frames, errors.BadChecksum, 0
        frames.append(Frame(stream[3], body))
        stream = stream[end:]
    return frames, None, 0


def _wrong(head: bytes, limit: int) -> type[PeerError] | None:
    """Return what is wrong with a header, or with its first bytes."""
    if head[:1] != b"N" or (len(head) > 1 and head[1:2] != b"C"):
        return errors.BadMagic
    if len(head) > 2 and head[2] != 1:
        return errors.BadVersion
    if len(head) > 3 and head[3] not in MESSAGES:
        return errors.UnknownType
    if len(head) > 7 and head[4:8] != bytes(4):
        return errors.UnknownFlags
    if len(head) >= 16 and 16 + int.from_bytes(head[8:12], "big") > limit:
        return errors.FrameTooLarge
    return None
