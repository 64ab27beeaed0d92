"""Actions of the users of a mystery: a chat on the server h1, and a call between all three hosts."""

from __future__ import annotations

import itertools
import struct
from typing import NamedTuple

from netchat.mystery.drawing import PERIOD, Mystery
from netchat.mystery.fault import HOSTS

__all__ = ["CALL_PORT", "CAPACITY", "CallDatagram", "Say", "calls", "says"]

#: UDP port of the call, on every host.
CALL_PORT = 5004

#: Receive buffer of a slow reader, in bytes.
CAPACITY = 6144

#: Mean pauses between messages, and between the datagrams of one direction, in seconds.
_SAYING, _CALLING = 0.125, 1 / 30

_WORDS = (
    "packet", "window", "router", "cable", "timer", "queue", "socket", "stream", "segment", "buffer",
    "frame", "trace", "port", "route", "clock", "burst",
)  # fmt: skip


class Say(NamedTuple):
    """A message of a user."""

    time: float
    """Seconds after the beginning."""
    text: str
    """Its text."""


class CallDatagram(NamedTuple):
    """A datagram of a call."""

    time: float
    """Seconds after the beginning."""
    data: bytes
    """Its payload: a sequence number of four bytes, then noise."""


def says(mystery: Mystery, host: str, seconds: float = PERIOD) -> list[Say]:
    """Return what the user on a host says."""
    rng = mystery.random(f"says {host}")
    time, found = 0.4 + rng.random(), []
    while time < seconds - 0.5:
        size, words = rng.randrange(20, 1250), list[str]()
        while sum(map(len, words)) + len(words) < size:
            words.append(rng.choice(_WORDS))
        found.append(Say(time, " ".join(words)[:size]))
        time += rng.expovariate(1 / _SAYING)
    return found


def calls(mystery: Mystery, seconds: float = PERIOD) -> dict[tuple[str, str], list[CallDatagram]]:
    """Return the datagrams of each direction of the calls."""
    found = {}
    for one, other in itertools.permutations(HOSTS, 2):
        rng = mystery.random(f"call {one} > {other}")
        datagrams, time = [], rng.random() * _CALLING
        for number in itertools.count():
            if time >= seconds - 0.5:
                break
            size = rng.randrange(20, 1441)
            datagrams.append(
                CallDatagram(time, struct.pack(">I", number) + rng.randbytes(size - 4))
            )
            time += _CALLING * rng.uniform(0.4, 1.6)
        found[one, other] = datagrams
    return found
