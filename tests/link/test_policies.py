"""Policies: their expectations, their learning, and their goodput over a link."""

from __future__ import annotations

import random

import numpy as np
import pytest

from netchat.channels.stream import ChannelStream
from netchat.link.code_table import CODES, OPENED, numbered, table
from netchat.link.decode_probability import (
    CANDIDATES,
    longest_payload,
    nominal_rate,
    success_probability,
)
from netchat.link.error_rate_estimator import ErrorRateEstimator
from netchat.link.link import Link
from netchat.link.policies.bandit import Bandit
from netchat.link.policies.policy import ChannelReport, FixedCode, Oracle, Outcome, Policy
from netchat.link.policies.threshold import Threshold
from netchat.link.policy_registry import policy, validate_policy
from tests.link.world import World

ADAPTIVE = [Threshold, lambda: Bandit(1)]


def outcome(code: int, *, arrived: bool) -> Outcome:
    return Outcome(code, longest_payload(code), 8260, arrived=arrived)


@pytest.mark.parametrize("number", CANDIDATES)
@pytest.mark.parametrize("ber", [1e-5, 1e-3, 4e-3, 2e-2])
def test_the_chances_are_those_of_the_decoder(number: int, ber: float) -> None:
    code, stream = table()[number], ChannelStream(f"bsc:{ber}", 7)
    length = longest_payload(number)
    block, rounds = code.encode(b"", bytes(length)), 40
    good = sum(code.decode(b"", stream.damage(block), length).good for _ in range(rounds))
    expected = success_probability(number, ber)

    # A probability between 0.2 and 0.8 may deviate by four standard deviations and by the grid.
    assert good / rounds == pytest.approx(expected, abs=0.35 if 0.02 < expected < 0.98 else 0.1)


def test_stronger_codes_correct_more_and_have_a_lower_rate() -> None:
    for ber in np.geomspace(1e-7, 0.05, 40):
        chances = [success_probability(number, float(ber)) for number in CANDIDATES]
        assert all(0 <= one <= 1 for one in chances)
        # Only nearly: rs:96,32 and its neighbours have different lengths, and their curves cross.
        assert np.diff(chances).min() > -1e-3
    worth = [nominal_rate(number) for number in CANDIDATES]
    assert worth == sorted(worth, reverse=True)


def test_an_estimate_follows_reports_and_changes_at_once() -> None:
    estimate = ErrorRateEstimator()
    assert not estimate.known
    assert estimate.ber == 1e-7
    for _ in range(20):
        estimate.report(ChannelReport(33, 33_000))
    assert estimate.ber == pytest.approx(1e-3, rel=0.02)
    estimate.report(ChannelReport(60, 33_000))  # bad luck
    assert estimate.changes == 0
    estimate.report(ChannelReport(20, 800))  # only headers could be read
    assert estimate.changes == 1
    assert estimate.ber == pytest.approx(2.5e-2, rel=0.05)
    estimate.report(ChannelReport(0, 33_000))
    assert estimate.changes == 2
    assert estimate.ber < 2e-5


@pytest.mark.parametrize("make", ADAPTIVE)
@pytest.mark.parametrize(
    ("ber", "best"),
    [
        (3e-5, {"rs:255,251"}),
        (1e-3, {"rs:255,239"}),
        (1e-2, {"rs:255,191"}),
        (2e-2, {"rs:255,127"}),
    ],
)
def test_a_channel_that_is_known_gets_the_code_it_needs(make, ber: float, best: set[str]) -> None:
    chooser: Policy = make()
    chosen = []
    for _ in range(300):
        number = chooser.choose(0.0)
        chosen.append(CODES[number])
        chooser.outcome(0.0, outcome(number, arrived=success_probability(number, ber) > 0.5))
        chooser.channel(0.0, ChannelReport(round(ber * 33_000), 33_000))

    assert sum(code in best for code in chosen[20:]) > 200
    assert f"{ber:.1e}"[:2] in chooser.why


@pytest.mark.parametrize("make", ADAPTIVE)
def test_outcomes_outweigh_expectations(make) -> None:
    """More blocks fail than the bit error rate suggests, as with bursts."""
    chooser: Policy = make()
    late = []
    for i in range(400):
        number = chooser.choose(0.0)
        if i >= 200:
            late.append(CODES[number])
        chooser.outcome(0.0, outcome(number, arrived=number in (5, 6, 1, 7)))
        chooser.channel(0.0, ChannelReport(33, 33_000))

    assert late.count("rs:255,191") > 120


@pytest.mark.parametrize("make", ADAPTIVE)
def test_a_storm_is_noticed_within_a_few_blocks_and_its_end_too(make) -> None:
    chooser: Policy = make()

    def weather(ber: float, blocks: int) -> list[str]:
        codes = []
        for _ in range(blocks):
            number = chooser.choose(0.0)
            codes.append(CODES[number])
            arrived = success_probability(number, ber) > 0.5
            chooser.outcome(0.0, outcome(number, arrived=arrived))
            checked = 33_000 if arrived else 800
            chooser.channel(0.0, ChannelReport(round(ber * checked), checked))
        return codes

    weather(3e-5, 200)
    assert weather(2e-2, 30)[10:].count("rs:255,127") >= 12
    assert weather(3e-5, 30)[10:].count("rs:255,251") >= 12


