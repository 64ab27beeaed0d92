"""TCP reassembly of segments in any order, against a model that knows the stream.

Invariants:
    - every delivered byte belongs to the stream, at its offset;
    - nothing is delivered twice, and gaps are exactly where nothing was delivered;
    - at the end, nothing is buffered.
"""

from __future__ import annotations

from netchat.packets.decode.conversation import Conversation
from netchat.packets.items import Gap, Item
from netchat.packets.memory_budget import MemoryBudget
from netchat.packets.tcp.connection import TcpConnection
from netchat.packets.tcp.dissect import ACK, FIN, PSH, SYN, Segment
from netchat.packets.tcp.stream import TcpStream
from tests.fuzz.choices import Choices

__all__ = ["check"]

STREAM = bytes(n * 37 % 251 for n in range(700))


class _Pipe:
    """A stage that stores its input."""

    next_stage = None

    def __init__(self) -> None:
        self.offset = 0
        self.got: list[tuple[int, bytes]] = []

    def push(self, data: bytes, packet: int, time: int, repeated: bool) -> list[Item]:
        assert data
        self.got.append((self.offset, data))
        self.offset += len(data)
        return []

    def gap(self, size: int) -> list[Item]:
        assert size > 0
        self.offset += size
        return []

    def end(self, why: str) -> list[Item]:
        return []

    def swap_direction(self) -> None:
        raise AssertionError("the direction must not change")


def check(data: bytes) -> None:
    """Run one case."""
    choices, budget = Choices(data), MemoryBudget()
    said = Conversation(1, ("a", 1), ("b", 2), 0, True)
    pipes: dict[bool, _Pipe] = {}

    def open_stage(half: TcpStream, _: bool) -> _Pipe:
        return pipes.setdefault(half.to_server, _Pipe())

    client = TcpStream(b"client", said, said.to_server, budget, open_stage, to_server=True)
    server = TcpStream(b"server", said, said.to_client, budget, open_stage, to_server=False)
    connection = TcpConnection(said, client, server, (b"a", b"b"), chat=True)
    isn = choices.pick((0, 1000, 2**32 - 300, 2**32 - 1, 2**31))
    time, seen, items = 0, set[int](), list[Item]()

    def take(half: TcpStream, segment: Segment) -> None:
        nonlocal items
        items += connection.take(half, segment, connection.turn + 1, time, trace=False)

    opened = not choices.one_in(4)
    if opened:
        take(client, Segment(b"a", isn, 0, SYN, b"", 0))
    while choices:
        time += choices.pick((0, 1_000_000, 1_000_000, 300_000_000, 2_000_000_000))
        if choices.one_in(5):  # the server acknowledges a plausible or an arbitrary number
            acked = choices.below(len(STREAM) + 2) if choices.byte() < 250 else choices.below(65536)
            take(server, Segment(b"b", 7, (isn + 1 + acked) % 2**32, ACK, b"", 0))
            continue
        start = choices.below(len(STREAM))
        payload = STREAM[start : start + choices.below(120)]
        cut = min(choices.below(9), len(payload)) if choices.one_in(8) else 0
        payload, flags = payload[: len(payload) - cut], ACK | PSH
        if start + len(payload) + cut == len(STREAM) and choices.one_in(2):
            flags |= FIN
        seen.update(range(start, start + len(payload)))
        take(client, Segment(b"a", (isn + 1 + start) % 2**32, 8, flags, payload, cut))
        assert budget.used >= 0
    items += connection.finish("it ends", connection.turn, time)
    assert budget.used == 0, "something is kept"
    pipe = pipes[True]
    if not pipe.got:
        return
    # Without a SYN, the stream begins with the first captured byte.
    shift = -client.place((isn + 1) % 2**32)
    delivered: set[int] = set()
    for offset, piece in pipe.got:
        place = offset + shift
        assert piece == STREAM[place : place + len(piece)], "bytes that are not the stream's"
        span = set(range(place, place + len(piece)))
        assert not span & delivered, "bytes are delivered twice"
        delivered |= span
    for item in items:
        if isinstance(item, Gap) and item.to_server:
            span = set(range(item.offset + shift, item.offset + shift + item.size))
            assert not span & delivered, "bytes are skipped and delivered"
    assert delivered <= seen
