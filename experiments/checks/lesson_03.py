"""Self-checks of lesson 3: TCP underneath."""

import random
from functools import lru_cache
from typing import Any, NamedTuple

from scapy.layers.inet import TCP

from netchat.course import (
    SegmentData,
    Variant,
    cut,
    exercise,
    impair,
    need,
    one_way,
    real_number,
    whole_number,
)
from netchat.link import RetransmissionTimer
from netchat.packets import Encapsulation, Gap
from netchat.wire import Hello, Join, Send, encode

SPACE = 2**32

WORDS = (
    "sliding",
    "window",
    "ack",
    "stream",
    "byte",
    "order",
    "port",
    "syn",
    "fin",
    "timer",
    "loss",
    "queue",
)


class Opening(NamedTuple):
    """The start of a connection: initial sequence numbers, and sizes of the first messages."""

    client: int
    server: int
    hello: int
    welcome: int


def opening(variant: Variant) -> Opening:
    """Return numbers such that the client's sequence numbers wrap around in its first message."""
    rng = variant.random("opening")
    hello = rng.randrange(60, 90)
    return Opening(
        SPACE - rng.randrange(5, hello - 5),
        rng.randrange(SPACE // 2),
        hello,
        rng.randrange(100, 140),
    )


@exercise("3.1", "Sequence and acknowledgement numbers", given=opening)
def numbers_of_a_handshake(given: Opening, numbers: Any) -> None:
    wire = Encapsulation(first=(given.client, given.server))
    wire.send(bytes(given.hello))
    wire.send(bytes(given.welcome), by_server=True)
    right = [(p[TCP].seq, p[TCP].ack) for p in wire.packets[1:]]
    names = ("SYN ACK", "ACK", "HELLO", "ACK of HELLO", "WELCOME", "ACK of WELCOME")
    need(
        isinstance(numbers, (list, tuple)) and len(numbers) == len(right),
        f"numbers must be a list of {len(right)} pairs (sequence number, acknowledgement number).",
    )
    for name, pair, (seq, ack) in zip(names, numbers, right, strict=True):
        need(
            isinstance(pair, (list, tuple)) and len(pair) == 2,
            f"For {name} you give {pair!r}; it must be a pair.",
        )
        answer = whole_number(pair[0], "a sequence number"), whole_number(pair[1], "an ack number")
        for what, number, true in (
            ("sequence", answer[0], seq),
            ("acknowledgement", answer[1], ack),
        ):
            need(
                0 <= number < SPACE,
                f"The {what} number of {name} does not fit into 32 bits.",
                "What comes after 2**32 - 1?",
            )
            need(
                number == true,
                f"The {what} number of {name} is wrong.",
                "A SYN uses one number, like a byte; each byte of data uses one; a bare ACK "
                "uses no number. The acknowledgement number is the next one expected from the "
                "peer.",
            )


@exercise("3.2", "Before and after")
def before_and_after(variant: Variant, before: Any) -> None:
    rng = variant.random("before")
    for start in (0, 1000, SPACE - 1, SPACE - 700, *(rng.randrange(SPACE) for _ in range(20))):
        for step in (1, rng.randrange(2, 10**6), 2**31 - 1):
            one, other = start, (start + step) % SPACE
            for a, b, right in ((one, other, True), (other, one, False), (one, one, False)):
                answer = before(a, b)
                need(
                    answer in (True, False),
                    f"before({a}, {b}) must be True or False, got {answer!r}.",
                )
                need(
                    bool(answer) == right,
                    f"before({a}, {b}) is {answer}, but from a to b it is {(b - a) % SPACE} steps "
                    f"forward and {(a - b) % SPACE} back.",
                    "The way forward is (b - a) modulo 2**32. When is it the shorter one?",
                )


@exercise("3.3", "How long to wait")
def how_long_to_wait(variant: Variant, timeout: Any) -> None:
    rng = variant.random("timeout")
    steady = [0.05] * 12
    rows = [[0.1], [0.1, 0.1], [0.1, 0.3], steady]
    rows += [[rng.uniform(0.01, 0.5) for _ in range(rng.randrange(3, 20))] for _ in range(5)]
    for samples in rows:
        judge = RetransmissionTimer()
        for sample in samples:
            judge.sample(sample)
        right = judge.smoothed + 4 * judge.variation
        answer = real_number(timeout(list(samples)), "What timeout returns")
        wrong = abs(answer - right) / right
        shown = ", ".join(f"{sample:.3g}" for sample in samples[:4])
        need(
            wrong < 1e-6,
            f"For {len(samples)} samples ({shown}{', …' if len(samples) > 4 else ''}) your timeout "
            f"is too {'long' if answer > right else 'short'}.",
            "Section 2 of RFC 6298: what happens at the first sample? And which SRTT does "
            "RTTVAR use, the one before this sample or the one after it?",
        )


class Segments(NamedTuple):
    """Segments in the order of capture, and the sequence number of the first byte."""

    first: int
    segments: list[SegmentData]


def messages_of(rng: random.Random, count: int) -> bytes:
    """Return a client's stream: HELLO, JOIN and some messages."""
    frames = [
        encode(Hello(0, rng.randbytes(16), b"", "Nova", "", ())),
        encode(Join(1, 0, 0, "lobby")),
    ]
    for number in range(1, count + 1):
        text = " ".join(rng.choices(WORDS, k=rng.randrange(3, 9)))
        frames.append(encode(Send(number, "lobby", text)))
    return b"".join(frames)


@lru_cache(maxsize=64)
def _impaired(seed: int, missing: int) -> Segments:
    rng = random.Random(seed)
    stream = messages_of(rng, 8)
    first = SPACE - rng.randrange(1, len(stream))  # so that the sequence numbers wrap around
    pieces = impair(cut(stream, first, rng), rng, swapped=3, again=2, missing=missing)
    return Segments(first, pieces)


@lru_cache(maxsize=64)
def _decoded(first: int, segments: tuple[SegmentData, ...]) -> tuple[bytes, list[tuple[int, int]]]:
    """Return the bytes of netchat's messages, and the offset and size of its gaps."""
    messages = one_way(segments, first).messages()
    gaps = [(item.offset, item.size) for item in messages.items() if isinstance(item, Gap)]
    return b"".join(message.raw for message in messages), gaps


def disorder(variant: Variant) -> Segments:
    """Return all segments, but out of order and some of them twice."""
    return _impaired(variant.seed("disorder"), 0)


@exercise("3.4", "Reassembly by hand", given=disorder)
def reassembly_by_hand(given: Segments, reassemble: Any) -> None:
    for first, segments in (given, _impaired(given.first, 0), _impaired(given.first + 1, 0)):
        judge, _ = _decoded(first, tuple(segments))
        stream = reassemble(first, [tuple(segment) for segment in segments])
        need(isinstance(stream, (bytes, bytearray)), "reassemble must return bytes.")
        total = sum(len(segment.data) for segment in segments)
        need(
            len(stream) != total or total == len(judge),
            f"Your stream has {len(stream)} bytes: it includes the bytes that arrived twice.",
            "Where in the stream does a segment belong? Which of its bytes do you already have?",
        )
        need(
            len(stream) == len(judge),
            f"Your stream has {len(stream)} bytes; netchat's reassembly gets {len(judge)} from the "
            "same segments.",
        )
        wrong = next(
            (n for n, (a, b) in enumerate(zip(stream, judge, strict=True)) if a != b), None
        )
        need(
            wrong is None,
            f"Your stream differs from netchat's from byte {wrong} on.",
            "Draw the segments as intervals: from (seq - first) modulo 2**32, and len(data) "
            "bytes long.",
        )


def holed(variant: Variant) -> Segments:
    """Return segments of which some are missing."""
    return _impaired(variant.seed("holes"), 2)


@exercise("3.5", "What is missing", given=holed)
def what_is_missing(given: Segments, holes: Any) -> None:
    for first, segments in (given, _more_holes(given)):
        _, judge = _decoded(first, tuple(segments))
        found = holes(first, [tuple(segment) for segment in segments])
        need(
            isinstance(found, (list, tuple)) and all(len(pair) == 2 for pair in found),
            "holes must return a list of pairs (offset, size).",
        )
        pairs = [(whole_number(a, "an offset"), whole_number(b, "a size")) for a, b in found]
        need(
            all(size > 0 for _, size in pairs),
            "One of your gaps has no size: overlapping segments leave no gap.",
        )
        need(
            sum(size for _, size in pairs) == sum(size for _, size in judge),
            f"Your gaps have {sum(size for _, size in pairs)} bytes in total; netchat finds "
            f"{sum(size for _, size in judge)} missing bytes.",
            "Sort the segments by offset. How far do all segments up to this one reach?",
        )
        need(
            sorted(pairs) == sorted(judge),
            "The number of missing bytes is right, but not their offsets.",
            "An offset counts from the first byte of the stream, 0.",
        )


def _more_holes(given: Segments) -> Segments:
    """Return the same segments, sorted differently and with one more missing."""
    order = sorted(given.segments, key=lambda s: (s.seq - given.first) % SPACE)
    gone = order[len(order) // 2]
    return Segments(given.first, [s for s in given.segments if s.seq != gone.seq])
