"""Golden vectors: whole frames, written by hand; see the README beside this file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["VECTORS", "crc32", "frame_of", "problems"]

VECTORS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("ncp1.json").read_text("utf-8"))

_HEADER, _CRC = 12, 4


def crc32(data: bytes) -> int:
    """Compute CRC-32 bit by bit, as docs/PROTOCOL.md defines it, without zlib."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xEDB88320 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def frame_of(vector: dict[str, Any]) -> bytes:
    """Return the bytes of a vector's frame."""
    return bytes.fromhex(vector["header"]) + bytes.fromhex(vector["crc"]) + _body(vector)


def problems(vector: dict[str, Any]) -> list[str]:
    """Return what is wrong with a vector's length and CRC, with the right values.

    The reported CRC is for the right length.
    """
    found = []
    header, body = bytes.fromhex(vector["header"]), _body(vector)
    if len(header) != _HEADER:
        return [f"the header must have {_HEADER} bytes, and has {len(header)}"]
    length = len(body).to_bytes(4, "big")
    if header[8:] != length:
        found.append(f"the length in the header must be {length.hex()}, and is {header[8:].hex()}")
    crc = f"{crc32(header[:8] + length + bytes(_CRC) + body):08x}"
    if vector["crc"] != crc:
        found.append(f'"crc" must be "{crc}", and is "{vector["crc"]}"')
    return found


def _body(vector: dict[str, Any]) -> bytes:
    return b"".join(bytes.fromhex(piece) for piece, _ in vector["body"])
