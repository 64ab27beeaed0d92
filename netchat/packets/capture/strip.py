"""Copy of a capture without its TLS secrets."""

from __future__ import annotations

import contextlib
import gzip
import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from netchat.errors import CaptureError
from netchat.packets.capture.pcapng import SECRETS, SECTION
from netchat.packets.capture.writer import create_capture
from netchat.wording import cannot

__all__ = ["StrippedCapture", "strip_secrets"]

_SECTION_BYTES = SECTION.to_bytes(4, "big")
_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_CHUNK = 1024 * 1024

#: Maximum length of a block, in bytes; that of the reader.
_MAX_BLOCK = 16 * 1024 * 1024 + 64 * 1024


class StrippedCapture(NamedTuple):
    """Result of a copy.

    Attributes:
        blocks: Blocks with secrets that were left out.
        rest: Bytes at the end of a damaged file that were left out, since they may contain secrets.
    """

    blocks: int
    rest: int


def strip_secrets(source: str | Path, target: str | Path) -> StrippedCapture:
    """Copy a capture without the blocks that hold secrets; everything else is copied unchanged.

    A pcap file cannot hold secrets, so its copy is identical. The copy is readable by its owner only.

    Args:
        source: The capture, which may be compressed by gzip.
        target: The copy; compressed by gzip if its name ends in `.gz`.

    Raises:
        CaptureError: A file cannot be read or written, or both are the same.
    """
    with contextlib.ExitStack() as stack:
        try:
            file: BinaryIO = stack.enter_context(Path(source).open("rb"))
            is_packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if is_packed:
                file = cast(BinaryIO, stack.enter_context(gzip.open(file)))
            head = file.read(4)
            file.seek(0)
        except (OSError, EOFError) as error:
            raise CaptureError(cannot("read", source, error)) from error
        with contextlib.suppress(OSError):
            if Path(target).samefile(source):
                raise CaptureError(f"{target} is the capture itself; name another file")
        out = stack.enter_context(create_capture(target))
        try:
            if head != _SECTION_BYTES:
                while chunk := file.read(_CHUNK):
                    out.write(chunk)
                return StrippedCapture(0, 0)
            return _copy_blocks(file, out)
        except (OSError, EOFError) as error:
            raise CaptureError(f"{source} cannot be copied to {target}: {error}") from error


def _copy_blocks(file: BinaryIO, out: BinaryIO) -> StrippedCapture:
    order, blocks = "<", 0
    while True:
        head = file.read(12)
        if len(head) < 12:
            return StrippedCapture(blocks, len(head))
        if head[:4] == _SECTION_BYTES:
            order = _ORDERS.get(head[8:12], order)
        kind, total = struct.unpack(order + "II", head[:8])
        if total < 12 or total % 4 or total > _MAX_BLOCK:
            return StrippedCapture(blocks, len(head) + _count(file))
        block = head + file.read(total - 12)
        if len(block) < total:
            return StrippedCapture(blocks, len(block))
        if kind == SECRETS:
            blocks += 1
        else:
            out.write(block)


def _count(file: BinaryIO) -> int:
    """Return the number of bytes in the rest of a file."""
    count = 0
    while chunk := file.read(_CHUNK):
        count += len(chunk)
    return count
