"""A short chat with every kind of item, and hostile texts."""

from __future__ import annotations

from netchat import wire
from netchat.packets import Conversation, DecodedMessage, Packet
from tests.packets.segments import ACK, PSH, START, Talk

EVIL = "\x1b[31m\u202e\n\t\u2028\x7f\x9b end"


HARMFUL = set("\x00\x07\x1b\x7f\x9b\n\t\r\u202e\u2028\u200b")


def story() -> list[Packet]:
    """A chat with a retransmission, a gap, a frame with a wrong CRC-32 and swapped segments."""
    talk = Talk(step=3_000_000).open()
    talk.say(0, wire.encode(wire.Hello(0, bytes(16), b"", "Nova", "test", ())))
    welcome = wire.Welcome(
        0, 1, 77, 5, 65536, 16384, 120, 0, bytes(32), "Nova", "test",
        (wire.Membership("lobby", 1, "", 4, 0, 0), wire.Membership("p", 3, "Bo", 4, 0, 0)),
    )  # fmt: skip
    talk.say(1, wire.encode(welcome))
    event = [
        wire.encode(wire.Event(n, n, 77, n, 1, "lobby", "Nova", text))
        for n, text in enumerate(("hello", "two", "lost " * 30, "four"), 1)
    ]
    send = wire.encode(wire.Send(1, "lobby", "hello"))
    talk.add(0, ACK | PSH, send)
    talk.time += 205_000_000
    talk.add(0, ACK | PSH, send, seq=talk.seq[0] - len(send))
    talk.add(1, ACK | PSH, event[0] + event[1])
    talk.add(1, ACK | PSH, event[2])
    talk.packets.pop()
    talk.add(0, ACK)
    talk.add(1, ACK | PSH, event[3])
    talk.add(0, ACK)
    wrong = bytearray(wire.encode(wire.Send(2, "lobby", "damaged")))
    wrong[30] ^= 1
    talk.say(0, bytes(wrong))
    talk.time += 2_000_000_000
    private = wire.encode(wire.Event(1, 1, 0, 0, 1, "p", "Bo", "psst"))
    base = talk.seq[1]
    ping = wire.encode(wire.Ping(1))
    talk.add(1, ACK | PSH, private, seq=base + len(ping))
    talk.add(1, ACK | PSH, ping, seq=base)
    talk.seq[1] += len(ping + private)
    return [p._replace(number=n) for n, p in enumerate(talk.close().packets, 1)]


def decoded(message: wire.Message) -> DecodedMessage:
    said = Conversation(1, ("10.0.0.1", 50000), ("10.0.0.2", 6464), START, True)
    said.learn(message)
    return DecodedMessage(START, said, True, message, wire.encode(message), (1,), False, 0, False)