def test_the_oracle_uses_the_given_code() -> None:
    oracle = Oracle(lambda now: 2 if now < 10 else 6)

    assert (oracle.choose(9.0), oracle.choose(10.0)) == (2, 6)
    oracle.outcome(9.0, outcome(2, arrived=False))
    oracle.channel(9.0, ChannelReport(1, 1))
    assert oracle.choose(9.0) == 2


def test_requested_policies() -> None:
    assert isinstance(policy("adaptive"), Threshold)
    assert isinstance(policy("adaptive:bandit"), Bandit)
    assert isinstance(policy("adaptive:threshold"), Threshold)
    assert isinstance(policy("rs:255,223"), FixedCode)
    assert validate_policy(" adaptive : bandit ") == "adaptive:bandit"
    with pytest.raises(ValueError, match="unknown policy 'adaptive:luck'; use one of adaptive"):
        validate_policy("adaptive:luck")
    with pytest.raises(ValueError, match="a link cannot use the code"):
        validate_policy("luck")


@pytest.mark.parametrize("wish", ["adaptive", "adaptive:bandit"])
@pytest.mark.parametrize("datagrams", [False, True])
def test_both_directions_adapt_and_everything_arrives(wish: str, datagrams: bool) -> None:
    mtu = 1200 if datagrams else None
    world = World(Link.client(wish, mtu=mtu, identity=9 << 32 | 77), datagrams=datagrams)
    world.run(lambda: world.client.opened)
    for seed, side in enumerate(world.sides):
        if isinstance(side.policy, Bandit):
            side.policy._random.seed(seed)
    text = bytes(range(256)) * 100
    for channel in ("bsc:1e-6", "bsc:2e-2", "gilbert-elliott:2e-4,0.01,1e-5,0.3", "bsc:1e-6"):
        world.channel(channel)
        for _ in range(4):  # blocks that are sent together get the same code
            world.carry(text, text, seconds=120)
        if channel == "bsc:2e-2":
            for side in world.sides:
                assert side.code_out.startswith("nr:")
                assert table()[numbered(side.code_out)].rate < 0.87
    for side in world.sides:
        assert side.code_out in ("uncoded", "rs:255,251", "nr:3", "nr:5", "nr:6")
        assert "bit error rate" in side.policy.why


def test_the_server_uses_the_requested_policy() -> None:
    world = World(Link.client("rs:255,191", "adaptive:threshold"))
    world.carry(b"x" * 9000, b"y" * 9000)

    assert isinstance(world.client.policy, FixedCode)
    assert isinstance(world.server.policy, Threshold)
    assert world.server.code_in == "rs:255,191"


@pytest.mark.parametrize("mtu", [1200, 548])
def test_no_datagram_exceeds_the_path_mtu_with_any_code(mtu: int) -> None:
    """Data split for a weak code must be re-split when retransmitted in a strong one."""
    rng = random.Random(4)

    class Fickle(FixedCode):
        def choose(self, now: float) -> int:
            return rng.choice(CANDIDATES)

    world = World(
        Link.client("rs:255,223", mtu=mtu, policy=Fickle(0), identity=7 << 32 | 5), datagrams=True
    )
    lengths = []
    world.hazards(rng, loss=0.2, flip=0.3)
    change = world.pipes[0].change

    def noted(data: bytes) -> list[tuple[float, bytes]]:
        lengths.append(len(data))
        return change(data)

    world.pipes[0].change = noted
    world.carry(rng.randbytes(150_000), seconds=300)

    assert world.client.stats.retransmissions > 50
    assert max(lengths) <= mtu


def test_the_bandit_compares_codes_at_the_same_payload() -> None:
    # By chance, only short blocks were sent uncoded, and only long ones coded.
    bandit = Bandit(seed=1)
    for _ in range(50):
        bandit.outcome(0.0, Outcome(0, 10, 10 + 40, arrived=True))
    for _ in range(50):
        bandit.outcome(0.0, Outcome(4, 800, 1000, arrived=True))
    goodput = bandit._goodput(dict.fromkeys(CANDIDATES, 1.0))
    assert list(goodput.values()) == sorted(goodput.values(), reverse=True)


@pytest.mark.parametrize(
    "ignored", [Outcome(OPENED, 1000, 1200, arrived=False), Outcome(4, 0, 100, arrived=False)]
)
def test_the_bandit_learns_nothing_from_other_codes_and_empty_blocks(ignored: Outcome) -> None:
    bandit = Bandit(1)
    before = bandit.why
    bandit.outcome(0.0, ignored)
    assert bandit.why == before
    bandit.outcome(0.0, outcome(4, arrived=False))
    assert bandit.why != before
