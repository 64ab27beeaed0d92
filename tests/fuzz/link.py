"""A link with loss, damage and a peer that forges blocks.

Invariants:
    - nothing is raised;
    - the received stream is a prefix of the sent one (unless blocks were forged);
    - no side buffers more than its limit;
    - once the channel loses nothing, all bytes arrive (unless blocks were forged).
"""

from __future__ import annotations

from functools import partial

from netchat.link.code_table import block_code
from netchat.link.header import Header, Kind, write_header
from netchat.link.link import Link
from netchat.link.open_request import Mode
from netchat.link.payload_decoder import payload_context
from netchat.link.sync_marker import MARKER
from tests.fuzz.choices import Choices
from tests.link.world import World

__all__ = ["check", "forged"]

SPECS = ("rs:255,223", "uncoded", "hamming:7,4", "rs:32,16", "repetition:3")
LINK, FIRST = 77, 2**32 - 400
MOST_HELD = (256 + 256 + 4 * 16) * 1024


def check(data: bytes) -> None:
    """Run one case."""
    choices = Choices(data)
    datagrams, forging = choices.one_in(2), choices.one_in(3)
    mtu = choices.pick((1200, 300)) if datagrams else None
    client = Link.client(
        choices.pick(SPECS),
        choices.pick(SPECS),
        mode=choices.pick((Mode.HYBRID, Mode.ARQ)),
        mtu=mtu,
        identity=LINK << 32 | FIRST,
    )
    world = World(client, Link.server(mtu=mtu), datagrams=datagrams)
    said = bytearray(), bytearray()
    while choices:
        _happen(world, choices, said, forging=forging)
        for side in (0, 1):
            assert world.sides[side].held <= MOST_HELD
            if not forging:
                assert said[side].startswith(world.got[1 - side]), "the stream is not what was sent"
    if forging or world.client.closed:
        return
    for pipe in world.pipes:
        pipe.change = lambda data: [(0.0, data)]
    world.reading[:] = [True, True]
    world.run(lambda: (world.got[1], world.got[0]) == said)


def _happen(
    world: World, choices: Choices, said: tuple[bytearray, bytearray], *, forging: bool
) -> None:
    side = choices.below(2)
    match choices.below(6):
        case 0:
            text = bytes([choices.byte()]) * choices.pick((1, 40, 900, 6000))
            said[side].extend(text)
            world.sides[side].send(text)
        case 1 | 2:
            world.pump()
            for _ in range(choices.below(12)):
                world.step()
                world.pump()
        case 3:
            world.pipes[side].change = partial(_changed, choices)
        case 4:
            world.reading[side] = choices.one_in(2)
        case 5 if forging:
            block = forged(choices)
            if world.client.opened and choices.one_in(2):
                world.client.receive_block(block, world.now)
            else:
                world.sides[side].receive(MARKER + block, world.now)


def _changed(choices: Choices, data: bytes) -> list[tuple[float, bytes]]:
    """Return what arrives of a sent block."""
    match choices.below(6):
        case 1:
            return []
        case 2:
            return [(0.0, data), (0.02, data)]
        case 3:
            return [(choices.below(50) / 1000, data)]
        case 4:
            broken = bytearray(data)
            for _ in range(1 + choices.below(40)):
                broken[choices.below(min(len(broken), 65536))] ^= 1 << choices.below(8)
            return [(0.0, bytes(broken))]
        case 5:
            return [(0.0, choices.blob(40) + data)]
    return [(0.0, data)]


def forged(choices: Choices) -> bytes:
    """Return a block with a decodable header of arbitrary fields."""

    def number(bits: int, near: int) -> int:
        return (
            near + choices.byte() - 128 if choices.one_in(2) else choices.below(65536)
        ) % 2**bits

    payload = choices.blob(60)
    header = Header(
        kind=choices.pick(tuple(Kind)),
        code=choices.pick((1, 0, 4, 7, 8, 255)),
        link=choices.pick((LINK, LINK, 0)),
        length=choices.pick((len(payload), choices.below(65536))),
        offset=number(32, FIRST),
        number=number(24, FIRST),
        window=choices.byte(),
        ack=number(32, FIRST),
        echo=number(24, FIRST),
        delay=choices.byte(),
        arrived=choices.below(65536) * 65537,
        wrong=choices.below(65536),
        checked=choices.below(65536),
    )
    code = block_code("rs:96,32" if header.code == 1 else "uncoded")
    context = payload_context(header)
    return write_header(header) + (code.encode(context, payload) if payload else choices.blob(20))
