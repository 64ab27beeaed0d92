"""A link with faults of all kinds in any order: the stream arrives unchanged and, finally, completely."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from netchat.link.link import Link
from netchat.link.open_request import Mode
from tests.link.world import World

#: Bytes that one side can make its peer buffer: the window, copies of failed blocks, a block and
#: the doubtful one before it.
MOST_HELD = (256 + 256 + 4 * 16) * 1024


class LinkMachine(RuleBasedStateMachine):
    """Two sides of a link, and faults of the pipes between them."""

    @initialize(
        datagrams=st.booleans(),
        spec=st.sampled_from(
            (
                "uncoded",
                "rs:255,223",
                "rs:255,127+hamming:7,4",
                "hamming:15,11",
                "adaptive:threshold",
            )
        ),
        mode=st.sampled_from((Mode.HYBRID, Mode.ARQ)),
        first=st.sampled_from((0, 5, 2**24 - 20, 2**32 - 300)),
        seed=st.integers(0, 1000),
    )
    def begin(self, datagrams: bool, spec: str, mode: Mode, first: int, seed: int) -> None:
        mtu = 1200 if datagrams else None
        client = Link.client(spec, mode=mode, mtu=mtu, identity=9 << 32 | first)
        self.world = World(client, datagrams=datagrams)
        self.rng = random.Random(seed)
        self.said = bytearray(), bytearray()

    @rule(side=st.integers(0, 1), size=st.sampled_from((1, 30, 900, 20_000, 400_000)))
    def say(self, side: int, size: int) -> None:
        data = self.rng.randbytes(size)
        self.said[side].extend(data)
        self.world.sides[side].send(data)

    @rule(steps=st.integers(1, 60))
    def wait(self, steps: int) -> None:
        self.world.pump()
        for _ in range(steps):
            self.world.step()
            self.world.pump()

    @rule(
        loss=st.sampled_from((0, 0.05, 0.5)),
        double=st.sampled_from((0, 0.1)),
        late=st.sampled_from((0, 0.3)),
        flip=st.sampled_from((0, 0.1, 0.6)),
    )
    def weather(self, loss: float, double: float, late: float, flip: float) -> None:
        self.world.hazards(self.rng, loss, double, late, flip)

    @rule(p=st.sampled_from(("1e-4", "1e-3", "1e-2", "0.5")))
    def noise(self, p: str) -> None:
        self.world.channel(f"bsc:{p}", self.rng.randrange(1000))

    @rule(side=st.integers(0, 1))
    def silence(self, side: int) -> None:
        self.world.pipes[side].change = lambda data: []

    @rule(side=st.integers(0, 1))
    def garbage(self, side: int) -> None:
        """Insert bytes that belong to no block into the stream."""
        self.world.pipes[side].change = lambda data: [
            (0.0, self.rng.randbytes(self.rng.randrange(200)) + data)
        ]

    @rule(side=st.integers(0, 1), reading=st.booleans())
    def read(self, side: int, reading: bool) -> None:
        self.world.reading[side] = reading

    @invariant()
    def what_arrives_is_what_was_said(self) -> None:
        if hasattr(self, "world"):
            for side in (0, 1):
                assert self.said[side].startswith(self.world.got[1 - side])
                assert self.world.sides[side].held <= MOST_HELD

    def teardown(self) -> None:
        """Check that all bytes arrive soon after the channel has become perfect."""
        if not hasattr(self, "world"):
            return
        world = self.world
        for side in (0, 1):
            world.pipes[side].change = lambda data: [(0.0, data)]
            world.reading[side] = True
        if world.client.closed:
            assert not world.client.opened  # nothing got through for too long
            return
        world.run(lambda: world.got[1] == self.said[0] and world.got[0] == self.said[1], seconds=60)
        world.run(lambda: not any(side.buffered for side in world.sides), seconds=10)
        self.what_arrives_is_what_was_said()


TestLink = pytest.mark.slow(LinkMachine.TestCase)
TestLink.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
