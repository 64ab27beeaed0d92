"""The capture reader with arbitrary bytes: packets, then a clear error or the end.

Invariants:
    - nothing but a `CaptureError` is ever raised, and it names the file;
    - packets are numbered without gaps, and contain no more bytes than the file;
    - the same bytes in smaller pieces give the same packets and the same error, unless it names a format
      that is recognised by later bytes.
"""

from __future__ import annotations

import gzip
import io
import struct

from netchat.errors import CaptureError
from netchat.packets import Packet, PcapngWriter, PcapWriter, read_packets
from tests.fuzz.choices import Choices

__all__ = ["check"]


def check(data: bytes) -> None:
    """Run one case."""
    choices = Choices(data)
    file = _file(choices)
    packets, problem = _read(io.BytesIO(file))
    assert [p.number for p in packets] == list(range(1, len(packets) + 1))
    assert all(-(2**63) <= p.time < 2**63 for p in packets)
    if file[:2] != b"\x1f\x8b":
        assert sum(len(p.data) for p in packets) <= len(file)
    if (
        "convert it" not in problem
    ):  # what few bytes do not show: a live capture does not wait for more
        assert _read(_Slow(file, 1 + choices.below(40))) == (packets, problem)


def _read(file: io.BytesIO) -> tuple[list[Packet], str]:
    packets: list[Packet] = []
    problem = ""
    try:
        packets.extend(read_packets(file))
    except CaptureError as error:
        problem = str(error)
    assert not problem or problem.startswith("the capture")
    return packets, problem


class _Slow(io.BytesIO):
    """A pipe that returns few bytes per read."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self._size = size

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, self._size))


def _file(choices: Choices) -> bytes:
    kind = choices.below(6)
    if kind == 0:
        return choices.rest()
    if kind == 1:  # blocks that are nearly valid
        order = choices.pick("<>")
        parts = [_block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))]
        while choices:
            number = choices.pick((1, 1, 6, 6, 3, 2, 5, 0x0A0D0D0A, choices.byte()))
            body = choices.blob(60)
            if number in (2, 6):
                head = struct.pack(order + "5I", 0, choices.byte(), 0, choices.below(40), 60)
                body = head + body
            block = bytearray(_block(order, number, body))
            if choices.one_in(8):
                block[choices.below(len(block))] = choices.byte()
            parts.append(bytes(block))
        return b"".join(parts)
    out = io.BytesIO()
    writer = PcapngWriter(out) if kind % 2 else PcapWriter(out)
    for number in range(choices.below(5)):
        content = choices.blob(50)
        writer.write(Packet(number, choices.below(65536), 1, content, len(content)))
    file = bytearray(out.getvalue())
    for _ in range(choices.below(4)):
        file[choices.below(len(file))] = choices.byte()
    if choices.one_in(3):
        del file[choices.below(len(file)) :]
    return gzip.compress(file, 1) if kind > 3 else bytes(file)


def _block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + size + body + size
