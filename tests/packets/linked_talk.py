"""A captured chat over a noisy link: two links in simulated time, and the packets between them."""

from __future__ import annotations

from collections.abc import Sequence

from netchat import wire
from netchat.channels.stream import ChannelStream
from netchat.link.link import Link
from netchat.link.open_request import Mode
from netchat.wire import Message
from tests.packets.segments import Talk

__all__ = ["linked_talk"]


def linked_talk(
    messages: Sequence[tuple[int, Message]],
    spec: str = "rs:255,223",
    channel: str = "",
    *,
    seed: int = 1,
    size: int = 1448,
    mode: Mode = Mode.HYBRID,
    by_client: bool = True,
    talk: Talk | None = None,
) -> tuple[Talk, dict[bool, bytes]]:
    """Send messages over a link, each when the previous one has arrived.

    Args:
        messages: Sides (0 client, 1 server) and messages.
        spec: Code of both directions.
        channel: Channel of both directions; "" for none.
        seed: Random seed of the channel.
        size: Bytes of a segment.
        mode: The link's mode.
        by_client: Whether the client applies the channel itself, as `netchat client --channel` does,
            so that incoming bytes are captured as sent. Otherwise they are damaged in transit.
        talk: Recorder of the packets, which is not opened yet; it stays open.

    Returns:
        The conversation, and the bytes that each direction (True: to server) sent into the channel.
    """
    talk = (talk or Talk()).open()
    links = Link.client(spec, mode=mode, identity=(seed << 32) + 2**32 - 300), Link.server()
    noise = [ChannelStream(channel, 2 * seed + side) if channel else None for side in (0, 1)]
    now, got, sent = 0.0, [bytearray(), bytearray()], [bytearray(), bytearray()]

    def step() -> None:
        nonlocal now
        for side, link in enumerate(links):
            data = link.data_to_send(now)
            sent[side] += data
            stream = noise[side]
            damaged = stream.damage(data) if stream is not None else data
            if data:
                talk.say(side, damaged if side == 0 or not by_client else data, size)
            links[1 - side].receive(damaged, now)
            got[1 - side] += links[1 - side].received(now)
        now += 0.01
        for link in links:
            link.tick(now)

    for side, message in messages:
        frame = wire.encode(message)
        links[side].send(frame)
        wanted = len(got[1 - side]) + len(frame)
        for _ in range(20_000):
            if len(got[1 - side]) >= wanted:
                break
            step()
        else:
            raise AssertionError("it never arrives")
    for _ in range(200):
        step()
    return talk, {True: bytes(sent[0]), False: bytes(sent[1])}
